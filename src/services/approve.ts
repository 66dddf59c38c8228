// approve: what waits for a person, and the person's answer; that agents may go on, or that a policy may be tried again. Agents see what waits; the answer is never one of their tools.

import type { z } from 'zod';
import { Fault } from '../core/errors.ts';
import type { Approval } from '../deployment/approvals.ts';
import { stamp } from '../deployment/check-token.ts';
import { goneOnEntry, liftedEntry } from '../deployment/history.ts';
import { approveInput, approveOutput, waitingInput } from './accountable-schemas.ts';
import { type Reply, service } from './service.ts';
import { visible } from './text.ts';
import type { World } from './world.ts';

type Output = z.infer<typeof approveOutput>;

export const approve = (world: World) =>
  service<z.infer<typeof approveInput>, Output>({
    name: 'approve',
    effect: 'decide',
    summary:
      'List what waits for a person; approve or refuse it; let agents go on, or a policy be tried again.',
    description:
      'An agent’s first critical operations, and whatever looks odd, wait for a person. Look at the verdict first (show). An approval holds for exactly this policy, ' +
      'machine and scope, once, and until it expires; it lifts no limit and no level of trust. After a person has changed the scheduler by hand agents wait for --go-on; a policy that was undone again and again, for --release. ' +
      'Your name and reason go to the audit. Over MCP this lists only.',
    input: approveInput,
    output: approveOutput,
    cli: {
      positional: ['id'],
      examples: [
        'schedcp approve',
        'schedcp approve 5c1d --why "seen on the test machine"',
        'schedcp approve 5c1d --refuse --why "not before the release"',
        'schedcp approve --go-on --why "the release is out"',
      ],
    },
    forAgents: waiting(world),
    async run({ id, refuse, goOn, release, why = '', all }) {
      if (goOn) return await gone(world, why);
      if (release !== undefined) return await released(world, release, why);
      if (id === undefined) return await listed(world, all);
      const answer = refuse ? 'refused' : 'approved';
      const answered = await world.keeping.decide(id, { answer, by: world.person(), why });
      const { isByHand } = await world.keeping.history();
      return {
        output: { approvals: [rowOf(answered)], byHand: isByHand },
        exit: 0,
        text: `${answer}: ${approvalText(answered)}`,
      };
    },
  });

const waiting = (world: World) =>
  service<z.infer<typeof waitingInput>, Output>({
    name: 'approve',
    effect: 'read',
    summary: 'List what waits for a person’s approval.',
    description:
      'Only a person can approve, on the command line of this machine: say to yours which id waits, and why it is worth it. An approval holds for exactly what was asked, once; ask ' +
      'for the same deployment again when it is there.',
    input: waitingInput,
    output: approveOutput,
    cli: { positional: [], examples: ['schedcp approve'] },
    run: ({ all }) => listed(world, all),
  });

async function gone({ keeping, person }: World, why: string): Promise<Reply<Output>> {
  const output = { approvals: [], byHand: false };
  const { isByHand } = await keeping.history();
  if (!isByHand) return { output, exit: 0, text: 'No agent waits because of a change by hand.\n' };
  await keeping.audit.append(goneOnEntry({ kind: 'person', name: person() }, why));
  return { output, exit: 0, text: 'Agents may go on.\n' };
}

/** Faults: not-found, malformed (several). */
async function released({ keeping, person }: World, prefix: string, why: string): Promise<Reply<Output>> {
  const { attempts, isByHand } = await keeping.history();
  const found = new Set(attempts.map(({ identity }) => identity).filter((one) => one.startsWith(prefix)));
  const [identity] = found;
  if (identity === undefined)
    throw new Fault('not-found', `no policy ${prefix} was deployed here`, {
      next: 'take the digits from the refusal: schedcp deploy VERDICT --dry-run',
    });
  if (found.size > 1)
    throw new Fault('malformed', `${found.size} policies begin with ${prefix}`, { next: 'give more digits' });
  await keeping.audit.append(liftedEntry({ kind: 'person', name: person() }, why, identity));
  const text = `The policy ${identity.slice(0, 12)} may be tried again.\n`;
  return { output: { approvals: [], byHand: isByHand }, exit: 0, text };
}

async function listed(world: World, all: boolean): Promise<Reply<Output>> {
  const { isByHand } = await world.keeping.history();
  const approvals = world.keeping.approvals
    .list(world.keeping.latestMs())
    .filter(({ state }) => all || state === 'pending');
  const text =
    approvals.length === 0 ? 'Nothing waits for a person.\n' : approvals.map(approvalText).join('\n');
  const waiting = isByHand
    ? 'Agents wait because a person has changed the scheduler by hand: schedcp approve --go-on\n'
    : '';
  return {
    output: { approvals: approvals.map(rowOf), byHand: isByHand },
    exit: 0,
    text: `${waiting}${text}`,
  };
}

function rowOf({ id, state, question, answer }: Approval): Output['approvals'][number] {
  const { machine: _, plan: __, details = [], ...operation } = question.operation;
  return {
    id,
    state,
    ...operation,
    details,
    asked: stamp(question.askedAtMs),
    expires: stamp(question.expiresAtMs),
    answer: answer && { by: answer.by, at: stamp(answer.atMs), why: answer.why },
  };
}

function approvalText({ id, state, question, answer }: Approval): string {
  const { what, agent, summary, details = [], reasons, scope, policy, verdict } = question.operation;
  const lines = [
    `${id}  ${state}  ${what} for ${visible(agent)}, until ${stamp(question.expiresAtMs).slice(0, 16).replace('T', ' ')} UTC`,
    `  ${visible(summary)}`,
    `  scope ${visible(scope)}, policy ${policy.slice(0, 12)}, verdict ${verdict.slice(0, 12)}`,
    ...details.map((line) => `    ${visible(line)}`),
    ...reasons.map((reason) => `  asked because: ${visible(reason)}`),
    ...(answer === null
      ? []
      : [`  ${answer.answer} by ${visible(answer.by)}${answer.why && `: ${visible(answer.why)}`}`]),
  ];
  return `${lines.join('\n')}\n`;
}
