// status, restore, stop: what is in charge of this machine, and how it gets its scheduler back. None of them needs the process that deploys to answer.

import type { z } from 'zod';
import type { Running } from '../knowledge/running.ts';
import { deploymentsOf } from './deploy/permission.ts';
import { restoreInput, restoreOutput, statusInput, statusOutput, stopInput } from './deploy-schemas.ts';
import { type Reply, service } from './service.ts';
import { table, visible } from './text.ts';
import type { World } from './world.ts';

type Restored = z.infer<typeof restoreOutput>;
type Seen = z.infer<typeof statusOutput>;

/** Letting go takes a second; ending a guest, up to ten. */
const orderlyMs = 15_000;

export const status = (world: World) =>
  service<z.infer<typeof statusInput>, Seen>({
    name: 'status',
    effect: 'read',
    summary:
      'Show what is in charge of this machine: the kernel’s state, deployments under way, the last ones.',
    description:
      'What the kernel says of sched_ext, whose scheduler is loaded, which policies of ours are held, which deployments run (also in guests) and what they say, and how the newest ones ended.',
    input: statusInput,
    output: statusOutput,
    cli: { positional: [], examples: ['schedcp status', 'schedcp status --json'] },
    async run() {
      const { charge } = world;
      const schedExt = charge.now() ?? null;
      const holders = [...(await charge.holders())];
      const foreign = holders.length > 0 ? undefined : await charge.foreign();
      const running = world.running.list().map(rowOf);
      const last = (await deploymentsOf(world))
        .slice(-5)
        .reverse()
        .map(({ digest, policy, end }) => ({ digest, policy: policy.name, how: end.how, why: end.words }));
      const output = { schedExt, foreign: foreign?.ops ?? null, holders, running, last };
      return { output, exit: 0, text: statusText(output) };
    },
  });

function rowOf({ pid, id, policy, on, by, sinceMs, says }: Running): Seen['running'][number] {
  return { pid, id, policy, on, by, since: new Date(sinceMs).toISOString(), says };
}

function statusText({ schedExt, foreign, holders, running, last }: Seen): string {
  const parts = [
    schedExt === null
      ? 'this machine’s kernel has no sched_ext'
      : schedExt.ops === ''
        ? `sched_ext ${schedExt.state}: the default scheduler is in charge`
        : `sched_ext ${schedExt.state}: ${schedExt.ops} is in charge${foreign === null ? '' : ', and it is none of ours'}`,
  ];
  if (holders.length > 0) parts.push(`held: ${holders.join(' ')}`);
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

export const restore = (world: World) =>
  service<z.infer<typeof restoreInput>, Restored>({
    name: 'restore',
    effect: 'switch',
    summary:
      'End a deployment in order: the policy is let go, the machine has its scheduler back, the record is written.',
    description:
      'Asks the process that deploys to end; where it does not within 15 s, its policy is taken away from it. Says what the kernel says afterwards. Harmless when nothing is deployed.',
    input: restoreInput,
    output: restoreOutput,
    cli: {
      positional: ['id'],
      examples: ['schedcp restore', 'schedcp restore 3f9a01c2 --why "a release is due"'],
    },
    async run({ id, why }) {
      const chosen = world.running.list().filter((one) => id === undefined || one.id.startsWith(id));
      const ended: Restored['ended'] = [];
      for (const { pid, policy, id: own } of chosen) {
        const isOver = await world.charge.end(pid, orderlyMs);
        ended.push({ what: `${policy} (${own})`, how: isOver ? 'ended in order' : 'did not answer' });
      }
      if (id === undefined || ended.some(({ how }) => how === 'did not answer'))
        ended.push(...(await releaseAll(world)));
      return await restoredReply(world, 'restored', why, ended);
    },
  });

export const stop = (world: World) =>
  service<z.infer<typeof stopInput>, Restored>({
    name: 'stop',
    effect: 'switch',
    summary: 'Stop everything of ours on this machine; --now at once, when nothing else works.',
    description:
      'As restore, for all deployments. With `now` nobody is asked: every holder of a policy of ours is told to let go, and when the kernel is still in sched_ext it is made to leave it (SysRq-S), whoever is in charge. ' +
      'When not even this starts: echo S > /proc/sysrq-trigger, as root.',
    input: stopInput,
    output: restoreOutput,
    cli: { positional: [], examples: ['schedcp stop', 'schedcp stop --now'] },
    async run({ now, why }) {
      const ended: Restored['ended'] = [];
      if (now) {
        ended.push(...(await releaseAll(world)));
        const state = world.charge.now()?.state;
        if (state !== undefined && state !== 'disabled')
          ended.push({ what: 'sched_ext', how: (await world.charge.leave()) ? 'left' : 'still in charge' });
      }
      for (const { pid, policy, id } of world.running.list()) {
        const isOver = await world.charge.end(pid, now ? 1000 : orderlyMs);
        ended.push({ what: `${policy} (${id})`, how: isOver ? 'ended in order' : 'did not answer' });
      }
      if (!now) ended.push(...(await releaseAll(world)));
      return await restoredReply(world, 'stopped', why, ended);
    },
  });

async function releaseAll({ charge }: World): Promise<Restored['ended']> {
  const ended: Restored['ended'] = [];
  for (const address of await charge.holders())
    ended.push({ what: address, how: await charge.release(address) });
  return ended;
}

/** What was done goes to the audit, unless not even that can be written: giving back comes first. */
async function restoredReply(
  world: World,
  what: string,
  why: string,
  ended: Restored['ended'],
): Promise<Reply<Restored>> {
  const now = world.charge.now() ?? null;
  const foreign = await world.charge.foreign();
  const isOurs = (await world.charge.holders()).length > 0;
  const verified = now === null || now.state === 'disabled' || (foreign !== undefined && !isOurs);
  const who = { kind: 'person', name: world.person() } as const;
  let noted = '';
  if (ended.length > 0)
    await world.keeping.audit
      .append({ who, what, why, about: { ended: ended.map((one) => `${one.what}: ${one.how}`) } })
      .catch((error: Error) => {
        noted = `not in the audit: ${error.message}\n`;
      });
  const schedExt = now === null ? null : { state: now.state, ops: now.ops };
  const lines = ended.map((one) => `${one.what}: ${one.how}\n`);
  const state =
    now === null
      ? 'this machine’s kernel has no sched_ext'
      : `sched_ext is ${now.state}${now.ops === '' ? '' : ` (${now.ops})`}`;
  return {
    output: { ended, schedExt, verified },
    exit: verified ? 0 : 1,
    text: `${ended.length === 0 ? 'Nothing of ours is deployed.\n' : lines.join('')}${state}\n${noted}`,
  };
}
