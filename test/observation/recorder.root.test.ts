// Recordings of programs that are known to the last switch (acts.c says why), on this machine. And what becomes of a recording when something is wrong.
// Reads of pipes wait in state S, deletions of timers come from hardirq context: fs/pipe.c, kernel/time/hrtimer.c, v6.18.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { faultOf } from '../linux/support.ts';
import { type Acted, openActs, type RawEvent } from './acts.ts';
import { held, refused } from './held.ts';

const acts = held(openActs);

const interruptible = 1;
const dead = 0x80;
const [read, write, fsync, poll, futex, nanosleep, epollWait] = [0, 1, 74, 7, 202, 230, 232];
const [pipe, socket, regular, anonymous] = [1, 2, 3, 4];
const of = (acted: Acted, kind: string, task?: number): RawEvent[] =>
  acted.events.filter((event) => event.kind === kind && (task === undefined || event.task === task));
/** What the task blocked for. */
const waits = (acted: Acted, task: number, call: number): RawEvent[] =>
  of(acted, 'switch', task).filter((event) => event.detail !== 0 && event.call === call);
/** A sleep that a timer ended before it had begun: the interrupt came when the task had only just said that it would sleep. */
const cutShort = (acted: Acted, task: number): number =>
  of(acted, 'wake', task).filter((event) => event.other === task && event.flags === 1).length;

/** Records the program to its end. */
async function perform(...args: string[]): Promise<Acted> {
  const acted = await acts().act(args);
  const run = acted.said.find((event) => event.event === 'run');
  expect([acted.lost, run?.exit === 77 ? 0 : run?.exit, run?.signal, run?.stderr]).toEqual([0, 0, 0, '']);
  return acted;
}

describe.skipIf(refused !== undefined)('record', () => {
  it('two processes that pass a byte to and fro', async () => {
    const n = 50;
    const acted = await perform('pingpong', `${n}`);
    const [parent, child] = of(acted, 'fork').map((event) => event.task);
    expect(parent).toBe(acted.root);
    if (parent === undefined || child === undefined) throw new Error('no two processes');
    expect(of(acted, 'exit').map((event) => event.task)).toEqual([child, parent]);
    const mine = waits(acted, parent, read);
    const its = waits(acted, child, read);
    expect([mine.length, its.length]).toEqual([n, n - 1]);
    for (const event of [...mine, ...its])
      expect([event.detail & interruptible, event.file]).toEqual([1, pipe]);
    const objects = [mine, its].map((list) => [...new Set(list.map((event) => event.object))]);
    expect(objects.map((list) => list.length)).toEqual([1, 1]);
    expect(objects[0]).not.toEqual(objects[1]);
    const wakes = (task: number, by: number): number =>
      of(acted, 'wake', task).filter((event) => event.other === by && event.flags === 0).length;
    expect([wakes(parent, child), wakes(child, parent)]).toEqual([n, n - 1]);
    expect(of(acted, 'switch', child).at(-1)?.detail).toBe(dead);
  });

  it('sleeps, relative and until a time', async () => {
    const acted = await perform('sleeps', '5');
    const slept = waits(acted, acted.root, nanosleep);
    expect(slept.length + cutShort(acted, acted.root)).toBe(10);
    expect(slept.filter((event) => event.absolute).length).toBeGreaterThanOrEqual(4);
    expect(slept.filter((event) => !event.absolute).length).toBeGreaterThanOrEqual(4);
    const woken = of(acted, 'wake', acted.root).filter((event) => event.flags === 1);
    expect(woken.length).toBe(10);
  });

  it('two threads that wait for words of their memory', async () => {
    const n = 20;
    const acted = await perform('futexes', `${n}`);
    const [first = 0, second = 0] = of(acted, 'fork').map((event) => event.task);
    const its = waits(acted, second, futex);
    expect(its.length).toBe(n);
    expect(new Set(its.map((event) => event.object)).size).toBe(1);
    const mine = waits(acted, first, futex); // the last one is pthread_join's
    const other = its[0]?.object ?? 0;
    expect(mine.filter((event) => event.object === mine[0]?.object).length).toBe(n - 1);
    expect(mine[0]?.object).not.toBe(other);
    expect(Math.abs((mine[0]?.object ?? 0) - other)).toBeLessThan(4); // neighbouring words
    const about = of(acted, 'about', second)[0];
    expect(about?.other).toBe(first); // a thread of the same process
  });

  it('reads of each kind of file', async () => {
    const n = 5;
    const acted = await perform('files', `${n}`);
    const reads = waits(acted, acted.root, read);
    const count = (file: number): number => reads.filter((event) => event.file === file).length;
    expect([count(pipe), count(socket), count(anonymous)]).toEqual([n, n, 2 * n]);
    // eventfd and timerfd have the same inode
    expect(new Set(reads.filter((event) => event.file === anonymous).map((event) => event.object)).size).toBe(
      2,
    );
    expect(waits(acted, acted.root, poll).length).toBe(n);
    const epolls = waits(acted, acted.root, epollWait);
    expect(epolls.map((event) => event.file)).toEqual(Array(n).fill(anonymous));
  });

  it('a disk, where there is one', async ({ skip }) => {
    const onMemory = [0x01021994, 0x794c7630].includes(statfsSync(acts().directory).type); // tmpfs, overlayfs
    const acted = await perform('disk', '8', join(acts().directory, 'disk'));
    if (onMemory || acted.exit === 77) skip('the temporary directory is not on a disk');
    const waiting = of(acted, 'switch', acted.root).filter((event) => event.flags & 2);
    const written = waiting.filter((event) => event.call === write);
    expect(written.length).toBeGreaterThanOrEqual(8);
    expect(written.every((event) => event.file === regular && event.detail & 2)).toBe(true);
    expect(waiting.filter((event) => event.call === fsync).length).toBeGreaterThanOrEqual(1);
    expect(waiting.filter((event) => event.inFault && event.call === 0xffff).length).toBeGreaterThanOrEqual(
      1,
    );
  });

  it('five thousand threads', async () => {
    const acted = await perform('crowd', '5000');
    const born = of(acted, 'fork').map((event) => event.task);
    expect(born.length).toBe(5001);
    expect(
      of(acted, 'exit')
        .map((event) => event.task)
        .toSorted(),
    ).toEqual(born.toSorted());
    const members = of(acted, 'name').filter((event) => event.comm === 'member');
    expect(new Set(members.map((event) => event.task)).size).toBe(5000);
  });

  it('a name of any bytes', async () => {
    const acted = await perform('name', '1');
    expect(of(acted, 'name', acted.root).at(-1)?.comm).toBe('\xff"\n\\\x01{\xc3x');
  });

  it('a thread that takes over its process', async () => {
    const acted = await perform('takeover', '1');
    const forks = of(acted, 'fork');
    const thread = forks[1]?.task ?? 0;
    expect(forks.map((event) => event.task)).toEqual([acted.root, thread, acted.root]);
    expect(of(acted, 'exit').map((event) => event.task)).toEqual([acted.root, thread, acted.root]);
    const since = acted.events.indexOf(forks[2] as RawEvent);
    const later = { ...acted, events: acted.events.slice(since) };
    expect(waits(later, acted.root, nanosleep).length + cutShort(later, acted.root)).toBe(4);
    expect(of(later, 'switch', thread)).toEqual([]);
  });

  it('too little room is counted', async () => {
    const acted = await acts().act(['crowd', '100'], { events: 150 });
    const told = acted.said.find((event) => event.event === 'recorded');
    expect(told?.events).toBe(150);
    expect(acted.lost).toBeGreaterThan(101 * 6 - 150); // a fork, an exit, two abouts, a name and a switch for each
    expect(acted.events.at(-1)).toMatchObject({ kind: 'lost', value: BigInt(acted.lost) });
  });
});

const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .split(' ')
    .map(Number)
    .filter((child) => child > 0);

/** The runners that do the work: children of those that keep them. */
const wards = (): number[] => childrenOf(process.pid).flatMap(childrenOf);

async function until(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 1000 && !holds(); i++) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(holds()).toBe(true);
}

const linkAt = (path: string): string => {
  try {
    return readlinkSync(path);
  } catch {
    return ''; // closed meanwhile, or ended
  }
};
const attached = (pid: number): number => {
  const at = `/proc/${pid}/fd`;
  const open = existsSync(at) ? readdirSync(at) : [];
  return open.filter((fd) => linkAt(join(at, fd)) === 'anon_inode:bpf_link').length;
};

/** Our runner's programs are attached, and it has found whom to follow. */
async function recording(): Promise<void> {
  await until(() => wards().some((pid) => attached(pid) >= 7));
  await new Promise((resolve) => setTimeout(resolve, 300));
}

async function family(setUp = '', ms = 60_000): Promise<ChildProcess> {
  const argv = ['-c', `${setUp} exec "$0" family ${ms}`, acts().file];
  const child = spawn('/bin/sh', argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return child;
}

async function gone(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'close');
}

/** The directory under which cgroups (v2) can be made, when there is one. */
const cgroups = ['/sys/fs/cgroup', '/sys/fs/cgroup/unified'].find(
  (at) => existsSync(join(at, 'cgroup.procs')) && statfsSync(at).type === 0x63677270,
);

function expectFamily(acted: Acted, leader: number): void {
  const members = [
    ...new Set(
      of(acted, 'about')
        .filter((event) => event.detail >> 17 && event.other === leader)
        .map((event) => event.task),
    ),
  ];
  expect(members.length).toBe(2); // itself and its thread
  const children = [
    ...new Set(
      of(acted, 'about')
        .filter((event) => Number(event.value) === leader && event.task === event.other)
        .map((event) => event.task),
    ),
  ];
  const napped = [...members, ...children].filter((task) => waits(acted, task, nanosleep).length >= 10);
  expect(napped.length).toBe(3); // and the child that was there before
  const born = of(acted, 'fork');
  expect(born.length).toBeGreaterThanOrEqual(5);
  expect(born.every((event) => event.other === leader)).toBe(true);
  const ours = new Set([...members, ...children, ...born.map((event) => event.task)]);
  for (const event of acted.events.filter(({ detail }) => detail !== dead)) // of who was a zombie when it began
    if (['switch', 'wake'].includes(event.kind))
      expect(ours.has(event.task) || ours.has(event.other)).toBe(true);
}

describe.skipIf(refused !== undefined)('record what runs already', () => {
  const limitMs = 300;

  it('a process with its threads, its children and those to come', async () => {
    const child = await family();
    const acted = await acts().watch({ kind: 'pid', pid: child.pid ?? 0 }, { limitMs });
    await gone(child);
    expect(acted.root).toBe(child.pid);
    expectFamily(acted, child.pid ?? 0);
    const [start, end] = of(acted, 'subject');
    expect(Number((end?.ns ?? 0n) - (start?.ns ?? 0n)) / 1e6).toBeGreaterThanOrEqual(limitMs);
  });

  it.skipIf(cgroups === undefined)('a cgroup with the one below it, and who comes into it', async () => {
    const outer = join(cgroups ?? '', `schedcp-test-${process.pid}`);
    mkdirSync(join(outer, 'inner'), { recursive: true });
    const child = await family(`echo $$ >${outer}/inner/cgroup.procs;`);
    const guest = await family('', 60_000);
    const stop = new AbortController();
    const result = acts().watch({ kind: 'cgroup', path: outer }, { limitMs: 60_000, stop: stop.signal });
    await recording();
    writeFileSync(join(outer, 'inner/cgroup.procs'), `${guest.pid}`);
    setTimeout(() => stop.abort(), 500);
    const acted = await result;
    await Promise.all([gone(child), gone(guest)]);
    await new Promise((resolve) => setTimeout(resolve, 50)); // their children die with them
    rmdirSync(join(outer, 'inner'));
    rmdirSync(outer);
    const leader = child.pid ?? 0;
    const came = guest.pid ?? 0;
    const isGuest = (event: RawEvent): boolean => event.task === came || event.other === came;
    const later = of(acted, 'fork').filter(isGuest);
    expect(later.length).toBeGreaterThanOrEqual(5);
    expect(of(acted, 'fork').filter((event) => event.other === leader).length).toBeGreaterThanOrEqual(5);
    const threads = of(acted, 'about').filter((event) => event.other === came && event.task !== came);
    expect(waits(acted, threads[0]?.task ?? 0, nanosleep).length).toBeGreaterThanOrEqual(5);
    const startNs = of(acted, 'subject')[0]?.ns ?? 0n;
    const early = waits(acted, came, nanosleep).filter((event) => event.ns < startNs + 100_000_000n);
    expect(early).toEqual([]);
  });

  it('everything', async () => {
    const child = await family();
    const acted = await acts().watch({ kind: 'all' }, { limitMs });
    await gone(child);
    expect(acted.root).toBe(0);
    expect(waits(acted, child.pid ?? 0, nanosleep).length).toBeGreaterThanOrEqual(10);
    const abouts = of(acted, 'about');
    expect(abouts.some((event) => (event.detail >> 16) & 1)).toBe(true); // kernel threads
    expect(abouts.every((event) => (event.detail >> 17) & 1)).toBe(true);
  });

  it('ends with the process', async () => {
    const child = await family();
    const result = acts().watch({ kind: 'pid', pid: child.pid ?? 0 }, { limitMs: 600_000 });
    await recording();
    await gone(child);
    const acted = await result;
    expect(of(acted, 'exit', child.pid).length).toBe(1);
  });

  it('ends when it is told to', async () => {
    const child = await family();
    const stop = AbortSignal.timeout(300);
    const acted = await acts().watch({ kind: 'pid', pid: child.pid ?? 0 }, { limitMs: 60_000, stop });
    await gone(child);
    expect(waits(acted, child.pid ?? 0, nanosleep).length).toBeGreaterThan(5);
  });
});

describe.skipIf(refused !== undefined)('record, when something is wrong', () => {
  it('a process that is gone, and a thread', async () => {
    const child = spawn('/bin/true');
    await once(child, 'close');
    const pid = child.pid ?? 0;
    expect(await faultOf(() => acts().watch({ kind: 'pid', pid }))).toMatchObject({ code: 'not-found' });
    const relative = await family();
    const thread =
      readdirSync(`/proc/${relative.pid}/task`)
        .map(Number)
        .find((tid) => tid !== relative.pid) ?? 0;
    const fault = await faultOf(() => acts().watch({ kind: 'pid', pid: thread }));
    await gone(relative);
    expect(fault).toMatchObject({ code: 'not-found', next: expect.stringContaining('Tgid') });
  });

  it('no such cgroup, no such program, no such object', async () => {
    expect(await faultOf(() => acts().watch({ kind: 'cgroup', path: '/no/such' }))).toMatchObject({
      code: 'not-found',
    });
    const command = { kind: 'command', argv: ['no-such-program'], env: {}, cwd: '/' } as const;
    expect(await faultOf(() => acts().watch(command))).toMatchObject({ code: 'not-found' });
    const object = Buffer.from('not an object');
    expect(await faultOf(() => acts().watch({ kind: 'all' }, { object, limitMs: 10 }))).toMatchObject({
      code: 'unsupported',
    });
  });

  it('a command that is cut off by the limit is recorded until then', async () => {
    const acted = await acts().act(['name', '900'], { limitMs: 200 });
    expect(acted.said).toContainEqual(expect.objectContaining({ event: 'limit', what: 'wall' }));
    expect(of(acted, 'exit', acted.root).length).toBe(1);
  });

  it('given up: the runner and the command are gone', async () => {
    const stop = new AbortController();
    const recording = faultOf(() => acts().act(['family', '60000'], { signal: stop.signal }));
    let runner = 0;
    await until(() => {
      runner = wards().find((pid) => childrenOf(pid).length > 0) ?? 0;
      return runner > 0;
    });
    const [command = 0] = childrenOf(runner);
    stop.abort();
    expect(await recording).toMatchObject({ code: 'interrupted' });
    expect([runner, command].map((pid) => existsSync(`/proc/${pid}`))).toEqual([false, false]);
    const left =
      cgroups === undefined
        ? []
        : readdirSync(cgroups).filter((name) => name.startsWith(`schedcp-${runner}`));
    expect(left).toEqual([]);
  });

  it('a runner that is killed takes the command with it', async () => {
    const recording = faultOf(() => acts().act(['family', '60000']));
    let runner = 0;
    await until(() => {
      runner = wards().find((pid) => childrenOf(pid).length > 0) ?? 0;
      return runner > 0;
    });
    const [command = 0] = childrenOf(runner);
    process.kill(runner, 'SIGKILL');
    expect(await recording).toMatchObject({ code: 'unavailable' });
    await until(() => !existsSync(`/proc/${command}`));
  });
});
