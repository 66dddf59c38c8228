import { describe, expect, it } from 'vitest';
import { faultOf } from '../../test/linux/support.ts';
import { fixedWorld } from '../../test/services/fixed-world.ts';

describe('what there is', () => {
  it('policies, in pages, or one', async () => {
    const fixed = fixedWorld();
    const names: string[] = [];
    const { pages } = (await fixed.call('policies')).output;
    for (let page = 1; page <= pages; page++) {
      const { output, text } = await fixed.call('policies', { page });
      expect(output).toMatchObject({ page, pages });
      for (const policy of output.policies) {
        names.push(policy.name);
        expect(text).toContain(`\n${policy.name} `);
      }
      expect(text.trimEnd().split('\n')).toHaveLength(1 + output.policies.length);
    }
    expect(await faultOf(() => fixed.call('policies', { page: 99 }))).toMatchObject({
      code: 'not-found',
      next: `ask for a page from 1 to ${pages}`,
    });
    expect(names).toEqual((await fixed.world.policies.list()).map(({ card }) => card.name));
    expect(names.length).toBeGreaterThanOrEqual(7);
    const { output, text } = await fixed.call('policies', { name: 'length' });
    expect(output.policies).toHaveLength(1);
    expect(output.policies[0]).toMatchObject({
      name: 'length',
      hints: true,
      object: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(text).toMatch(/^length \(takes hints\): .*\n {2}good for/);
    expect(await faultOf(() => fixed.call('policies', { name: 'x' }))).toMatchObject({
      code: 'not-found',
      next: expect.stringContaining('fifo, layers'),
    });
  });

  it('what may move of a policy, and how far', async () => {
    const { output, text } = await fixedWorld().call('policies', { name: 'classes' });
    const [policy] = output.policies;
    expect(policy.parameters.filter(({ moves }: { moves?: object }) => moves !== undefined)).toMatchObject([
      { name: 'normal_patience_ns', moves: { low: 10_000_000, high: 300_000_000 } },
      { name: 'batch_patience_ns' },
    ]);
    expect(text).toMatch(/parameter +default +bounds +moves /);
    expect(text).toMatch(/\nnormal_patience_ns .* 10000000\.\.300000000 /);
  });

  it('workloads, in pages, or one', async () => {
    const fixed = fixedWorld();
    const names: string[] = [];
    const { pages } = (await fixed.call('workloads')).output;
    for (let page = 1; page <= pages; page++)
      for (const item of (await fixed.call('workloads', { page })).output.workloads)
        names.push(`${item.name} ${item.kind}`);
    expect(names).toEqual(
      expect.arrayContaining(['long-tail declared', 'hackbench program', 'build-bzip2 program']),
    );
    expect(new Set(names).size).toBe((await fixed.world.workloads.list()).length);
    expect((await fixed.call('workloads', { name: 'long-tail' })).output.workloads[0].goal).toEqual({
      metric: 'makespanNs',
      direction: 'lower',
    });
    expect((await faultOf(() => fixed.call('workloads', { name: 'x' }))).next).toContain('message-worker');
  });

  it('doctor and uninstall', async () => {
    const fixed = fixedWorld();
    expect((await fixed.call('doctor', { probe: true })).text.split('\n').slice(1, 4)).toEqual([
      'yes  one    fine',
      '?    two    probe true',
      'no   three  bad → do this',
    ]);
    expect((await fixed.call('uninstall')).text).toBe('Nothing to remove.\n');
    expect(await fixed.call('uninstall', { records: true })).toMatchObject({
      output: {
        removed: [
          { directory: '/c', bytes: 2e6 },
          { directory: '/r', bytes: 1e5 },
        ],
      },
      text: expect.stringContaining('2.0 MB'),
    });
  });
});
