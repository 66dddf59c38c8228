// Error codes and results by table; sources stand in the files of the helpers.
import { beforeEach, describe, expect, it, test } from 'vitest';
import { type HelperLab, helperLab } from '../../../test/simulator/helpers.ts';
import { bytesAt, made, place, shape, u32Bytes } from '../../../test/simulator/maps.ts';
import type { ArrayMap } from '../maps/array.ts';
import type { RingbufMap } from '../maps/ringbuf.ts';
import { helperName } from './names.ts';
import { createHelpers } from './table.ts';

let lab: HelperLab;
beforeEach(() => {
  lab = helperLab();
});
const put = (bytes: ArrayLike<number>, skew = 0) => place(lab.world.memory, bytes, skew);
const text = (value: string) => put([...new TextEncoder().encode(`${value}\0`)]);
const read = (at: number, bytes: number) => bytesAt(lab.world.memory, at, bytes);
const map = (...args: Parameters<typeof shape>) => lab.add(made(shape(...args), lab.maps));

it('has the helpers it should, under the names of the kernel', () => {
  const helpers = createHelpers(lab.world, lab.timers);
  const wanted = [
    1, 2, 3, 4, 5, 6, 7, 8, 14, 16, 35, 42, 45, 87, 88, 89, 93, 94, 105, 106, 113, 115, 118, 125, 130, 131,
    132, 133, 134, 153, 154, 156, 157, 158, 160, 164, 165, 169, 170, 171, 172, 177, 181, 182, 194, 195, 210,
    211,
  ];
  expect(Object.keys(helpers).map(Number)).toEqual(wanted);
  for (const [number, { name }] of Object.entries(helpers)) expect(name).toBe(helperName(Number(number)));
  // pointers and u32 are unsigned, u64 is wide, void is none; all else is an errno or a small number
  const results = { none: [93, 94, 132, 133], wide: [5, 14, 118, 125, 134, 160] };
  const pointers = [1, 7, 8, 35, 42, 131, 153, 154, 156, 158, 194, 195, 210];
  for (const [number, { result }] of Object.entries(helpers)) {
    const isIn = (list: readonly number[]) => list.includes(Number(number));
    const kind = isIn(results.none)
      ? 'none'
      : isIn(results.wide)
        ? 'wide'
        : isIn(pointers)
          ? 'unsigned'
          : 'signed';
    expect(`${number} ${result}`).toBe(`${number} ${kind}`);
  }
  expect(helperName(211)).toBe('bpf_cgrp_storage_delete');
  expect(helperName(212)).toBe('helper 212');
});

describe('maps', () => {
  it('finds, changes and forgets', () => {
    const hash = map('hash', { maxEntries: 1 });
    const [key, other, value] = [put(u32Bytes(1)), put(u32Bytes(2)), put(new Uint8Array(8).fill(3))];
    expect(lab.call(1, hash.handle, key)).toBe(0);
    expect(lab.call(2, hash.handle, key, value, 2, 0)).toBe(-2);
    expect(lab.call(2, hash.handle, key, value, 0, 0)).toBe(0);
    expect(lab.call(2, hash.handle, key, value, 1, 0)).toBe(-17);
    expect(lab.call(2, hash.handle, other, value, 0, 0)).toBe(-7);
    expect(lab.call(2, hash.handle, key, value, 0, 1)).toBe(-22);
    expect(lab.call(2, hash.handle, key, value, 8, 0)).toBe(-22);
    expect(read(lab.call(1, hash.handle, key), 8)).toEqual(new Array(8).fill(3));
    expect(lab.call(3, hash.handle, key)).toBe(0);
    expect(lab.call(3, hash.handle, key)).toBe(-2);
  });

  it('gives each CPU its own value', () => {
    const array = map('percpu_array');
    const key = put(u32Bytes(1));
    lab.cpu = 2;
    const own = lab.call(1, array.handle, key);
    expect(own).toBe(lab.call(195, array.handle, key, 2));
    expect(own).not.toBe(lab.call(195, array.handle, key, 1));
    expect([lab.call(195, array.handle, key, 4), lab.call(195, array.handle, key, -1)]).toEqual([0, 0]);
    expect(lab.call(2, array.handle, key, put(new Uint8Array(8).fill(1)), 0, 0)).toBe(0);
    expect([read(own, 1), read(lab.call(195, array.handle, key, 0), 1)]).toEqual([[1], [0]]);
  });

  it('queues', () => {
    const queue = map('queue', { valueSize: 4 });
    const value = put(u32Bytes(7));
    expect(lab.call(87, queue.handle, value, 1, 0)).toBe(-22);
    expect(lab.call(87, queue.handle, value, 0, 0)).toBe(0);
    const to = put(u32Bytes(0));
    expect([lab.call(89, queue.handle, to), ...read(to, 1)]).toEqual([0, 7]);
    expect([lab.call(88, queue.handle, to), lab.call(88, queue.handle, to), ...read(to, 1)]).toEqual([
      0, -2, 0,
    ]);
  });

  it('walks over elements until the callback has enough', () => {
    const array = map('array', { maxEntries: 3 }) as ArrayMap;
    const seen: number[][] = [];
    lab.onCallback = (pointer, [handle, key, value, context]) => {
      seen.push([pointer, handle!, ...read(key!, 4), value! - array.values, context!]);
      return seen.length === 2 ? 1 : 0;
    };
    expect(lab.call(164, array.handle, 77, 1234, 0, 0)).toBe(2);
    expect(seen).toEqual([
      [77, array.handle, 0, 0, 0, 0, 0, 1234],
      [77, array.handle, 1, 0, 0, 0, array.stride, 1234],
    ]);
    expect(lab.call(164, array.handle, 77, 1234, 1, 0)).toBe(-22);
    const hash = map('hash');
    for (const n of [1, 2, 3]) hash.put(u32Bytes(n), new Uint8Array(8));
    hash.put(u32Bytes(4), new Uint8Array(8));
    lab.call(3, hash.handle, put(u32Bytes(2)));
    lab.onCallback = (_, [handle, key]) => {
      expect(lab.call(3, handle!, key!)).toBe(0);
      return 0;
    };
    expect(lab.call(164, hash.handle, 77, 0, 0, 0)).toBe(3);
    expect([...hash.entries()]).toEqual([]);
  });

  it.each([
    [
      'no map',
      () => lab.call(1, 64, put(u32Bytes(0))),
      'bpf_map_lookup_elem: r1 is 0x40, not the address of a map',
    ],
    [
      'no key',
      () => lab.call(1, map('hash').handle, 0),
      'bpf_map_lookup_elem: r2 is 0x0, not the address of 4 readable bytes',
    ],
    ['half a key', () => lab.call(3, map('hash').handle, put([1, 2])), /r2 is .* 4 readable bytes/],
    [
      'half a value',
      () => lab.call(2, map('hash').handle, put(u32Bytes(1)), put([1]), 0, 0),
      /r3 is .* 8 readable bytes/,
    ],
    [
      'nowhere to pop to',
      () => lab.call(88, map('queue').handle, lab.tasks[0]!),
      /r2 is .* 8 writable bytes/,
    ],
    [
      'a write to .rodata',
      () => lab.call(2, map('array', { flags: 128 }).handle, put(u32Bytes(0)), put(new Uint8Array(8)), 0, 0),
      /read-only for programs/,
    ],
    [
      'a value for a CPU of a plain map',
      () => lab.call(195, map('array').handle, put(u32Bytes(0)), 0),
      'not for map m of type array',
    ],
    [
      'a walk over a queue',
      () => lab.call(164, map('queue').handle, 1, 0, 0, 0),
      'not for map m of type queue',
    ],
  ])('ends with a finding on %s', (_, act, message) => {
    expect(act).toThrow(message);
  });
});

describe('storage', () => {
  it.each([
    [156, 157, 'task_storage'],
    [210, 211, 'cgrp_storage'],
  ] as const)('helpers %d and %d', (get, remove, kind) => {
    const owners = kind === 'task_storage' ? lab.tasks : lab.cgroups;
    const storage = map(kind, { valueSize: 8 });
    expect(lab.call(get, storage.handle, owners[1]!, 0, 0, 0)).toBe(0);
    expect(lab.call(get, storage.handle, owners[1]!, 0, 2, 0)).toBe(0);
    expect(lab.call(get, storage.handle, owners[1]!, 0, 1, 1)).toBe(0);
    expect(lab.call(get, storage.handle, 0, 0, 1, 0)).toBe(0);
    const address = lab.call(get, storage.handle, owners[1]!, put([1, 2, 3, 4, 5, 6, 7, 8]), 1, 0);
    expect(read(address, 8)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(lab.call(get, storage.handle, owners[1]!, 0, 0, 0)).toBe(address);
    expect(lab.call(get, storage.handle, owners[1]!, 0, 2, 0)).toBe(0);
    expect(lab.call(remove, storage.handle, 0)).toBe(-22);
    expect(lab.call(remove, storage.handle, owners[1]!)).toBe(0);
    expect(lab.call(remove, storage.handle, owners[1]!)).toBe(-2);
    expect(lab.world.memory.readable(address, 1)).toBe(false);
    expect(() => lab.call(get, storage.handle, address, 0, 1, 0)).toThrow(
      /r2 is .*, not the address of a (task|cgroup)/,
    );
    expect(() => lab.call(get, storage.handle, owners[0]!, 8, 1, 0)).toThrow(/r3 is 0x8/);
    const other = map(kind === 'task_storage' ? 'cgrp_storage' : 'task_storage');
    expect(() => lab.call(get, other.handle, owners[0]!, 0, 1, 0)).toThrow(
      `not for map m of type ${other.shape.typeName}`,
    );
    expect(() => lab.call(get, map('hash').handle, owners[0]!, 0, 1, 0)).toThrow(
      'not for map m of type hash',
    );
  });
});

describe('ring buffers', () => {
  it('take records', () => {
    const ring = map('ringbuf') as RingbufMap;
    expect(lab.call(131, ring.handle, 16, 0, 1, 0)).toBe(0);
    expect(lab.call(131, ring.handle, 16, 1, 0, 0)).toBe(0);
    const [kept, dropped] = [lab.call(131, ring.handle, 4, 0, 0, 0), lab.call(131, ring.handle, 4, 0, 0, 0)];
    lab.world.memory.u8[kept] = 9;
    lab.call(132, kept, 0, 0);
    lab.call(133, dropped, 0, 0);
    expect(lab.call(130, ring.handle, put([5, 6]), 2, 0, 0, 0)).toBe(0);
    expect(lab.call(130, ring.handle, put([5, 6]), 2, 0, 4, 0)).toBe(-22);
    expect([lab.call(134, ring.handle, 1, 0), lab.call(134, ring.handle, 0, 0), lab.high()]).toEqual([
      4096, 48, 0,
    ]);
    expect(ring.drain()).toEqual([Uint8Array.of(9, 0, 0, 0), Uint8Array.of(5, 6)]);
    expect(() => lab.call(132, kept, 0, 0)).toThrow('record that is being written');
  });
});

describe('reading memory', () => {
  it.each([4, 113])('helper %d copies all or nothing', (number) => {
    const to = put([9, 9, 9, 9]);
    expect(lab.call(number, to, 3, put([1, 2, 3]), 0)).toBe(0);
    expect(read(to, 4)).toEqual([1, 2, 3, 9]);
    const short = put([1, 2]);
    expect(lab.call(number, to, 3, short, 0)).toBe(-14);
    expect(read(to, 4)).toEqual([0, 0, 0, 9]);
    expect(lab.call(number, put([8]), 1, short, -1)).toBe(-14);
    expect(lab.call(number, 0, 0, 0, 0)).toBe(0);
    expect(() => lab.call(number, to, 5, short, 0)).toThrow('r1');
  });

  it.each([45, 115])('helper %d copies texts', (number) => {
    const to = put(new Uint8Array(8).fill(9));
    expect(lab.call(number, to, 8, text('abc'), 0)).toBe(4);
    expect(read(to, 8)).toEqual([97, 98, 99, 0, 9, 9, 9, 9]);
    expect(lab.call(number, to, 3, text('abc'), 0)).toBe(3);
    expect(read(to, 8)).toEqual([97, 98, 0, 0, 9, 9, 9, 9]);
    expect(lab.call(number, to, 8, put([97, 98]), 0)).toBe(-14);
    expect(read(to, 8)).toEqual(new Array(8).fill(0));
    expect(lab.call(number, to, 0, text('abc'), 0)).toBe(0);
    expect(lab.call(number, to, 8, 0, 0)).toBe(-14);
    expect(() => lab.call(number, to, 9, text('abc'), 0)).toThrow('r1');
  });

  it.each([
    ['abc', 'abc', 3, 0],
    ['abc', 'abd', 3, -1],
    ['abc', 'abd', 2, 0],
    ['b', 'a', 2, 1],
    ['ab', 'abc', 3, -1],
    ['ab', 'ab', 3, 0],
  ])('compares %s with %s over %d bytes: %d', (a, b, size, wanted) => {
    expect(lab.call(182, put([...new TextEncoder().encode(a), 0, 0, 0]), size, text(b))).toBe(wanted);
  });

  it('exchanges pointers', () => {
    const at = put([1, 2, 0, 0, 3, 0, 0, 0]);
    expect(lab.call(194, at, 0x4455)).toBe(0x0201);
    expect(read(at, 8)).toEqual([0x55, 0x44, 0, 0, 0, 0, 0, 0]);
    expect(() => lab.call(194, at + 1, 0)).toThrow('r1');
  });
});

describe('time, place, chance, tasks', () => {
  test.each([
    ['bpf_ktime_get_ns', 5, 2 ** 33 + 7],
    ['bpf_ktime_get_boot_ns', 125, 2 ** 33 + 7],
    // 2^33 + 7 ns are 2147 ticks of 4 ms and a bit
    ['bpf_ktime_get_coarse_ns', 160, 2147 * 4_000_000],
    // jiffies begin 300 s of 250 ticks before 2^32
    ['bpf_jiffies64', 118, 2 ** 32 - 75_000 + 2147],
  ])('%s', (_, number, wanted) => {
    lab.now = 2 ** 33 + 7;
    const low = lab.call(number) >>> 0;
    expect((lab.high() >>> 0) * 2 ** 32 + low).toBe(wanted);
  });

  it('knows where it runs', () => {
    lab.cpu = 3;
    expect([lab.call(8), lab.call(42), lab.call(7) >>> 0]).toEqual([3, 1, 0xdead_beef]);
    const variable = lab.tasks[3]!;
    expect([lab.call(153, variable, 1), lab.call(153, variable, 4), lab.call(153, variable, -1)]).toEqual([
      variable + 64,
      0,
      0,
    ]);
    expect(lab.call(154, variable)).toBe(variable + 192);
    expect(() => lab.call(154, variable + 1)).toThrow('per-CPU variable');
  });

  it('knows who runs', () => {
    lab.current = 1;
    expect([lab.call(35), lab.call(158)]).toEqual([lab.tasks[1], lab.tasks[1]]);
    expect([lab.call(14), lab.high()]).toEqual([101, 51]);
    lab.world.memory.u8.set([97, 98, 99], lab.tasks[1]! + 16);
    const to = put(new Uint8Array(18).fill(9));
    expect(lab.call(16, to, 17)).toBe(0);
    expect(read(to, 18)).toEqual([97, 98, 99, ...new Array(14).fill(0), 9]);
    lab.call(16, to, 3);
    expect(read(to, 4)).toEqual([97, 98, 0, 0]);
    expect(() => lab.call(16, to, 19)).toThrow('r1');
  });
});

describe('loops and locks', () => {
  it('loops', () => {
    const seen: number[][] = [];
    lab.onCallback = (pointer, args) => {
      seen.push([pointer, ...args]);
      return seen.length === 3 ? 1 : 0;
    };
    expect(lab.call(181, 10, 5, 6, 0, 0)).toBe(3);
    expect(seen).toEqual([0, 1, 2].map((i) => [5, i, 6, 0, 0]));
    lab.onCallback = () => 0;
    expect(lab.call(181, 10, 5, 6, 0, 0)).toBe(10);
    expect(lab.call(181, 0, 5, 6, 0, 0)).toBe(0);
    expect(lab.call(181, 10, 5, 6, 1, 0)).toBe(-22);
    expect(lab.call(181, 10, 5, 6, 0, 1)).toBe(-22);
    expect(lab.call(181, (1 << 23) + 1, 5, 6, 0, 0)).toBe(-7);
    expect(lab.call(181, -1, 5, 6, 0, 0)).toBe(-7);
    expect(lab.call(181, 1 << 23, 5, 6, 0, 0)).toBe(1 << 23);
  });

  it('locks', () => {
    const lock = put(u32Bytes(0));
    lab.call(93, lock);
    expect(() => lab.call(93, lock)).toThrow('held already');
    lab.call(94, lock);
    expect(() => lab.call(94, lock)).toThrow('not held');
    expect(() => lab.call(93, 0)).toThrow('r1');
  });
});
