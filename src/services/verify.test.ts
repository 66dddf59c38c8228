// verify over a world that is fixed.

import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { faultOf } from '../../test/linux/support.ts';
import { fixedWorld, root } from '../../test/services/fixed-world.ts';
import { Fault } from '../core/errors.ts';
import { CompilerRefusal } from '../core/gate.ts';
import { verify } from './verify.ts';

const call = { progress: () => {}, signal: new AbortController().signal };

describe('verify', () => {
  const file = join(root, 'policies/fifo/fifo.bpf.o');

  it('says what the object is, and that it holds', async () => {
    const fixed = fixedWorld();
    const { output, exit, text } = await fixed.call('verify', { file, kernel: '6.18' });
    expect(exit).toBe(0);
    expect(output).toMatchObject({ accepted: true, policy: 'fifo', kernel: '6.18.0-test', finding: null });
    expect(output.parameters).toContainEqual({
      name: 'slice_ns',
      type: expect.any(String),
      default: 20_000_000,
    });
    expect(output.programs.length).toBeGreaterThan(2);
    expect(fixed.asked).toContain('machine 6.18');
    expect(fixed.machine.ran.map((e) => e.workload?.name)).toEqual(['hog-latency']);
    expect(text).toContain('slice_ns');
    const shown = await fixed.call('show', { record: output.records[0].digest });
    expect(shown.text).toContain('fifo × hog-latency');
  });

  it('says no with the reason', async () => {
    const finding = () =>
      ({ code: 'stalled', message: 'it stalled', next: 'mend it', detail: 'a\nb' }) as const;
    const { output, exit, text } = await fixedWorld({ finding }).call('verify', { file });
    expect([exit, output.accepted, output.finding.code]).toEqual([1, false, 'stalled']);
    expect(text).toContain('  stalled: it stalled\n  → mend it\n    a\n    b\n');
  });

  it('shows the beginning of a dump', async () => {
    const dump = Array.from({ length: 50 }, (_, i) => `line ${i}`).join('\n');
    const finding = () => ({ code: 'ejected', message: 'it was wrong', detail: dump }) as const;
    const { text, output } = await fixedWorld({ finding }).call('verify', { file });
    expect(text).toContain('    line 39\n    [10 more lines: --json has them]\n');
    expect(text).not.toContain('line 40');
    expect(output.finding.detail).toBe(dump);
  });

  it.each([
    ['./nope.bpf.o', 'not-found'],
    ['./nope.bpf.c', 'malformed'],
    [join(root, 'README.md'), 'malformed'],
  ])('%s is a fault', async (path, code) => {
    const fixed = fixedWorld();
    expect((await faultOf(() => fixed.call('verify', { file: path }))).code).toBe(code);
    expect(fixed.asked.filter((item) => item.startsWith('machine'))).toEqual([]);
  });
});

describe('the static gate of verify', () => {
  const faulty = join(root, 'test/gauntlet/static/dsq-never_created.bpf.o');

  it('ends it before a machine is opened, with place, reason and what to write instead', async () => {
    const fixed = fixedWorld();
    const { output, exit, text } = await fixed.call('verify', { file: faulty, kernel: '6.18' });
    expect([exit, output.accepted, output.kernel, output.finding]).toEqual([1, false, null, null]);
    expect(output.static.findings).toMatchObject([
      { code: 'dsq-never-created', severity: 'reject', sure: 'certain', place: { callback: 'enqueue' } },
    ]);
    expect(fixed.asked.filter((item) => item.startsWith('machine'))).toEqual([]);
    expect(text).toMatch(
      /^rejected: small by the static gate\n {2}reject dsq-never-created \(certain\): base\.h:\d+, in small_enqueue/,
    );
    expect(text).toContain('    → Create it in init');
    expect(text).toMatch(/\n {2}dispatch +\d+ instructions +stack 0/);
  });

  it('asks the kernel all the same with --all-gates', async () => {
    const fixed = fixedWorld();
    const { output, exit } = await fixed.call('verify', { file: faulty, kernel: '6.18', allGates: true });
    expect([exit, output.accepted, output.kernel]).toEqual([1, false, '6.18.0-test']);
    expect(fixed.asked).toContain('machine 6.18');
  });

  it('takes the version from --kernel', async () => {
    const file = join(root, 'test/gauntlet/static/whitelist-missing.bpf.o');
    const on = async (kernel?: string) =>
      (await fixedWorld().call('verify', { file, ...(kernel && { kernel }) })).output.static.findings;
    expect((await on('6.18')).map(({ code }: { code: string }) => code)).toEqual(['kfunc-missing']);
    expect(await on('7.3')).toEqual([]);
    expect(await on()).toEqual([]);
  });

  it('tells what clang said as findings', async () => {
    const fixed = fixedWorld();
    const said = "x.bpf.c:1:2: error: call to undeclared function 'scx_bpf_consume'; ISO C99\n";
    const world = {
      ...fixed.world,
      compile: async () => {
        throw new Fault('malformed', 'no', { cause: new CompilerRefusal(said) });
      },
    };
    const reply = await verify(world).run(
      { file: join(root, 'policies/fifo/fifo.bpf.c'), machine: 'micro-vm', include: [], allGates: false },
      call,
    );
    expect(reply.exit).toBe(1);
    expect(reply.output).toMatchObject({
      accepted: false,
      static: { findings: [{ code: 'does-not-compile', place: { line: 1, column: 2 } }] },
    });
    expect(reply.text).toContain('scx_bpf_dsq_move_to_local()');
  });
});
