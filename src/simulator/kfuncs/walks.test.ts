// Iterators: numbers, cgroups, queues. Truth: kernel/bpf/bpf_iter.c (bpf_iter_num_next), kernel/bpf/cgroup_iter.c and css_next_descendant_pre(),
// css_next_descendant_post() in kernel/cgroup/cgroup.c, bpf_iter_scx_dsq_next() in kernel/sched/ext.c, v6.18.

import { describe, expect, test } from 'vitest';
import { Finding, kfuncTest, type TestKfuncs } from '../../../test/simulator/kfunc-world.ts';
import { kfMask } from '../model/ext/ops.ts';

function numbers(start: number, end: number): number[] {
  const k = kfuncTest();
  const it = k.bytes(8);
  const found: number[] = [];
  expect(k.call('bpf_iter_num_new', it, start, end)).toBe(0);
  for (let at = k.call('bpf_iter_num_next', it); at !== 0; at = k.call('bpf_iter_num_next', it))
    found.push(k.memory.i32[at >>> 2]!);
  expect(k.call('bpf_iter_num_next', it)).toBe(0);
  k.call('bpf_iter_num_destroy', it);
  return found;
}

test('numbers from the first to before the last', () => {
  expect(numbers(0, 3)).toEqual([0, 1, 2]);
  expect(numbers(-2, 1)).toEqual([-2, -1, 0]);
  expect(numbers(5, 5)).toEqual([]);
  expect(numbers(2_147_483_645, 2_147_483_647)).toEqual([2_147_483_645, 2_147_483_646]);
});

test('a walk over numbers that was refused or has ended gives nothing', () => {
  const k = kfuncTest();
  const it = k.bytes(8);
  expect(k.call('bpf_iter_num_new', it, 3, 1)).toBe(-22);
  expect(k.call('bpf_iter_num_next', it)).toBe(0);
  k.call('bpf_iter_num_new', it, 0, 9);
  k.call('bpf_iter_num_destroy', it);
  expect(k.call('bpf_iter_num_next', it)).toBe(0);
});

describe('cgroups', () => {
  // 0 the root, 1 its child, 2 and 3 the child's
  const tree = (): TestKfuncs => kfuncTest({ parent: 'work', cgroups: ['a', 'b'], tasks: [-1, 0] });
  const walk = (k: TestKfuncs, start: number, order: number): number[] => {
    const it = k.bytes(24);
    expect(k.call('bpf_iter_css_new', it, k.cgroups.addressOf(start), order)).toBe(0);
    const found: number[] = [];
    for (let css = k.call('bpf_iter_css_next', it); css !== 0; css = k.call('bpf_iter_css_next', it))
      found.push(k.cgroups.numberOf(css));
    k.call('bpf_iter_css_destroy', it);
    return found;
  };
  test('parents first', () => {
    expect(walk(tree(), 0, 2)).toEqual([0, 1, 2, 3]);
    expect(walk(tree(), 2, 2)).toEqual([2]);
  });
  test('children first', () => {
    expect(walk(tree(), 0, 3)).toEqual([2, 3, 1, 0]);
    expect(walk(tree(), 1, 3)).toEqual([2, 3, 1]);
  });
  test('upwards', () => {
    expect(walk(tree(), 3, 4)).toEqual([3, 1, 0]);
    expect(walk(tree(), 0, 4)).toEqual([0]);
  });
  test('by id, ancestors, tasks below', () => {
    const k = tree();
    const [root, work, a, b] = [0, 1, 2, 3].map((number) => k.cgroups.addressOf(number)) as [
      number,
      number,
      number,
      number,
    ];
    expect([1, 4].map((id) => k.call('bpf_cgroup_from_id', id, 0))).toEqual([root, b]);
    expect([0, 5].map((id) => k.call('bpf_cgroup_from_id', id, 0))).toEqual([0, 0]);
    expect(k.call('bpf_cgroup_from_id', 1, 1)).toBe(0);
    expect([0, 1, 2, 3, -1].map((level) => k.call('bpf_cgroup_ancestor', a, level))).toEqual([
      root,
      work,
      a,
      0,
      0,
    ]);
    const under = (task: number, cgroup: number): number =>
      k.call('bpf_task_under_cgroup', k.task(task), cgroup);
    expect([under(0, root), under(0, work), under(1, work), under(1, a), under(1, b)]).toEqual([
      1, 0, 1, 1, 0,
    ]);
    expect(k.call('bpf_cgroup_acquire', a)).toBe(a);
    k.call('bpf_cgroup_release', a);
    let found = 0;
    k.within(kfMask.enqueue, () => (found = k.call('scx_bpf_task_cgroup', k.task(1))), k.task(1));
    expect(found).toBe(a);
    expect(k.exit()).toBe('');
  });
});

describe('queues', () => {
  const reverse = 1 << 16;
  /** Queue 5 with tasks 0 to 3. */
  const filled = (): TestKfuncs & { it: number; next: () => number } => {
    const k = kfuncTest({ tasks: [-1, -1, -1, -1, -1] });
    k.call('scx_bpf_create_dsq', 5, 0, -1);
    const { dsqs } = k.world.scx;
    for (let task = 0; task < 4; task++) dsqs.insert(dsqs.find(5, 0), task, false);
    const it = k.bytes(48);
    return { ...k, it, next: () => k.world.tasks.taskOf(k.call('bpf_iter_scx_dsq_next', it)) };
  };
  test('from the head, and from the tail', () => {
    const k = filled();
    k.call('bpf_iter_scx_dsq_new', k.it, 5, 0, 0, 0);
    expect([k.next(), k.next(), k.next(), k.next(), k.next()]).toEqual([0, 1, 2, 3, -1]);
    k.call('bpf_iter_scx_dsq_destroy', k.it);
    k.call('bpf_iter_scx_dsq_new', k.it, 5, 0, reverse, 0);
    expect([k.next(), k.next(), k.next(), k.next(), k.next()]).toEqual([3, 2, 1, 0, -1]);
  });
  test('what comes later is not seen, what leaves does not disturb', () => {
    const k = filled();
    const { dsqs } = k.world.scx;
    k.call('bpf_iter_scx_dsq_new', k.it, 5, 0, 0, 0);
    expect([k.next(), k.next()]).toEqual([0, 1]);
    dsqs.insert(dsqs.find(5, 0), 4, true);
    dsqs.remove(1);
    dsqs.remove(0);
    expect(k.next()).toBe(2);
    dsqs.remove(3);
    dsqs.insert(dsqs.find(5, 0), 3, false); // it has come again, so it is new
    expect(k.next()).toBe(-1);
  });
  test('what has come since cannot be moved by the walk', () => {
    const k = filled();
    const { dsqs } = k.world.scx;
    k.call('scx_bpf_create_dsq', 6, 0, -1);
    k.call('bpf_iter_scx_dsq_new', k.it, 5, 0, 0, 0);
    dsqs.remove(2);
    dsqs.insert(dsqs.find(5, 0), 2, false);
    const move = (task: number): number => {
      let moved = -1;
      k.within(kfMask.dispatch, () => {
        moved = k.call('scx_bpf_dsq_move', k.it, k.task(task), 6, 0, 0, 0);
      });
      return moved;
    };
    expect([move(2), move(3), move(3), move(4)]).toEqual([0, 1, 0, 0]);
    expect(dsqs.nr[dsqs.find(6, 0)]).toBe(1);
  });
  test('walks within walks end in reverse', () => {
    const k = filled();
    const inner = k.bytes(48);
    k.call('bpf_iter_scx_dsq_new', k.it, 5, 0, 0, 0);
    expect(k.next()).toBe(0);
    k.call('bpf_iter_scx_dsq_new', inner, 5, 0, 0, 0);
    expect(() => k.call('bpf_iter_scx_dsq_destroy', k.it)).toThrow(Finding);
    k.call('bpf_iter_scx_dsq_destroy', inner);
    expect(k.next()).toBe(1);
    k.call('bpf_iter_scx_dsq_destroy', k.it);
  });
});
