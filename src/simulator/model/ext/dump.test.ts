// What is written down at the end, and the pieces of text that make it. Truth: scx_dump_state(), scx_dump_task(), ops_dump_flush() in kernel/sched/ext.c, v6.18; how lines look was read
// off a guest of 6.18.15, which the conformance case `dump` holds them against.

import { describe, expect, test } from 'vitest';
import { extWorld, type Kernel, ms, user } from '../../../../test/simulator/ext-world.ts';
import { dumpContext, exitInfo } from '../../kernel/structs.ts';
import { maskText } from './dump.ts';
import { DumpLines, DumpText } from './dump-text.ts';

describe('a text of limited size', () => {
  test('is cut where its NUL would not fit, and says so', () => {
    const text = new DumpText(40);
    text.line('0123456789');
    text.line('0123456789012345678901234567');
    expect(String(text)).toBe('0123456789\n012345\n\n~~~~ TRUNCATED ~~~~\n');
    text.line('more');
    expect(String(text)).toHaveLength(39);
  });

  test('is whole with one byte less', () => {
    const text = new DumpText(40);
    text.line('0123456789');
    text.line('012345678901234567890123456');
    expect(String(text)).toBe('0123456789\n012345678901234567890123456\n');
  });

  test('is only cut when those words would not fit', () => {
    const text = new DumpText(22);
    text.line('0123456789012345678901234567');
    expect(String(text)).toBe('012345678901234567890');
  });
});

describe('what one callback says', () => {
  const said = (...pieces: string[]): string => {
    const text = new DumpText(10_000);
    const lines = new DumpLines(text, '> ');
    for (const piece of pieces) lines.add(piece);
    lines.flush();
    return String(text);
  };
  test('nothing', () => expect(said()).toBe(''));
  test('pieces of a line', () => expect(said('a', 'b', '\n', 'c')).toBe('\n> ab\n> c\n'));
  test('lines in one piece', () => expect(said('a\n\nb\n')).toBe('\n> a\n> \n> b\n'));
  test('a line that is too long loses its end', () =>
    expect(said('x'.repeat(1000), 'y'.repeat(100), 'z')).toBe(
      `\n> ${'x'.repeat(1000)}${'y'.repeat(23)}\n> z\n`,
    ));
});

test('masks: groups of 32 bits, as many digits as CPUs need', () => {
  expect(maskText([0b11], 2)).toBe('3');
  expect(maskText([-1, 5], 40)).toBe('05,ffffffff');
  expect(maskText([0, 0, 1], 96)).toBe('00000001,00000000,00000000');
});

/** A runs on CPU 0 and is wrong at a tick; B waits there, in queue 7 with vtime 5; CPU 1 idles. */
function ended(ops: NonNullable<Parameters<typeof extWorld>[0]>['ops'] = {}, hears: string[] = []) {
  let wrong = false;
  const w = extWorld({
    hears,
    ops: {
      init: (k) => k.call('scx_bpf_create_dsq', 7, 0, -1),
      enqueue: (k, task) => k.insertVtime(task, user(7), 5),
      dispatch: (k) => void k.moveToLocal(user(7)),
      tick: (k) => {
        if (wrong) k.kick(99);
      },
      ...ops,
    },
  });
  w.add({ runNs: 100 * ms, affinity: [0] });
  w.add({ runNs: 100 * ms, affinity: [0], startNs: ms });
  w.run(5 * ms);
  wrong = true;
  w.run(20 * ms);
  expect(w.exit()).toBe('1024: invalid CPU 99');
  w.log.length = 0;
  w.ext.takeDump();
  return w;
}

/** A text that ops.dump can read. */
function formatAt(k: Kernel): number {
  return k.word(k.low(0) + dumpContext.offsets.reason);
}

describe('when a policy ends with an error', () => {
  test('CPUs and tasks, and what the policy says of them, in order', () => {
    const { log } = ended({}, ['dump', 'dump_cpu', 'dump_task']);
    // the context comes first: wherever that lies
    const inGeneral = log.map((line) => line.replace(/(dump\S*) \d+/, '$1 ctx'));
    expect(inGeneral).toEqual([
      '0 dump ctx',
      '0 dump_cpu ctx 0 0',
      '0 dump_task ctx A',
      '0 dump_task ctx B',
      '0 dump_cpu ctx 1 1',
    ]);
  });

  test('the context: kind, code, reason, time', () => {
    let seen: number[] = [];
    const w = ended({
      dump: (k: Kernel, context) => {
        const { kind, exitCode, atNs, atJiffies } = dumpContext.offsets;
        seen = [kind, exitCode, atNs, atJiffies].map((at) => k.word(context! + at));
      },
    });
    expect(seen).toEqual([1024, 0, w.core.now | 0, Math.floor(w.core.now / (4 * ms))]);
  });

  test('the text', () => {
    const lines = ended().scx.exit!.dump!.split('\n');
    const first = lines.indexOf('CPU 0   : nr_run=2 flags=0x1 cpu_rel=0');
    expect(lines.slice(0, first)).toEqual([
      'A[1000] triggered exit kind 1024:',
      '  runtime error (invalid CPU 99)',
      '',
      'CPU states',
      '----------',
      '',
    ]);
    expect(lines.slice(first + 1, first + 14)).toEqual([
      '          curr=A[1000] class=ext_sched_class',
      '',
      ' *R A[1000] -8ms', // since 0 ms; the tick is at 8 ms
      '      scx_state/flags=3/0x5 ops_state=0',
      '      sticky/holding_cpu=-1/-1 dsq_id=(n/a)',
      '      dsq_vtime=5 slice=12000000 weight=100',
      '      cpus=1 no_mig=0',
      '',
      '  R B[1001] -8ms', // since 1 ms, which is in the same jiffy
      '      scx_state/flags=3/0x1 ops_state=0',
      '      sticky/holding_cpu=-1/-1 dsq_id=0x7',
      '      dsq_vtime=5 slice=20000000 weight=100',
      '      cpus=1 no_mig=0',
    ]);
    expect(lines).not.toContain('CPU 1   : nr_run=0 flags=0x1 cpu_rel=0'); // nobody has anything to say of it
    expect(lines.at(-2)).toBe(`${'SCX_EV_BYPASS_ACTIVATE'.padStart(40)}: ${'1'.padStart(16)}`);
  });

  test('ops.exit finds it', () => {
    let dump = '';
    const w = ended({
      exit: (k: Kernel) => {
        for (let at = k.word(k.low(0) + exitInfo.offsets.dump); w.sim.u8[at] !== 0; at++)
          dump += String.fromCharCode(w.sim.u8[at]!);
      },
    });
    w.ext.detach();
    expect(dump).toBe(w.scx.exit!.dump);
    expect(dump).toContain('triggered exit kind 1024');
  });

  test('words that cannot be printed are complained of', () => {
    const w = ended({
      dump: (k: Kernel) => {
        const format = formatAt(k);
        k.call('scx_bpf_dump_bstr', format, 0, 3);
      },
    });
    expect(w.scx.exit!.dump).toContain('\n[!] ("runtime error", 3) failed to format (-22)\n\nCPU states');
  });

  test('once, and not when it ends in order', () => {
    const w = ended({}, ['dump']);
    w.ext.takeDump();
    expect(w.log).toHaveLength(1);
    const orderly = extWorld({ hears: ['dump'] });
    orderly.scx.exitWith(65, 0, 'bye');
    orderly.ext.takeDump();
    expect(orderly.log).toEqual([]);
    expect(orderly.scx.exit!.dump).toBeUndefined();
  });

  test('before its callbacks count, at attach, only the kernel speaks', () => {
    const w = extWorld({ hears: ['dump'], ops: { init: () => -12 } });
    expect(w.log).toEqual([]);
    expect(w.scx.exit!.dump).toContain('runtime error (ops.init() failed (-12))');
  });
});
