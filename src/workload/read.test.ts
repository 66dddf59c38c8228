import { describe, expect, test } from 'vitest';
import { Fault } from '../core/errors.ts';
import { expand } from './expand.ts';
import { parseWorkload, readWorkload } from './read.ts';

const base = {
  kind: 'declared',
  name: 'w',
  description: 'A test.',
  goal: { metric: 'makespanNs', direction: 'lower' },
};

/** One group `t` with these phases, and whatever else. */
function file(phases: unknown[], group: object = {}, more: object = {}): unknown {
  return { ...base, groups: [{ name: 't', phases, ...group }], ...more };
}

function faultOf(run: () => unknown): Fault {
  try {
    run();
  } catch (fault) {
    if (fault instanceof Fault) return fault;
    throw fault;
  }
  throw new Error('no fault');
}

const p0 = '$.groups[0].phases[0]';
const run = { run: '1ms' };

/** What is wrong, its JSON path, a piece of the message. */
const mistakes: [string, unknown, string, string][] = [
  ['no object', 7, '$', 'expected object'],
  ['another kind', { ...base, kind: 'command', groups: [] }, '$.kind', 'declared'],
  ['no groups', base, '$.groups', 'missing'],
  ['unknown key', file([run], {}, { group: 1 }), '$.group', 'allowed here: kind, name, description'],
  ['unknown key of a group', file([run], { prio: 1 }), '$.groups[0].prio', 'allowed here: name, count, comm'],
  ['unknown key of a phase', file([{ run: '1ms', ms: 1 }]), `${p0}.ms`, 'allowed here: run'],
  ['a verb too many', file([{ write: 'x', bytes: 1, run: 1 }]), `${p0}.run`, 'needs a phase of its own'],
  ['a missing part', file([{ write: 'x' }]), `${p0}.bytes`, 'missing'],
  ['two verbs', file([{ run: '1ms', sleep: '1ms' }]), p0, 'got run, sleep, expected one of the verbs'],
  ['no verb', file([{ rum: '1ms' }]), p0, 'got rum, expected one of the verbs run, sleep'],
  ['phase of text', file(['run']), p0, 'not a phase'],
  ['bad duration', file([{ run: '37 ms' }]), `${p0}.run`, 'as in "37ms"'],
  ['long duration', file([{ run: '3601s' }]), `${p0}.run`, 'an hour'],
  ['negative duration', file([{ run: -1 }]), `${p0}.run`, '>=0'],
  [
    'unknown key of an amount',
    file([{ run: { abut: '1ms', spread: 1 } }]),
    `${p0}.run.abut`,
    'allowed here: about, spread',
  ],
  ['spread', file([{ run: { about: '1ms', spread: 2 } }]), `${p0}.run.spread`, '<=1'],
  ['range', file([{ run: { from: '2ms', to: '1ms' } }]), `${p0}.run`, '"from" is above "to"'],
  ['pareto from 0', file([{ run: { from: 0, to: 9, shape: 'pareto' } }]), `${p0}.run.from`, 'above zero'],
  ['rate of zero', file([{ timer: { poisson: '0/s' } }]), `${p0}.timer.poisson`, 'above zero'],
  ['nothing measured', file([run], {}, { rounds: 2, warmupRounds: 2 }), '$.warmupRounds', 'below rounds (2)'],
  [
    'no metric',
    file([run], {}, { goal: { metric: 'speed', direction: 'lower' } }),
    '$.goal.metric',
    'no metric "speed"',
  ],
  [
    'direction',
    file([run], {}, { goal: { metric: 'makespanNs', direction: 'higher' } }),
    '$.goal.direction',
    'lower',
  ],
  [
    'series of the goal',
    file([run], {}, { goal: { metric: 'latencyNsP99:x', direction: 'lower' } }),
    '$.goal.metric',
    'no series "x"; there is none',
  ],
  [
    'background goal',
    file([run], {}, { goal: { metric: 'backgroundCpus', direction: 'higher' } }),
    '$.goal.metric',
    'no group is background',
  ],
  [
    'command goal',
    file([run], {}, { goal: { metric: 'elapsedNs', direction: 'lower' } }),
    '$.goal.metric',
    'only commands',
  ],
  ['unknown series', file([{ since: 'x' }]), `${p0}.since`, 'no series "x"'],
  ['unused series', file([run], {}, { series: { x: {} } }), '$.series.x', 'no phase samples it'],
  ['bad series name', file([run], {}, { series: { X: {} } }), '$.series.X', 'starts with a-z'],
  ['unknown cgroup', file([run], { cgroup: 'x' }), '$.groups[0].cgroup', 'no cgroup "x"'],
  ['unknown group', file([{ fork: 'x' }]), `${p0}.fork`, 'no group "x"; there is t'],
  ['unknown arrivals', file([{ each: 'x', phases: [run] }]), `${p0}.each`, 'no arrivals "x"'],
  [
    'second group',
    { ...base, groups: [1, 2].map(() => ({ name: 't', phases: [run] })) },
    '$.groups[1].name',
    'a second group',
  ],
  ['forks itself', file([{ fork: 't' }]), '$.groups[0]', 'forks itself'],
  ['arrival outside', file([{ until: 'arrival' }]), `${p0}.until`, 'only inside "each"'],
  ['arrival number outside', file([{ signal: 'x@' }]), `${p0}.signal`, 'only inside "each"'],
  ['several locks', file([{ lock: 'x#*2' }]), `${p0}.lock`, 'names several'],
  [
    'endless in the foreground',
    file([{ loop: 'forever', phases: [run] }]),
    `${p0}.loop`,
    'only a background group',
  ],
  [
    'endless and varying',
    file([{ loop: 'forever', phases: [{ run: { about: '1ms', spread: 0.1 } }] }], { background: true }),
    `${p0}.phases[0].run`,
    'plain duration',
  ],
  [
    'place and start',
    file([run], { place: [0, 1], start: 0 }),
    '$.groups[0].place',
    '"start" already says when',
  ],
  [
    'two kinds of starts',
    file([run], {}, { starts: { within: 0, poisson: '1/s' } }),
    '$.starts',
    'only one of',
  ],
  ['long comm', file([run], { comm: 'abcdefghijklmnop' }), '$.groups[0].comm', 'longer than 15'],
  ['long name', file([run], { name: 'abcdefghijklmnop' }), '$.groups[0].name', 'set a short "comm"'],
  ['too many tasks', file([run], { count: 4096 }, { rounds: 2 }), '$.groups', '8192 tasks'],
  [
    'too many operations',
    file([{ loop: 2_000_001, phases: [run, { timer: '1ms' }] }]),
    `${p0}.phases[`,
    'operations',
  ],
  [
    'too many draws',
    file([{ loop: 1e9, phases: [{ run: { from: 0, to: 9 } }] }]),
    `${p0}.phases[0]`,
    'more than 2,000,000 operations',
  ],
  ['too many locks', file([{ lock: 'x#' }, { unlock: 'x#' }], { count: 1025 }), p0, 'more than 1024 locks'],
  [
    'too many samples',
    file([{ signal: 's' }, { loop: 1_000_001, phases: [{ lap: 'x', of: 's' }] }], {}, { series: { x: {} } }),
    '$.series',
    '1,000,001 samples',
  ],
  ['no such task', file([{ join: 't#3' }]), `${p0}.join`, 'no task 3 in group "t"'],
  ['nobody signals', file([run, { wait: 'x' }]), '$.groups[0].phases[1]', 'nobody signals'],
  [
    'too few signals',
    file([{ signal: 'x' }, { wait: 'x', times: 2 }]),
    '$.groups[0].phases[1]',
    'too few signals',
  ],
  ['nobody writes', file([{ read: 'x', bytes: 1 }]), p0, 'nobody writes'],
  [
    'too little is written',
    file([
      { write: 'x', bytes: 3 },
      { read: 'x', bytes: 4 },
    ]),
    '$.groups[0].phases[1]',
    'too little',
  ],
  ['nobody reads', file([{ write: 'x', bytes: 65_537 }]), p0, 'nobody reads'],
  ['never unlocked', file([{ lock: 'x' }, run]), '$.groups[0].phases[1]', 'holds a lock'],
  ['not locked', file([{ unlock: 'x' }]), p0, 'does not hold'],
  ['locked twice', file([{ lock: 'x' }, { lock: 'x' }]), '$.groups[0].phases[1]', 'already holds'],
  [
    'two orders of locks',
    {
      ...base,
      groups: [
        ['a', 'b'],
        ['b', 'a'],
      ].map(([x, y], i) => ({
        name: `g${i}`,
        phases: [{ lock: x }, { lock: y }, { unlock: y }, { unlock: x }],
      })),
    },
    '$.groups[1].phases[1]',
    'opposite order',
  ],
  [
    'circle of joins',
    { ...base, groups: ['a', 'b'].map((name, i) => ({ name, phases: [{ join: ['b', 'a'][i] }] })) },
    '$.groups[0].phases[0]',
    'never ends',
  ],
];

describe('a mistake is a malformed fault with its JSON path', () => {
  test.each(mistakes)('%s', (_, value, path, message) => {
    const fault = faultOf(() => expand(readWorkload(value), { seed: 1, cpus: 2 }));
    expect(fault.code).toBe('malformed');
    expect(fault.message).toContain(`  ${path}`);
    expect(fault.message).toContain(message);
  });
});

test('a CPU that the machine lacks is unsupported', () => {
  const fault = faultOf(() => expand(readWorkload(file([run], { cpus: [0, 2] })), { seed: 1, cpus: 2 }));
  expect(fault.code).toBe('unsupported');
  expect(fault.message).toContain('$.groups[0].cpus: CPU 2 on a machine with 2 CPUs');
});

test('text that is not JSON says so', () => {
  expect(faultOf(() => parseWorkload('{"a":', 'x.json')).message).toContain('workload x.json: not JSON');
});

test('many mistakes are counted, and ten shown', () => {
  const fault = faultOf(() => readWorkload(file(new Array(12).fill({ run: 'x' }))));
  expect(fault.message).toContain('12 mistakes');
  expect(fault.message).toContain('… and 2 more');
});
