// doctor and uninstall: what this machine can do, and how to be rid of what we keep on it.

import type { z } from 'zod';
import { doctorInput, doctorOutput, uninstallInput, uninstallOutput } from './schemas.ts';
import { service } from './service.ts';
import { table } from './text.ts';
import type { World } from './world.ts';

export const doctor = (world: World) =>
  service<z.infer<typeof doctorInput>, z.infer<typeof doctorOutput>>({
    name: 'doctor',
    effect: 'run',
    summary: 'Say what this machine can do, what it cannot, and why not.',
    description:
      'Looks at Node, Debian, QEMU, kernels, KVM, compilers, memory, disk and the host’s own sched_ext. With `probe` it also boots a guest in each mode.',
    input: doctorInput,
    output: doctorOutput,
    cli: { positional: [], examples: ['schedcp doctor', 'schedcp doctor --probe'] },
    async run({ probe }, call) {
      const checks = await world.doctor(probe, call);
      const word = (ok: boolean | 'unknown'): string => (ok === 'unknown' ? '?' : ok ? 'yes' : 'no');
      const rows = checks.map((check) => [
        word(check.ok),
        check.what,
        check.next === undefined ? check.detail : `${check.detail} → ${check.next}`,
      ]);
      return { output: { checks }, exit: 0, text: table(['', 'what', 'detail'], rows) };
    },
  });

export const uninstall = (world: World) =>
  service<z.infer<typeof uninstallInput>, z.infer<typeof uninstallOutput>>({
    name: 'uninstall',
    effect: 'remove',
    summary: 'Remove the cache (downloads, builds, saved guests); with --records the records too.',
    description: 'Nothing else was ever put on this machine. The checkout itself stays.',
    input: uninstallInput,
    output: uninstallOutput,
    cli: { positional: [], examples: ['schedcp uninstall', 'schedcp uninstall --records'] },
    async run({ records }) {
      const removed = await world.uninstall(records);
      const rows = removed.map((item) => [item.directory, `${(item.bytes / 1e6).toFixed(1)} MB`]);
      return {
        output: { removed },
        exit: 0,
        text: rows.length === 0 ? 'Nothing to remove.\n' : table(['removed', 'size'], rows),
      };
    },
  });
