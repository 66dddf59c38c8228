import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Entities, Queues } from './entities.ts';
import { Timeline } from './timeline.ts';

interface Entity {
  readonly vruntime: number;
  readonly deadline: number;
  readonly weight: number;
  readonly slice: number;
}

const time = fc.integer({ min: 0, max: 1_000_000_000 });
const entities = fc.array(
  fc.record({
    vruntime: time,
    deadline: time,
    weight: fc.constantFrom(3, 15, 335, 1024, 3121, 88_761),
    slice: fc.integer({ min: 100_000, max: 100_000_000 }),
  }),
  { minLength: 1, maxLength: 40 },
);

function queueOf(list: readonly Entity[]) {
  const columns = new Entities(list.length);
  const timeline = new Timeline(columns, new Queues(1, 0));
  list.forEach((one, entity) => {
    columns.vruntime[entity] = one.vruntime;
    columns.deadline[entity] = one.deadline;
    columns.weight[entity] = one.weight;
    columns.slice[entity] = one.slice;
    columns.onRq[entity] = 1;
    timeline.add(0, entity);
  });
  return { columns, timeline };
}

/** V as the paper has it (Stoica and Abdel-Wahab, 1995): Σ w v / Σ w, exactly. */
function mean(list: readonly Entity[]): { sum: bigint; weight: bigint } {
  let [sum, weight] = [0n, 0n];
  for (const one of list) {
    sum += BigInt(one.weight) * BigInt(one.vruntime);
    weight += BigInt(one.weight);
  }
  return { sum, weight };
}

function isEligible(list: readonly Entity[], { vruntime }: Entity): boolean {
  const { sum, weight } = mean(list);
  return BigInt(vruntime) * weight <= sum;
}

describe('a queue of entities', () => {
  it('knows the weighted mean, rounded down', () => {
    fc.assert(
      fc.property(entities, (list) => {
        const { sum, weight } = mean(list);
        expect(queueOf(list).timeline.average(0)).toBe(Number(sum / weight));
      }),
    );
  });

  it('picks the earliest deadline among the eligible, whatever came and went', () => {
    fc.assert(
      fc.property(entities, fc.array(fc.nat(39), { maxLength: 30 }), (list, leaving) => {
        const { columns, timeline } = queueOf(list);
        const gone = new Set<number>();
        for (const at of leaving) {
          const entity = at % list.length;
          if (gone.has(entity) || gone.size === list.length - 1) continue;
          gone.add(entity);
          timeline.remove(0, entity);
          const rest = list.filter((_, i) => !gone.has(i));
          const best = Math.min(
            ...rest.filter((one) => isEligible(rest, one)).map(({ deadline }) => deadline),
          );
          expect(columns.deadline[timeline.earliest(0)]).toBe(best);
          expect(timeline.shortestSlice(0)).toBe(Math.min(...rest.map(({ slice }) => slice)));
        }
      }),
    );
  });

  it('moves its reference without moving the mean', () => {
    fc.assert(
      fc.property(entities, (list) => {
        const { timeline } = queueOf(list);
        const before = timeline.average(0);
        timeline.advanceReference(0);
        expect(timeline.average(0)).toBe(before);
        list.forEach((one) => {
          expect(timeline.eligible(0, one.vruntime)).toBe(isEligible(list, one));
        });
      }),
    );
  });

  it('keeps equal deadlines in the order in which they came', () => {
    const same = { vruntime: 5, deadline: 7, weight: 1024, slice: 1 };
    const { timeline } = queueOf([same, same, same]);
    expect(timeline.earliest(0)).toBe(0);
    timeline.remove(0, 0);
    expect(timeline.earliest(0)).toBe(1);
  });
});
