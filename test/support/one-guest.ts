// A process of its own that starts one guest, which waits for a job that never comes, and says "started". The first argument is the
// guest's directory, the second its limit in milliseconds. Ends with the guest, and says how it ended.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { writeInitramfs } from '../../src/linux/initramfs.ts';
import { startGuest } from '../../src/linux/qemu.ts';
import { tools } from '../../src/linux/tools.ts';
import { openLab } from './lab.ts';

const [directory = '', limit = ''] = process.argv.slice(2);
mkdirSync(directory, { recursive: true });
const lab = await openLab();
const qemu = await tools(lab.cache, 'qemu');
const initramfs = join(directory, 'initramfs');
await writeInitramfs(new Map([['/init', { kind: 'file', from: lab.runner.file, mode: 0o755 }]]), initramfs);
const guest = await startGuest(
  qemu,
  { kernel: lab.kernel.image, initramfs, cpus: 1, memoryMiB: 384, mode: 'fast' },
  { directory, job: new Uint8Array(), limitMs: Number(limit) },
);
console.log('started');
console.log((await guest.end).how);
lab.close();
