// Diagnostics as clang 19 wrote them, of small sources with known mistakes.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sourceGate } from './source-gate.ts';

const source = `#include "policy.h"
const volatile u64 slice_ns = 20000000

void OP(a_enqueue, struct task_struct *p, u64 enq_flags)
{
	scx_bpf_dsq_inser(p, 0, slice_ns, enq_flags);
}
`;
const diagnostics = `./a.bpf.c:2:39: error: expected ';' after top level declarator
    2 | const volatile u64 slice_ns = 20000000
      |                                       ^
      |                                       ;
fix-it:"./a.bpf.c":{2:39-2:39}:";"
./a.bpf.c:6:2: error: call to undeclared function 'scx_bpf_dsq_inser'; ISO C99 and later do not support implicit function declarations [-Wimplicit-function-declaration]
    6 |         scx_bpf_dsq_inser(p, 0, slice_ns, enq_flags);
      |         ^
./a.bpf.c:6:2: note: did you mean 'scx_bpf_dsq_insert'?
include/kfuncs.h:10:6: note: 'scx_bpf_dsq_insert' declared here
   10 | void scx_bpf_dsq_insert(struct task_struct *p, u64 dsq_id, u64 slice, u64 enq_flags) __ksym;
      |      ^
fix-it:"./a.bpf.c":{6:2-6:19}:"scx_bpf_dsq_insert"
a.bpf.c:9:6: warning: unused variable 'x' [-Wunused-variable]
2 errors and 1 warning generated.
`;

describe('sourceGate', () => {
  it('gives each diagnostic with its place and its fix', () => {
    const findings = sourceGate(source, diagnostics);
    expect(findings.map(({ code, severity }) => `${severity} ${code}`)).toEqual([
      'reject does-not-compile',
      'reject does-not-compile',
      'warn compile-warning',
    ]);
    expect(findings[0]).toMatchObject({
      place: { file: 'a.bpf.c', line: 2, column: 39, text: 'const volatile u64 slice_ns = 20000000' },
      why: "clang: expected ';' after top level declarator",
      instead: 'clang suggests: ;',
    });
    expect(findings[1]).toMatchObject({
      place: { line: 6, text: 'scx_bpf_dsq_inser(p, 0, slice_ns, enq_flags);' },
      instead: 'clang suggests: scx_bpf_dsq_insert',
    });
    expect(findings[1]!.why).toContain("(did you mean 'scx_bpf_dsq_insert'?)");
  });

  it.each([
    ["call to undeclared function 'scx_bpf_consume'; ISO C99", 'scx_bpf_dsq_move_to_local()'],
    ['unsupported signed division, please convert to unsigned div/mod.', 'unsigned'],
    ["no member named 'mm' in 'struct task_struct'", 'struct task_struct___mine'],
    ["'vmlinux.h' file not found", '#include "policy.h"'],
    ["cannot open file '/etc/passwd': Permission denied", '--include'],
  ])('knows what to do about %s', (message, advice) => {
    const [finding] = sourceGate(source, `x.bpf.c:3:1: error: ${message}\n`);
    expect(finding!.instead).toContain(advice);
  });

  it('calls the stack by its name', () => {
    const [finding] = sourceGate(
      source,
      'x.bpf.c:7:9: error: Looks like the BPF stack limit is exceeded. Please move\n',
    );
    expect(finding!.code).toBe('stack-too-deep');
  });

  it('takes the line from the source where clang does not show it', () => {
    expect(sourceGate(source, 'a.bpf.c:4:1: error: no\n')[0]!.place.text).toContain('a_enqueue');
  });

  it('rejects with whatever was said', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (text, said) => {
        expect(sourceGate(text, said).some(({ severity }) => severity === 'reject')).toBe(true);
      }),
    );
    expect(sourceGate('', '')[0]!.why).toContain('clang said nothing');
    expect(sourceGate('', 'error: unable to open output file\n')[0]!.why).toContain('unable to open');
  });
});
