// The gates that simulate, over a world that is fixed but for the simulator: what a planted fault comes to, what is measured beside the default, what a deployment makes of the verdict.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { faultOf } from '../../test/linux/support.ts';
import { fixedWorld, root } from '../../test/services/fixed-world.ts';

const planted = (name: string): string => join(root, `test/simulator/fuzz/policies/${name}.bpf.o`);

describe('the gate simulator', () => {
  it('ends it with the checker, and a scenario that runs again', async () => {
    const fixed = fixedWorld();
    const { output, exit, text } = await fixed.call('verify', {
      file: planted('starver'),
      gates: 'simulator,kernel',
    });
    expect([exit, output.decision]).toEqual([1, 'rejected']);
    expect(output.why).toMatch(/^the simulator: starvation: /);
    expect(output.gates[2]).toMatchObject({ gate: 'kernel', passed: 'not-run' });
    const { checker, saved } = output.attack.violation;
    expect([checker, existsSync(saved)]).toEqual(['starvation', true]);
    expect(text).toContain(`--scenario ${saved}`);
    expect(fixed.asked.filter((item) => item.startsWith('machine'))).toEqual([]);
    const again = await fixed.call('fuzz', { policy: planted('starver'), scenario: saved });
    expect(again.output.failure.checker).toBe('starvation');
  }, 240_000);

  it('leaves out what the policy does not promise, and says so; safety is promised by all', async () => {
    const input = { file: planted('unfair'), gates: 'simulator' };
    const strict = await fixedWorld().call('verify', input);
    expect(strict.output.attack.violation.checker).toMatch(/weights|equal-shares/);
    const lenient = await fixedWorld().call('verify', { ...input, ignore: ['weights', 'equal-shares'] });
    expect(lenient.output.attack.violation?.checker ?? 'none').not.toMatch(/weights|equal-shares/);
    expect(lenient.output.attack.ignored.map(({ checker }: { checker: string }) => checker)).toEqual(
      expect.arrayContaining(['weights', 'equal-shares']),
    );
    await expect(fixedWorld().call('verify', { ...input, ignore: ['starvation'] })).rejects.toThrow(/ignore/);
  }, 240_000);
});

describe('the gate harm', () => {
  it('measures what a policy is for at both ends of the costs, and judges it', async () => {
    const { output } = await fixedWorld().call('verify', { file: 'fifo', gates: 'harm', goal: 'throughput' });
    expect(output.changes).toMatchObject([{ workload: 'pipes', goal: 'throughput', direction: 'higher' }]);
    const [{ low, high }] = output.changes;
    expect(low).toBeLessThanOrEqual(high);
    expect(output.gates[3].passed).toMatch(/yes|unknown/);
  }, 240_000);
});

describe('knobs', () => {
  it('of the library are tested at both ends', async () => {
    const fixed = fixedWorld();
    const { output } = await fixed.call('verify', { file: 'classes', gates: 'kernel' });
    const ran = fixed.machine.ran.map(({ arm, workload }) => {
      const { normal_patience_ns: value = 'as built' } = arm.policy!.parameters;
      return `${workload!.name} ${value}`;
    });
    expect(ran.sort()).toEqual([
      ...['crowd 10000000', 'crowd 300000000', 'crowd as built', 'hotplug as built'],
      ...['provoke 10000000', 'provoke 300000000', 'provoke as built', 'stress as built'],
    ]);
    expect(output.gates[2].why).toContain('its knobs at both ends too');
  });

  it.each([
    ['classes', { nope: '1..2' }, 'not-found'],
    ['classes', { preempt: '0..1' }, 'not-found'], // a parameter, no knob
    ['classes', { normal_patience_ns: '9..2' }, 'malformed'],
  ])('%s with %j is a fault', async (file, knobs, code) => {
    const fixed = fixedWorld();
    expect((await faultOf(() => fixed.call('verify', { file, knobs, gates: 'static' }))).code).toBe(code);
  });
});
