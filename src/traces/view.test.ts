import { expect, it } from 'vitest';
import { stillRunnable, traceKinds } from '../core/trace.ts';
import { TraceBuilder } from './builder.ts';
import { printable, traceSlices, traceText } from './view.ts';

it('who ran when: what is not known is not drawn', () => {
  const builder = new TraceBuilder();
  const [a, b, c, d] = [1, 2, 3, 4].map((tid) => builder.taskOf(tid)) as [number, number, number, number];
  const leave = (atNs: number, cpu: number, prev: number, next: number): void =>
    builder.add(atNs, traceKinds.switch, cpu, prev, next, stillRunnable);
  leave(10, 0, a, b); // a has run since the start
  leave(30, 0, c, d); // b left at some time, unseen
  leave(40, 0, d, -1);
  leave(50, 1, -1, a); // and a still runs at the end
  const slices = traceSlices(builder.finish({ source: 'probes', startNs: 0, endNs: 100 }));
  expect(slices).toEqual([
    { cpu: 0, task: a, fromNs: 0, toNs: 10 },
    { cpu: 0, task: d, fromNs: 30, toNs: 40 },
    { cpu: 1, task: a, fromNs: 50, toNs: 100 },
  ]);
});

it('names are data: bytes that could move a terminal are shown as numbers', () => {
  expect(printable('a\x1b[2Jb\n\xff\\')).toBe('a\\x1b[2Jb\\x0a\\xff\\x5c');
  const builder = new TraceBuilder();
  builder.tasks[builder.taskOf(1)]!.comm = '\x1b]0;x\x07';
  const text = traceText(builder.finish({ source: 'perf', release: '\x1b', notes: [] }));
  expect([...text].every((one) => one === '\n' || one >= ' ')).toBe(true);
});

it('who is observed is shown, and how many others there are', () => {
  const builder = new TraceBuilder();
  for (let tid = 1; tid <= 9; tid++) builder.taskOf(tid);
  builder.tasks[4]!.isFollowed = true;
  const text = traceText(builder.finish({ source: 'perf' }));
  expect(text).toContain('9 tasks, 1 followed\n  #4   5/5');
  expect(text).toContain('  … 8 more\n');
});
