// KPIs from real sources: processes, files that grow and are rotated, an HTTP server, the kernel's pressure files; and from those that fail or lie.

import { appendFile, mkdtemp, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type KpiInput, type KpiSample, kpiSchema } from '../core/kpi.ts';
import { numberIn } from './kpi/log.ts';
import { lastNumber, queryValue } from './kpi/readings.ts';
import { openKpis } from './kpi.ts';

const base = { name: 'rate', direction: 'higher', everyMs: 100 } as const;
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

  it.each([
    ['1 2 3', 3],
    ['99.5%', 99.5],
    ['p99=-1.5e3 ms', -1500],
    ['x86_64 v2 5ms', undefined],
    ['', undefined],
  ])('last number of %j: %j', (text, number) => expect(lastNumber(text)).toBe(number));
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
    ['t=5 served 12.5 ok', 'served {number} ok', 12.5],
    ['a b 3', 'a{any} {number}', 3],
    ['served x ok', 'served {number} ok', undefined],
    ['served 12 not ok', 'served {number} ok', undefined],
    ['served by 3, served 12 ok', 'served {number} ok', 12],
    ['lat 5 us, max 9 us', 'max {number} us', 9],
  ])('%j by %j: %j', (line, form, value) => expect(numberIn(line, form)).toBe(value));

  it('any line, any form: a number or none, at once', () => {
    const form = fc.tuple(fc.string(), fc.string()).map(([a, b]) => `${a}{number}${b}`);
    fc.assert(
      fc.property(fc.string({ maxLength: 5000 }), form, (line, pattern) => {
        const value = numberIn(line, pattern);
        expect(value === undefined || typeof value === 'number').toBe(true);
      }),
    );
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
    const all = await samples(kpi(), (list) => list.length >= 2);
    for (const { value } of all) expect(value).toBe(812.5);
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
    const [first] = await samples(kpi(), (list) => list.length >= 1);
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
  for (const { value } of all) {
    expect(value).toBeGreaterThanOrEqual(0);
    expect(value).toBeLessThanOrEqual(1);
  }
});
