// policies and workloads: what there is to try, and what to try it on.

import type { z } from 'zod';
import { digestOf } from '../core/canonical.ts';
import { parseWorkload } from '../workload/read.ts';
import { policiesInput, policiesOutput, workloadsInput, workloadsOutput } from './library-schemas.ts';
import { service } from './service.ts';
import { pageItems, table } from './text.ts';
import type { World } from './world.ts';

type PoliciesOutput = z.infer<typeof policiesOutput>;
type WorkloadsOutput = z.infer<typeof workloadsOutput>;

/** A page, as text and as JSON, is no more than an agent may get. */
const perPage = { policies: 3, workloads: 9 } as const;

export const policies = (world: World) =>
  service<z.infer<typeof policiesInput>, PoliciesOutput>({
    name: 'policies',
    effect: 'read',
    summary:
      'List the policy library; with a name: what the policy is for, where it is bad, its parameters, and which of them may move.',
    description:
      'Reads only. A few policies a page; give a name for one. Use a name in `policies` of tune; `name?parameter=value` sets parameters. What moves is a knob: it may be set while the policy is in charge.',
    input: policiesInput,
    output: policiesOutput,
    cli: { positional: ['name'], examples: ['schedcp policies', 'schedcp policies length'] },
    async run({ name, page }) {
      const all = name === undefined ? await world.policies.list() : [await world.policies.get(name)];
      const rows = all.map(({ card, object }) => ({
        name: card.name,
        summary: card.summary,
        goodFor: card.goodFor,
        badFor: card.badFor,
        hints: card.hints,
        object: digestOf(object),
        parameters: card.parameters.map(({ name, unit, min, max, moves, description, default: value }) => ({
          name,
          unit,
          default: value,
          min,
          max,
          ...(moves && { moves }),
          description,
        })),
      }));
      const { items, ...place } = pageItems(rows, page ?? 1, perPage.policies);
      const told = page === undefined ? rows : items;
      return {
        output: { policies: items, ...place },
        exit: 0,
        text: name === undefined ? policyTable(told) : told.map(policyText).join('\n'),
      };
    },
  });

type PolicyRow = PoliciesOutput['policies'][number];

function policyTable(rows: readonly PolicyRow[]): string {
  return table(
    ['policy', 'parameters', 'summary'],
    rows.map((row) => [row.name, String(row.parameters.length), row.summary]),
  );
}

function policyText(row: PolicyRow): string {
  const parameters = row.parameters.map((item) => [
    item.name,
    String(item.default),
    `${item.min}..${item.max}`,
    item.moves === undefined ? '' : `${item.moves.low}..${item.moves.high}`,
    item.unit,
    item.description,
  ]);
  return [
    `${row.name}${row.hints ? ' (takes hints)' : ''}: ${row.summary}`,
    ...row.goodFor.map((text) => `  good for  ${text}`),
    ...row.badFor.map((text) => `  bad for   ${text}`),
    '',
    table(['parameter', 'default', 'bounds', 'moves', 'unit', 'what it does'], parameters),
  ].join('\n');
}

export const workloads = (world: World) =>
  service<z.infer<typeof workloadsInput>, WorkloadsOutput>({
    name: 'workloads',
    effect: 'read',
    summary: 'List the standard workloads with their goals.',
    description:
      'Reads only. Declared workloads run on every machine and repeat exactly; programs are real commands for the micro-VM.',
    input: workloadsInput,
    output: workloadsOutput,
    cli: { positional: ['name'], examples: ['schedcp workloads', 'schedcp workloads long-tail'] },
    async run({ name, page }) {
      const all = name === undefined ? await world.workloads.list() : [await world.workloads.get(name)];
      const rows = all.map((item) => {
        if (item.kind === 'program')
          return {
            name: item.name,
            kind: 'program',
            description: item.program.description,
            goal: item.program.goal,
          };
        const file = parseWorkload(item.text, item.name);
        return { name: item.name, kind: 'declared', description: file.description, goal: file.goal };
      });
      const { items, ...place } = pageItems(rows, page ?? 1, perPage.workloads);
      return {
        output: { workloads: items, ...place },
        exit: 0,
        text: table(
          ['workload', 'kind', 'goal', 'description'],
          (page === undefined ? rows : items).map((row) => [
            row.name,
            row.kind,
            `${row.goal.metric} ${row.goal.direction}`,
            row.description,
          ]),
        ),
      };
    },
  });
