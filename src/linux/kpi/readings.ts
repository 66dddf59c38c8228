// KPIs that are asked for: a command's last number, an instant query of Prometheus (its HTTP API, v1), the kernel's pressure files.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { Fault } from '../../core/errors.ts';
import { run } from '../process.ts';
import type { Gauge } from './gauge.ts';
import { lastNumber } from './number.ts';

const nothing = async (): Promise<void> => {};

export function readCommand(argv: readonly string[]): Gauge {
  const [program, ...args] = argv as [string, ...string[]];
  return {
    async read(signal) {
      const done = await run(program, args, { signal, limitMs: 10_000, outputLimit: 64 << 10 });
      if (done.code !== 0)
        throw new Fault('unavailable', `${program} ended with ${done.code ?? done.signal}`);
      return lastNumber(done.stdout) ?? fail(`${program} printed no number`);
    },
    close: nothing,
  };
}

const answerSchema = z.object({
  status: z.literal('success'),
  data: z.union([
    z.object({ resultType: z.literal('scalar'), result: z.tuple([z.number(), z.string()]) }),
    z.object({
      resultType: z.literal('vector'),
      result: z.array(z.object({ value: z.tuple([z.number(), z.string()]) })),
    }),
  ]),
});

const longestAnswer = 256 << 10;

export function readPrometheus(base: string, query: string): Gauge {
  const url = new URL('api/v1/query', base.endsWith('/') ? base : `${base}/`);
  url.searchParams.set('query', query);
  return {
    async read(signal) {
      const reply = await fetch(url, { signal, redirect: 'error', headers: { accept: 'application/json' } });
      const text = await boundedText(reply);
      if (!reply.ok) throw new Fault('unavailable', `Prometheus answered ${reply.status}`);
      return queryValue(text);
    },
    close: nothing,
  };
}

/** The one number of an answer to an instant query. Throws Fault('malformed'). */
export function queryValue(text: string): number {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    fail('Prometheus answered no JSON');
  }
  const read = answerSchema.safeParse(json);
  if (!read.success) return fail('Prometheus answered neither a scalar nor a vector');
  const { data } = read.data;
  if (data.resultType === 'scalar') return Number(data.result[1]);
  if (data.result.length !== 1)
    return fail(`the query gives ${data.result.length} series, and not one: wrap it in sum() or the like`);
  return Number(data.result[0]!.value[1]);
}

async function boundedText(reply: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of reply.body ?? []) {
    size += part.length;
    if (size > longestAnswer) fail('Prometheus answered more than 256 KiB');
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

/** Share of the elapsed time in which some task waited, 0 to 1; the first reading is of the time since opening. */
export async function readPressure(of: string, cgroup: string | undefined): Promise<Gauge> {
  const file =
    cgroup === undefined
      ? `/proc/pressure/${of}`
      : join('/sys/fs/cgroup', join('/', cgroup), `${of}.pressure`);
  const total = async (): Promise<number> => {
    const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      throw new Fault('unavailable', `cannot read ${file}: ${error.code}`, {
        next: 'use a kernel with CONFIG_PSI (psi=1), and a cgroup that exists',
      });
    });
    const [, us] = /^some .*total=(\d+)$/m.exec(text) ?? [];
    return us === undefined ? fail(`${file} has no total`) : Number(us);
  };
  let last = { us: await total(), at: performance.now() };
  return {
    async read() {
      const now = { us: await total(), at: performance.now() };
      const share = (now.us - last.us) / Math.max(1, 1000 * (now.at - last.at));
      last = now;
      return Math.min(1, Math.max(0, share));
    },
    close: nothing,
  };
}

function fail(message: string): never {
  throw new Fault('malformed', message);
}
