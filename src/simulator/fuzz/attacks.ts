// The attacks by name: what each adds to a scenario. All leave the machine able to do its work: what a good policy cannot do is no failure.

import type { ScenarioOp } from '../../core/scenario.ts';
import type { Draft } from './draft.ts';
import { ms } from './draft.ts';

export const attacks = {
  /** Many tasks at the same instant, again and again. */
  'arrival-bursts'(draft: Draft): void {
    draft.load(0.5);
    for (let bursts = draft.between(1, 4); bursts > 0; bursts--) {
      const startNs = draft.early();
      for (let size = draft.between(4, 16); size > 0; size--)
        draft.task('burst', [{ run: draft.between(1, 30) * ms }], { startNs, times: 1 });
    }
  },

  /** Parents that fork as fast as they can; children live briefly. */
  'fork-storm'(draft: Draft): void {
    draft.load(0.5);
    for (let parents = draft.between(1, 2); parents > 0; parents--) {
      const count = Math.min(draft.between(8, 24), draft.room - 1);
      if (count < 1) return;
      const ops: ScenarioOp[] = [];
      draft.task('parent', ops, { times: 1, startNs: draft.early() });
      for (let i = 0; i < count; i++) {
        if (draft.chance(0.3)) ops.push({ run: draft.between(1, 500) * 1000 });
        const run = draft.chance(0.7) ? draft.between(10, 2000) * 1000 : 20 * ms;
        ops.push({ fork: draft.task('child', [{ run }], { forked: true, times: 1 }) });
      }
    }
  },

  /** Affinities change under the tasks, from outside and by themselves. */
  'affinity-flips'(draft: Draft): void {
    const tasks = draft.load(draft.one([0.5, 1.5, 3]));
    for (let i = draft.between(3, 40); i > 0; i--)
      draft.disturbances.push({ atNs: draft.early(), affinity: draft.one(tasks), cpus: draft.someCpus() });
    if (draft.chance(0.5))
      draft.task('mover', [
        { cpus: draft.someCpus() },
        { run: draft.between(1, 10) * ms },
        { cpus: [] },
        { sleep: draft.between(1, 10) * ms },
      ]);
  },

  /** Weights change under the tasks, some of them at the ends of the range. */
  'weight-changes'(draft: Draft): void {
    const tasks = draft.load(draft.one([1.5, 3]));
    for (let i = draft.between(3, 40); i > 0; i--)
      draft.disturbances.push({
        atNs: draft.early(),
        renice: draft.one(tasks),
        nice: draft.between(-20, 19),
      });
    if (draft.chance(0.5))
      draft.task('renicer', [{ nice: 10 }, { run: 2 * ms }, { nice: -10 }, { sleep: 3 * ms }]);
  },

  /** CPUs go and come back; one always stays. */
  hotplug(draft: Draft): void {
    draft.load(draft.one([0.5, 2]));
    if (draft.cpus === 1) return;
    for (let i = draft.between(1, 6); i > 0; i--) {
      const cpu = draft.between(1, draft.cpus - 1);
      const atNs = draft.early();
      draft.disturbances.push({ atNs, offline: cpu });
      draft.disturbances.push({ atNs: atNs + draft.between(1, 400) * ms, online: cpu });
    }
  },

  /** Real-time tasks take CPUs away: for a quarter of a second at most, and half of the time. */
  'rt-hogs'(draft: Draft): void {
    draft.load(draft.one([0.5, 1.5]));
    const cpus = draft.random.shuffle(Array.from({ length: draft.cpus }, (_, cpu) => cpu));
    for (const cpu of cpus.slice(0, draft.between(1, Math.max(1, draft.cpus - 1)))) {
      const run = draft.between(1, 250) * ms;
      const ops = [{ run }, { sleep: run + draft.between(0, 100) * ms }];
      draft.task('rt', ops, { class: 'fifo', cpus: [cpu], startNs: draft.early() });
    }
  },

  /** Tasks that may use one CPU only, more on one than on the others. */
  'pinned-tasks'(draft: Draft): void {
    draft.load(draft.one([0.5, 1.5]));
    const crowded = draft.random.below(draft.cpus);
    for (let i = draft.between(2, 10); i > 0; i--) {
      const cpus = [draft.chance(0.6) ? crowded : draft.random.below(draft.cpus)];
      if (draft.chance(0.5)) draft.hog({ cpus });
      else draft.sleeper({ cpus });
    }
  },

  /** Tasks that disable their migration for a while, running, waiting and asleep. */
  'migration-disabled'(draft: Draft): void {
    const tasks = draft.load(draft.one([0.5, 2]));
    for (let i = draft.between(3, 30); i > 0; i--)
      draft.disturbances.push({
        atNs: draft.early(),
        pin: draft.one(tasks),
        forNs: draft.between(0, 60) * ms,
      });
  },

  /** Tasks become other programs. */
  exec(draft: Draft): void {
    const tasks = draft.load(1.5);
    for (let i = draft.between(2, 12); i > 0; i--) {
      const comm = draft.one(['cc1', 'ld', 'sh', 'kworker', 'hog', 'x', 'sleeper-of-15-c']);
      draft.disturbances.push({ atNs: draft.early(), exec: draft.one(tasks), comm });
    }
  },

  /** Tasks are told to end wherever they are, in the queue too. */
  'exit-in-queue'(draft: Draft): void {
    const tasks = draft.load(draft.one([2, 4]));
    for (let i = draft.between(1, tasks.length); i > 0; i--)
      draft.disturbances.push({ atNs: draft.early(), kill: draft.one(tasks) });
  },

  /** Hogs of several weights and nothing else: who gets how much? */
  saturation(draft: Draft): void {
    const equal = draft.chance(0.3);
    const count = Math.min(draft.room, draft.cpus * draft.between(2, 5));
    for (let i = 0; i < count; i++)
      draft.hog({ nice: equal ? 0 : draft.one([-5, -3, 0, 0, 3, 5]), startNs: draft.between(0, 5) * ms });
  },

  /** Hogs share the machine; then as many come, or wake up after a long sleep: nobody owes them the time that they were not there. */
  latecomers(draft: Draft): void {
    draft.lengthNs = 6000 * ms;
    const each = draft.cpus * draft.between(1, 2);
    const nice = (): number => draft.one([0, 0, 0, 3]);
    for (let i = 0; i < each; i++) draft.hog({ nice: nice(), startNs: draft.between(0, 5) * ms });
    const slept = draft.chance(0.5);
    for (let i = 0; i < each; i++) {
      const lateNs = draft.between(2900, 3000) * ms;
      const run = { run: draft.lengthNs };
      if (slept) draft.task('late', [{ sleep: lateNs }, run], { nice: nice(), times: 1 });
      else draft.task('late', [run], { nice: nice(), times: 'forever', startNs: lateNs });
    }
  },

  /** The great and the small: extreme weights, SCHED_IDLE and SCHED_BATCH, more hogs than CPUs. */
  'great-and-small'(draft: Draft): void {
    draft.load(0.5);
    for (let i = draft.between(1, 3) * draft.cpus; i > 0; i--)
      draft.hog({ nice: draft.one([-20, -10, 0]), startNs: draft.between(0, 100) * ms });
    for (let i = draft.between(1, 6); i > 0; i--) {
      const more = { nice: draft.one([0, 10, 19]), class: draft.one(['other', 'batch', 'idle'] as const) };
      if (draft.chance(0.5)) draft.hog(more);
      else draft.sleeper(more);
    }
  },

  /** Tasks that give up the CPU all the time. */
  'yield-storm'(draft: Draft): void {
    draft.load(1);
    for (let i = draft.between(1, 3) * draft.cpus; i > 0; i--)
      draft.task('yielder', [{ run: draft.between(20, 1000) * 1000 }, { yield: true }]);
  },

  /** Tasks that wake one another: pairs, and one that wakes a herd. */
  'wake-chains'(draft: Draft): void {
    draft.load(draft.one([0.5, 1.5]));
    const pairs = draft.between(1, 4);
    for (let pair = 0; pair < pairs; pair++) {
      const run = (): ScenarioOp => ({ run: draft.between(20, 1000) * 1000 });
      draft.task('ping', [run(), { signal: 2 * pair, units: 1 }, { wait: 2 * pair + 1 }]);
      draft.task('pong', [{ wait: 2 * pair }, run(), { signal: 2 * pair + 1, units: 1 }]);
    }
    const herd = draft.between(2, 12);
    draft.task('herder', [
      { sleep: draft.between(5, 50) * ms },
      { run: 100_000 },
      { signal: 15, units: herd },
    ]);
    for (let i = 0; i < herd; i++)
      draft.task('herd', [{ wait: 15 }, { run: draft.between(50, 3000) * 1000 }]);
  },
} as const satisfies Record<string, (draft: Draft) => void>;

export type AttackName = keyof typeof attacks;
