import { describe, expect, it } from 'vitest';
import { build, machine } from '../../test/profiles/examples.ts';
import { profile } from '../../test/profiles/profiles.ts';
import {
  candidate,
  command,
  declared,
  defaultArm,
  digest,
  experiment,
  outcome,
  policyArm,
} from '../../test/records/build.ts';
import { canonicalJson, recordDigest } from './canonical.ts';
import { type RecordOf, recordSchema, settingsSchema } from './records.ts';

const verdict: RecordOf = {
  kind: 'verdict',
  version: 1,
  from: [digest('1')],
  plan: { seed: 1 },
  observations: [{ value: 1 }],
  outcomes: [digest('2')],
  others: [],
  candidates: { default: digest('1') },
  judgement: { decision: 'accepted' },
};
const finding = { code: 'stalled', message: 'm', detail: 'd', next: 'n' } as const;
const hinted = policyArm('p');
const all: [string, RecordOf][] = [
  ['candidate', candidate(policyArm('p'))],
  [
    'candidate with settings',
    candidate({ ...defaultArm, kind: 'settings', settings: { nice: -20, features: ['NO_RUN_TO_PARITY'] } }),
  ],
  ['experiment', experiment()],
  ['experiment of a command', experiment({ workload: command({ speed: '(\\d+)' }) })],
  ['experiment of nothing', experiment({ workload: null })],
  [
    'experiment with hints and large numbers',
    experiment({
      arm: {
        ...hinted,
        policy: {
          name: 'p',
          object: digest('a'),
          parameters: { a: 1, b: true, c: '-18446744073709551615' },
          hints: { w: { lengthNs: 1, rank: 2, dependents: 0 } },
        },
      },
    }),
  ],
  ['outcome', outcome()],
  [
    'failed outcome',
    outcome({
      status: 'failed',
      finding,
      metrics: {},
      exit: { kind: 1026, code: '-5', reason: '', message: '', dump: '' },
      output: { stdout: '', stderr: '' },
    }),
  ],
  ['profile', profile(build)],
  ['profile of next to nothing', profile(machine)],
  ['verdict', verdict],
  ['anchor', { kind: 'anchor', version: 1, from: [], seq: 0, hash: digest('a') }],
];

describe('records', () => {
  it.each(all)('%s goes through its schema unchanged', (_, record) => {
    const read = recordSchema.parse(JSON.parse(canonicalJson(record)));
    expect(read).toEqual(record);
    expect(recordDigest(read)).toBe(recordDigest(record));
  });

  it.each<[string, object]>([
    ['another kind', { ...candidate(defaultArm), kind: 'lesson' }],
    ['another version', { ...candidate(defaultArm), version: 2 }],
    ['a digest that is none', { ...outcome(), from: ['../../etc/passwd'] }],
    ['a digest in capitals', { ...outcome(), from: ['A'.repeat(64)] }],
    ['a metric that is no number', { ...outcome(), metrics: { makespanNs: '5' } }],
    ['a finding that is not known', { ...outcome(), finding: { code: 'odd', message: '' } }],
    ['a command without a program', experiment({ workload: { ...command(), argv: [] } as never })],
    ['no CPUs', experiment({ topology: { cpus: 0, memoryMiB: 384 } })],
    [
      'a parameter that is no integer',
      experiment({ arm: { ...hinted, policy: { name: 'p', object: digest('a'), parameters: { a: 0.5 } } } }),
    ],
    ['a file that is no digest', experiment({ workload: { ...declared, expansion: 'x' } as never })],
  ])('%s is refused', (_, record) => {
    expect(recordSchema.safeParse(record).success).toBe(false);
  });

  it.each([
    [{ baseSliceNs: 99_999 }, false],
    [{ baseSliceNs: 100_000 }, true],
    [{ nice: -21 }, false],
    [{ nice: 19 }, true],
    [{ sched: 'fifo' }, false],
    [{ cpuWeight: 0 }, false],
    [{ features: ['a b\nwall-limit-ms 1'] }, false],
    [{}, true],
  ])('settings %j: %s', (settings, good) => {
    expect(settingsSchema.safeParse(settings).success).toBe(good);
  });
});
