// The wheel against sorting.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Wheel } from './wheel.ts';

const slots = 40;
const far = 3_000_000_000; // several years of the calendar

describe('the wheel', () => {
  it('pops in order of time, then of slot, whatever is set, moved and cleared in between', () => {
    const step = fc.record({
      what: fc.constantFrom('set', 'set', 'set', 'clear', 'pop', 'pop'),
      slot: fc.integer({ min: 0, max: slots - 1 }),
      ahead: fc.oneof(
        fc.integer({ min: 0, max: 100 }),
        fc.integer({ min: 0, max: 400_000 }),
        fc.integer({ min: 0, max: far }),
      ),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), fc.integer({ min: 0, max: 20 }), (steps, widthBits) => {
        const wheel = new Wheel(slots, widthBits);
        const model = new Map<number, number>();
        let now = 0;
        for (const { what, slot, ahead } of steps) {
          if (what === 'set') {
            wheel.set(slot, now + ahead);
            model.set(slot, now + ahead);
          } else if (what === 'clear') {
            wheel.clear(slot);
            model.delete(slot);
          } else {
            const [first] = [...model].sort(([a, x], [b, y]) => x - y || a - b);
            if (ahead % 2 === 0) expect(wheel.earliestAt()).toBe(first?.[1] ?? Number.POSITIVE_INFINITY);
            expect(wheel.pop()).toBe(first?.[0] ?? -1);
            if (first === undefined) continue;
            now = first[1];
            expect(wheel.poppedAt).toBe(now);
            model.delete(first[0]);
          }
        }
      }),
      { numRuns: 300, seed: 1 },
    );
  });

  it('takes a slot that is set before the one it has found', () => {
    const wheel = new Wheel(3, 4);
    wheel.set(0, 1000);
    wheel.set(1, 1000);
    expect(wheel.earliestAt()).toBe(1000);
    wheel.set(2, 30); // many buckets before
    expect(wheel.earliestAt()).toBe(30);
    wheel.set(2, 2000);
    expect([wheel.pop(), wheel.pop(), wheel.pop(), wheel.pop()]).toEqual([0, 1, 2, -1]);
  });

  it('forgets everything when it is reset', () => {
    const wheel = new Wheel(2);
    wheel.set(0, 5);
    wheel.set(1, 7);
    wheel.reset();
    expect(wheel.pop()).toBe(-1);
    wheel.set(1, 3);
    expect(wheel.pop()).toBe(1);
  });
});
