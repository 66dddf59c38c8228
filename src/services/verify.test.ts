// verify over a world that is fixed.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { faultOf } from '../../test/linux/support.ts';
import { fixedWorld, root } from '../../test/services/fixed-world.ts';
import { Fault } from '../core/errors.ts';
import { CompilerRefusal } from '../core/gate.ts';
import { verify } from './verify.ts';
import { verifyInput } from './verify-schemas.ts';

/** Not the whole gauntlet, which simulates for some seconds. */
const gates = 'static,kernel';
const call = { progress: () => {}, signal: new AbortController().signal };

describe('verify', () => {
  const file = join(root, 'policies/fifo/fifo.bpf.o');

  it('says what the object is, and that it holds', async () => {
    const fixed = fixedWorld();
    const { output, exit, text } = await fixed.call('verify', { file, gates, kernel: '6.18' });
    expect(exit).toBe(0);
    expect(output).toMatchObject({
      ...{ accepted: false, decision: 'inconclusive', why: 'the simulator: not run' },
      ...{ policy: 'fifo', kernel: '6.18.0-test', finding: null, attack: null, changes: [] },
    });
    expect(output.gates.map(({ gate, passed }: { gate: string; passed: string }) => [gate, passed])).toEqual([
      ['static', 'yes'],
      ['simulator', 'not-run'],
      ['kernel', 'yes'],
      ['harm', 'not-run'],
    ]);
    expect(output.parameters).toContainEqual({
      name: 'slice_ns',
      type: expect.any(String),
      default: 20_000_000,
    });
    expect(output.programs.length).toBeGreaterThan(2);
    expect(fixed.asked).toContain('machine 6.18');
    const ran = fixed.machine.ran.map(({ workload, watchdogMs }) => [workload?.name, watchdogMs]);
    expect(ran.sort()).toEqual([
      ['crowd', 1700],
      ['hotplug', 1700],
      ['provoke', 1700],
      ['stress', 1700],
    ]);
    expect(text).toContain('slice_ns');
    const [verdict, outcome] = output.records;
    expect([verdict.kind, outcome.kind]).toEqual(['verdict', 'outcome']);
    expect((await fixed.call('show', { record: outcome.digest })).text).toContain('fifo × provoke');
    const shown = await fixed.call('show', { record: verdict.digest });
    expect(shown.text).toMatch(/inconclusive: the simulator: not run\n {2}static +passed/);
    expect((await fixed.call('replay', { record: verdict.digest })).output.same).toBe(true);
  });

  it('without a run behind it there is nothing to run again, and replay says so', async () => {
    const fixed = fixedWorld();
    const { output } = await fixed.call('verify', { file, gates: 'static' });
    const record = output.records[0].digest;
    const again = await fixed.call('replay', { record, rerun: true });
    expect(again.output.note).toBe(
      'the verdict replays: nothing differs; no run is behind it that could be run again',
    );
    expect((await fixed.call('replay', { record })).output.note).toBe('the verdict replays: nothing differs');
  });

  it('says no with the reason', async () => {
    const finding = () =>
      ({ code: 'stalled', message: 'it stalled', next: 'mend it', detail: 'a\nb' }) as const;
    const { output, exit, text } = await fixedWorld({ finding }).call('verify', { file, gates });
    expect([exit, output.decision, output.finding.code]).toEqual([1, 'rejected', 'stalled']);
    expect(output.why).toBe('kernel 6.18.0-test: provoke: it stalled');
    expect(text).toContain('  stalled: it stalled\n  → mend it\n    a\n    b\n');
  });

  it('shows the beginning of a dump', async () => {
    const dump = Array.from({ length: 50 }, (_, i) => `line ${i}`).join('\n');
    const finding = () => ({ code: 'ejected', message: 'it was wrong', detail: dump }) as const;
    const { text, output } = await fixedWorld({ finding }).call('verify', { file, gates });
    expect(text).toContain('    line 39\n    [10 more lines: --json has them]\n');
    expect(text).not.toContain('line 40');
    expect(output.finding.detail).toBe(dump);
  });

  it.each([
    ['./nope.bpf.o', 'not-found'],
    ['./nope.bpf.c', 'malformed'],
    [join(root, 'README.md'), 'malformed'],
    ['nope', 'not-found'],
    ['fifo?nope=1', 'not-found'],
  ])('%s is a fault', async (path, code) => {
    const fixed = fixedWorld();
    expect((await faultOf(() => fixed.call('verify', { file: path }))).code).toBe(code);
    expect(fixed.asked.filter((item) => item.startsWith('machine'))).toEqual([]);
  });
});

describe('a guest that fails', () => {
  it('says nothing of the policy: invalid, exit 3', async () => {
    const finding = () => ({ code: 'guest-failed', message: 'the guest was gone' }) as const;
    const { output, exit } = await fixedWorld({ finding }).call('verify', { file: 'fifo', gates });
    expect([exit, output.accepted, output.decision]).toEqual([3, false, 'invalid']);
  });
});

describe('several kernels', () => {
  it('are all asked, each by its gate', async () => {
    const fixed = fixedWorld();
    const { output } = await fixed.call('verify', { file: 'fifo', gates, kernel: '6.18,7.3' });
    expect(fixed.asked.filter((item) => item.startsWith('machine'))).toEqual(['machine 6.18', 'machine 7.3']);
    expect(output.records.filter(({ kind }: { kind: string }) => kind === 'outcome')).toHaveLength(8);
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
      /^rejected: small; the static gate: dsq-never-created\n {2}static +NO +dsq-never-created\n[\s\S]*\n {2}reject dsq-never-created \(certain\): base\.h:\d+, in small_enqueue/,
    );
    expect(text).toContain('    → Create it in init');
    expect(text).toMatch(/\n {2}dispatch +\d+ instructions +stack 0/);
  });

  it('asks the kernel all the same with --all-gates', async () => {
    const fixed = fixedWorld();
    const input = { file: faulty, gates, kernel: '6.18', allGates: true };
    const { output, exit } = await fixed.call('verify', input);
    expect([exit, output.accepted, output.kernel]).toEqual([1, false, '6.18.0-test']);
    expect(fixed.asked).toContain('machine 6.18');
  });

  it('takes the version from --kernel', async () => {
    const file = join(root, 'test/gauntlet/static/whitelist-missing.bpf.o');
    const on = async (kernel?: string) =>
      (await fixedWorld().call('verify', { file, gates: 'static', ...(kernel && { kernel }) })).output.static
        .findings;
    expect((await on('6.18')).map(({ code }: { code: string }) => code)).toEqual(['kfunc-missing']);
    expect(await on('7.3')).toEqual([]);
    expect(await on()).toEqual([]);
  });

  it('judges the values that are asked for, not those of the object', async () => {
    const fixed = fixedWorld();
    const forever = join(root, 'policies/fifo/fifo.bpf.o?slice_ns=18446744073709551615');
    const { output } = await fixed.call('verify', { file: forever, gates: 'static' });
    expect(output.static.findings.map(({ code }: { code: string }) => code)).toContain('slice-infinite');
    const usual = await fixed.call('verify', { file: forever.replace(/=.*/, '=5000000'), gates: 'static' });
    expect(usual.output.static.findings).toEqual([]);
  });

  it('an object that is too large is refused before anything is kept', async () => {
    const fixed = fixedWorld();
    const large = new Uint8Array(16_777_217);
    large.set(readFileSync(join(root, 'policies/fifo/fifo.bpf.o')));
    const world = { ...fixed.world, readFile: async () => large };
    const run = () => verify(world).run(verifyInput.parse({ file: '/x/large.bpf.o' }), call);
    expect(await faultOf(run)).toMatchObject({
      code: 'malformed',
      message: expect.stringContaining('16777217 bytes'),
    });
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
      verifyInput.parse({ file: join(root, 'policies/fifo/fifo.bpf.c') }),
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
