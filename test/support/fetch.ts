// What `npm test` needs beyond `npm start`: clang with bpftool (to rebuild policies and to check the room `bpf` against its peers), a second
// kernel, and the runner before there are guests (it keeps clang from files). Said before it is fetched, kept in the cache.

import { openCache } from '../../src/linux/cache.ts';
import { kernel } from '../../src/linux/kernel.ts';
import { buildRunner } from '../../src/linux/runner.ts';
import { tools } from '../../src/linux/tools.ts';
import { readKernelImage } from '../../src/machines/kernel-reading.ts';
import { root } from './paths.ts';

const announce = (text: string): void => console.log(text);
const cache = openCache();
const zstd = await tools(cache, 'qemu', { announce });
await tools(cache, 'clang', { announce });
await buildRunner(cache, `${root}/runner`, { announce });
for (const want of [undefined, '6.18'])
  await kernel(cache, { announce, zstd, read: readKernelImage, ...(want === undefined ? {} : { want }) });
