// fuzz: the service over real policies and files. What it says, how it exits, what it keeps, and that what was kept runs again.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { faultOf } from '../../test/linux/support.ts';
import { fixedWorld, root } from '../../test/services/fixed-world.ts';
import { digestOf } from '../core/canonical.ts';
import { regressionSchema } from '../core/scenario.ts';

const { call, directory } = fixedWorld();
const planted = (name: string): string => `${root}test/simulator/fuzz/policies/${name}.bpf.o`;
const place = (name: string): string => join(directory, name);

describe('a policy that passes', () => {
  it('says how much was tried and what was not checked, and why', async () => {
    const { output, exit, text } = await call('fuzz', { policy: 'fifo', scenarios: 3 });
    expect(exit).toBe(0);
    expect(output).toMatchObject({
      policy: 'fifo',
      failed: false,
      failure: null,
      unsupported: null,
      scenarios: 3,
      cut: 0,
    });
    expect(output.simulatedSeconds).toBeGreaterThanOrEqual(9);
    expect(Object.keys(output.attacks).length).toBeGreaterThanOrEqual(3);
    expect(output.ignored).toEqual([
      { checker: 'weights', only: null, why: 'everyone gets the same slice in turn, whatever the weight' },
    ]);
    expect(text).toMatch(
      /^passed: fifo \(3 scenarios, \d+\.\d simulated seconds in \d+\.\d s\)\n {2}not checked: weights: everyone gets/,
    );
  });

  it('by the path of its object is known as that of the library', async () => {
    const { output } = await call('fuzz', { policy: `${root}policies/fifo/fifo.bpf.o`, scenarios: 1 });
    expect(output.ignored).toHaveLength(1);
    expect(output.policy).toBe('fifo');
  });

  it('ends with its time', async () => {
    const { output } = await call('fuzz', { policy: 'fifo', seconds: 0.5 });
    expect(output.seconds).toBeLessThan(10);
    expect(output.scenarios).toBeGreaterThan(0);
  });
});

describe('a policy that fails', () => {
  const out = place('failures');

  it('is told with a picture, a seed and the commands that run it again; the file runs again', async () => {
    const wish = { policy: planted('unfair'), seed: 51, out };
    const { output, exit, text } = await call('fuzz', wish);
    expect(exit).toBe(1);
    const { failure } = output;
    expect(failure).toMatchObject({
      checker: 'weights',
      seed: 51,
      saved: join(out, 'unfair-weights-51.json'),
    });
    expect(failure.size).toMatch(/^2 tasks, 0 disturbances, 1 CPU, /);
    expect(text).toMatch(/^failed: unfair, weights \(1 scenario, /);
    expect(text).toContain('with seed 51 of version 0.0.0');
    expect(text).toContain(failure.timeline);
    expect(text).toContain(
      `\n  kept as ${failure.saved}\n  again: schedcp fuzz ${wish.policy} --scenario ${failure.saved}\n`,
    );
    expect(text).toContain(`schedcp fuzz ${wish.policy} --seed 51 --scenarios 1`);

    const kept = regressionSchema.parse(JSON.parse(readFileSync(failure.saved, 'utf8')));
    expect(kept).toMatchObject({
      foundBy: '0.0.0',
      checker: 'weights',
      message: failure.message,
      scenario: failure.scenario,
    });
    expect(kept.policy).toEqual({ name: 'unfair', object: digestOf(readFileSync(wish.policy)) });

    const again = await call('fuzz', { policy: wish.policy, scenario: failure.saved });
    expect(again.exit).toBe(1);
    expect(again.output.failure).toMatchObject({
      checker: 'weights',
      message: failure.message,
      attempts: 0,
      saved: null,
    });
    const mended = await call('fuzz', { policy: 'vtime', scenario: failure.saved });
    expect([mended.exit, mended.output.failed, mended.output.scenarios]).toEqual([0, false, 1]);
  });

  it('is kept beside the records when no place is named, or in the file that is', async () => {
    const policy = planted('unfair');
    const { output } = await call('fuzz', { policy, seed: 51 });
    expect(output.failure.saved).toBe(place('regressions/unfair-weights-51.json'));
    expect(existsSync(output.failure.saved)).toBe(true);
    const file = place('deep/er/mine.json');
    expect((await call('fuzz', { policy, seed: 51, out: file })).output.failure.saved).toBe(file);
    expect(existsSync(file)).toBe(true);
  });

  it('passes when told to ignore it', async () => {
    const { exit, output } = await call('fuzz', {
      policy: planted('unfair'),
      seed: 51,
      scenarios: 1,
      ignore: ['weights'],
    });
    expect([exit, output.ignored]).toEqual([
      0,
      [{ checker: 'weights', only: null, why: 'you said so (--ignore)' }],
    ]);
  });

  it('by a parameter, given either way; it is part of the scenario', async () => {
    const fault = { fault: 2 };
    const one = await call('fuzz', { policy: planted('faulty'), param: fault, seed: 9, scenarios: 1, out });
    const other = await call('fuzz', { policy: `${planted('faulty')}?fault=2`, seed: 9, scenarios: 1, out });
    expect(one.output.failure.scenario.parameters).toEqual(fault);
    expect(other.output.failure.scenario).toEqual(one.output.failure.scenario);
    // the file has the parameters: it runs without naming them
    const again = await call('fuzz', { policy: planted('faulty'), scenario: one.output.failure.saved });
    expect(again.output.failure?.checker).toBe(one.output.failure.checker);
  });
});

it('what the simulator does not model is named, and is no failure', async () => {
  const policy = `${root}test/simulator/link/scheduler.bpf.o`;
  const { exit, output, text } = await call('fuzz', { policy, scenarios: 5 });
  expect([exit, output.failed, output.scenarios]).toEqual([3, false, 1]);
  expect(output.unsupported).toContain('runqueues');
  expect(text).toMatch(
    /^unsupported: all asks for what the simulator does not model: kernel variable runqueues/,
  );
});

describe('bad input', () => {
  it.each([
    ['no such policy', { policy: 'nothing' }, 'not-found'],
    ['no such file', { policy: './nothing.bpf.o' }, 'not-found'],
    ['no such parameter', { policy: 'fifo', param: { slices: 1 } }, 'not-found'],
    ['a parameter out of bounds', { policy: 'fifo', param: { slice_ns: 1 } }, 'malformed'],
    ['no such scenario', { policy: 'fifo', scenario: 'nowhere.json' }, 'not-found'],
    ['a scenario that is none', { policy: 'fifo', scenario: `${root}package.json` }, 'malformed'],
  ])('%s', async (_, input, code) => {
    expect(await faultOf(() => call('fuzz', input))).toMatchObject({ code });
  });

  it('bytes that are no object, and a place that cannot be written', async () => {
    const policy = place('no.bpf.o');
    writeFileSync(policy, 'not an ELF');
    expect(await faultOf(() => call('fuzz', { policy }))).toMatchObject({ code: 'malformed' });
    const file = place('a-file');
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, '');
    const out = join(file, 'below');
    expect(await faultOf(() => call('fuzz', { policy: planted('unfair'), seed: 51, out }))).toMatchObject({
      code: 'unavailable',
    });
  });

  it('an interruption ends the search, and the shrinking', async () => {
    for (const seed of [0, 51]) {
      const stop = new AbortController();
      const reason = new Error('enough');
      let told = 0;
      const progress = (): void => {
        if (++told === 2) stop.abort(reason);
      };
      const wish = { policy: planted('unfair'), seed, seconds: 100 };
      await expect(call('fuzz', wish, { progress, signal: stop.signal })).rejects.toBe(reason);
    }
  });
});
