// In a process of its own: node process.mjs DIST OBJECT. Prints, in milliseconds, how long imports took, the simulator itself, an object to its first
// switch to a task, and the same again.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const [, , dist, path] = process.argv;
const startMs = performance.now();
const { Simulator, costProfiles } = await import(join(dist, 'simulator', 'simulate.js'));
const imported = performance.now();
const simulator = new Simulator();
const made = performance.now();

const task = {
  ...{ comm: 'one', round: 0, background: false, forked: false, startNs: 0, nice: 0, schedClass: 'other' },
  ...{ cgroup: -1, group: 0, cpus: 0n, ops: [{ code: 1, a: 0, b: 1_000_000n }] },
};
const expansion = {
  semaphores: 0,
  locks: 0,
  pipes: 0,
  rounds: 1,
  warmupRounds: 0,
  series: [],
  cgroups: [],
  tasks: [task],
};

function toFirstEvent() {
  const from = performance.now();
  let first;
  simulator.run({
    ...{ expansion, shape: { cpus: 4, llcs: 1 }, costs: costProfiles.tcg, mode: 'checked', startOffsetNs: 0 },
    ...{ pidOffset: 0, seed: 1, limitNs: 5_000_000, timeoutMs: 30_000 },
    policy: { object: readFileSync(path), maps: [] },
    recorder: {
      switched: (_cpu, _prev, next) => {
        if (next >= 0) first ??= performance.now();
      },
      woke: () => {},
    },
  });
  if (first === undefined) throw new Error('no task ran');
  return first - from;
}

const before = process.cpuUsage();
const coldMs = toFirstEvent();
const { user, system } = process.cpuUsage(before);
const warmMs = Array.from({ length: 5 }, toFirstEvent);
const times = {
  startMs,
  importMs: imported - startMs,
  engineMs: made - imported,
  coldMs,
  warmMs,
  cpuMs: (user + system) / 1000,
};
process.stdout.write(JSON.stringify(times));
