// Services that do nothing real: one of each effect, and one for every way in which a call may go. Both skins are driven by them.

import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { Fault } from '../../src/core/errors.ts';
import { type Service, service } from '../../src/services/service.ts';

/** Every kind of field that a service may have; it answers what it was given. */
const echo = service({
  name: 'echo',
  effect: 'run',
  summary: 'Answer what was given.',
  description: 'Costs nothing.',
  input: z.object({
    target: z.string().optional().describe('what to look at'),
    command: z.array(z.string()).optional().describe('a command and its arguments'),
    size: z.number().int().min(1).max(50).default(3).describe('how many'),
    margin: z.number().min(0).max(0.5).optional().describe('how much'),
    mode: z.enum(['fast', 'slow']).default('fast').describe('how'),
    with: z.array(z.string()).default([]).describe('what else'),
    weights: z.array(z.number()).optional().describe('numbers'),
    env: z.record(z.string(), z.string()).default({}).describe('variables'),
    limits: z.record(z.string(), z.number()).optional().describe('limits by name'),
    settings: z.array(z.union([z.string(), z.object({ nice: z.number().int() })])).optional(),
    harm: z.boolean().default(true).describe('check the others'),
    probe: z.boolean().default(false).describe('look closer'),
    tri: z.boolean().optional().describe('yes, no or unsaid'),
    cpuWeight: z.number().int().min(1).optional().describe('weight'),
    either: z.union([z.number(), z.string()]).optional().describe('a number or a word'),
    maybe: z.number().int().min(1).nullable().optional().describe('a number or nothing'),
    exit: z.union([z.literal(0), z.literal(1), z.literal(3)]).default(0),
  }),
  output: z.object({ given: z.record(z.string(), z.json()) }),
  cli: {
    positional: ['target'],
    rest: 'command',
    examples: ['schedcp echo --size 5', 'schedcp echo here --env A=b -- make -j2'],
    notes: 'Exits as it is told to.',
  },
  async run(input) {
    const given = JSON.parse(JSON.stringify(input));
    // `undocumented` is not in the schema: no skin may let it out.
    return {
      output: { given, undocumented: 1 },
      exit: input.exit,
      text: `given ${Object.keys(given).join(' ')}\n`,
    };
  },
});

const required = service({
  name: 'required',
  effect: 'read',
  summary: 'Want a file and a level.',
  description: 'Costs nothing.',
  input: z.object({
    file: z.string().min(3).describe('a file'),
    level: z.number().int().min(0).describe('a level'),
  }),
  output: z.object({ file: z.string() }),
  cli: { positional: ['file'], examples: ['schedcp required a.o --level 2'] },
  run: async ({ file }) => ({ output: { file }, exit: 0, text: file }),
});

const fault = service({
  name: 'fault',
  effect: 'read',
  summary: 'Fail.',
  description: 'As the outside does.',
  input: z.object({ bug: z.boolean().default(false), long: z.boolean().default(false) }),
  output: z.object({}),
  cli: { positional: [], examples: [] },
  async run({ bug, long }) {
    if (bug) throw new TypeError('x is not a function');
    const where = long ? 'w'.repeat(50_000) : 'records/';
    throw new Fault('not-found', 'no record starts with 12ab', { where, next: 'schedcp show lists them' });
  },
});

const unfit = service({
  name: 'unfit',
  effect: 'read',
  summary: 'Answer outside of its own schema.',
  description: 'A bug.',
  input: z.object({}),
  output: z.object({ n: z.number() }),
  cli: { positional: [], examples: [] },
  run: async () => ({ output: { n: 'x' as unknown as number }, exit: 0, text: '' }),
});

/** What became of calls of `slow`, for tests in the same process. */
export const cleanedUp: string[] = [];

const slow = service({
  name: 'slow',
  effect: 'run',
  summary: 'Take its time.',
  description: 'Tells of its progress, and cleans up when interrupted.',
  input: z.object({
    steps: z.number().int().min(1).default(40),
    stepMs: z.number().int().min(0).default(20),
    counted: z.boolean().default(true).describe('say how far it is'),
    deaf: z.boolean().default(false).describe('do not listen to Ctrl-C'),
  }),
  output: z.object({ steps: z.number() }),
  cli: { positional: [], examples: ['schedcp slow --steps 3'] },
  async run({ steps, stepMs, deaf, counted }, { progress, signal }) {
    try {
      for (let step = 0; step < steps; step++) {
        progress({
          text: `step ${step + 1} of ${steps}`,
          ...(counted ? { done: step, total: steps } : {}),
        });
        await sleep(stepMs, undefined, deaf ? {} : { signal });
      }
      progress({ text: 'done', done: steps, total: steps });
      return { output: { steps }, exit: 0, text: `${steps} steps` };
    } catch (thrown) {
      await sleep(50);
      cleanedUp.push('slow');
      process.stderr.write('slow: cleaned up\n');
      throw thrown;
    }
  },
});

const line = (n: number) => `line ${n}: a policy may be as long as its verdict is short`;

const long = service({
  name: 'long',
  effect: 'read',
  summary: 'Answer 50 KB.',
  description: 'In pages.',
  input: z.object({ page: z.number().int().min(1).default(1), lines: z.number().int().default(900) }),
  output: z.object({ text: z.string(), rows: z.array(z.object({ name: z.string(), n: z.number() })) }),
  cli: { positional: [], examples: ['schedcp long'] },
  async run({ lines }) {
    const text = Array.from({ length: lines }, (_, n) => line(n)).join('\n');
    const rows = Array.from({ length: lines }, (_, n) => ({ name: `row-${n}`, n }));
    return { output: { text, rows }, exit: 0, text };
  },
});

/** The same under a name that tools do not have. */
const longWords: Service = {
  ...long,
  name: 'long-words',
  cli: { positional: [], examples: ['schedcp long-words'] },
};

const noisy = service({
  name: 'noisy',
  effect: 'run',
  summary: 'Print where it must not.',
  description: 'As a careless library does.',
  input: z.object({}),
  output: z.object({ records: z.array(z.object({ kind: z.string(), digest: z.string() })), why: z.string() }),
  cli: { positional: [], examples: [] },
  async run() {
    console.log('not JSON-RPC');
    const records = [{ kind: 'verdict', digest: 'ab'.repeat(32) }];
    return { output: { records, why: 'y'.repeat(20_000) }, exit: 0, text: 'noisy' };
  },
});

const remove = service({
  name: 'remove',
  effect: 'remove',
  summary: 'Remove everything.',
  description: 'For good.',
  input: z.object({}),
  output: z.object({ removed: z.number() }),
  cli: { positional: [], examples: ['schedcp remove'] },
  run: async () => ({ output: { removed: 0 }, exit: 0, text: 'nothing to remove' }),
});

export const services: readonly Service[] = [
  echo,
  required,
  fault,
  unfit,
  slow,
  long,
  longWords,
  noisy,
  remove,
];
