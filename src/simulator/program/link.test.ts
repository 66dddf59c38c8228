// Linking by execution: test/simulator/link/scheduler.bpf.c is linked, run by the interpreter, and tells what it was given. What it must
// have been given follows from the facts of 6.18.15 (release, HZ, enumerators, kfuncs), from libbpf's rules, and from our layouts.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { fixture, libraryObjects } from '../../../test/bpf/tools.ts';
import { anyMemory, fixtureBytes, fixtureObject } from '../../../test/simulator/link/fixtures.ts';
import { poisonHelper } from '../../bpf/core-relocations.ts';
import { dataVariables, sectionNamed } from '../../bpf/data-sections.ts';
import { readObject } from '../../bpf/object.ts';
import { Fault } from '../../core/errors.ts';
import { interpret } from '../../jit/interpreter.ts';
import { createRandom } from '../../lib/random.ts';
import { linux618 } from '../kernel/linux-6.18.ts';
import { cgroup, rq, taskStruct } from '../kernel/structs.ts';
import { kernelVersion, linux6_18 } from '../kernel/versions.ts';
import { globalsOf } from './globals.ts';
import { type Addresses, link } from './link.ts';
import { sourceReader } from './source.ts';

const sections: Record<string, number> = {
  '.rodata': 0x10000,
  '.data': 0x20000,
  '.bss': 0x30000,
  '.kconfig': 0x40000,
};
const addresses: Addresses = {
  map: (name) => (name === 'table' ? 0x5000 : -1),
  data: (section) => sections[section] ?? -1,
  ksym: (name) => ({ runqueues: 0x6000, sd_llc_id: 0x6100 })[name],
  functionPointer: (fn) => 0x7000 + fn,
};
const object = fixtureObject('scheduler');
const linked = link(object, linux6_18, addresses);

interface Call {
  readonly name: string;
  readonly args: readonly bigint[];
}

/** Runs an op on memory in which the sections lie; callbacks run as bpf_loop and timers would run them. */
function run(
  op: string,
  context: readonly bigint[],
  fill: (store: (at: bigint, size: number, value: bigint) => void) => void = () => {},
) {
  const memory = anyMemory();
  for (const { section, initial } of globalsOf(object, linux6_18))
    initial.forEach((byte, i) => {
      memory.store(BigInt((sections[section] as number) + i), 1, BigInt(byte));
    });
  context.forEach((value, i) => {
    memory.store(0x9000n + BigInt(8 * i), 8, value);
  });
  fill(memory.store);
  const calls: Call[] = [];
  const call = (what: 'helper' | 'kfunc', id: number, args: readonly bigint[]): bigint => {
    const name = linked.calleeName(what, id);
    calls.push({ name, args });
    if (name.startsWith('poisoned')) throw new Error(linked.poisoned[id - poisonHelper]?.message);
    const times = name === 'loop' ? Number(args[0]) : name === 'timer_set_callback' ? 1 : 0;
    const callback = Number(args[1]) - 0x7000;
    for (let i = 0; i < times; i++) interpret({ ...world, stack: 0xa0000n }, callback, [BigInt(i), 0n, 0n]);
    return 1234n;
  };
  const world = { memory, stack: 0x80000n, functions: linked.functions, call, budget: 10_000 };
  interpret(world, linked.entries.get(op) as number, [0x9000n]);
  const told = (n: number) => memory.load(BigInt(variable('told')) + BigInt(8 * n), 8);
  return { told, calls, memory };
}

function variable(name: string): number {
  for (const section of ['.rodata', '.data', '.bss']) {
    const found = sectionNamed(object.elf, section);
    const item = found && dataVariables(object.elf, object.btf, found).find((each) => each.name === name);
    if (item !== undefined) return (sections[section] as number) + item.offset;
  }
  throw new Error(`no variable ${name}`);
}

test('externs, globals, functions and callbacks have their values', () => {
  const { told, calls, memory } = run('init', []);
  const expected = [
    397_839n, // 6.18.15: 6 × 65536 + 18 × 256 + 15
    250n,
    1n, // CONFIG_PREEMPT_RCU=y
    0n, // an option that is not set, weak
    2n, // CONFIG_CPU_FREQ_GOV_ONDEMAND=m: TRI_MODULE
    BigInt('y'.charCodeAt(0)),
    20_000_000n, // SCX_SLICE_DFL
    0xc000_0000_0000_0000n,
    128n,
    0n, // no such enumerator
    5n, // set before
  ];
  expect(expected.map((_, n) => told(n))).toEqual(expected);
  const symbols = [
    0n, // move_to_local___v2
    0n, // task_set_slice: 6.19 and later
    0n, // kick_cpu with another prototype: as absent
    0x6000n,
    0x6100n,
    0n, // no such variable
    0x5000n,
  ];
  expect(symbols.map((_, n) => told(12 + n))).toEqual(symbols);
  // move_to_local___v1: the name without its flavour exists
  expect(told(11)).not.toBe(0n);
  expect(told(19)).toBe(BigInt.asUintN(64, BigInt(variable('hidden') + 8 - variable('counted'))));
  expect(told(20)).toBe(42n); // 2 × 20 + hidden[1]
  expect(told(21)).toBe(1234n);
  expect(told(60)).toBe(12n); // 2 + 4 + 6 from bpf_loop(3): 2 × i + 2
  expect(memory.load(BigInt(variable('counted')), 8)).toBe(17n); // 7 + 3 × 3 + 1 from the timer
  expect(calls.map(({ name }) => name)).toEqual(['scx_bpf_now', 'loop', 'timer_set_callback']);
  expect(linked.callbacks.map((fn) => linked.names[fn])).toEqual(expect.arrayContaining(['each', 'tick']));
  expect(linked.callbacks).toHaveLength(2);
});

test('members are read where our layouts have them', () => {
  const [p, cpu, group] = [0x100000n, 0x200000n, 0x300000n];
  const { offsets } = taskStruct;
  const { told, calls, memory } = run('enqueue', [p, cpu, group], (store) => {
    store(p + BigInt(offsets.pid), 4, 4321n);
    store(p + BigInt(offsets.scxWeight), 4, 100n);
    store(p + BigInt(offsets.seSumExecRuntime), 8, 987_654_321_012n);
    store(p + BigInt(offsets.comm + 1), 1, 0x42n);
    store(cpu + BigInt(rq.offsets.cpu), 4, 3n);
    store(group + BigInt(cgroup.offsets.ancestors + 16), 8, 0x5555n);
    store(group + BigInt(cgroup.offsets.level), 4, 2n);
  });
  const expected = {
    30: 4321n,
    31: 100n,
    32: 987_654_321_012n,
    33: 0x42n,
    34: 3n,
    35: 0n, // scx.tid: 7.2 and later
    36: 1n, // utime exists, though we do not model it
    37: 0n,
    38: 0n,
    39: 16n, // SCX_ENQ_HEAD of 6.18
    40: 0n, // SCX_ENQ_IMMED: 7.1 and later
    41: 0xc000_0000_0000_0000n,
    42: 0n, // an event of 7.3
    43: 1n,
    44: 0x5555n,
    45: 2n,
    46: 0n,
  };
  for (const [n, value] of Object.entries(expected)) expect([n, told(Number(n))]).toEqual([n, value]);
  expect(memory.load(p + BigInt(offsets.scxSlice), 8)).toBe(1000n);
  expect(calls.map(({ name, args }) => [name, args[0]])).toEqual([['scx_bpf_dsq_move_to_local', 1n]]);
});

test.each([
  [0, 'task_struct.utime is not modelled'],
  [1, 'task_struct.scx.tid does not exist in 6.18.15'],
  [2, 'scx_bpf_task_set_slice does not exist in 6.18.15'],
  [3, 'scx_bpf_kick_cpu has another prototype in 6.18.15'],
  [4, 'the data of 6.18.15 do not say whether nobody_knows exists'],
  [5, 'task_struct.se.deadline is not modelled'],
])('dispatch with %i finds the poison when it is executed', (way, message) => {
  expect(() => run('dispatch', [BigInt(way), 0x100000n])).toThrow(message);
  expect(run('dispatch', [9n, 0x100000n]).calls).toMatchObject([{ name: 'scx_bpf_kick_cpu' }]);
});

test('what a poisoned place and a finding can say of it', () => {
  const place = linked.poisoned.find(({ message }) => message.includes('se.deadline'));
  expect(linked.names[place?.fn as number]).toBe('all_dispatch');
  const source = linked.sourceOf(place?.fn as number, place?.at as number);
  expect(source).toMatchObject({
    file: './scheduler.bpf.c',
    text: 'case 5: told[50] = p->se.deadline; break;',
  });
  const lines = readFileSync(
    new URL('../../../test/simulator/link/scheduler.bpf.c', import.meta.url),
    'utf8',
  ).split('\n');
  expect(lines[(source?.line as number) - 1]?.trim()).toBe(source?.text);
});

test('only what sched_ext can reach is linked', () => {
  expect([...linked.entries]).toEqual([
    ['enqueue', linked.names.indexOf('all_enqueue')],
    ['dispatch', linked.names.indexOf('all_dispatch')],
    ['init', linked.names.indexOf('all_init')],
  ]);
  expect(linked.names.toSorted()).toEqual([
    'all_dispatch',
    'all_enqueue',
    'all_init',
    'each',
    'thrice',
    'tick',
    'twice',
  ]);
  expect(linked.skipped).toEqual([
    { name: 'not_sched_ext', section: 'fentry/bpf_scx_reg' },
    { name: 'from_userspace', section: 'syscall' },
  ]);
  expect(Object.fromEntries(linked.ops)).toEqual({ flags: 3n, timeout_ms: 4000n, name: 'all' });
  expect(linked.missing).toEqual([]);
});

describe('what a kernel lacks', () => {
  const without = (change: Partial<typeof linux618>) =>
    link(object, kernelVersion({ ...linux618, ...change }), {
      ...addresses,
      ksym: () => undefined,
    }).missing.map(({ message }) => message);

  test('strong kfuncs, in libbpf’s words; weak ones are not missed', () => {
    expect(without({ kfuncs: 'scx_bpf_kick_cpu:iii' })).toEqual([
      "extern (func ksym) 'scx_bpf_now': not found in kernel or module BTFs",
      "extern (func ksym) 'scx_bpf_kick_cpu': func_proto incompatible with vmlinux",
    ]);
  });
  test('strong variables of the kernel and options', () => {
    expect(without({ perCpu: '', config: 'CPU_FREQ_GOV_ONDEMAND=y HIGH_RES_TIMERS=y' })).toEqual([
      "extern (var ksym) 'runqueues': not found in kernel BTF",
      "extern (kcfg) 'CONFIG_HZ': not set in the configuration of 6.18.15",
    ]);
  });
  test('a variable that the simulator alone lacks is poison, not a refusal', () => {
    const lacking = link(object, linux6_18, { ...addresses, ksym: () => undefined });
    expect(lacking.missing).toEqual([]);
    expect(lacking.poisoned.map(({ message }) => message)).toContain(
      'kernel variable runqueues is not modelled',
    );
  });
  test('members of sched_ext_ops that are set', () => {
    const ops = 'enqueue:ptr dispatch:ptr exit:ptr flags:u64 name:char[128]';
    const older = { ...linux618.structs, sched_ext_ops: ops };
    expect(without({ structs: older })).toEqual([
      'struct_ops init_kern all_ops: Cannot find member init in kernel BTF',
      'struct_ops init_kern all_ops: Cannot find member timeout_ms in kernel BTF',
    ]);
  });
});

test('members that are zero need not exist', () => {
  const ops = 'select_cpu:ptr enqueue:ptr dispatch:ptr init:ptr flags:u64 timeout_ms:u32 name:char[128]';
  const older = kernelVersion({ ...linux618, structs: { ...linux618.structs, sched_ext_ops: ops } });
  const done = link(readObject(fixture('policy')), older, addresses);
  expect(done.missing).toEqual([]);
  expect([...done.ops.keys()]).toEqual(['flags', 'timeout_ms', 'name']);
});

test('a function without lines of its own has none', () => {
  const functions = object.programs.filter(({ name }) => name === 'all_dispatch');
  const lines = object.ext?.lines.filter(({ section }) => section !== functions[0]?.section) ?? [];
  const before = { ...lines[0]!, section: functions[0]!.section, offset: 0 };
  const moved = functions.map((item) => ({ ...item, offset: 64 }));
  expect(sourceReader({ ...object, ext: { ...object.ext!, lines: [before] } }, moved)(0, 3)).toBeUndefined();
  expect(sourceReader({ ...object, ext: undefined }, functions)(0, 0)).toBeUndefined();
});

test('globals beyond any scheduler are refused before room is made', () => {
  const maps = object.maps.map((map) => (map.section === '.bss' ? { ...map, valueSize: 2 ** 40 } : map));
  expect(() => globalsOf({ ...object, maps }, linux6_18)).toThrow('.bss has 1099511627776 bytes');
});

test('an object without sched_ext_ops is refused', () => {
  expect(() => link(fixtureObject('core'), linux6_18, addresses)).toThrow('no sched_ext_ops');
});

test.each(libraryObjects().map((path) => [path.replace(/.*\//, ''), path]))(
  '%s links against 6.18',
  (_, path) => {
    const policy = readObject(new Uint8Array(readFileSync(path)));
    const done = link(policy, linux6_18, { ...addresses, map: () => 0x5000 });
    expect(done.missing).toEqual([]);
    expect(done.entries.size).toBe(policy.structOps[0]?.programs.size);
    // All that our policies cannot have in 6.18 are two kfuncs of 6.19, behind bpf_ksym_exists.
    for (const { message } of done.poisoned)
      expect(message).toMatch(/^scx_bpf_task_set_(slice|dsq_vtime) does not exist/);
    for (const code of done.functions.flat())
      if (code.kind === 'imm64')
        expect(code).toMatchObject({ what: 'value', src: 0, imm: Number(BigInt.asIntN(32, code.value)) });
  },
);

test('any bytes link, or are malformed, or have no scheduler', () => {
  const { below } = createRandom(20_261_121);
  const outcomes = { linked: 0, refused: 0 };
  for (const bytes of [fixtureBytes('scheduler'), fixture('policy')]) {
    const { sections: all } = readObject(bytes).elf;
    const damageable = all.filter(({ name }) => /^\.(BTF|BTF\.ext|symtab|struct_ops\.link)$/.test(name));
    expect(damageable).toHaveLength(4);
    for (let i = 0; i < 400; i++) {
      const damaged = bytes.slice();
      const section = damageable[i % 8] ?? damageable.find(({ name }) => name === '.BTF.ext')!;
      for (let n = 0; n <= below(4); n++) damaged[section.offset + below(section.data.length)] = below(256);
      try {
        const broken = readObject(damaged);
        globalsOf(broken, linux6_18);
        const done = link(broken, linux6_18, { ...addresses, map: () => 0x5000 });
        for (const [fn, code] of done.functions.entries()) done.sourceOf(fn, code.length);
        outcomes.linked++;
      } catch (error) {
        const isProper = error instanceof Fault && /^(malformed|unsupported)$/.test(error.code);
        if (!isProper) throw new Error(`case ${i}`, { cause: error });
        outcomes.refused++;
      }
    }
  }
  expect(outcomes.linked).toBeGreaterThan(50);
  expect(outcomes.refused).toBeGreaterThan(50);
});
