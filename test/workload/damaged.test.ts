// Damaged workload files: cut short, with characters changed, with wild values anywhere. Each is read, or ends in a fault that names the file and the place.

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Fault } from '../../src/core/errors.ts';
import { createRandom, type Random } from '../../src/lib/random.ts';
import { expand } from '../../src/workload/expand.ts';
import { parseWorkload } from '../../src/workload/read.ts';
import { root } from '../support/paths.ts';

const files = readdirSync(`${root}/workloads`)
  .filter((name) => name.endsWith('.json'))
  .map((name) => [name, readFileSync(`${root}/workloads/${name}`, 'utf8')] as const)
  .filter(([, text]) => JSON.parse(text).kind === 'declared');

/** Whatever is neither read nor a fault with its place is thrown. */
function outcome(text: string, name: string): 'read' | 'fault' {
  try {
    expand(parseWorkload(text, name), { seed: 1, cpus: 4 });
    return 'read';
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    expect(error.code).toBe('malformed');
    expect(`${error.message} ${error.where}`.length).toBeGreaterThan(20);
    expect(error.where, error.message).toBeTruthy();
    return 'fault';
  }
}

const wild = [
  null,
  -1,
  0,
  1.5,
  1e308,
  Number.MAX_SAFE_INTEGER,
  '',
  'x',
  '1e99s',
  '99999999h',
  true,
  [],
  {},
  [[]],
];

/** One value somewhere in it is another. */
function disturbed(value: unknown, random: Random): unknown {
  if (typeof value !== 'object' || value === null || random.below(4) === 0)
    return wild[random.below(wild.length)];
  const keys = Object.keys(value);
  if (keys.length === 0) return wild[random.below(wild.length)];
  const key = keys[random.below(keys.length)]!;
  const other = disturbed((value as Record<string, unknown>)[key], random);
  return Array.isArray(value)
    ? value.map((item, i) => (String(i) === key ? other : item))
    : { ...value, [key]: other };
}

describe.each(files)('%s', (name, text) => {
  it('cut short', () => {
    for (let length = 0; length < text.trimEnd().length; length += 1 + (length >> 6))
      expect(outcome(text.slice(0, length), name), `${length} characters`).toBe('fault');
  });

  it('with characters changed', () => {
    for (let seed = 0; seed < 200; seed++) {
      const random = createRandom(seed);
      const at = random.below(text.length);
      const other = String.fromCharCode(random.below(128));
      expect(['read', 'fault']).toContain(outcome(text.slice(0, at) + other + text.slice(at + 1), name));
    }
  });

  it('with wild values', () => {
    const counts = { read: 0, fault: 0 };
    for (let seed = 0; seed < 300; seed++)
      counts[outcome(JSON.stringify(disturbed(JSON.parse(text), createRandom(seed))), name)]++;
    expect(counts.fault).toBeGreaterThan(100);
  });
});
