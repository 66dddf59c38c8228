// What the atomic observations share: how one becomes a service, numbers short enough for readers that pay by the token, fields of input, words for amounts.

import { z } from 'zod';
import type { Host } from '../../core/host.ts';
import { type Call, type Service, service } from '../service.ts';
import type { World } from '../world.ts';

export interface Observation<Input extends z.ZodType, Output extends z.ZodType> {
  readonly name: string;
  readonly summary: string;
  readonly description: string;
  readonly input: Input;
  readonly output: Output;
  readonly positional?: readonly string[];
  readonly examples: readonly string[];
  look(host: Host, input: z.infer<Input>, call: Call): Promise<z.infer<Output>>;
  text(output: z.infer<Output>): string;
}

export function observation<Input extends z.ZodType, Output extends z.ZodType>(
  made: Observation<Input, Output>,
): (world: World) => Service {
  return (world) =>
    service<z.infer<Input>, z.infer<Output>>({
      name: made.name,
      effect: 'read',
      summary: made.summary,
      description: made.description,
      input: made.input as z.ZodType<z.infer<Input>>,
      output: made.output as z.ZodType<z.infer<Output>>,
      cli: { positional: made.positional ?? [], examples: made.examples },
      async run(input, call) {
        const output = rounded(await made.look(world.host, input, call)) as z.infer<Output>;
        return { output, exit: 0, text: made.text(output) };
      },
    });
}

/** Numbers with a fraction to four significant digits: more is neither measured nor worth its tokens. */
export function rounded(value: unknown): unknown {
  if (typeof value === 'number')
    return Number.isInteger(value)
      ? value
      : Math.abs(value) >= 1e4
        ? Math.round(value)
        : Number(value.toPrecision(4));
  if (Array.isArray(value)) return value.map(rounded);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]) => (inner === undefined ? [] : [[key, rounded(inner)]])),
  );
}

/** A page of rows. */
export const paging = (limit: number) => ({
  limit: z.number().int().min(1).max(200).default(limit).describe('rows of a page'),
  page: z.number().int().min(1).max(10_000).default(1).describe('which page'),
});

export const interval = (intervalMs: number, least = 10) =>
  z.number().int().min(least).max(10_000).default(intervalMs).describe('how long to look, in ms');

export const pidField = z
  .number()
  .int()
  .min(1)
  .max(2 ** 22);
export const cgroupField = z.string().min(1).max(4096);

export const percent = (share: number | undefined): string =>
  share === undefined ? '-' : `${(100 * share).toFixed(1)} %`;

export const rate = (value: number | undefined): string =>
  value === undefined ? '-' : value >= 100 ? value.toFixed(0) : value.toFixed(1);

/** A duration in the unit that suits it. */
export function time(ns: number | undefined): string {
  if (ns === undefined) return '-';
  const units: readonly (readonly [number, string])[] = [
    [1e9, 's'],
    [1e6, 'ms'],
    [1e3, 'µs'],
  ];
  const [size, unit] = units.find(([size]) => ns >= size) ?? [1, 'ns'];
  return `${Number((ns / size).toPrecision(3))} ${unit}`;
}

export function bytes(value: number | undefined): string {
  if (value === undefined) return '-';
  const [size, unit] =
    value >= 1e9 ? [1e9, 'GB'] : value >= 1e6 ? [1e6, 'MB'] : value >= 1e3 ? [1e3, 'kB'] : [1, 'B'];
  return `${Number((value / size).toPrecision(3))} ${unit}`;
}

/** Lines below a table: how many rows it left out, and what is missing. */
export function after(left: number, notes: readonly string[]): string {
  const more = left > 0 ? [`${left} more on the next pages`] : [];
  const lines = [...more, ...notes.map((note) => `note: ${note}`)];
  return lines.length === 0 ? '' : `\n${lines.join('\n')}\n`;
}

/** "name: value" lines of what is there. */
export function facts(rows: readonly (readonly [string, string | undefined])[]): string {
  const shown = rows.flatMap(([name, value]) =>
    value === undefined || value === '' || value === '-' ? [] : [[name, value] as const],
  );
  const width = Math.max(0, ...shown.map(([name]) => name.length));
  return shown.map(([name, value]) => `${name.padEnd(width)}  ${value}\n`).join('');
}
