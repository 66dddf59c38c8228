import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { fixedWorld } from '../../test/services/fixed-world.ts';
import { drawnTrace } from '../../test/support/drawn-trace.ts';
import { root } from '../../test/support/paths.ts';
import { encodeTrace } from '../traces/file.ts';

const { call, directory, world } = fixedWorld();
const file = join(directory, 'drawn.trace');
const { trace } = drawnTrace(11, { cpus: 3, steps: 600 });
writeFileSync(file, encodeTrace(trace));

describe('a recording is a workload', () => {
  it('simulate replays it on as many CPUs as it was recorded on, with the costs of recordings', async () => {
    const { output, text, exit } = await call('simulate', { workload: file });
    expect(exit).toBe(0);
    expect(output.metrics.makespanNs).toBeGreaterThan(1e6);
    expect(text).toMatch(/workload drawn +cpus 3 /);
  });

  it('the seed varies it, and the same seed repeats', async () => {
    const spans: number[] = [];
    for (const seed of [1, 1, 2]) {
      const { output } = await call('simulate', { workload: file, policy: 'fifo', cpus: 2, seed });
      spans.push(output.metrics.makespanNs);
    }
    expect(spans[1]).toBe(spans[0]);
    expect(spans[2]).not.toBe(spans[0]);
  });

  it('tune screens policies on it; the screening and the verdict replay from their records', async () => {
    const { output } = await call('tune', {
      ...{ workload: file, machine: 'simulator', cpus: 2, policies: ['fifo', 'vtime'], settings: [] },
      ...{ screen: 2, harm: false, blocks: 6 },
    });
    const [verdict] = output.records;
    for (const [kind, record] of [
      ['screening', output.screening.record],
      ['verdict', verdict.digest],
    ]) {
      const again = await call('replay', { record, rerun: kind === 'verdict' });
      expect(again.output).toMatchObject({ same: true, kind });
    }
  });

  it('show tells what it is of', async () => {
    expect((await call('show', { record: file })).text).toContain('drawn');
  });

  it('what is no recording is refused by name; one that is cut, too', async () => {
    const wrong = join(directory, 'wrong.trace');
    writeFileSync(wrong, '{}');
    await expect(call('simulate', { workload: wrong })).rejects.toThrow(/wrong\.trace is no recording/);
    writeFileSync(wrong, readFileSync(file).subarray(0, 100));
    await expect(call('simulate', { workload: wrong })).rejects.toMatchObject({ code: 'malformed' });
    await expect(call('simulate', { workload: 'nowhere.trace' })).rejects.toMatchObject({
      code: 'not-found',
    });
  });

  it('text of perf is a recording', async () => {
    const text = join(root, 'test/traces/perf/names.txt');
    const { output, exit } = await call('simulate', { workload: text });
    expect(exit).toBe(0);
    expect(output.timeline.length).toBeGreaterThanOrEqual(8); // python3 and its seven children
    expect((await call('show', { record: text })).text).toMatch(/^trace by perf {3}4 CPUs/);
    const wrong = join(directory, 'prose.txt');
    writeFileSync(wrong, 'python3 3863 [003] runs\n');
    await expect(call('simulate', { workload: wrong })).rejects.toMatchObject({
      code: 'malformed',
      message: expect.stringContaining('no recording'),
    });
  });

  it('nobody followed: there is nothing to replay', async () => {
    const none = join(directory, 'none.trace');
    const tasks = trace.tasks.map((task) => ({ ...task, isFollowed: false }));
    writeFileSync(none, encodeTrace({ ...trace, tasks }));
    await expect(call('simulate', { workload: none })).rejects.toMatchObject({ code: 'unsupported' });
  });
});

afterAll(() => world.store.remove());
