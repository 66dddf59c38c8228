// The observations where root is needed: real nested cgroups, a pid namespace as containers have, twenty thousand real threads. Everything made here is removed.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { spinner } from '../../test/linux/real-processes.ts';
import { temporaryDirectory } from '../../test/linux/support.ts';
import { cgroupMounts } from './host/cgroup-paths.ts';
import { read, realSurfaces } from './host/surfaces.ts';
import { openHost } from './host.ts';
import { sampleProcfs } from './procfs-counters.ts';

const signal = new AbortController().signal;
const page = { limit: 20, page: 1 };
const host = openHost({ roots: [] });
const isRoot = process.getuid?.() === 0;
const v2 = cgroupMounts(realSurfaces).v2?.directory;

describe.skipIf(!isRoot || v2 === undefined)('nested cgroups', () => {
  const made: string[] = [];
  const group = (path: string): void => {
    const directory = Buffer.from(`${v2}${path}`, 'latin1');
    mkdirSync(directory);
    made.push(path);
  };
  afterAll(async () => {
    for (const path of made.toReversed()) {
      const directory = Buffer.from(`${v2}${path}`, 'latin1');
      for (const pid of (read(`${v2}${path}/cgroup.procs`) ?? '').split('\n').filter((line) => line !== ''))
        process.kill(Number(pid), 'SIGKILL');
      for (let tries = 0; tries < 100; tries++) {
        try {
          rmdirSync(directory);
          break;
        } catch {
          await wait(50); // until what was killed in it is gone
        }
      }
    }
  });
  const top = `/schedcp-test-${process.pid}`;

  it('statistics, paging, names of any bytes, the processes of a subtree', async () => {
    group(top);
    for (const name of ['a', 'b\x1b', 'c\xff d', 'e']) group(`${top}/${name}`);
    let deep = `${top}/a`;
    for (let depth = 0; depth < 6; depth++) {
      deep = `${deep}/deep`;
      group(deep);
    }
    const pid = spinner();
    writeFileSync(`${v2}${deep}/cgroup.procs`, String(pid));
    await wait(300);
    const seen = await host.cgroup({ path: top, limit: 3, page: 1 }, signal);
    expect(seen).toMatchObject({ path: top, populated: true, processes: 0, descendants: 10, left: 1 });
    expect(seen.children.map((row) => [row.path.slice(top.length), row.populated, row.children])).toEqual([
      ['/a', true, 1],
      ['/b\\x1b', false, 0],
      ['/c\\xff d', false, 0],
    ]);
    expect(seen.cpu.usageNs!).toBeGreaterThan(0);
    expect((await host.cgroup({ path: `${top}/c\\xff d`, ...page }, signal)).populated).toBe(false);
    const inside = await host.processes(
      { cgroup: top, sort: 'cpu', threads: false, intervalMs: 50, ...page },
      signal,
    );
    expect(inside.rows.map((row) => row.pid)).toEqual([pid]);
    expect((await host.process({ pid, intervalMs: 10, ...page }, signal)).cgroup).toContain('deep/deep');
    const counters = await sampleProcfs({ subject: { cgroup: top }, durationMs: 300 }, signal);
    expect(counters.tasks.map((task) => task.tid)).toEqual([pid]);
    expect((await host.delays({ cgroup: top, intervalMs: 50, ...page }, signal)).threads).toBe(1);
    const pressure = await host.pressure({ cgroup: deep });
    expect(pressure.on || (pressure.why ?? '') !== '').toBe(true);
    process.kill(pid, 'SIGKILL');
  });

  it('a group that is removed while it is observed', async () => {
    const path = `${top}-short`;
    mkdirSync(`${v2}${path}`);
    const pid = spinner();
    writeFileSync(`${v2}${path}/cgroup.procs`, String(pid));
    const removing = wait(400).then(async () => {
      process.kill(pid, 'SIGKILL');
      for (let tries = 0; tries < 100 && existsSync(`${v2}${path}`); tries++) {
        await wait(20);
        try {
          rmdirSync(`${v2}${path}`);
        } catch {
          // its process is not gone yet
        }
      }
    });
    const counters = await sampleProcfs({ subject: { cgroup: path }, durationMs: 20_000 }, signal);
    await removing;
    expect(counters.tasks).toMatchObject([{ tid: pid, endedNs: expect.any(Number) }]);
    expect(counters.observedNs).toBeLessThan(15e9);
  });

  it('a group that is gone', async () => {
    await expect(host.cgroup({ path: `${top}/none`, ...page }, signal)).rejects.toMatchObject({
      code: 'not-found',
    });
    await expect(host.pressure({ cgroup: `${top}/none` })).rejects.toMatchObject({ code: 'not-found' });
  });
});

describe.skipIf(!isRoot || !existsSync('/usr/bin/unshare'))('a pid namespace', () => {
  it('shows its own processes only, and says that this looks like a container', async () => {
    const code = `import('${new URL('./host.ts', import.meta.url).href}').then(async ({ openHost }) => {
      const host = openHost({ roots: [] }); const { signal } = new AbortController();
      const seen = await host.processes({ sort: 'pid', threads: false, intervalMs: 50, limit: 50, page: 1 }, signal);
      const { container } = await host.capabilities(signal);
      console.log(JSON.stringify({ pids: seen.rows.map((row) => row.pid), container }));
    })`;
    const out = execFileSync(
      'unshare',
      [
        '--pid',
        '--fork',
        '--mount-proc',
        process.execPath,
        '--import',
        'tsx',
        '--input-type=module',
        '-e',
        code,
      ],
      { encoding: 'utf8', timeout: 50_000 },
    );
    const seen = JSON.parse(out.trim().split('\n').at(-1)!) as { pids: number[]; container?: string };
    expect(seen.pids[0]).toBe(1);
    expect(seen.pids.length).toBeLessThan(10);
    expect(seen.container).toContain('pid namespace');
    // From outside it is a process like others.
    const here = await host.capabilities(signal);
    const nested = read('/proc/self/status')!.match(/^NSpid:\s+\d+\s+\d+/m) !== null;
    if (!nested && here.container === undefined) expect(here.root).toBe(true);
  });
});

describe.skipIf(!isRoot || !existsSync('/usr/bin/cc'))('twenty thousand threads', () => {
  const source = `#include <pthread.h>
#include <stdio.h>
#include <unistd.h>
static void *idle(void *unused) { (void)unused; pause(); return 0; }
int main(void) {
  pthread_attr_t small; pthread_t thread; int n = 0;
  pthread_attr_init(&small); pthread_attr_setstacksize(&small, 65536);
  while (n < 20000 && pthread_create(&thread, &small, idle, 0) == 0) n++;
  printf("%d\\n", n); fflush(stdout); getchar(); return 0;
}
`;
  let child: ChildProcess | undefined;
  afterAll(() => child?.kill('SIGKILL'));

  it('every observation stays bounded', async () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, 'threads.c'), source);
    execFileSync('cc', ['-O1', '-pthread', 'threads.c', '-o', 'threads'], { cwd: directory });
    child = spawn(join(directory, 'threads'), { stdio: ['pipe', 'pipe', 'inherit'] });
    const [chunk] = (await once(child.stdout!, 'data')) as [Buffer];
    const made = Number(chunk.toString());
    expect(made).toBeGreaterThan(10_000);
    const pid = child.pid!;
    const timed = async <T>(look: () => Promise<T>): Promise<T> => {
      const began = process.cpuUsage();
      const value = await look();
      const used = process.cpuUsage(began);
      expect((used.user + used.system) / 1e6).toBeLessThan(5);
      expect(JSON.stringify(value).length).toBeLessThan(20_000);
      return value;
    };
    const queues = await timed(() => host.queues({ intervalMs: 500, samples: 5, ...page }, signal));
    expect(queues.threads).toBeGreaterThan(made);
    const detail = await timed(() => host.process({ pid, intervalMs: 50, limit: 5, page: 3 }, signal));
    expect(detail).toMatchObject({ threadCount: made + 1, left: made + 1 - 15 });
    const rows = await timed(() =>
      host.processes({ pid, sort: 'cpu', threads: true, intervalMs: 50, limit: 5, page: 1 }, signal),
    );
    expect(rows).toMatchObject({ threads: made + 1, left: made + 1 - 5 });
    expect((await timed(() => host.delays({ pid, intervalMs: 50, limit: 5, page: 1 }, signal))).threads).toBe(
      made + 1,
    );
    await timed(() => host.switches({ pid, intervalMs: 50, limit: 5, page: 1 }, signal));
    // Several at once: they share what this process may have open.
    const three = [1, 2, 3].map(() => sampleProcfs({ subject: { pid }, durationMs: 300 }, signal));
    for (const counters of await Promise.all(three)) {
      expect(counters.tasks.length + counters.folded).toBe(made + 2);
      expect(counters.tasks.at(-1)!.tid).toBe(-1);
      expect(counters.missing.join()).toMatch(/switches of \d+ of \d+ threads/);
    }
    await expect.poll(() => readdirSync('/proc/self/fd').length, { timeout: 20_000 }).toBeLessThan(500);
    child.stdin!.end('\n');
  });
});
