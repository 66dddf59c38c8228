// Frequencies and idle states of CPUs, where the machine tells them: Documentation/admin-guide/pm/cpufreq.rst, cpuidle.rst. Guests mostly do not.

import type { IntervalWish } from '../../core/host.ts';
import type { Frequency } from '../../core/observed-machine.ts';
import { printable } from '../../lib/printable.ts';
import { grown, list, paged, read, readLine, readNumber, type Surfaces } from './surfaces.ts';
import { onlineCpus } from './topology.ts';

interface IdleState {
  readonly state: string;
  readonly us: number;
  readonly entries: number;
}

function idleStates(sys: string, cpu: number): IdleState[] {
  const at = `${sys}/devices/system/cpu/cpu${cpu}/cpuidle`;
  return list(at)
    .filter((name) => /^state\d+$/.test(name))
    .sort((a, b) => Number(a.slice(5)) - Number(b.slice(5)))
    .map((name) => ({
      state: printable(readLine(`${at}/${name}/name`) ?? name),
      us: readNumber(`${at}/${name}/time`) ?? 0,
      entries: readNumber(`${at}/${name}/usage`) ?? 0,
    }));
}

/** MHz by CPU out of /proc/cpuinfo of x86: what cpufreq would say is better, but this is there without it. */
export function parseCpuMHz(text: string): Map<number, number> {
  const out = new Map<number, number>();
  let cpu: number | undefined;
  for (const line of text.split('\n')) {
    const match = /^(processor|cpu MHz)\s*:\s*([\d.]+)$/.exec(line);
    if (match?.[1] === 'processor') cpu = Number(match[2]);
    else if (match !== null && cpu !== undefined) out.set(cpu, Number(match[2]));
  }
  return out;
}

export async function frequency(
  surfaces: Surfaces,
  wish: IntervalWish,
  signal: AbortSignal,
): Promise<Frequency> {
  const system = `${surfaces.sys}/devices/system/cpu`;
  const { rows, left } = paged(onlineCpus(surfaces), wish.page, wish.limit);
  const started = surfaces.nowNs();
  const before = rows.map((cpu) => idleStates(surfaces.sys, cpu));
  await surfaces.sleep(wish.intervalMs, signal);
  const observedNs = Math.max(1, surfaces.nowNs() - started);
  const told = parseCpuMHz(read(`${surfaces.proc}/cpuinfo`) ?? '');
  const cpus = rows.map((cpu, index) => {
    const at = `${system}/cpu${cpu}/cpufreq`;
    const now = readNumber(`${at}/scaling_cur_freq`);
    const mhz = told.get(cpu);
    const idle = idleStates(surfaces.sys, cpu).map(({ state, us, entries }, place) => {
      const earlier = before[index]?.[place];
      return {
        state,
        share: Math.min(1, (grown(earlier?.us, us) * 1000) / observedNs),
        entriesPerS: (grown(earlier?.entries, entries) * 1e9) / observedNs,
      };
    });
    return {
      cpu,
      kHz: now ?? (mhz === undefined ? undefined : Math.round(mhz * 1000)),
      minKHz: readNumber(`${at}/scaling_min_freq`),
      maxKHz: readNumber(`${at}/scaling_max_freq`),
      governor: readLine(`${at}/scaling_governor`),
      ...(idle.length === 0 ? {} : { idle }),
    };
  });
  const notes: string[] = [];
  const driver = readLine(`${system}/cpufreq/policy0/scaling_driver`);
  if (driver === undefined)
    notes.push(
      'no cpufreq here (a guest, or firmware decides): frequencies are what /proc/cpuinfo says, which does not move with load',
    );
  if (cpus.every((cpu) => cpu.idle === undefined)) notes.push('no cpuidle here: idle states are not told');
  return {
    observedNs,
    driver,
    idleDriver: readLine(`${system}/cpuidle/current_driver`),
    idleGovernor:
      readLine(`${system}/cpuidle/current_governor`) ?? readLine(`${system}/cpuidle/current_governor_ro`),
    cpus,
    left,
    notes,
  };
}
