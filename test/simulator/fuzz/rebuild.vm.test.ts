// The planted policies are what their sources build to, byte for byte. Needs the fetched clang (128 MB): when it is in the cache, or with SCHEDCP_FETCH=1.

import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCache } from '../../../src/linux/cache.ts';
import { mustRun } from '../../../src/linux/process.ts';
import { hasTools, tools } from '../../../src/linux/tools.ts';
import { root } from '../../support/paths.ts';

const here = 'test/simulator/fuzz/policies';
const objects = readdirSync(`${root}/${here}`).filter((name) => name.endsWith('.bpf.o'));
const possible = hasTools(openCache(), 'clang') || process.env.SCHEDCP_FETCH === '1';
if (!possible)
  console.warn('planted policies are not rebuilt: no clang in the cache; SCHEDCP_FETCH=1 fetches it');

describe.skipIf(!possible)('policies with planted bugs', () => {
  const copy = mkdtempSync(join(tmpdir(), 'schedcp-planted-'));
  afterAll(() => rmSync(copy, { recursive: true }));
  beforeAll(async () => {
    const clang = await tools(openCache(), 'clang');
    // the same places relative to one another: line information has them
    for (const directory of [here, 'policies/include'])
      cpSync(`${root}/${directory}`, join(copy, directory), { recursive: true });
    const { INCLUDE, ...env } = { ...clang.env, INCLUDE: join(clang.root, 'usr/include') };
    for (const name of objects) {
      const source = name.replace(/\.o$/, '.c');
      const flags =
        '-target bpf -mcpu=v3 -O2 -g -std=gnu11 -Wall -Werror -Wno-unused-function -nostdlibinc'.split(' ');
      const include = ['-I', '../../../../policies/include', '-isystem', INCLUDE];
      const maps = [`-ffile-prefix-map=${join(copy, here)}=.`, `-ffile-prefix-map=${INCLUDE}=include`];
      const args = [...flags, ...include, ...maps, '-fdebug-compilation-dir=.', '-c', source, '-o', name];
      const options = { env, cwd: join(copy, here), limitMs: 60_000 };
      await mustRun(clang.program('clang'), args, options);
      await mustRun(clang.program('llvm-strip'), ['-g', name], options);
    }
  });

  it.each(objects)('%s', (name) => {
    expect(readFileSync(join(copy, here, name)).equals(readFileSync(`${root}/${here}/${name}`))).toBe(true);
  });
});
