// npm run bench -- breaker-live [--changes 100] [--watches 100] [--guests 4] [--mode deterministic|fast]: the breaker on real sched_ext. In guests that live long a policy is put in charge of a
// service's work; after some seconds it leaves all but one CPU idle, and that for 30 % of its time: it must be undone within 3 s of that. And a sound policy, for a minute each: it must stay. The guests' clock counts
// instructions, so that what a service gets through does not depend on who else uses this machine (--mode fast: it does; then give it two guests); breaker, heartbeats and the 3 s go by real time.

import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { kpiSchema } from '../src/core/kpi.ts';
import type { Policy } from '../src/core/records.ts';
import { hostClock } from '../src/linux/clock.ts';
import { openKpis } from '../src/linux/kpi.ts';
import type { GuestHost } from '../src/machines/long-guest.ts';
import { type DeploymentPlan, deploy } from '../src/stages/deploy.ts';
import { type Lab, openLab } from '../test/support/lab.ts';
import { root } from '../test/support/paths.ts';
import { median, row } from './lib.ts';

/** By the guest's own clock, whose seconds last four or five of ours where it counts instructions. */
const goodNs = { deterministic: 1e9, fast: 4e9, kvm: 4e9 } as const;
/** Before each turn of the only CPU that works, which lasts until a tick: 30 % of its time (measured, and printed). */
const delayNs = 1_110_000;
const modeSchema = z.enum(['deterministic', 'fast', 'kvm']);
/** How often a service says how things go, by the guest's own clock: about ten times in a second of ours. */
const sayS = { deterministic: 0.02, fast: 0.1, kvm: 0.1 } as const;
type Guests = { readonly count: number; readonly mode: z.infer<typeof modeSchema> };
const cpus = 2;
const [referenceMs, watchMs] = [15_000, 60_000];
/** Emulated guests die now and then (src/machines/emulation.ts). */
const mostLost = 3;
const never = new AbortController().signal;

interface Ran {
  readonly how: string;
  readonly words: string;
  /** From the change to the default scheduler, s. */
  readonly backS: number;
  readonly isBack: boolean;
  /** Of the throughput, against the default scheduler's; undefined without a change. */
  readonly loss: number | undefined;
}

export async function benchBreakerLive(words: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...words],
    options: {
      ...{ changes: { type: 'string', default: '100' }, watches: { type: 'string', default: '100' } },
      guests: { type: 'string', default: '4' },
      mode: { type: 'string', default: 'deterministic' },
    },
  });
  const lab = await openLab();
  try {
    const badFile = 'test/deployment/objects/half.bpf.o';
    const guests = { count: Number(values.guests), mode: modeSchema.parse(values.mode) };
    const bad = await policyOf(lab, 'half', badFile, { good_ns: goodNs[guests.mode], delay_ns: delayNs });
    const good = await policyOf(lab, 'fifo', 'policies/fifo/fifo.bpf.o', {});
    const changed = await inGuests(lab, guests, Number(values.changes), bad, 20_000);
    const kept = await inGuests(lab, guests, Number(values.watches), good, watchMs);
    tell(changed, kept);
  } finally {
    lab.close();
  }
}

function tell(changed: readonly Ran[], kept: readonly Ran[]): void {
  const inTime = changed.filter(
    ({ how, backS, isBack }) => how === 'tripped' && isBack && backS > 0 && backS <= 3,
  );
  const tripped = changed.filter(({ how }) => how === 'tripped').map(({ backS }) => backS);
  const what = '30 % of the throughput lost: tripped and restored within 3 s';
  if (changed.length > 0)
    row(what, '≥ 99 of 100', `${inTime.length} of ${changed.length}`, inTime.length >= 0.99 * changed.length);
  if (tripped.length > 0)
    row(
      '  from the change to the default scheduler, s, median and range',
      '≤ 3',
      `${median(tripped).toFixed(2)} [${Math.min(...tripped).toFixed(2)}, ${Math.max(...tripped).toFixed(2)}]`,
      undefined,
    );
  const losses = changed.flatMap(({ loss }) => (loss === undefined ? [] : [100 * loss]));
  if (losses.length > 0) {
    const range = `${Math.min(...losses).toFixed(0)} to ${Math.max(...losses).toFixed(0)}`;
    row(
      '  what was lost against the default scheduler, %',
      '',
      `${median(losses).toFixed(0)} [${range}]`,
      undefined,
    );
  }
  const falsely = kept.filter(({ how }) => how === 'tripped');
  if (kept.length > 0)
    row(
      'a minute without a change: false trips',
      '≤ 1 of 100',
      `${falsely.length} of ${kept.length}`,
      falsely.length <= 0.01 * kept.length,
    );
  const odd = [
    ...changed.filter((one) => !inTime.includes(one)),
    ...kept.filter(({ how, isBack }) => how !== 'kept' || !isBack),
  ];
  for (const { how, backS, words } of odd)
    process.stdout.write(`  ${how}, ${backS.toFixed(2)} s: ${words}\n`);
}

async function policyOf(
  lab: Lab,
  name: string,
  file: string,
  parameters: Policy['parameters'],
): Promise<Policy> {
  return { name, object: await lab.store.blobs.put(readFileSync(`${root}/${file}`)), parameters };
}

/** So many runs, shared out over guests; each guest starts anew after ten. */
async function inGuests(
  lab: Lab,
  { count, mode }: Guests,
  runs: number,
  policy: Policy,
  keepMs: number,
): Promise<Ran[]> {
  const all: Ran[] = [];
  let begun = 0;
  let lost = 0;
  const one = async (): Promise<void> => {
    while (begun < runs) {
      const guest = await serve(lab, mode);
      try {
        for (let i = 0; i < 10 && begun < runs; i++) {
          begun++;
          const ran = await run(guest, Math.round(goodNs[mode] / (1e9 * sayS[mode])), policy, keepMs).catch(
            (error: unknown) => String(error),
          );
          if (typeof ran === 'string') {
            if (++lost > mostLost) throw new Error(ran);
            begun--;
            process.stdout.write(`  a guest was lost, its run is made again: ${ran}\n`);
            break;
          }
          all.push(ran);
          process.stdout.write(`  ${all.length} of ${runs}: ${ran.how}, ${ran.backS.toFixed(2)} s\n`);
        }
      } finally {
        await guest.end();
      }
    }
  };
  await Promise.all(Array.from({ length: count }, one));
  return all;
}

async function serve(lab: Lab, mode: Guests['mode']): Promise<GuestHost> {
  const script = `${root}/test/deployment/work.pl`;
  const library = '/usr/lib/x86_64-linux-gnu/perl-base';
  const packed = await lab.vm.pack('/usr/bin/perl', [script, library], { cwd: '/', path: '/usr/bin:/bin' });
  const workload = {
    ...{
      kind: 'command' as const,
      name: 'work',
      argv: [packed.executable, script, '4', '400', String(sayS[mode])],
      cwd: '/',
    },
    ...{ env: { PERL5LIB: library }, with: [], payload: packed.digest, runs: 1, patterns: {} },
  };
  const memoryMiB = lab.vm.memoryFor(packed.digest);
  const guest = await lab.vm.serve({ workload, cpus, memoryMiB, mode, lifeMs: 1_200_000 });
  while (!readFileSync(guest.log, 'latin1').includes('rate')) await setTimeout(100);
  return guest;
}

const middle = (values: readonly number[]): number => (values.length === 0 ? Number.NaN : median(values));

/** When each line came: the guest's seconds are not ours, its service tells them. */
function followed(file: string): { stop(): number[] } {
  const at: number[] = [];
  const log = openSync(file, 'r');
  const bytes = Buffer.alloc(1 << 16);
  let place = fstatSync(log).size;
  const look = setInterval(() => {
    const size = readSync(log, bytes, 0, bytes.length, place);
    place += size;
    for (const byte of bytes.subarray(0, size)) if (byte === 10) at.push(hostClock.nowNs());
  }, 10);
  return {
    stop() {
      clearInterval(look);
      closeSync(log);
      return at;
    },
  };
}

async function run(guest: GuestHost, lines: number, policy: Policy, keepMs: number): Promise<Ran> {
  const kpi = kpiSchema.parse({
    ...{ name: 'rate', direction: 'higher', unit: 'units/s', everyMs: 100 },
    source: { from: 'log', file: guest.log, line: 'rate {number} units/s' },
  });
  const plan: DeploymentPlan = {
    ...{ policy, from: ['0'.repeat(64)], by: 'a bench', startedMs: 0, level: 0, tokenId: 'none' },
    ...{ kernel: guest.release, kpis: [kpi], referenceMs, steps: [], keepMs, keepScope: { part: 'whole' } },
    ...{ seed: 1, heartbeatMs: 3000, timeoutMs: 5000, replaces: null, knobs: {} },
  };
  let attachedNs = Number.NaN;
  const told = followed(guest.log);
  const samples: { readonly atNs: number; readonly value: number }[] = [];
  const machine: typeof guest = {
    ...guest,
    async attach(...args) {
      const attached = await guest.attach(...args);
      attachedNs = hostClock.nowNs();
      return attached;
    },
  };
  const record = await deploy(
    {
      ...{ machine, clock: hostClock, presence: () => guest.presence(), startAgain: async () => '' },
      ...{ foreign: async () => undefined, unload: async () => false },
      openKpis: (kpis, hear) =>
        openKpis(kpis, {
          nowNs: () => hostClock.nowNs(),
          hear(sample) {
            if (sample.value !== undefined) samples.push({ atNs: sample.endNs, value: sample.value });
            hear(sample);
          },
        }),
      hear: () => {},
    },
    plan,
    never,
  );
  const { end, restored } = record;
  const endNs = hostClock.nowNs();
  const changeNs = told.stop().filter((at) => at > attachedNs)[lines - 1] ?? Number.NaN;
  const during = (from: number, to: number): number =>
    middle(samples.filter(({ atNs }) => atNs >= from && atNs < to).map(({ value }) => value));
  const loss = 1 - during(changeNs, endNs - 2e8) / during(0, attachedNs - 1e9);
  return {
    ...{ how: end.how, words: end.words, isBack: restored.verified },
    ...{ backS: (endNs - changeNs) / 1e9, loss: policy.name === 'half' ? loss : undefined },
  };
}
