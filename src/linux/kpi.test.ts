// KPIs from real sources: processes, files that grow and are rotated, an HTTP server, the kernel's pressure files; and from those that fail or lie.

import { appendFile, mkdir, mkdtemp, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type KpiInput, type KpiSample, kpiSchema } from '../core/kpi.ts';
import { queryValue } from './kpi/readings.ts';
import { openKpis } from './kpi.ts';
import { run } from './process.ts';

const base = { name: 'rate', direction: 'higher', everyMs: 100 } as const;
/** A busy machine. */
const isLate = (why: string | undefined): boolean => why?.startsWith('not read within') === true;
const nowNs = (): number => Number(process.hrtime.bigint());

/** Samples until `until` holds of them, or 5 s have passed. */
async function samples(
  kpi: KpiInput,
  until: (all: KpiSample[]) => boolean,
  meanwhile?: (all: KpiSample[]) => Promise<void>,
) {
  const all: KpiSample[] = [];
  const reader = await openKpis([kpiSchema.parse(kpi)], { nowNs, hear: (sample) => all.push(sample) });
  const end = performance.now() + 15_000;
  while (!until(all) && performance.now() < end) {
    await meanwhile?.(all);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await reader.close();
  const count = all.length;
  await new Promise((resolve) => setTimeout(resolve, 150));
  expect(all.length).toBe(count); // closed is closed
  return all;
}

describe('a command', () => {
  const of = (...argv: string[]): KpiInput => ({ ...base, everyMs: 400, source: { from: 'command', argv } });

  it('gives its last number, each time', async () => {
    const numbers = (list: readonly KpiSample[]) => list.filter(({ value }) => value !== undefined);
    const all = await samples(
      of('/bin/echo', 'in 3 s:', '41.5', 'requests'),
      (list) => numbers(list).length >= 3,
    );
    expect(numbers(all).length).toBeGreaterThanOrEqual(3); // on a busy machine one may come too late
    for (const { kpi, value } of numbers(all)) expect({ kpi, value }).toEqual({ kpi: 'rate', value: 41.5 });
    const times = all.map(({ endNs }) => endNs);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  });

  it.each([
    ['fails', ['/bin/false'], 'ended with 1'],
    ['prints no number', ['/bin/echo', 'NaN and inf'], 'no number'],
    ['is not there', ['/no/such/program'], 'no program'],
    ['does not end', ['/bin/sleep', '60'], 'not read within 400 ms'],
  ])('%s: no value, and why', async (_, argv, why) => {
    const all = await samples(of(...argv), (list) => list.length >= 2);
    for (const sample of all) {
      expect(sample.value).toBeUndefined();
      expect(sample.why).toContain(why);
    }
  });

  it('that prints one with separators: no value, and why', async () => {
    const all = await samples(of('/bin/echo', 'served 1,234'), (list) =>
      list.some(({ why }) => !isLate(why)),
    );
    for (const { value, why } of all) {
      expect(value).toBeUndefined();
      if (!isLate(why)) expect(why).toContain('1,234 is not read as a number');
    }
  });
});

describe('a log', () => {
  let directory: string;
  let file: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'schedcp-kpi-'));
    file = join(directory, 'log');
    await writeFile(file, 'served 7 requests/s\n');
  });
  afterEach(() => rm(directory, { recursive: true }));
  const kpi = (): KpiInput => ({
    ...base,
    source: { from: 'log', file, line: 'served {number} requests/s' },
  });
  const values = (all: readonly KpiSample[]): (number | undefined)[] =>
    all.map(({ value }) => value).filter((value) => value !== undefined);

  it('counts what is added from now on, as a mean; not what is there, nor half a line', async () => {
    let step = 0;
    const all = await samples(
      kpi(),
      (list) => values(list).length >= 2,
      async (list) => {
        if (step === 0)
          await appendFile(file, 'x served 10 requests/s y\nserved 20 requests/s\nother 5\nserved 3');
        if (step === 0) step = 1;
        if (step === 1 && values(list).length === 1) {
          step = 2;
          await appendFile(file, '0 requests/s\n');
        }
      },
    );
    expect(values(all)).toEqual([15, 30]);
    expect(all.find(({ value }) => value === undefined)?.why ?? 'no such line was written').toBe(
      'no such line was written',
    );
  });

  it('follows a rotated file and one that was cut', async () => {
    let step = 0;
    const all = await samples(
      kpi(),
      (list) => values(list).length >= 2,
      async (list) => {
        if (step === 0 && list.length > 0) {
          step = 1;
          await rename(file, `${file}.1`);
          await writeFile(file, 'served 40 requests/s\n');
        }
        if (step === 1 && values(list).length === 1) {
          step = 2;
          await truncate(file, 0);
          await new Promise((resolve) => setTimeout(resolve, 150));
          await appendFile(file, 'served 50 requests/s\n');
        }
      },
    );
    expect(values(all)).toEqual([40, 50]);
  });

  it('is refused before the first sample when it cannot be read', async () => {
    const opened = openKpis(
      [kpiSchema.parse({ ...base, source: { from: 'log', file: `${file}.none`, line: 'served {number}' } })],
      { nowNs, hear: () => {} },
    );
    await expect(opened).rejects.toMatchObject({ code: 'not-found' });
  });

  it.each([
    ['a named pipe', () => run('mkfifo', [file])],
    ['a directory', () => mkdir(file)],
    ['a device', () => symlink('/dev/zero', file)],
  ])('is refused when it is %s: nobody waits for it', async (_, make) => {
    await rm(file);
    await make();
    const opened = openKpis([kpiSchema.parse(kpi())], { nowNs, hear: () => {} });
    const refused = expect(opened).rejects.toMatchObject({
      code: 'unsupported',
      next: expect.stringContaining('name a command'),
    });
    const isStuck = await Promise.race([refused.then(() => false), sleep(2000).then(() => true)]);
    if (isStuck) await writeFile(file, ''); // lets go of who waits for it
    expect(isStuck).toBe(false);
    await refused;
  });

  it('is followed again when there was no file in its place for a while', async () => {
    let step = 0;
    const all = await samples(
      kpi(),
      (list) => values(list).length > 0,
      async (list) => {
        if (step === 0) {
          step = 1;
          await rm(file);
          await run('mkfifo', [file]);
        }
        if (step === 1 && list.some(({ why }) => why?.includes('no regular file'))) {
          step = 2;
          await rm(file);
          await writeFile(file, 'served 60 requests/s\n');
        }
      },
    );
    expect(values(all)).toEqual([60]);
  });

  it('one line with separators in its number, and the interval has none: the others are no mean of all', async () => {
    let step = 0;
    const all = await samples(
      kpi(),
      (list) => list.some(({ why }) => why?.includes('1,001')),
      async () => {
        if (step++ === 0) await appendFile(file, 'served 998 requests/s\nserved 1,001 requests/s\n');
      },
    );
    expect(values(all)).toEqual([]);
    expect(all.map(({ why }) => why)).toContainEqual(
      expect.stringContaining('1,001 is not read as a number'),
    );
  });

  it.each([
    ['that was begun before', 'served 12', '34 req\nserved 5 req\n', '{number} req', 5],
    ['that a flood has cut', '', '12345678 req\n'.repeat(40_000), '{number} req', 12345678],
    ['in letters of other languages', '', 'größe 5 µs\n', 'größe {number} µs', 5],
  ])('a line %s', async (_, before, after, line, value) => {
    await writeFile(file, before);
    let step = 0;
    const all = await samples(
      { ...base, source: { from: 'log', file, line } },
      (list) => values(list).length > 0,
      async () => {
        if (step++ === 0) await appendFile(file, after);
      },
    );
    expect(values(all)).toEqual([value]);
  });

  it('a line that becomes too long is none, wherever its number is', async () => {
    const long = 'x'.repeat(5000);
    let step = 0;
    const all = await samples(
      { ...base, source: { from: 'log', file, line: '{number} req' } },
      (list) => values(list).length > 0,
      async (list) => {
        if (step === 0) await appendFile(file, `${long} 12345 req`);
        if (step === 0) step = 1;
        if (step === 1 && list.length > 1) {
          step = 2;
          await appendFile(file, '\n7 req\n');
        }
      },
    );
    expect(values(all)).toEqual([7]);
  });
});

describe('Prometheus', () => {
  let server: Server;
  let answer: { status: number; text: string };
  const asked: string[] = [];
  beforeEach(async () => {
    server = createServer((request, reply) => {
      asked.push(request.url ?? '');
      reply
        .writeHead(answer.status, answer.status === 302 ? { location: 'http://127.0.0.1:1/' } : {})
        .end(answer.text);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterEach(() => new Promise((resolve) => server.close(resolve)));
  const kpi = (): KpiInput => ({
    ...base,
    source: {
      from: 'prometheus',
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      query: 'sum(rate(x[1s]))',
    },
  });
  const vector = (...numbers: string[]): string =>
    JSON.stringify({
      status: 'success',
      data: { resultType: 'vector', result: numbers.map((n) => ({ metric: {}, value: [1, n] })) },
    });

  it('asks its query and takes the one number', async () => {
    answer = { status: 200, text: vector('812.5') };
    const all = await samples(kpi(), (list) => list.filter(({ why }) => !isLate(why)).length >= 2);
    for (const { value, why } of all) expect(value).toBe(isLate(why) ? undefined : 812.5);
    expect(asked[0]).toBe('/api/v1/query?query=sum%28rate%28x%5B1s%5D%29%29');
  });

  it.each([
    ['many series', 200, vector('1', '2'), '2 series'],
    ['none', 200, vector(), '0 series'],
    ['NaN', 200, vector('NaN'), 'no number'],
    ['an error', 503, '', '503'],
    ['another place', 302, '', 'fetch failed'],
    ['no JSON', 200, '<html>', 'no JSON'],
    ['a flood', 200, 'x'.repeat(300_000), '256 KiB'],
  ])('%s: no value, and why', async (_, status, text, why) => {
    answer = { status, text };
    const all = await samples(kpi(), (list) => list.some((sample) => !isLate(sample.why)));
    const first = all.find((sample) => !isLate(sample.why));
    expect(first!.value).toBeUndefined();
    expect(first!.why).toContain(why);
  });

  it('scalars count, too', () => {
    expect(
      queryValue(JSON.stringify({ status: 'success', data: { resultType: 'scalar', result: [1, '3'] } })),
    ).toBe(3);
  });
});

it('pressure is a share of the time', async () => {
  const all = await samples(
    { ...base, source: { from: 'pressure', of: 'cpu' } },
    (list) => list.length >= 2,
  ).catch((error) => error);
  if (all instanceof Error) return expect(all).toMatchObject({ code: 'unavailable' }); // a kernel without PSI
  for (const { value, why } of all) {
    if (isLate(why)) continue;
    expect(value).toBeGreaterThanOrEqual(0);
    expect(value).toBeLessThanOrEqual(1);
  }
});
