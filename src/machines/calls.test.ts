import { describe, expect, it } from 'vitest';
import { parseEvents } from '../linux/runner.ts';
import { callsOf } from './calls.ts';

const columns = ['ns', 'cpu', 'what', 'task', 'other', 'a', 'b', 'c', 'd', 'result'];
const lines = (...events: unknown[]) =>
  parseEvents(events.map((event) => `${JSON.stringify(event)}\n`).join(''));
const chunk = (first: number, ...rows: unknown[]) => ({ event: 'calls', first, columns, rows });
const local = '9223372036854775810';

describe('callsOf', () => {
  it('joins chunks; numbers and results as the shape of the call has them', () => {
    const events = lines(
      chunk(
        0,
        [-5, 1, 'scx_bpf_create_dsq', null, null, 0, '18446744073709551615', 9, 9, -17],
        [7, 0, 'ops.tick', 3, null, 9, 9, 9, 9, 9],
      ),
      { event: 'done', status: 'ok' },
      chunk(2, [8, 0, 'scx_bpf_dsq_insert', 3, null, local, 20_000_000, 1, 0, 0]),
      chunk(3, [9, 0, 'sched_switch', 'swapper/0', 3, 0, 1, 0, 0, 0]),
      { event: 'callsLost', count: 4 },
    );
    expect(callsOf(events)).toEqual({
      lost: 4,
      calls: [
        { ns: -5, cpu: 1, what: 'scx_bpf_create_dsq', task: null, other: null, args: [0, -1], result: -17 },
        { ns: 7, cpu: 0, what: 'ops.tick', task: 3, other: null, args: [], result: null },
        {
          ns: 8,
          cpu: 0,
          what: 'scx_bpf_dsq_insert',
          task: 3,
          other: null,
          args: [local, 20_000_000, 1],
          result: null,
        },
        { ns: 9, cpu: 0, what: 'sched_switch', task: 'swapper/0', other: 3, args: [0, 1], result: null },
      ],
    });
  });

  it('nothing recorded is no calls', () => {
    expect(callsOf(lines({ event: 'done', status: 'ok' }))).toEqual({ calls: [], lost: 0 });
  });

  it.each([
    ['a chunk is missing', [chunk(1, [7, 0, 'ops.tick', 3, null, 0, 0, 0, 0, 0])]],
    ['an unknown call', [chunk(0, [7, 0, 'ops.nap', 3, null, 0, 0, 0, 0, 0])]],
  ])('%s: malformed', (_, events) => {
    expect(() => callsOf(lines(...events))).toThrow(expect.objectContaining({ code: 'malformed' }));
  });
});
