// restore and stop: how this machine gets its scheduler back. Neither needs the process that deploys to answer.

import type { z } from 'zod';
import { Fault } from '../core/errors.ts';
import type { Who } from '../deployment/audit-line.ts';
import { byHandEntry } from '../deployment/history.ts';
import type { Running } from '../knowledge/running.ts';
import { noteLost } from './deploy/lost.ts';
import {
  agentRestoreInput,
  agentStopInput,
  restoreInput,
  restoreOutput,
  stopInput,
} from './deploy-schemas.ts';
import { type Reply, service } from './service.ts';
import { visible } from './text.ts';
import type { World } from './world.ts';

type RestoreInput = z.infer<typeof restoreInput>;
type StopInput = z.infer<typeof stopInput>;
type Restored = z.infer<typeof restoreOutput>;
type Ended = Restored['ended'];

/** How long a deployment may take to end, and then its process to obey a signal. Letting go takes a second; ending a guest, up to ten. */
const orderly = { askMs: 15_000, killMs: 15_000 };
/** Its policy is gone already: what is left are record, audit, and somebody else's scheduler. */
const hurried = { askMs: 4000, killMs: 1000 };

const restoring = {
  name: 'restore',
  effect: 'switch',
  summary:
    'End a deployment in order: the policy is let go, the machine has its scheduler back, the record is written.',
  description:
    'Asks the deployment to end, others of the same process go on; where it does not within 15 s, its process is ended and its policy taken away. Says what the kernel says afterwards. Harmless when nothing is ' +
    'deployed. An agent ends its own; when a person ends an agent’s on this machine, agents wait until a person lets them go on.',
  output: restoreOutput,
} as const;

export const restore = (world: World) =>
  service<RestoreInput, Restored>({
    ...restoring,
    input: restoreInput,
    cli: {
      positional: ['id'],
      examples: ['schedcp restore', 'schedcp restore 3f9a01c2 --why "a release is due"'],
      notes: 'Agents go on after: schedcp approve --go-on.',
    },
    forAgents: service<z.infer<typeof agentRestoreInput>, Restored>({
      ...restoring,
      input: agentRestoreInput,
      cli: { positional: [], examples: [] },
      run: (input) => runRestore(world, input),
    }),
    run: (input) => runRestore(world, input),
  });

async function runRestore(world: World, { id, why, agent }: RestoreInput): Promise<Reply<Restored>> {
  const chosen = chosenBy(world, id, agent);
  const noted = await noteHand(world, chosen, why, agent).catch(notWritten);
  const ended = await endAll(world, chosen, orderly);
  const isStuck = chosen.some(({ on }, i) => on === 'host' && ended[i]!.how !== inOrder);
  if ((id === undefined && agent === undefined) || isStuck)
    ended.push(...(await releaseAll(world, ended.length === 0)));
  return await restoredReply(world, { what: 'restored', why, agent }, ended, { noted, givesBack: true });
}

/** Faults: not-found, not-permitted (somebody else's, to an agent). */
function chosenBy({ running }: World, id: string | undefined, agent: string | undefined): Running[] {
  const all = running.list();
  const isOwn = ({ by, kind }: Running): boolean =>
    agent === undefined || (by === agent && kind !== 'person');
  if (id === undefined) return all.filter(isOwn);
  const chosen = all.filter((one) => one.id.startsWith(id));
  if (chosen.length === 0)
    throw new Fault('not-found', 'no such deployment runs', { next: 'see: schedcp status' });
  const other = chosen.find((one) => !isOwn(one));
  if (other === undefined) return chosen;
  throw new Fault('not-permitted', `the deployment ${other.id} (${other.policy}) is ${other.by}’s`, {
    next: 'leave it to them; in an emergency stop ends everything of ours',
  });
}

const stopping = {
  name: 'stop',
  effect: 'switch',
  summary: 'Stop everything of ours on this machine; with `now` at once, when nothing else works.',
  description:
    'As restore, for all deployments, whoever’s. With `now` every holder of a policy of ours lets go at once, whatever the process that deploys does; when the kernel is still in sched_ext then it is made to leave it ' +
    '(SysRq-S): to a person whoever is in charge, to an agent only what is ours; somebody else’s scheduler is left for a person to end, and a finding says so. ' +
    'When not even this starts: echo S > /proc/sysrq-trigger, as root.',
  output: restoreOutput,
} as const;

export const stop = (world: World) =>
  service<StopInput, Restored>({
    ...stopping,
    input: stopInput,
    cli: { positional: [], examples: ['schedcp stop', 'schedcp stop --now'] },
    forAgents: service<z.infer<typeof agentStopInput>, Restored>({
      ...stopping,
      input: agentStopInput,
      cli: { positional: [], examples: [] },
      run: (input) => runStop(world, input),
    }),
    run: (input) => runStop(world, input),
  });

async function runStop(world: World, { now, why, agent }: StopInput): Promise<Reply<Restored>> {
  const chosen = world.running.list();
  const told = { what: 'stopped', why, agent };
  const noting = noteHand(world, chosen, why, agent).catch(notWritten);
  if (!now) {
    const noted = await noting;
    const ended = await endAll(world, chosen, orderly);
    ended.push(...(await releaseAll(world, ended.length === 0)));
    return await restoredReply(world, told, ended, { noted, givesBack: true });
  }
  const before = await inCharge(world);
  const ending = endAll(world, chosen, hurried); // asked first: nothing is attached anew
  const ended = await releaseAll(world, chosen.length === 0, nowMs);
  const left = await leave(world, before, agent);
  ended.push(...left.ended, ...(await ending));
  if (chosen.length > 0) ended.push(...(await releaseAll(world, false)));
  return await restoredReply(world, told, ended, { ...left, noted: await noting, givesBack: false });
}

const inOrder = 'ended in order';
/** So long holders have before the kernel is told. A policy that goes, goes in milliseconds; its holder tidies for longer. */
const nowMs = 3000;
const notSeen = 'only root sees them: run it as root';
const notLeft = 'still in charge';

/** All at once. A process that does not end what it was asked to is ended itself, unless it is this one. */
function endAll({ running }: World, chosen: readonly Running[], { askMs, killMs }: typeof orderly) {
  return Promise.all(
    chosen.map(async ({ id, policy }): Promise<Ended[number]> => {
      const isOver = await running.end(id, askMs).catch(() => false);
      if (!isOver) await running.kill(id, killMs).catch(() => {});
      return { what: `${policy} (${id})`, how: isOver ? inOrder : 'did not answer' };
    }),
  );
}

/** Throws Fault('not-permitted') where only root sees what is held, when nothing else is done (`isAlone`); else that is told beside it. */
async function releaseAll({ charge }: World, isAlone: boolean, limitMs = 30_000): Promise<Ended> {
  const ended: Ended = [];
  const holders = await charge.holders().catch((error: Error) => {
    if (isAlone) throw error;
    ended.push({ what: 'policies that are held', how: notSeen });
    return [];
  });
  // one that is frozen keeps no other waiting, and SysRq not for long
  const letGo = holders.map(async (what) => ({ what, how: await charge.release(what, limitMs) }));
  return [...ended, ...(await Promise.all(letGo))];
}

async function inCharge({ charge }: World) {
  return { whose: await charge.whose(), enableSeq: charge.now()?.enableSeq };
}

/** Out of sched_ext, if the kernel is still in it. What is not ours an agent leaves to a person. `before`: what was in charge when nothing had been released yet. */
async function leave(
  world: World,
  before: Awaited<ReturnType<typeof inCharge>>,
  agent: string | undefined,
): Promise<{ ended: Ended; findings: Restored['findings'] }> {
  const now = world.charge.now();
  if (now === undefined || now.state === 'disabled') return { ended: [], findings: [] };
  const { whose, enableSeq } = await inCharge(world);
  const isOurs = whose === 'ours' || (before.whose === 'ours' && before.enableSeq === enableSeq);
  if (agent === undefined || isOurs) {
    const how = await world.charge.leave().then(
      (isLeft) => (isLeft ? 'left' : notLeft),
      (error: Error) => `${notLeft}: ${error.message}`,
    );
    return { ended: [{ what: 'sched_ext', how }], findings: [] };
  }
  const finding = {
    code: 'foreign-scheduler',
    message: `${visible(now.ops)} is in charge, and it is not known to be ours: an agent does not end it`,
    next: 'let a person end it: schedcp stop --now',
  };
  return { ended: [], findings: [finding] };
}

/** A person ends what an agent does on this machine: from here on agents wait. What is to be said of it. */
async function noteHand(
  world: World,
  chosen: readonly Running[],
  why: string,
  agent: string | undefined,
): Promise<string> {
  const names = new Set(
    chosen.flatMap(({ kind, on, by }) => (kind === 'agent' && on === 'host' ? [by] : [])),
  );
  if (agent !== undefined || names.size === 0) return '';
  const { ops, enableSeq } = world.charge.now() ?? { ops: '', enableSeq: -1 };
  const words = `a person has ended the deployment of ${[...names].join(', ')}`;
  await world.keeping.audit.append(byHandEntry(why === '' ? words : why, { ops, enableSeq }));
  return 'Agents wait from now on; let them go on with: schedcp approve --go-on\n';
}

/** What was done goes to the audit, unless not even that can be written: giving back comes first. */
async function restoredReply(
  world: World,
  { what, why, agent }: { what: string; why: string; agent: string | undefined },
  ended: Ended,
  told: { noted: string; givesBack: boolean; findings?: Restored['findings'] },
): Promise<Reply<Restored>> {
  const { charge, keeping } = world;
  const findings = told.findings ?? [];
  const noted = [told.noted];
  const notNoted = (error: Error): number => noted.push(notWritten(error));
  await noteLost(world, told.givesBack).then((started) => ended.push(...started), notNoted);
  const now = charge.now() ?? null;
  const isDone = ended.every(({ how }) => how !== notSeen && !how.startsWith(notLeft));
  const isBack = now === null || now.state === 'disabled' || (await charge.whose()) === 'foreign';
  const verified = isDone && isBack;
  const about = { ended: ended.map((one) => `${one.what}: ${one.how}`) };
  const who: Who =
    agent === undefined ? { kind: 'person', name: world.person() } : { kind: 'agent', name: agent };
  if (ended.length > 0) await keeping.audit.append({ who, what, why, about }).catch(notNoted);
  const schedExt = now === null ? null : { state: now.state, ops: now.ops };
  const isOwn = what === 'restored' && agent !== undefined;
  const lines = [
    ...(ended.length === 0 ? [`Nothing of ${isOwn ? 'yours' : 'ours'} is deployed.`] : []),
    ...ended.map((one) => `${one.what}: ${one.how}`),
    ...findings.flatMap(({ message, next }) => [message, `→ ${next}`]),
    now === null
      ? 'this machine’s kernel has no sched_ext'
      : `sched_ext is ${now.state}${now.ops === '' ? '' : ` (${now.ops})`}`,
  ];
  return {
    output: { ended, schedExt, verified, findings },
    exit: verified ? 0 : 1,
    text: `${lines.join('\n')}\n${noted.join('')}`,
  };
}

const notWritten = (error: Error): string => `not in the audit: ${error.message}\n`;
