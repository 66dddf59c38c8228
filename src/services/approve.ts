// approve: what waits for a person, and the person's answer. Agents see what waits; the answer is never one of their tools.

import type { z } from 'zod';
import type { Approval } from '../deployment/approvals.ts';
import { stamp } from '../deployment/check-token.ts';
import { approveInput, approveOutput, waitingInput } from './accountable-schemas.ts';
import { type Reply, service } from './service.ts';
import { visible } from './text.ts';
import type { World } from './world.ts';

type Output = z.infer<typeof approveOutput>;

export const approve = (world: World) =>
  service<z.infer<typeof approveInput>, Output>({
    name: 'approve',
    effect: 'decide',
    summary: 'List what waits for a person; approve or refuse it.',
    description:
      'An agent’s first critical operations, and whatever looks odd, wait for a person. Look at the verdict first: schedcp show VERDICT. An approval holds for exactly this policy, ' +
      'machine and scope, once, and until it expires; it lifts no limit and no level of trust. Your name and reason go to the audit. Over MCP this lists only.',
    input: approveInput,
    output: approveOutput,
    cli: {
      positional: ['id'],
      examples: [
        'schedcp approve',
        'schedcp approve 5c1d --why "seen on the test machine"',
        'schedcp approve 5c1d --refuse --why "not before the release"',
      ],
    },
    forAgents: waiting(world),
    async run({ id, refuse, why, all }) {
      if (id === undefined) return listed(world, all);
      const answer = refuse ? 'refused' : 'approved';
      const answered = await world.keeping.decide(id, { answer, by: world.person(), why: why ?? '' });
      return {
        output: { approvals: [rowOf(answered)] },
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
    run: async ({ all }) => listed(world, all),
  });

function listed(world: World, all: boolean): Reply<Output> {
  const approvals = world.keeping.approvals
    .list(world.keeping.latestMs())
    .filter(({ state }) => all || state === 'pending');
  const text =
    approvals.length === 0 ? 'Nothing waits for a person.\n' : approvals.map(approvalText).join('\n');
  return { output: { approvals: approvals.map(rowOf) }, exit: 0, text };
}

function rowOf({ id, state, question, answer }: Approval): Output['approvals'][number] {
  const { machine: _, ...operation } = question.operation;
  return {
    id,
    state,
    ...operation,
    asked: stamp(question.askedAtMs),
    expires: stamp(question.expiresAtMs),
    answer: answer && { by: answer.by, at: stamp(answer.atMs), why: answer.why },
  };
}

function approvalText({ id, state, question, answer }: Approval): string {
  const { what, agent, summary, reasons, scope, policy, verdict } = question.operation;
  const lines = [
    `${id}  ${state}  ${what} for ${visible(agent)}, until ${stamp(question.expiresAtMs).slice(0, 16).replace('T', ' ')} UTC`,
    `  ${visible(summary)}`,
    `  scope ${visible(scope)}, policy ${policy.slice(0, 12)}, verdict ${verdict.slice(0, 12)}`,
    ...reasons.map((reason) => `  asked because: ${visible(reason)}`),
    ...(answer === null
      ? []
      : [`  ${answer.answer} by ${visible(answer.by)}${answer.why && `: ${visible(answer.why)}`}`]),
  ];
  return `${lines.join('\n')}\n`;
}
