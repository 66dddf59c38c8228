// The conformance suite: every case on a machine, and the table of what it cannot do held against what it does.

import { describe, expect, it } from 'vitest';
import type { Case } from './case.ts';
import { attach } from './cases/attach.ts';
import { batches } from './cases/batches.ts';
import { contract } from './cases/contract.ts';
import { dump } from './cases/dump.ts';
import { faults } from './cases/faults.ts';
import { journal } from './cases/journal.ts';
import { kicks } from './cases/kicks.ts';
import { latency } from './cases/latency.ts';
import { operations } from './cases/operations.ts';
import { pointers } from './cases/pointers.ts';
import { relocations } from './cases/relocations.ts';
import { shares } from './cases/shares.ts';
import { stack } from './cases/stack.ts';
import { limits } from './limits.ts';
import { Bench, type Subject } from './subject.ts';

const all: Readonly<Record<string, readonly Case[]>> = {
  batches,
  shares,
  operations,
  latency,
  faults,
  dump,
  attach,
  journal,
  kicks,
  relocations,
  pointers,
  stack,
  contract,
};

/** `open` is called once, when the first case runs. `every`: so many diagonals of matrices are one that runs. */
export function conformance(name: Subject['name'], open: () => Promise<Subject>, every = 1): void {
  let opened: Promise<Bench> | undefined;
  const bench = (): Promise<Bench> => (opened ??= open().then((subject) => new Bench(subject)));
  for (const [part, cases] of Object.entries(all))
    describe.concurrent(part, () => {
      for (const one of cases.filter(({ diagonal = 0 }) => diagonal % every === 0)) {
        const limit = limits.find((entry) => entry.machine === name && one.name.startsWith(entry.cases));
        if (limit === undefined) it(one.name, async () => (await bench()).check(one));
        else if (limit.never !== true)
          it(`${one.name}: cannot (${limit.reason})`, async () => {
            const machine = await bench();
            const passed = await machine.check(one).then(
              () => true,
              () => false,
            );
            expect(passed, `"${one.name}" passes: the entry is stale`).toBe(false);
          });
      }
    });
  it('the table of limits names cases that there are', () => {
    const names = Object.values(all).flatMap((cases) => cases.map((one) => one.name));
    expect(new Set(names).size, 'two cases of one name').toBe(names.length);
    for (const { cases } of limits)
      expect(
        names.some((one) => one.startsWith(cases)),
        cases,
      ).toBe(true);
  });
}
