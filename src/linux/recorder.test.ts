import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../../test/linux/support.ts';
import { whyNotRecord } from './recorder.ts';

describe('whyNotRecord', () => {
  const directory = temporaryDirectory();
  const file = (name: string, text: string): string => {
    writeFileSync(join(directory, name), text);
    return join(directory, name);
  };
  const btf = file('vmlinux', '');
  const status = (mask: string): string =>
    file(`status-${mask}`, `Name:\tnode\nCapEff:\t${mask}\nCapBnd:\t0\n`);

  it('root may', () => {
    expect(whyNotRecord({ status: status('000001ffffffffff'), btf })).toBeUndefined();
  });

  it('just enough', () => {
    // bits 14, 21, 23, 38 and 39 of include/uapi/linux/capability.h
    expect(whyNotRecord({ status: status('000000c000a04000'), btf })).toBeUndefined();
  });

  it.each([
    ['0000000000000000', 'CAP_IPC_LOCK, CAP_SYS_ADMIN, CAP_SYS_NICE, CAP_PERFMON, CAP_BPF'],
    ['000001ffffffbfff', 'CAP_IPC_LOCK'],
    ['0000003fffffffff', 'CAP_PERFMON, CAP_BPF'], // a container's root on an old kernel
  ])('with capabilities %s it lacks %s', (mask, names) => {
    expect(whyNotRecord({ status: status(mask), btf })).toMatchObject({
      code: 'not-permitted',
      message: expect.stringContaining(`root: ${names} missing`),
      next: expect.stringContaining('--machine micro-vm'),
    });
  });

  it('without BTF, and not on Linux', () => {
    const none = join(directory, 'nothing');
    expect(whyNotRecord({ status: status('000001ffffffffff'), btf: none })).toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining('BTF'),
    });
    expect(whyNotRecord({ status: none, btf: none })).toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining('Linux'),
    });
  });
});
