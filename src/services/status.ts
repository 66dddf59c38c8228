// status: what is in charge of this machine. The process that deploys need not answer.

import type { z } from 'zod';
import { Fault } from '../core/errors.ts';
import type { Running } from '../knowledge/running.ts';
import { noteLost } from './deploy/lost.ts';
import { deploymentsOf } from './deploy/permission.ts';
import { statusInput, statusOutput } from './deploy-schemas.ts';
import { service } from './service.ts';
import { table, visible } from './text.ts';
import type { World } from './world.ts';

type Seen = z.infer<typeof statusOutput>;

export const status = (world: World) =>
  service<z.infer<typeof statusInput>, Seen>({
    name: 'status',
    effect: 'read',
    summary:
      'Show what is in charge of this machine: the kernel’s state, deployments under way, the last ones.',
    description:
      'What the kernel says of sched_ext, whose scheduler is loaded, which policies of ours are held (root sees that), which deployments run (also in guests) and what they say, and how the newest ones ended.',
    input: statusInput,
    output: statusOutput,
    cli: { positional: [], examples: ['schedcp status', 'schedcp status --json'] },
    async run() {
      const { charge } = world;
      const noted = await noteLost(world, false).then(
        () => '',
        (error: Error) => `not in the audit: ${error.message}\n`,
      );
      const schedExt = charge.now() ?? null;
      const holders = await charge.holders().catch(unseen);
      const last = (await deploymentsOf(world))
        .slice(-5)
        .reverse()
        .map(({ digest, policy, end }) => ({ digest, policy: policy.name, how: end.how, why: end.words }));
      const output: Seen = {
        ...{ schedExt, whose: await charge.whose(), holders: holders === undefined ? null : [...holders] },
        ...{ running: world.running.list().map(rowOf), last },
      };
      return { output, exit: 0, text: `${statusText(output)}${noted}` };
    },
  });

function rowOf({ pid, id, policy, on, by, sinceMs, says }: Running): Seen['running'][number] {
  return { pid, id, policy, on, by, since: new Date(sinceMs).toISOString(), says };
}

const whoseWords: Readonly<Record<Seen['whose'], string>> = {
  nobody: '',
  ours: ', and it is ours',
  foreign: ', and it is none of ours',
  unknown: ', and whose it is cannot be told: nobody is found who holds it',
};

function statusText({ schedExt, whose, holders, running, last }: Seen): string {
  const parts = [
    schedExt === null
      ? 'this machine’s kernel has no sched_ext'
      : schedExt.ops === ''
        ? `sched_ext ${schedExt.state}: the default scheduler is in charge`
        : `sched_ext ${schedExt.state}: ${schedExt.ops} is in charge${whoseWords[whose]}`,
  ];
  if (holders === null) parts.push('which policies of ours are held cannot be seen without root');
  else if (holders.length > 0) parts.push(`held: ${holders.join(' ')}`);
  if (running.length > 0)
    parts.push(
      table(
        ['deployment', 'policy', 'on', 'by', 'since (UTC)', 'says'],
        running.map(({ id, policy, on, by, since, says }) => [
          ...[id, policy, on, visible(by), since.slice(0, 19).replace('T', ' '), visible(says)],
        ]),
      ).trimEnd(),
    );
  if (last.length > 0)
    parts.push(
      table(
        ['record', 'policy', '', 'why'],
        last.map(({ digest, policy, how, why }) => [digest.slice(0, 12), policy, how, visible(why)]),
      ).trimEnd(),
    );
  return `${parts.join('\n')}\n`;
}

/** Undefined: only root sees it. */
function unseen(error: unknown): undefined {
  if (!(error instanceof Fault && error.code === 'not-permitted')) throw error;
}
