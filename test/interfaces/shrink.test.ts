// Cutting answers to size: any value of any schema ends at most as large as asked for, inside its schema, and says what it lost.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { replyBytes, resultOf } from '../../src/interfaces/mcp/reply.ts';
import { head, jsonBytes, shrink } from '../../src/interfaces/mcp/shrink.ts';
import { compareOutput, textOutput, tuneOutput } from '../../src/services/schemas.ts';
import { type Service, service } from '../../src/services/service.ts';

const any = () => true;
const wellFormed = (text: string) => Buffer.from(text).toString() === text;

describe('head', () => {
  it('never exceeds its bytes and never splits a character', () => {
    const strings = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 400 }),
      fc.string({ unit: 'grapheme', maxLength: 400 }),
    );
    fc.assert(
      fc.property(strings, fc.integer({ min: 0, max: 500 }), (text, bytes) => {
        const short = head(text, bytes);
        expect(jsonBytes(short) - 2).toBeLessThanOrEqual(bytes);
        if (wellFormed(text)) expect(wellFormed(short)).toBe(true);
        if (jsonBytes(text) - 2 <= bytes) expect(short).toBe(text);
      }),
    );
  });
});

describe('shrink', () => {
  it('leaves alone what fits', () => {
    expect(shrink({ a: [1, 2] }, 100, any)).toEqual({ value: { a: [1, 2] }, cuts: [] });
  });

  it('cuts the largest and keeps the small', () => {
    const value = {
      digest: 'ab'.repeat(32),
      arms: [1, 2, 3],
      rows: Array.from({ length: 1000 }, (_, n) => n),
      why: 'y'.repeat(300),
    };
    const shrunk = shrink(value, 1_000, any)!;
    expect(shrunk.value).toMatchObject({ digest: value.digest, arms: [1, 2, 3] });
    expect(shrunk.cuts[0]).toMatchObject({ path: 'rows', from: 1000, unit: 'items' });
    expect((shrunk.value as typeof value).rows).toEqual(value.rows.slice(0, shrunk.cuts[0]!.to));
    expect(jsonBytes(shrunk.value)).toBeGreaterThan(800);
  });

  it('does not leave the schema: a list keeps the items that it needs', () => {
    const schema = z.object({ pair: z.array(z.string()).min(5), id: z.string().length(400) });
    const value = { pair: Array.from({ length: 50 }, () => 'x'.repeat(40)), id: 'i'.repeat(400) };
    const shrunk = shrink(value, 700, (cut) => schema.safeParse(cut).success)!;
    const { pair, id } = shrunk.value as typeof value;
    expect([pair.length >= 5, pair.length <= 7, id.length]).toEqual([true, true, 400]);
  });

  it('says so when nothing fits', () => {
    const schema = z.object({ id: z.string().length(400) });
    expect(shrink({ id: 'i'.repeat(400) }, 300, (cut) => schema.safeParse(cut).success)).toBeNull();
  });

  it('takes megabytes in its stride', () => {
    const row = (n: number) => ({ name: `row ${n}`, text: 'z'.repeat(100) });
    const value = {
      rows: Array.from({ length: 20_000 }, (_, n) => row(n)),
      log: 'é"\n'.repeat(500_000),
      metrics: {},
    };
    value.metrics = Object.fromEntries(Array.from({ length: 20_000 }, (_, n) => [`metric-${n}`, n]));
    const started = performance.now();
    expect(jsonBytes(shrink(value, 5_000, any)!.value)).toBeLessThanOrEqual(5_000);
    expect(performance.now() - started).toBeLessThan(10_000);
  });
});

const n = fc.double({ noNaN: true, noDefaultInfinity: true });
const number = n.map((value) => (Object.is(value, -0) ? 0 : value));
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const nullable = <T>(value: fc.Arbitrary<T>) => fc.option(value);
const effect = fc.record({ relative: number, low: number, high: number, confidence: number });
const digest = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 64, maxLength: 64 });
const direction = fc.constantFrom('lower', 'higher');

/** Arbitrary values of the schemas that services answer with: lists of up to `items`, texts of up to `bytes`. */
function outputs(items: number, bytes: number) {
  const text = fc.oneof(
    fc.string({ maxLength: 40 }),
    fc.string({ unit: 'binary', maxLength: bytes / 10, size: 'max' }),
    fc.nat({ max: Math.floor(bytes / 9) }).map((lines) => 'line "x"\n'.repeat(lines)),
  );
  const list = <T>(item: fc.Arbitrary<T>) => fc.array(item, { maxLength: items, size: 'max' });
  const claim = fc.record({
    kind: text,
    arm: text,
    against: text,
    holds: fc.constantFrom(true, false, 'unknown'),
    n: number,
    bound: nullable(number),
    limit: nullable(number),
    why: optional(text),
  });
  const names = fc.string({ maxLength: 40 });
  const arm = fc.record({
    policy: text,
    kind: fc.constantFrom('default', 'settings', 'policy'),
    status: text,
    n: number,
    median: nullable(number),
    effect: nullable(effect),
    why: optional(text),
    parameters: optional(fc.dictionary(names, fc.integer(), { maxKeys: items, size: 'max' })),
  });
  const value = fc.oneof(number, text, fc.constant(null));
  const row = fc.record({
    name: text,
    a: value,
    b: value,
    difference: nullable(number),
    relative: nullable(number),
  });
  return {
    tune: fc.record({
      verdict: fc.record({
        decision: fc.constantFrom('accepted', 'rejected', 'inconclusive', 'invalid'),
        policy: nullable(text),
        metric: text,
        direction,
        effect: nullable(effect),
        why: text,
        claims: list(claim),
      }),
      arms: list(arm),
      machine: fc.record({ name: text, mode: text, kernel: text, cpus: number, memoryMiB: number }),
      workload: fc.record({ name: text, kind: text }),
      records: list(fc.record({ kind: text, digest })),
    }),
    show: fc.record({ text, page: optional(number), pages: optional(number) }),
    compare: fc.record({ kind: text, rows: list(row) }),
  };
}

const sizes = [
  [2, 100],
  [4, 2_000],
  [30, 300],
  [8, 40_000],
] as const;

describe('a reply', () => {
  const answering = (output: z.ZodType, page: boolean): Service =>
    service({
      name: 'answering',
      effect: 'read',
      summary: '',
      description: '',
      input: page ? z.object({ page: z.number().default(1) }) : z.object({}),
      output,
      cli: { positional: [], examples: [] },
      run: async () => ({ output: {}, exit: 0, text: '' }),
    });

  it.each([
    ['tune', tuneOutput],
    ['show', textOutput],
    ['compare', compareOutput],
  ] as const)('of %s is at most 2,000 tokens and valid, whatever it was', (name, schema) => {
    const seen = { cut: 0, whole: 0 };
    const cases = sizes.map(([items, bytes]) =>
      fc.tuple(outputs(items, bytes)[name], fc.string({ maxLength: bytes }), fc.boolean()),
    );
    fc.assert(
      fc.property(fc.oneof(...cases), ([value, words, paged]) => {
        const output = JSON.parse(JSON.stringify(value));
        expect(schema.safeParse(output).success).toBe(true);
        const result = resultOf(answering(schema, paged), {}, { output, exit: 0, text: words });
        expect(jsonBytes(result)).toBeLessThanOrEqual(replyBytes - 400);
        expect(result.isError).toBeUndefined();
        expect(schema.safeParse(result.structuredContent).success).toBe(true);
        const said = (result.content[0] as { text: string }).text;
        const cut = jsonBytes(result.structuredContent) !== jsonBytes(output) || !said.startsWith(words);
        seen[cut ? 'cut' : 'whole']++;
        expect(said.includes('[cut to fit 2000 tokens')).toBe(cut || words.includes('[cut to fit'));
        if (!cut) expect(result.structuredContent).toEqual(output);
      }),
      { numRuns: 100, seed: 1, endOnFailure: true },
    );
    // A fuzz that never cuts, or always does, would say little.
    expect(seen.cut).toBeGreaterThan(10);
    expect(seen.whole).toBeGreaterThan(3);
  });
});
