import { describe, expect, it } from 'vitest';
import { fairWorld } from '../../../../test/simulator/fair-world.ts';
import { UtilEst } from './util-est.ts';

const ms = 1_000_000;

describe('the estimate of a task', () => {
  const slept = (...utils: number[]): number => {
    const estimates = new UtilEst(1, 1);
    for (const util of utils) {
      estimates.isFresh[0] = 1;
      estimates.slept(0, util, util);
    }
    return estimates.of(0);
  };

  it('rises at once and falls by a quarter of the way', () => {
    expect(slept(400)).toBe(400);
    expect(slept(400, 600)).toBe(600);
    expect(slept(400, 200)).toBe(350);
    expect(slept(400, 200, 200)).toBe(Math.floor((4 * 350 - 150) / 4));
  });

  it('stays within 1 % of a CPU', () => expect(slept(400, 391)).toBe(400));

  it('stays when the task has had to wait, or has not run since', () => {
    const estimates = new UtilEst(1, 1);
    estimates.isFresh[0] = 1;
    estimates.slept(0, 400, 400);
    estimates.slept(0, 100, 100);
    expect(estimates.of(0)).toBe(400);
    estimates.isFresh[0] = 1;
    estimates.slept(0, 100, 300);
    expect(estimates.of(0)).toBe(400);
  });
});

describe('the sum of a CPU', () => {
  it('is that of what is queued there, and nothing when all sleep', () => {
    const life = { runNs: 20 * ms, sleepNs: 30 * ms };
    const world = fairWorld({ cpus: 1 }, [
      life,
      { ...life, startNs: 7 * ms },
      { ...life, nice: 5, startNs: 3 * ms },
    ]);
    const { core, fair } = world;
    const { estimates } = fair.loads;
    let most = 0;
    core.afterEvent = () => {
      let sum = 0;
      for (let task = 0; task < 3; task++)
        if (core.tasks.onRq[task] === 1 && fair.entities.delayed[task] === 0) sum += estimates.of(task);
      expect(estimates.sum[0]).toBe(sum);
      most = Math.max(most, sum);
    };
    core.run(1000 * ms);
    expect(most).toBeGreaterThan(100);
  });
});
