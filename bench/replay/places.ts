// Where real programs run and are recorded: guests of the micro-VM with 1, 2 and 4 emulated CPUs, or so many CPUs of this host.

import { readFileSync } from 'node:fs';
import type { WorkloadRef } from '../../src/core/records.ts';
import type { Trace } from '../../src/core/trace.ts';
import { record } from '../../src/linux/recorder.ts';
import { readProbeEvents } from '../../src/traces/probe-events.ts';
import { defaultArm, experiment, type Lab } from '../../test/support/lab.ts';
import { root } from '../../test/support/paths.ts';
import type { RealProgram } from './programs.ts';

export interface Place {
  readonly name: 'micro-vm' | 'host';
  /** How much work programs are given, 1 for emulated CPUs. */
  readonly scale: number;
  /** One recorded run. Throws when the program failed. */
  record(program: RealProgram, cpus: number): Promise<Trace>;
}

const recorder = { object: readFileSync(`${root}/probes/record.bpf.o`), events: 4_000_000 };
const limitMs = 60_000;

export function guests(lab: Lab): Place {
  const references = new Map<string, Promise<WorkloadRef>>();
  const reference = async (program: RealProgram): Promise<WorkloadRef> => {
    const { name, argv, with: needs, env, cwd } = program;
    const options = { cwd, env, path: env.PATH ?? '/usr/bin:/bin' };
    const packed = await lab.vm.pack(argv[0]!, needs, options);
    const words = [packed.executable, ...argv.slice(1)];
    const payload = packed.digest;
    const rest = { cwd, env: { ...env }, with: [...needs], payload, runs: 1, patterns: {} };
    return { kind: 'command', name, argv: words, ...rest };
  };
  return {
    name: 'micro-vm',
    scale: 1,
    async record(program, cpus) {
      const known = references.get(program.name) ?? reference(program);
      references.set(program.name, known);
      const wish = { arm: defaultArm, workload: await known, mode: 'fast', cpus, limitMs } as const;
      const { outcome, raw } = await lab.vm.record(experiment(lab, wish), recorder);
      if (outcome.finding !== null) throw new Error(`${program.name}: ${outcome.finding.message}`);
      return readProbeEvents(raw, { cpus, release: lab.kernel.release, name: program.name });
    },
  };
}

/** Before other work of this machine, which would be in its way and is not in the replay: sessions are scheduled as groups (sched(7), autogroup). */
const first = 'echo -20 >/proc/self/autogroup; exec taskset -c "$@"';

export function thisHost(lab: Lab): Place {
  return {
    name: 'host',
    scale: 8,
    async record(program, cpus) {
      program.prepare?.();
      const { name, env, cwd } = program;
      const argv = ['/bin/sh', '-c', first, 'sh', `0-${cpus - 1}`, ...program.argv];
      const target = { kind: 'command', argv, env, cwd } as const;
      const { raw, events } = await record(lab.runner, target, { ...recorder, limitMs });
      const run = events.find((event) => event.event === 'run');
      if (run?.event !== 'run' || run.exit !== 0) throw new Error(`${name} failed: ${JSON.stringify(run)}`);
      return readProbeEvents(raw, { cpus, release: '', name });
    },
  };
}
