// What holds of any workload, and of any bytes. Seeds are fixed: a failure repeats.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Fault } from '../../src/core/errors.ts';
import {
  type Amount,
  type Expansion,
  opCodes,
  type Phase,
  type WorkloadFile,
} from '../../src/core/workload.ts';
import { amountBounds } from '../../src/workload/draws.ts';
import { decode, encode } from '../../src/workload/encoding.ts';
import { expand } from '../../src/workload/expand.ts';
import { hints } from '../../src/workload/hints.ts';
import { executionCounts } from '../../src/workload/loops.ts';
import { expansionView, workloadView } from '../../src/workload/view.ts';
import { workloadFile } from './arbitrary.ts';
import { execute } from './executor.ts';
import { standard } from './files.ts';

const runs = { seed: 20_261_120, numRuns: 100, endOnFailure: true };
const topology = fc.record({ seed: fc.nat({ max: 2 ** 32 - 2 }), cpus: fc.constantFrom(2, 3, 8, 100) });

test('an expansion is decoded as it was encoded, and the same seed gives the same bytes', () => {
  fc.assert(
    fc.property(workloadFile, topology, (file, options) => {
      const expansion = expand(file, options);
      const bytes = encode(expansion);
      expect(decode(bytes)).toEqual(expansion);
      expect(Buffer.compare(encode(expand(structuredClone(file), options)), bytes)).toBe(0);
      expect(Buffer.compare(encode(expand(file, { ...options, seed: options.seed + 1 })), bytes)).not.toBe(0);
    }),
    runs,
  );
});

test('the order of keys in the file has no meaning', () => {
  fc.assert(
    fc.property(workloadFile, topology, (file, options) => {
      expect(encode(expand(reversedKeys(file) as WorkloadFile, options))).toEqual(
        encode(expand(file, options)),
      );
    }),
    { ...runs, numRuns: 40 },
  );
});

function reversedKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversedKeys);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, item]) => [key, reversedKeys(item)]),
  );
}

test('the work of each round is that of the file, but for the jitter and half a spread of each phase', () => {
  fc.assert(
    fc.property(workloadFile, topology, (file, options) => {
      const expansion = expand(file, options);
      const { mean, slack } = fileWork(file);
      for (let round = 0; round < expansion.rounds; round++) {
        expect(Math.abs(roundWork(expansion, round) - mean)).toBeLessThanOrEqual(mean * 0.02 + slack);
      }
    }),
    runs,
  );
});

/** Foreground work that the file means, and what stratified draws and rounding may add or take. */
function fileWork(file: WorkloadFile): { mean: number; slack: number } {
  let mean = 0;
  let slack = 0;
  let forks = 0;
  const walk = (phases: readonly Phase[], times: number) => {
    for (const phase of phases) {
      if ('loop' in phase) walk(phase.phases, times * (phase.loop as number));
      else if ('run' in phase) {
        const { lowNs, highNs } = amountBounds(phase.run as Amount);
        mean += (times * (lowNs + highNs)) / 2;
        slack += ((highNs - lowNs) / 2) * 1.02 + 2 * times;
      } else if ('fork' in phase) forks += times;
    }
  };
  for (const { name, count = 1, background, phases } of file.groups) {
    if (name !== 'child' && !background) walk(phases, count as number);
  }
  walk(file.groups.find(({ name }) => name === 'child')!.phases, forks);
  return { mean, slack };
}

function roundWork(expansion: Expansion, round: number): number {
  let sum = 0;
  for (const task of expansion.tasks.filter((task) => task.round === round && !task.background)) {
    const times = executionCounts(task.ops);
    for (const [i, op] of task.ops.entries()) if (op.code === opCodes.RUN) sum += Number(op.b) * times[i]!;
  }
  return sum;
}

test('what expand accepts comes to its end, and takes exactly the samples of its capacities', () => {
  fc.assert(
    fc.property(workloadFile, topology, (file, options) => {
      const expansion = expand(file, options);
      const events = execute(expansion, { cpus: 2, sliceNs: 1e6 });
      const taken = events.flatMap((event) =>
        event.event === 'samples' ? [(event.values as number[]).length] : [],
      );
      expect(taken).toEqual(expansion.series.map((series) => series.capacity));
    }),
    { ...runs, numRuns: 60 },
  );
});

test('with endless CPUs no round is shorter than the longest chain that a hint promises', () => {
  fc.assert(
    fc.property(workloadFile, topology, (file, options) => {
      const expansion = expand({ ...file, rounds: 1, warmupRounds: 0 }, options);
      const background = new Set(expansion.tasks.filter((task) => task.background).map((task) => task.comm));
      const ranks = hints(expansion).flatMap((hint) => (background.has(hint.comm) ? [] : [hint.rank]));
      const round = execute(expansion, { cpus: 1e6 }).find((event) => event.event === 'round')!;
      expect(round.makespanNs).toBeGreaterThanOrEqual(Math.max(...ranks));
    }),
    { ...runs, numRuns: 60 },
  );
});

test('every file and every expansion has a view', () => {
  fc.assert(
    fc.property(workloadFile, topology, (file, options) => {
      const expansion = expand(file, options);
      expect(expansionView(expansion, { tasks: 5, ops: 3 }).split('\n').length).toBeLessThanOrEqual(12);
      expect(workloadView(file)).toContain('anchor');
    }),
    { ...runs, numRuns: 40 },
  );
});

test('a file with one thing spoiled is accepted, or refused with a JSON path', () => {
  const junk = fc.constantFrom<unknown>(
    null,
    -1,
    1e300,
    '',
    'x',
    '9ms',
    [],
    {},
    true,
    { run: '1ms' },
    'forever',
  );
  let refused = 0;
  fc.assert(
    fc.property(workloadFile, topology, fc.nat(), junk, (file, options, place, value) => {
      const spoiled = spoil(file, place, value);
      try {
        expand(spoiled as WorkloadFile, options);
      } catch (fault) {
        if (!(fault instanceof Fault)) throw fault;
        refused++;
        expect(['malformed', 'unsupported']).toContain(fault.code);
        expect(fault.where).toMatch(/^\$/);
      }
    }),
    { ...runs, numRuns: 600 },
  );
  expect(refused).toBeGreaterThan(300);
});

/** A copy with the value at one of its places replaced, or a key added there. */
function spoil(file: WorkloadFile, place: number, value: unknown): unknown {
  const copy = structuredClone(file);
  const places: [Record<string, unknown>, string][] = [];
  const walk = (at: object) => {
    for (const [key, item] of Object.entries(at)) {
      places.push([at as Record<string, unknown>, key], [at as Record<string, unknown>, `${key}2`]);
      if (typeof item === 'object' && item !== null) walk(item);
    }
  };
  walk(copy);
  const [at, key] = places[place % places.length]!;
  if (!(Array.isArray(at) && key.endsWith('2') && !(key in at))) at[key] = value;
  return copy;
}

/** The bytes are refused as malformed, or are the one encoding of what they mean. */
function tryDecode(bytes: Uint8Array): 'refused' | 'accepted' {
  let expansion: Expansion;
  try {
    expansion = decode(bytes);
  } catch (fault) {
    if (!(fault instanceof Fault)) throw fault;
    expect(fault.code).toBe('malformed');
    expect(fault.where).toMatch(/^offset \d+$/);
    return 'refused';
  }
  expect(Buffer.compare(encode(expansion), bytes)).toBe(0);
  return 'accepted';
}

const seedFile = { ...standard('build-graph'), rounds: 1, warmupRounds: 0 };
const samples = [
  encode(expand(seedFile, { seed: 1, cpus: 4 })),
  encode(expand({ ...standard('frames'), rounds: 2 }, { seed: 1, cpus: 1 })),
];

test('every truncation is refused', () => {
  const bytes = samples[0]!;
  for (let length = 0; length < bytes.length; length++)
    expect(tryDecode(bytes.subarray(0, length))).toBe('refused');
  expect(tryDecode(new Uint8Array([...bytes, 0]))).toBe('refused');
  expect(tryDecode(bytes)).toBe('accepted');
});

test('flipped bits and changed words are refused, or decoded exactly', () => {
  const seen = { refused: 0, accepted: 0 };
  fc.assert(
    fc.property(
      fc.constantFrom(...samples),
      fc.nat(),
      fc.nat({ max: 255 }),
      fc.nat({ max: 3 }),
      (original, at, value, how) => {
        const bytes = original.slice();
        const place = how === 0 ? at % 4000 : at % bytes.length;
        bytes[place] = how === 1 ? value : bytes[place]! ^ (1 << (value % 8));
        seen[tryDecode(bytes)]++;
      },
    ),
    { ...runs, numRuns: 3000 },
  );
  expect(seen.refused).toBeGreaterThan(500);
  expect(seen.accepted).toBeGreaterThan(100);
});

test('any bytes are refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), fc.boolean(), (bytes, withMagic) => {
      if (withMagic) bytes.set(new TextEncoder().encode('SCPWORK1').subarray(0, bytes.length));
      tryDecode(bytes);
    }),
    { ...runs, numRuns: 2000 },
  );
});
