// In which mode a guest runs, and whether a mode works on this machine: told by a boot with nothing to do.

import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Fault } from '../core/errors.ts';
import type { Cache } from '../linux/cache.ts';
import type { Mode } from '../linux/qemu.ts';
import type { MicroVm } from './micro-vm.ts';

/** `auto`: deterministic for declared workloads; for commands kvm where it works, else fast. @throws Fault unavailable */
export async function chooseMode<M extends string>(
  cache: Cache,
  vm: MicroVm,
  wish: M | 'auto',
  workload: 'declared' | 'command',
  signal: AbortSignal,
): Promise<M | Mode> {
  if (wish === 'auto') {
    if (workload === 'declared') return 'deterministic';
    return (await kvmWorks(cache, vm, signal)) === undefined ? 'kvm' : 'fast';
  }
  const broken = wish === 'kvm' ? await kvmWorks(cache, vm, signal) : undefined;
  if (broken === undefined) return wish;
  throw new Fault('unavailable', `mode kvm does not work here: ${broken}`, { next: 'use --mode fast' });
}

/** Undefined when a probe boot worked, else why not. */
export async function modeWorks(vm: MicroVm, mode: Mode, signal: AbortSignal): Promise<string | undefined> {
  if (mode === 'kvm' && !existsSync('/dev/kvm')) return 'no /dev/kvm';
  return vm.probe(mode, mode === 'kvm' ? 10_000 : 60_000, signal);
}

/** The same, asked once for each boot of this host and each kernel: a probe that hangs costs ten seconds. */
async function kvmWorks(cache: Cache, vm: MicroVm, signal: AbortSignal): Promise<string | undefined> {
  const { image } = vm.reference('kvm', 'cold').kernel;
  const boot = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
  const entry = await cache.entry(`probes/kvm-${image.slice(0, 16)}-${boot}`, async (target) => {
    const why = (await modeWorks(vm, 'kvm', signal)) ?? null;
    await writeFile(join(target, 'answer.json'), JSON.stringify({ why }));
  });
  const { why } = JSON.parse(await readFile(join(entry, 'answer.json'), 'utf8')) as { why: string | null };
  return why ?? undefined;
}
