// Random traces, as wild as the contract allows.

import fc from 'fast-check';
import type { Trace } from '../../src/core/trace.ts';

const arbitraryTask = fc.record({
  tid: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
  tgid: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
  comm: fc.string({
    unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
    maxLength: 15,
  }),
  isKernel: fc.boolean(),
  isFollowed: fc.boolean(),
  nice: fc.integer({ min: -20, max: 19 }),
  schedClass: fc.integer({ min: 0, max: 7 }),
});

const arbitraryEvent = fc.record({
  sinceNs: fc.oneof(fc.nat(200), fc.nat(2 ** 31 - 1), fc.constant(2 ** 40)),
  kind: fc.integer({ min: 1, max: 5 }),
  cpu: fc.nat(65_535),
  task: fc.nat(),
  other: fc.nat(),
  detail: fc.integer({ min: 0, max: 255 }),
  object: fc.oneof(fc.constantFrom(0, 1, 77), fc.integer({ min: 0, max: 2 ** 32 - 1 })),
});

export const arbitraryTrace: fc.Arbitrary<Trace> = fc
  .record({
    source: fc.constantFrom('probes', 'perf', 'simulator'),
    cpus: fc.oneof(fc.integer({ min: 1, max: 4 }), fc.constant(65_536)),
    release: fc.string(),
    lost: fc.nat(),
    notes: fc.array(fc.string(), { maxLength: 3 }),
    name: fc.string(),
    after: fc.nat(),
    tasks: fc.array(arbitraryTask, { maxLength: 6 }),
    events: fc.array(arbitraryEvent, { maxLength: 60 }),
    parents: fc.array(fc.nat(), { minLength: 6, maxLength: 6 }),
  })
  .map(({ source, cpus, release, lost, notes, name, after, tasks, events, parents }) => {
    const count = events.length;
    let last = 0;
    const atNs = Float64Array.from(events, ({ sinceNs }) => {
      last += sinceNs;
      return last;
    });
    /** −1 … tasks − 1. */
    const place = (any: number): number => (any % (tasks.length + 1)) - 1;
    const durationNs = last + after;
    return {
      ...{ source: source as Trace['source'], cpus, release, lost, notes, durationNs },
      subject: { name, startNs: Math.floor(after / 2), endNs: durationNs },
      tasks: tasks.map((task, i) => ({ ...task, parent: place(parents[i]!) })),
      ...{ count, atNs },
      kind: Uint8Array.from(events, ({ kind }) => kind),
      cpu: Uint16Array.from(events, ({ cpu }) => cpu % cpus),
      task: Int32Array.from(events, ({ task }) => place(task)),
      other: Int32Array.from(events, ({ other }) => place(other)),
      detail: Uint8Array.from(events, ({ detail }) => detail),
      object: Uint32Array.from(events, ({ object }) => object),
    };
  });
