// The standing watch of what runs already, and when something is wrong.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { faultOf } from '../linux/support.ts';
import { held, refused } from './held.ts';
import { openLoads, sum } from './loads.ts';

const loads = held(openLoads);

const ms = 1e6;

async function family(setUp = '', life = 60_000): Promise<ChildProcess> {
  const argv = ['-c', `${setUp} exec "$0" family ${life}`, loads().file('acts')];
  const child = spawn('/bin/sh', argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return child;
}

async function gone(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'close');
}

const cgroups = ['/sys/fs/cgroup', '/sys/fs/cgroup/unified'].find(
  (at) => existsSync(join(at, 'cgroup.procs')) && statfsSync(at).type === 0x63677270,
);

/** Of /proc/PID/schedstat: CPU time and delay so far. */
function accounted(pid: number): [number, number] {
  const [ran = 0, delay = 0] = readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ').map(Number);
  return [ran, delay];
}

describe.skipIf(refused !== undefined)('watch what runs already', () => {
  it('a process with its threads, its children and those to come, and nobody else', async () => {
    const child = await family();
    const { counters } = await loads().watch({ kind: 'pid', pid: child.pid! }, { seconds: 0.3 });
    await gone(child);
    expect(counters.observedNs / ms).toBeGreaterThanOrEqual(300);
    const old = counters.tasks.filter((task) => task.bornNs === undefined);
    const napping = old.filter((task) => (task.waits?.sleep?.count ?? 0) >= 3);
    expect(napping.length).toBe(3); // itself, its thread, a child
    expect(napping.filter((task) => task.tgid === child.pid).length).toBe(2);
    expect(old.filter((task) => !napping.includes(task)).every((task) => task.endedNs !== undefined)).toBe(
      true,
    );
    const born = counters.tasks.filter((task) => task.bornNs !== undefined);
    expect(born.length).toBeGreaterThanOrEqual(5);
    expect(born.length).toBe(sum(counters.tasks.map((task) => task.forks ?? 0)));
  });

  it.skipIf(cgroups === undefined)('a cgroup with the one below it, and who comes into it', async () => {
    const outer = join(cgroups ?? '', `schedcp-watch-${process.pid}`);
    mkdirSync(join(outer, 'inner'), { recursive: true });
    const child = await family(`echo $$ >${outer}/inner/cgroup.procs;`);
    const guest = await family();
    const watching = loads().watch({ kind: 'cgroup', path: outer }, { seconds: 0.8 });
    setTimeout(() => writeFileSync(join(outer, 'inner/cgroup.procs'), `${guest.pid}`), 500);
    const { counters } = await watching;
    await Promise.all([gone(child), gone(guest)]);
    await new Promise((resolve) => setTimeout(resolve, 50)); // their children die with them
    rmdirSync(join(outer, 'inner'));
    rmdirSync(outer);
    const slept = (pid: number | undefined): number =>
      counters.tasks.find((task) => task.tid === pid)?.waits?.sleep?.count ?? 0;
    expect(slept(child.pid)).toBeGreaterThan(20);
    expect(slept(guest.pid)).toBeGreaterThan(3);
    expect(slept(guest.pid)).toBeLessThan(slept(child.pid));
  });

  it('everything: a process of it as /proc accounts it, while it lives', async () => {
    const child = spawn(loads().file('loads'), ['spin', '20000'], { stdio: 'ignore' });
    await once(child, 'spawn');
    const before = accounted(child.pid!);
    const { counters, task } = await loads().watch({ kind: 'all' }, { seconds: 0.5 });
    const after = accounted(child.pid!);
    await gone(child);
    const it = task(child.pid!);
    expect(it.ranNs).toBeLessThanOrEqual(after[0] - before[0]);
    expect(it.ranNs + (it.delayNs ?? 0)).toBeGreaterThan(0.9 * counters.observedNs);
    expect(counters.tasks.some((one) => one.isKernel)).toBe(true);
    expect(counters.tasks.filter((one) => one.waits?.idle !== undefined).every((one) => one.isKernel)).toBe(
      true,
    );
    const sampledNs = sum(counters.parallelNs ?? []);
    expect(Math.abs(sampledNs / counters.observedNs - 1)).toBeLessThan(0.1);
  });

  it('20,000 threads at once, more than are kept', async ({ skip }) => {
    const n = 20_000;
    const limits = ['kernel/threads-max', 'kernel/pid_max', 'vm/max_map_count'];
    const [threads = 0, pids = 0, maps = 0] = limits.map((name) =>
      Number(readFileSync(`/proc/sys/${name}`, 'utf8')),
    );
    if (threads < 1.5 * n || pids < 1.5 * n || maps < 2.5 * n) skip('this machine has no room for so many');
    const stop = new AbortController();
    const watching = loads().watch({ kind: 'all' }, { seconds: 60, tasks: 10_000, stop: stop.signal });
    await new Promise((resolve) => setTimeout(resolve, 1500)); // until everybody is entered
    const crowd = spawn(loads().file('acts'), ['crowd', `${n}`], { stdio: 'ignore' });
    const [exit] = await once(crowd, 'close');
    stop.abort();
    const { counters } = await watching;
    expect([exit, counters.lost]).toEqual([0, 0]);
    expect(counters.tasks.length).toBe(10_001);
    expect(counters.tasks.length - 1 + counters.folded).toBeGreaterThanOrEqual(n);
    expect(sum(counters.tasks.map((task) => task.forks ?? 0))).toBeGreaterThanOrEqual(n);
  });

  it('ends with the process, and when it is told to', async () => {
    const child = await family('', 1500);
    const from = performance.now();
    const { task } = await loads().watch({ kind: 'pid', pid: child.pid! }, { seconds: 30 });
    expect(performance.now() - from).toBeLessThan(15_000);
    expect(task(child.pid!).endedNs).toBeGreaterThan(0);
    await gone(child);
    const stop = AbortSignal.timeout(300);
    expect(
      (await loads().watch({ kind: 'all' }, { seconds: 60, stop })).counters.tasks.length,
    ).toBeGreaterThan(20);
  });
});

async function until(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 200 && !holds(); i++) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(holds()).toBe(true);
}

const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .split(' ')
    .map(Number)
    .filter((child) => child > 0);

/** BPF programs that somebody holds: by their numbers, of /proc/PID/fdinfo. */
function heldBy(pid: number): string[] {
  const at = `/proc/${pid}/fdinfo`;
  return readdirSync(at).flatMap(
    (fd) => /^prog_id:\t(\d+)$/m.exec(readFileSync(join(at, fd), 'utf8'))?.[1] ?? [],
  );
}

describe.skipIf(refused !== undefined)('watch, when something is wrong', () => {
  it('a process that is gone, no such cgroup, no such program, no such object', async () => {
    const child = spawn('/bin/true');
    await once(child, 'close');
    const faults = [
      await faultOf(() => loads().watch({ kind: 'pid', pid: child.pid! })),
      await faultOf(() => loads().watch({ kind: 'cgroup', path: '/no/such' })),
      await faultOf(() => loads().watch({ kind: 'command', argv: ['no-such'], env: {}, cwd: '/' })),
      await faultOf(() =>
        loads().watch({ kind: 'all' }, { object: Buffer.from('not an object'), seconds: 0.1 }),
      ),
    ];
    expect(faults.map(({ code }) => code)).toEqual(['not-found', 'not-found', 'not-found', 'unsupported']);
  });

  it('a runner that is killed leaves no program and no command', async () => {
    const watching = faultOf(() => loads().load('acts', ['family', '60000']));
    let [runner, command] = [0, 0];
    await until(() => {
      const wards = childrenOf(process.pid).flatMap(childrenOf); // of the one that keeps it
      runner = wards.find((pid) => childrenOf(pid).length > 0) ?? 0;
      [command = 0] = runner > 0 ? childrenOf(runner) : [];
      return command > 0;
    });
    const ids = heldBy(runner);
    expect(ids.length).toBeGreaterThanOrEqual(6);
    process.kill(runner, 'SIGKILL');
    expect(await watching).toMatchObject({ code: 'unavailable' });
    await until(() => !existsSync(`/proc/${command}`));
    const holders = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && holds(Number(name), ids));
    expect(holders).toEqual([]);
    expect(
      existsSync('/sys/fs/bpf') ? readdirSync('/sys/fs/bpf').filter((name) => name.includes('watch')) : [],
    ).toEqual([]);
  });

  it('given up', async () => {
    const stop = new AbortController();
    const watching = faultOf(() => loads().watch({ kind: 'all' }, { seconds: 60 }, stop.signal));
    setTimeout(() => stop.abort(), 200);
    expect(await watching).toMatchObject({ code: 'interrupted' });
  });
});

function holds(pid: number, ids: readonly string[]): boolean {
  try {
    return heldBy(pid).some((id) => ids.includes(id));
  } catch {
    return false; // it has ended
  }
}
