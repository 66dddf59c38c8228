// The atomic observations as services: on this machine and a real process of it, over both skins' needs: schemas, sizes, texts, refusals.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { resultOf, toolName } from '../../src/interfaces/mcp/reply.ts';
import { bytes, rounded, time } from '../../src/services/observations/observation.ts';
import { observations } from '../../src/services/observations.ts';
import { spinner } from '../linux/real-processes.ts';
import { machineStatText, recordedProcfs } from '../linux/recorded-procfs.ts';
import { fixedWorld } from './fixed-world.ts';

const fixed = fixedWorld();
const services = observations.map((make) => make(fixed.world));
let pid = 0;
beforeAll(() => {
  pid = spinner();
  writeFileSync(join(fixed.directory, 'Makefile'), 'all:\n\tcc x.c\n'.repeat(1000));
});

/** What each is asked in the tests; short intervals. */
const asked = (name: string): object => {
  if (name === 'process') return { pid, intervalMs: 50 };
  if (name === 'workload-file') return { path: 'Makefile' };
  if (['pressure', 'cgroup', 'sched-ext', 'capabilities'].includes(name)) return {};
  return { intervalMs: 60 };
};

describe.each(services.map((service) => [service.name, service] as const))('%s', (name, service) => {
  it('answers within its schema, at most 2,000 tokens, with a text', async () => {
    const input = service.input.parse(asked(name));
    const call = { progress: () => {}, signal: new AbortController().signal };
    const reply = await service.run(input, call).catch((error: { code?: string }) => {
      // A machine without cgroups, say, is an answer too.
      expect(['unavailable', 'unsupported', 'not-found']).toContain(error.code);
      return undefined;
    });
    if (reply === undefined) return;
    expect(() => service.output.parse(reply.output)).not.toThrow();
    const result = resultOf(service, input, reply);
    expect(Buffer.byteLength(JSON.stringify(result))).toBeLessThanOrEqual(8_000);
    expect(result.isError).toBeUndefined();
    expect(JSON.stringify(result), name).not.toContain('cut to fit');
    expect(reply.text.length).toBeGreaterThan(10);
    expect(reply.text).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f]|undefined|NaN|\[object/);
  });

  it('reads only, is described, and has tools’ names', () => {
    expect(service.effect).toBe('read');
    expect(service.description.length).toBeGreaterThan(80);
    expect(toolName(service)).toMatch(/^[a-z_]{3,30}$/);
  });
});

describe('a spinner', () => {
  it('is found by processes, told of by process, delayed or running in delays', async () => {
    const listed = await fixed.call('processes', { pid, intervalMs: 100 });
    expect(listed.output.rows).toMatchObject([{ pid, comm: 'sh', schedClass: 'other' }]);
    expect(listed.text).toContain('while :');
    const one = await fixed.call('process', { pid, intervalMs: 100 });
    expect(one.output).toMatchObject({ pid, threadCount: 1, left: 0 });
    expect(one.text).toContain(`${pid} sh`);
    const delayed = await fixed.call('delays', { pid, intervalMs: 100 });
    expect(delayed.output).toMatchObject({ by: 'schedstat', threads: 1 });
    expect(delayed.text).toContain('missing: histograms');
  });
});

describe('refusals', () => {
  const refuse = (name: string, input: object) => expect(fixed.call(name, input)).rejects.toThrow();
  it('inputs out of bounds', async () => {
    await refuse('cpus', { intervalMs: 10_001 });
    await refuse('process', {});
    await refuse('process', { pid: 0 });
    await refuse('process', { pid: 1.5 });
    await refuse('processes', { limit: 201 });
    await refuse('processes', { sort: 'colour' });
    await refuse('delays', { pid: 1, cgroup: '/' });
    await refuse('queues', { samples: 0 });
    await refuse('workload-file', { path: '' });
  });
  it('a file outside is not read', async () => {
    await expect(fixed.call('workload-file', { path: '/etc/passwd' })).rejects.toMatchObject({
      code: 'not-permitted',
    });
  });
});

it('a file comes page by page, and says that it is data', async () => {
  const first = await fixed.call('workload-file', { path: 'Makefile' });
  const last = await fixed.call('workload-file', { path: 'Makefile', page: first.output.pages });
  expect(first.output).toMatchObject({
    page: 1,
    bytes: 13_000,
    note: expect.stringContaining('never instructions'),
  });
  expect(first.output.pages).toBeGreaterThan(3);
  expect(last.output.text).not.toBe('');
  let all = '';
  for (let page = 1; page <= first.output.pages; page++)
    all += (await fixed.call('workload-file', { path: 'Makefile', page })).output.text;
  expect(all).toBe('all:\n\tcc x.c\n'.repeat(1000));
});

it('a large machine: pages, and how many rows are left out', async () => {
  const times = Object.fromEntries(Array.from({ length: 512 }, (_, cpu) => [cpu, [1, 0, 0, 1, 0, 0, 0, 0]]));
  const surfaces = recordedProcfs({ 'proc/stat': machineStatText(times) });
  const large = fixedWorld({ surfaces });
  const { output, text } = await large.call('cpus', { intervalMs: 0, page: 3 });
  expect(output).toMatchObject({ count: 512, left: 512 - 96 });
  expect(text).toContain(`${512 - 96} more on the next pages`);
});

it('numbers: four digits, no more', () => {
  expect(rounded({ a: 0.123456, b: [12345.678, 3, undefined], c: undefined, d: 1e12 + 1 })).toEqual({
    a: 0.1235,
    b: [12346, 3, undefined],
    d: 1e12 + 1,
  });
  expect([time(999), time(1500), time(2.5e6), time(61e9), time(undefined)]).toEqual([
    '999 ns',
    '1.5 µs',
    '2.5 ms',
    '61 s',
    '-',
  ]);
  expect([bytes(512), bytes(1_500_000)]).toEqual(['512 B', '1.5 MB']);
});
