import { beforeEach, describe, expect, it } from 'vitest';
import { type HelperLab, helperLab } from '../../../test/simulator/helpers.ts';
import { bytesAt, made, place, shape, u32Bytes } from '../../../test/simulator/maps.ts';
import type { SimMap } from '../maps/map.ts';

const [init, setCallback, start, cancel] = [169, 170, 171, 172];
const [EBUSY, EINVAL, EDEADLK] = [-16, -22, -35];
const monotonic = 1;
const callback = 77;

let lab: HelperLab;
let map: SimMap;
/** The bpf_timer at byte 8 of the value of key 2, and the value. */
let timer: number;
let value: number;
beforeEach(() => {
  lab = helperLab();
  map = lab.add(made(shape('array', { valueSize: 24 }), lab.maps, [{ kind: 'timer', offset: 8, bytes: 16 }]));
  value = map.lookup(place(lab.world.memory, u32Bytes(2)), 0);
  timer = value + 8;
});
const ready = (): void => {
  expect(lab.call(init, timer, map.handle, monotonic, 0)).toBe(0);
  expect(lab.call(setCallback, timer, callback)).toBe(0);
};
const armedFor = () => [...lab.armed.values()].map(({ atNs }) => atNs);

describe('refuses', () => {
  it.each([
    ['a flag beyond the clocks', 16, 0, EINVAL],
    ['the clock of processes', 2, 0, EINVAL],
    ['high flags', monotonic, 1, EINVAL],
    ['CLOCK_REALTIME', 0, 0, 0],
    ['CLOCK_BOOTTIME', 7, 0, 0],
  ])('or takes in init: %s', (_, low, high, wanted) => {
    expect(lab.call(init, timer, map.handle, low, high)).toBe(wanted);
  });

  it('what was not initialised, and what was twice', () => {
    expect(lab.call(setCallback, timer, callback)).toBe(EINVAL);
    expect(lab.call(start, timer, 5, 0, 0, 0)).toBe(EINVAL);
    expect(lab.call(cancel, timer)).toBe(EINVAL);
    expect(lab.call(init, timer, map.handle, monotonic, 0)).toBe(0);
    expect(lab.call(init, timer, map.handle, monotonic, 0)).toBe(EBUSY);
    expect(lab.call(start, timer, 5, 0, 0, 0)).toBe(EINVAL);
    expect(lab.call(cancel, timer)).toBe(0);
  });

  it('flags that it does not know', () => {
    ready();
    expect(lab.call(start, timer, 5, 0, 4, 0)).toBe(EINVAL);
    expect(lab.call(start, timer, 5, 0, 0, 1)).toBe(EINVAL);
  });

  it('by a finding, what is no timer', () => {
    for (const helper of [init, setCallback, start, cancel]) {
      const more = {
        [init]: [map.handle, 1, 0],
        [setCallback]: [callback],
        [start]: [0, 0, 0, 0],
        [cancel]: [],
      };
      expect(() => lab.call(helper, lab.tasks[0]!, ...more[helper]!)).toThrow('16 writable bytes');
    }
    const plain = lab.add(made(shape('array'), lab.maps));
    expect(() => lab.call(init, timer, plain.handle, monotonic, 0)).toThrow('hold no bpf_timer');
  });
});

describe('start', () => {
  beforeEach(() => {
    lab.now = 2 ** 33 + 1000;
    lab.cpu = 3;
  });

  it('counts from now, on this CPU', () => {
    ready();
    expect(lab.call(start, timer, 5, 1, 0, 0)).toBe(0);
    expect([...lab.armed]).toEqual([[0, { atNs: 2 ** 33 + 1000 + 2 ** 32 + 5, cpu: 3, isPinned: false }]]);
    expect(lab.call(start, timer, 7, 0, 2, 0)).toBe(0);
    expect([...lab.armed]).toEqual([[0, { atNs: 2 ** 33 + 1007, cpu: 3, isPinned: true }]]);
  });

  it('takes points in time, and lets those of the past be now', () => {
    ready();
    expect(lab.call(start, timer, 2000, 2, 1, 0)).toBe(0);
    expect(armedFor()).toEqual([2 ** 33 + 2000]);
    expect(lab.call(start, timer, 2000, 1, 1, 0)).toBe(0);
    expect(armedFor()).toEqual([2 ** 33 + 1000]);
    expect(lab.call(start, timer, 0, -1, 1, 0)).toBe(0);
    expect(armedFor()).toEqual([2 ** 33 + 1000]);
  });

  it('is active, though never due, beyond what can be counted', () => {
    ready();
    lab.call(start, timer, 1, 0, 0, 0);
    expect(lab.call(start, timer, -1, -1, 0, 0)).toBe(0);
    expect(armedFor()).toEqual([]);
    expect(lab.call(cancel, timer)).toBe(1);
  });

  it('does not know when it is on the clock on the wall', () => {
    expect(lab.call(init, timer, map.handle, 0, 0)).toBe(0);
    lab.call(setCallback, timer, callback);
    expect(lab.call(start, timer, 1, 0, 0, 0)).toBe(0);
    expect(() => lab.call(start, timer, 1, 0, 1, 0)).toThrow('CLOCK_REALTIME');
  });
});

describe('when due', () => {
  it('calls back with map, key and value, once', () => {
    ready();
    lab.call(start, timer, 5, 0, 0, 0);
    const seen: number[][] = [];
    lab.onCallback = (pointer, args) => {
      seen.push([pointer, args[0]!, ...bytesAt(lab.world.memory, args[1]!, 4), args[2]!]);
      return 0;
    };
    lab.timers.fire(0);
    expect(seen).toEqual([[callback, map.handle, 2, 0, 0, 0, value]]);
    expect(lab.call(cancel, timer)).toBe(0);
    expect(() => lab.timers.fire(0)).toThrow('bug');
  });

  it('may start again from its own callback, but not wait for itself', () => {
    ready();
    lab.call(start, timer, 5, 0, 0, 0);
    lab.onCallback = () => {
      expect(lab.call(cancel, timer)).toBe(EDEADLK);
      expect(lab.call(start, timer, 9, 0, 0, 0)).toBe(0);
      return 0;
    };
    lab.timers.fire(0);
    expect(armedFor()).toEqual([9]);
    expect(lab.call(cancel, timer)).toBe(1);
    expect(armedFor()).toEqual([]);
    expect(lab.call(start, timer, 9, 0, 0, 0)).toBe(EINVAL);
    expect(lab.call(setCallback, timer, callback)).toBe(0);
    expect(lab.call(start, timer, 9, 0, 0, 0)).toBe(0);
  });

  it('is gone with its value, even from its own callback', () => {
    const hash = lab.add(
      made(shape('hash', { valueSize: 16 }), lab.maps, [{ kind: 'timer', offset: 0, bytes: 16 }]),
    );
    const key = place(lab.world.memory, u32Bytes(5));
    const add = (): number => {
      hash.update(key, place(lab.world.memory, new Uint8Array(16)), 0, 0);
      const at = hash.lookup(key, 0);
      expect(lab.call(init, at, hash.handle, monotonic, 0)).toBe(0);
      lab.call(setCallback, at, callback);
      lab.call(start, at, 5, 0, 0, 0);
      return at;
    };
    const first = add();
    expect(hash.delete(key)).toBe(0);
    expect([...lab.armed.keys()]).toEqual([]);
    expect(() => lab.call(cancel, first)).toThrow('16 writable bytes');
    add();
    expect([...lab.armed.keys()]).toEqual([0]);
    lab.onCallback = () => {
      hash.delete(key);
      // the number of the timer that runs is not given out again
      add();
      return 0;
    };
    lab.timers.fire(0);
    expect([...lab.armed.keys()].at(-1)).toBe(1);
    ready();
    lab.call(start, timer, 5, 0, 0, 0);
    expect([...lab.armed.keys()].sort()).toEqual([0, 1]);
  });

  it('forgets all for a new simulation', () => {
    ready();
    lab.timers.reset();
    expect(lab.call(start, timer, 5, 0, 0, 0)).toBe(EINVAL);
  });
});
