// The mutator's operators, each on C that is small enough to see what must come out, and the manifest: every mutant can still be made.

import { describe, expect, it } from 'vitest';
import { entries, manifest } from './corpus.ts';
import { type Mutation, mutate, operatorNames } from './mutate.ts';

const source = `/* enqueue(p, LOCAL) in a comment; */
const volatile u64 slice_ns = 20000000;
static bool take(u64 id, s32 cpu)
{
	u32 i;

	bpf_for(i, 0, 8) {
		if (!test(cpu) || !online(cpu))
			continue;
		if (move(id))
			return true;
	}
	return false;
}

void OP(one_enqueue, struct task_struct *p, u64 enq_flags)
{
	u64 key = later(p->vtime, max(1, 2));

	if (s)
		begin(s);
	enqueue(p, LOCAL, slice_ns, key, enq_flags | PREEMPT);
	enqueue(p, 2);
}

s32 SLEEPABLE_OP(one_init)
{
	return create(0, -1);
}

POLICY(one,
       .enqueue = (void *)one_enqueue,
       .init = (void *)one_init,
       .flags = KEEP);
`;

/** What stands there afterwards, and did not before. */
const cases: [Mutation, string, string][] = [
  [
    { operator: 'delete-call', in: 'one_enqueue', at: 'enqueue', nth: 1 },
    'PREEMPT);\n\t;\n}',
    'enqueue(p, 2)',
  ],
  [
    { operator: 'double-call', in: 'one_enqueue', at: 'enqueue', nth: 1 },
    '{ enqueue(p, 2); enqueue(p, 2); }',
    '',
  ],
  [{ operator: 'drop-guard', in: 'take', at: 'test' }, '{\n\t\t;\n\t\tif (move(id))', 'continue'],
  [{ operator: 'always-do', in: 'one_enqueue', at: 's' }, '\n\n\t\n\t\tbegin(s);', 'if (s)'],
  [{ operator: 'negate-condition', in: 'take', at: 'move' }, 'if (!(move(id)))', 'if (move(id))'],
  [{ operator: 'drop-term', in: 'take', at: '!test(cpu)' }, 'if (!online(cpu))', 'test'],
  [{ operator: 'drop-term', in: 'take', at: '!online(cpu)' }, 'if (!test(cpu))', 'online'],
  [
    { operator: 'swap-token', in: null, at: '20000000', to: '7' },
    'const volatile u64 slice_ns = 7;',
    '20000000',
  ],
  [{ operator: 'drop-flag', in: 'one_enqueue', at: 'PREEMPT' }, 'key, enq_flags);', 'PREEMPT'],
  [
    { operator: 'swap-arguments', in: 'one_enqueue', at: 'later', arguments: [0, 1] },
    'later(max(1, 2), p->vtime)',
    '',
  ],
  [
    { operator: 'set-argument', in: 'one_init', at: 'create', arguments: [1], to: '9' },
    'create(0, 9)',
    'create(0, -1)',
  ],
  [
    { operator: 'vtime-to-fifo', in: 'one_enqueue', at: 'enqueue' },
    'scx_bpf_dsq_insert(p, LOCAL, slice_ns, enq_flags | PREEMPT);',
    '',
  ],
  [
    { operator: 'fifo-to-vtime', in: 'one_enqueue', at: 'enqueue', to: '0' },
    'scx_bpf_dsq_insert_vtime(p, LOCAL, slice_ns, 0, key)',
    '',
  ],
  [{ operator: 'set-return', in: 'take', at: 'false', to: 'true' }, 'return true;\n}', 'return false'],
  [{ operator: 'unbound-loop', in: 'take', at: 'bpf_for' }, 'for (i = 0;; i++) {', 'bpf_for'],
  [{ operator: 'drop-member', in: null, at: 'init' }, 'one_enqueue,\n       .flags = KEEP);', '.init'],
  [{ operator: 'drop-member', in: null, at: 'flags' }, '(void *)one_init);', 'KEEP'],
  [{ operator: 'add-member', in: null, at: 'timeout_ms', to: '9' }, '.flags = KEEP, .timeout_ms = 9);', ''],
  [{ operator: 'forbid-sleep', in: null, at: 'one_init' }, 's32 OP(one_init)', 'SLEEPABLE_OP'],
];

describe('operators', () => {
  it.each(cases)('%o', (mutation, there, gone) => {
    expect(source).not.toContain(there);
    const mutant = mutate(source, mutation);
    expect(mutant).toContain(there);
    if (gone !== '') expect(mutant).not.toContain(gone);
    expect(mutant.startsWith('/* enqueue(p, LOCAL) in a comment; */')).toBe(true);
  });

  it('each has a case', () => {
    const tried = new Set<string>(cases.map(([{ operator }]) => operator));
    expect(operatorNames.filter((name) => !tried.has(name))).toEqual([]);
  });

  it.each<[string, Mutation]>([
    ['no such function', { operator: 'delete-call', in: 'two_enqueue', at: 'enqueue' }],
    ['no such call', { operator: 'delete-call', in: 'take', at: 'enqueue' }],
    ['a call inside of a condition', { operator: 'delete-call', in: 'take', at: 'move' }],
    ['a part of a longer name', { operator: 'swap-token', in: null, at: 'slice', to: 'x' }],
    ['nothing to change', { operator: 'swap-token', in: null, at: 'LOCAL', to: 'LOCAL' }],
    ['no operand', { operator: 'set-return', in: 'take', at: 'false' }],
  ])('%s is an error', (_, mutation) => {
    expect(() => mutate(source, mutation)).toThrow();
  });
});

describe('the manifest', () => {
  const all = manifest();
  it('makes every mutant, each unlike its original and every other', () => {
    const sources = entries().map((entry) => entry.source);
    expect(new Set(sources).size).toBe(sources.length);
  });

  it('uses every operator', () => {
    const used = new Set<string>(all.map(({ operator }) => operator));
    expect(operatorNames.filter((name) => !used.has(name))).toEqual([]);
  });
});
