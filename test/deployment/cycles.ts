// Deploy → run → undo in a guest that lives long, with one thing that goes wrong (or none) at a random moment: what a cycle does is a function of its seed. Afterwards the
// machine must be as before: the census of the guest says so (docs/protocol.md, section 8).

import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { Attachment, AttachScope } from '../../src/core/attachment.ts';
import { createRandom, derive } from '../../src/lib/random.ts';
import { encodeJob } from '../../src/linux/runner.ts';
import { openAttachment } from '../../src/machines/attachment.ts';
import type { GuestHost } from '../../src/machines/long-guest.ts';
import type { Lab } from '../support/lab.ts';
import { root } from '../support/paths.ts';

export const disturbances = [
  'none',
  'holder killed',
  'holder stopped',
  'holder stopped for 0.5 s',
  'holder terminated',
  'survivor killed',
  'survivor stopped',
  'holder and survivor killed',
  'holder and survivor stopped',
  'workload killed',
  'workload stopped',
  'no beats',
  'end of input',
  'connection closed',
  'port taken away',
  'policy gives up',
  'stop',
  'SysRq-S',
] as const;
export type Disturbance = (typeof disturbances)[number];
export const moments = ['loading', 'attached', 'running', 'detaching'] as const;

/** Sound policies, and what is wrong with the others. */
const sound = ['fifo', 'vtime', 'deadline', 'classes', 'layers', 'length', 'llc'] as const;
const faulty = {
  nullderef: 'refused at load',
  nokfunc: 'refused at load',
  loop: 'refused at load: the budget',
  initfail: 'refused at attach',
  nodsq: 'ejected at the first task',
  stall: 'ejected by the watchdog',
  half: 'slow',
  norecord: 'says nothing of its end',
} as const;

export interface Cycle {
  readonly seed: number;
  readonly number: number;
  readonly policy: string;
  readonly scope: 'whole' | 'cgroup';
  /** Whether its holder can be reached by a socket, too: end of input is not its end then. */
  readonly hasSocket: boolean;
  readonly disturbance: Disturbance;
  readonly moment: (typeof moments)[number];
  readonly delayMs: number;
}

/** The cycles of a seed come in decks with each disturbance once. */
export function planCycle(seed: number, number: number): Cycle {
  const deck = Math.floor(number / disturbances.length);
  const disturbance = createRandom(derive(seed, 'deck', deck)).shuffle(disturbances)[
    number % disturbances.length
  ] as Disturbance;
  const random = createRandom(derive(seed, 'cycle', number));
  const pick = <T>(items: readonly T[]): T => items[random.below(items.length)] as T;
  const moment = pick(moments);
  const most = { loading: 500, attached: 5, running: 400, detaching: 15 }[moment];
  const anyPolicy = random.uniform() < 0.7 ? pick(sound) : pick(Object.keys(faulty));
  return {
    ...{ seed, number, disturbance, moment, delayMs: Math.round(random.uniform() * most * 10) / 10 },
    policy: disturbance === 'policy gives up' ? 'error' : anyPolicy,
    scope: pick(['whole', 'cgroup'] as const),
    hasSocket: random.uniform() < 0.3,
  };
}

/** A guest whose workload computes, sleeps and forks. `consoleFile`: what its kernel says is kept there. */
export async function cycleGuest(lab: Lab, consoleFile: string): Promise<GuestHost> {
  const script = `${root}/test/deployment/cycles.pl`;
  const library = '/usr/lib/x86_64-linux-gnu/perl-base';
  const packed = await lab.vm.pack('/usr/bin/perl', [script, library], { cwd: '/', path: '/usr/bin:/bin' });
  const workload = {
    kind: 'command' as const,
    name: 'cycles',
    argv: [packed.executable, script, '3'],
    cwd: '/',
    env: { PERL5LIB: library },
    with: [],
    payload: packed.digest,
    runs: 1,
    patterns: {},
  };
  const memoryMiB = lab.vm.memoryFor(packed.digest);
  return await lab.vm.serve({
    ...{ workload, cpus: 2, memoryMiB, mode: 'fast', lifeMs: 1_200_000, isTested: true, consoleFile },
  });
}

export const censusSchema = z.object({
  event: z.literal('census'),
  state: z.string(),
  ops: z.string(),
  enableSeq: z.number(),
  runners: z.array(z.object({ pid: z.number(), what: z.string(), state: z.string() })),
  left: z.array(z.string()),
  cgroups: z.number(),
  extThreads: z.number(),
  links: z.number(),
  structOps: z.number(),
  maps: z.number(),
  programs: z.number(),
  files: z.number(),
  processes: z.number(),
  availableKiB: z.number(),
  sinceMarkNs: z.number(),
  enabledNs: z.number(),
  gapNs: z.number(),
});
export type Census = z.infer<typeof censusSchema>;

export async function census(guest: GuestHost): Promise<Census> {
  return censusSchema.parse(await guest.lines.test('census', 'census'));
}

/** What is there that was not there before, in words; nothing: clean. */
export function remains(before: Census, now: Census): string[] {
  const own = now.runners.filter(({ what }) => what !== 'init' && what !== 'serve');
  const more = (['cgroups', 'files', 'maps', 'programs'] as const).filter((key) => now[key] > before[key]);
  return [
    ...(now.state === 'disabled' ? [] : [`sched_ext is ${now.state} (${now.ops})`]),
    ...own.map(({ what, pid, state }) => `${what} ${pid} (${state})`),
    ...now.left.map((name) => `/run/schedcp/${name}`),
    ...(['extThreads', 'links', 'structOps'] as const)
      .filter((key) => now[key] > 0)
      .map((key) => `${now[key]} ${key}`),
    ...more.map((key) => `${now[key]} ${key}, ${before[key]} before`),
  ];
}

export interface CycleResult {
  readonly cycle: Cycle;
  /** attached, or why not: the finding's code, or what was said. */
  readonly came: string;
  readonly ended: string;
  /** How many processes were hit; undefined: no signal was sent. */
  readonly hit: number | undefined;
  /** For how long a policy was in charge after what ends it had happened, until the scheduler was the default one; 0: none was. */
  readonly backMs: number;
  readonly cleanMs: number;
  /** The longest that the guest stood still meanwhile: what a busy host does to it, and no promise holds for. */
  readonly stillMs: number;
  /** What was left over at the limit, or went against a promise. */
  readonly failures: readonly string[];
}

export const heartbeatMs = 600;
const verifyBudgetMs = 4000;
const timeoutMs = 1000;
/** The heartbeat, and seconds. */
export const promiseMs = heartbeatMs + 6000;
/** Who is frozen while loading is in charge of nothing: it has the verifier's budget, and 5 s. */
const loadingMs = verifyBudgetMs + 7000;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function objectOf(policy: string): Uint8Array {
  const directory = (sound as readonly string[]).includes(policy)
    ? `policies/${policy}`
    : `test/${policy === 'half' ? 'deployment' : 'runner'}/objects`;
  return readFileSync(`${root}/${directory}/${policy}.bpf.o`);
}

function jobOf(guest: GuestHost, cycle: Cycle): Uint8Array {
  const scope: AttachScope =
    cycle.scope === 'whole' ? { part: 'whole' } : { part: 'cgroups', paths: [guest.cgroup] };
  return encodeJob({
    object: objectOf(cycle.policy),
    scope: scope.part === 'cgroups' ? scope.paths.map((path) => ({ kind: 'cgroup', path })) : [],
    nuisance: { startOffsetNs: 0, pidOffset: 0 },
    verifyBudgetMs: cycle.policy === 'loop' ? 800 : verifyBudgetMs,
    ...{ wallLimitMs: 1, timeoutMs, outputLimit: 0 },
  });
}

const stoppedSchema = z.object({ exit: z.number(), text: z.string() });
export async function stop(guest: GuestHost, force = false): Promise<z.infer<typeof stoppedSchema>> {
  return stoppedSchema.parse(await guest.lines.test(force ? 'stop --force' : 'stop', 'stopped'));
}

interface Played {
  /** The policy's end is due now; else we ask for it. */
  readonly isEnd: boolean;
  readonly hit?: number;
  readonly failures?: readonly string[];
}

/** Does it. The mark is where the time begins until the scheduler must be back. */
async function disturb(
  guest: GuestHost,
  cycle: Cycle,
  { isAttached, stopBeats }: { isAttached: boolean; stopBeats: () => void },
): Promise<Played> {
  const { lines } = guest;
  const signal = async (whom: string, name: string): Promise<number> =>
    z.object({ processes: z.number() }).parse(await lines.test(`signal ${whom} ${name}`, 'signalled'))
      .processes;
  const askToStop = async (): Promise<string[]> => {
    const { exit, text } = await stop(guest);
    return exit === 0 ? [] : [`stop: exit ${exit}: ${text.trim()}`];
  };
  if (!/workload|survivor stopped|survivor killed/.test(cycle.disturbance) || /and/.test(cycle.disturbance))
    await lines.test('mark');
  switch (cycle.disturbance) {
    case 'none':
      return { isEnd: false };
    case 'holder killed':
      return { isEnd: true, hit: await signal('holder', 'KILL') };
    case 'holder terminated':
      return { isEnd: true, hit: await signal('holder', 'TERM') };
    case 'holder stopped':
      return { isEnd: true, hit: await signal('holder', 'STOP') };
    case 'holder stopped for 0.5 s': {
      const hit = await signal('holder', 'STOP');
      await sleep(500);
      await signal('holder', 'CONT');
      return { isEnd: false, hit };
    }
    case 'survivor killed':
      return { isEnd: false, hit: await signal('survivor', 'KILL') };
    case 'survivor stopped':
      return { isEnd: false, hit: await signal('survivor', 'STOP') };
    case 'holder and survivor killed': {
      const hit = (await signal('survivor', 'KILL')) + (await signal('holder', 'KILL'));
      await sleep(300); // nobody is there to undo the rest: `stop` does, as the next holder would
      return { isEnd: true, hit, failures: await askToStop() };
    }
    case 'holder and survivor stopped': {
      const hit = (await signal('survivor', 'STOP')) + (await signal('holder', 'STOP'));
      await sleep(200);
      return { isEnd: true, hit, failures: await askToStop() };
    }
    case 'workload killed':
      return { isEnd: false, hit: await signal('work', 'KILL') };
    case 'workload stopped': {
      const hit = await signal('work', 'STOP');
      setTimeout(() => void lines.test('signal work CONT', 'signalled').catch(() => {}), 300);
      return { isEnd: false, hit };
    }
    case 'no beats':
      stopBeats();
      return { isEnd: true };
    case 'end of input':
      if (cycle.hasSocket) stopBeats();
      await lines.test('end input');
      return { isEnd: true };
    case 'connection closed':
      stopBeats();
      await lines.hangUp(100);
      return { isEnd: true };
    case 'port taken away':
      stopBeats();
      await lines.unplug(100);
      return { isEnd: true };
    case 'policy gives up':
      return { isEnd: isAttached, hit: await signal('work', 'USR1') };
    case 'stop':
      return { isEnd: true, failures: await askToStop() };
    case 'SysRq-S':
      await lines.test('sysrq');
      return { isEnd: isAttached };
  }
}

/** One cycle. Throws when the guest does not answer: it is lost. */
export async function runCycle(guest: GuestHost, cycle: Cycle, before: Census): Promise<CycleResult> {
  if (cycle.hasSocket) await guest.lines.test('next socket');
  const channel = guest.lines.hold(jobOf(guest, cycle), { heartbeatMs, timeoutMs });
  const beats = setInterval(() => channel.to.write('beat\n', () => {}), heartbeatMs / 3);
  const stopBeats = (): void => clearInterval(beats);
  try {
    let attachment: Attachment | undefined;
    const opening = openAttachment({ channel, address: 'guest', release: guest.release }).then(
      (attached) => {
        if (attached.ok) attachment = attached.attachment;
        return attached.ok ? 'attached' : attached.finding.code;
      },
      (error: Error) => error.message,
    );
    if (cycle.moment !== 'loading') await opening;
    if (cycle.moment === 'detaching') void endBy(guest, attachment);
    await sleep(cycle.delayMs);
    const played = await disturb(guest, cycle, { isAttached: attachment !== undefined, stopBeats });
    if (!played.isEnd) {
      await opening;
      await sleep(cycle.disturbance === 'policy gives up' ? 150 : 50);
      await endBy(guest, attachment);
    }
    const left = await untilClean(guest, cycle, before);
    const came = await Promise.race([opening, sleep(1000).then(() => 'still opening')]);
    const ended =
      attachment === undefined
        ? '-'
        : await Promise.race([attachment.ended.then(({ why }) => why), sleep(1000).then(() => 'not told')]);
    const [backMs, stillMs] = [left.now.enabledNs / 1e6, left.now.gapNs / 1e6];
    const failures = [
      ...(played.failures ?? []),
      ...left.failures,
      ...(backMs - stillMs > promiseMs ? [`the scheduler was back after ${Math.round(backMs)} ms`] : []),
      ...(came === 'still opening' || ended === 'not told'
        ? [`our side does not know that it is over: ${came}, ${ended}`]
        : []),
    ];
    return {
      cycle,
      came,
      ended,
      hit: played.hit,
      backMs,
      cleanMs: left.now.sinceMarkNs / 1e6,
      stillMs,
      failures,
    };
  } finally {
    stopBeats();
    channel.close();
  }
}

async function endBy(guest: GuestHost, attachment: Attachment | undefined): Promise<void> {
  await guest.lines.test('mark');
  void attachment?.detach();
}

async function untilClean(
  guest: GuestHost,
  cycle: Cycle,
  before: Census,
): Promise<{ now: Census; failures: string[] }> {
  const limitMs = performance.now() + (cycle.moment === 'loading' ? loadingMs : promiseMs) + 1000;
  for (;;) {
    const now = await census(guest);
    const failures = remains(before, now);
    if (failures.length === 0 || performance.now() > limitMs + now.gapNs / 1e6) return { now, failures };
    await sleep(40);
  }
}
