import { expect, test } from 'vitest';
import type { WorkloadFile } from '../core/workload.ts';
import { expand } from './expand.ts';
import { hints } from './hints.ts';

function hintsOf(groups: WorkloadFile['groups']) {
  const file: WorkloadFile = {
    ...{ kind: 'declared', name: 'w', description: 'A test.', jitter: { work: 0 } },
    goal: { metric: 'makespanNs', direction: 'lower' },
    groups: groups.map((group) => ({ comm: group.name, ...group })),
  };
  const expansion = expand(file, { seed: 1, cpus: 2 });
  return Object.fromEntries(hints(expansion).map(({ comm, ...hint }) => [comm, hint]));
}

test('over JOIN: what comes after the join counts, what comes before does not', () => {
  const found = hintsOf([
    { name: 'a', phases: [{ run: 10 }] },
    { name: 'b', phases: [{ run: 500 }, { join: 'a' }, { run: 7 }] },
    { name: 'c', phases: [{ join: 'b' }, { run: 1 }] },
  ]);
  expect(found.a).toEqual({ lengthNs: 10, rank: 18, dependents: 2 });
  expect(found.b).toEqual({ lengthNs: 507, rank: 508, dependents: 1 });
  expect(found.c).toEqual({ lengthNs: 1, rank: 1, dependents: 0 });
});

test('over FORK: the chain goes through the child, but a child does not wait', () => {
  const found = hintsOf([
    { name: 'a', phases: [{ run: 5 }, { fork: 'child' }, { run: 3 }, { join: 'child' }, { run: 2 }] },
    { name: 'child', phases: [{ loop: 10, phases: [{ run: 4 }] }] },
  ]);
  expect(found.a).toEqual({ lengthNs: 10, rank: 5 + 40 + 2, dependents: 0 });
  expect(found.child).toEqual({ lengthNs: 40, rank: 42, dependents: 1 });
});

test('over SIGNAL → WAIT, to and fro between two tasks', () => {
  const found = hintsOf([
    { name: 'a', phases: [{ run: 1 }, { signal: 'x' }, { wait: 'y' }, { run: 100 }] },
    { name: 'b', phases: [{ wait: 'x' }, { run: 10 }, { signal: 'y' }, { run: 3 }] },
  ]);
  expect(found.a).toEqual({ lengthNs: 101, rank: 111, dependents: 1 });
  expect(found.b).toEqual({ lengthNs: 13, rank: 110, dependents: 1 });
});

test('many signals to one waiter: its last wait needs all of them', () => {
  const found = hintsOf([
    { name: 'a', count: 3, phases: [{ run: 10 }, { signal: 'x' }] },
    { name: 'b', phases: [{ wait: 'x', times: 3 }, { run: 5 }] },
  ]);
  expect(found.a).toEqual({ lengthNs: 10, rank: 15, dependents: 1 });
});

test('a signal in a loop is not static', () => {
  const found = hintsOf([
    { name: 'a', phases: [{ loop: 3, phases: [{ run: 10 }, { signal: 'x' }] }] },
    { name: 'b', phases: [{ wait: 'x', times: 3 }, { run: 5 }] },
  ]);
  expect(found.a).toEqual({ lengthNs: 30, rank: 30, dependents: 0 });
});
