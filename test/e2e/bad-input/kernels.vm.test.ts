// Kernel images that cannot run policies are refused by name before any guest is started. The images are made by hand: a boot header
// (kernel: Documentation/arch/x86/boot.rst) around a small vmlinux with a .BTF of our own.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bzImage, kernelTypes, vmlinux } from '../../support/kernel-image.ts';
import { policyFile } from '../../support/paths.ts';
import { openRoom, type Room } from '../../support/room.ts';
import type { Ended } from '../../support/schedcp.ts';

let room: Room;
beforeAll(() => {
  room = openRoom();
});
afterAll(() => room.close());

const release = '6.1.0-99-cloud-amd64';
const sound = {
  sched_ext_ops: 'struct',
  scx_bpf_create_dsq: 2,
  scx_bpf_dsq_nr_queued: 1,
  scx_bpf_kick_cpu: 2,
} as const;

const verify = ['verify', policyFile('fifo'), '--gates', 'kernel', '--loads', 'crowd', '--json'];

function verifyOn(name: string, content: Uint8Array | string): Promise<Ended> {
  const file = join(room.directory, name);
  writeFileSync(file, content);
  return room.start([...verify, '--kernel', file]).ended;
}

describe('kernels that are refused by name', () => {
  it.each<[string, Uint8Array, string, string]>([
    ['without types', bzImage(release, vmlinux(undefined)), 'built without BTF', 'CONFIG_SCHED_CLASS_EXT'],
    [
      'without sched_ext',
      bzImage(release, vmlinux(kernelTypes({ task_struct: 'struct', schedule: 0 }))),
      'built without sched_ext (CONFIG_SCHED_CLASS_EXT)',
      'CONFIG_SCHED_CLASS_EXT',
    ],
    [
      'with a kfunc that has a parameter too many',
      bzImage(release, vmlinux(kernelTypes({ ...sound, scx_bpf_create_dsq: 3 }))),
      'its BTF is broken: the prototype of scx_bpf_create_dsq',
      'the kernel build is at fault',
    ],
  ])('%s', async (_, image, why, next) => {
    const { code, json } = await verifyOn('vmlinuz', image);
    expect(code).toBe(3);
    expect(json.error).toMatchObject({ code: 'unsupported', next: expect.stringContaining(next) });
    expect(json.error.message).toContain(release);
    expect(json.error.message).toContain(why);
    expect(room.processes()).toEqual([]);
  });

  it('the same image with sound types is taken, and does not boot: the fault says so', async () => {
    const { code, json } = await verifyOn('vmlinuz', bzImage(release, vmlinux(kernelTypes(sound))));
    expect(code).toBe(3);
    expect(json.error).toMatchObject({ code: 'unavailable', next: expect.stringContaining('--kernel') });
    expect(json.error.message).toContain('did not boot');
    expect(room.processes()).toEqual([]);
    expect(room.leftovers()).toEqual([]);
  });
});

describe('what is no kernel', () => {
  const whole = bzImage(release, vmlinux(kernelTypes(sound)));
  it.each<[string, Uint8Array | string, string]>([
    ['a text', 'not a kernel\n', 'not an x86 kernel image'],
    ['a large text', 'not a kernel\n'.repeat(100_000), 'not an x86 kernel image'],
    ['half an image', whole.subarray(0, whole.length - 200), 'bzImage+0x'],
    ['a payload that no kernel has', bzImage(release, Buffer.from('what is this')), 'unknown compression'],
    [
      'a payload that does not unpack',
      bzImage(release, Buffer.from('28b52ffd'.padEnd(80, 'a5'), 'hex')),
      'zstd',
    ],
    [
      'a payload of gzip that does not',
      bzImage(release, Buffer.from('1f8b'.padEnd(80, 'a5'), 'hex')),
      'gzip',
    ],
    [
      'a vmlinux that is no ELF inside',
      bzImage(release, Buffer.from('7f454c46'.padEnd(60, '0'), 'hex')),
      'ELF',
    ],
  ])('%s', async (_, content, message) => {
    const { code, json } = await verifyOn('vmlinuz', content);
    expect(code).toBe(3);
    expect(json.error.code).toMatch(/malformed|unavailable/);
    expect(json.error.message).toContain(message);
    expect(json.error.next).toEqual(expect.any(String));
  });

  it('a path that is not there', async () => {
    const { code, json } = await room.start([...verify, '--kernel', '/no/vmlinuz']).ended;
    expect(code).toBe(3);
    expect(json.error).toMatchObject({ code: 'not-found', next: expect.any(String) });
    expect(json.error.message).toContain('/no/vmlinuz');
  });
});
