// set-scheduler-param: knobs of a policy that is in charge, moved while it runs, within what was tested. The process that deploys it does so, and writes it down.

import type { z } from 'zod';
import { Fault } from '../core/errors.ts';
import type { Who } from '../deployment/audit-line.ts';
import { levelOf } from '../deployment/changes.ts';
import { type Refusal, refusal } from '../deployment/refusal.ts';
import { permission } from '../deployment/trust.ts';
import type { Running } from '../knowledge/running.ts';
import { agentSetInput, setInput, setOutput } from './deploy-schemas.ts';
import { type Reply, service } from './service.ts';
import type { World } from './world.ts';

type Input = z.infer<typeof setInput>;
type Output = z.infer<typeof setOutput>;

/** The process looks every 50 ms; the runner answers within a second. */
const answerLimitMs = 5000;

const shared = {
  name: 'set-scheduler-param',
  effect: 'switch',
  summary: 'Set knobs of the policy that is in charge, while it runs, within the bounds that were tested.',
  description:
    'Only what its verdict has tested may move, and only as far; only once the policy stays, not while it is being measured. The monitor goes on as before. Nothing is loaded or attached anew. ' +
    'status lists what is deployed, policies (with its name) what may move. An agent may move within 20 % of the defaults at first, further when it has earned it.',
  output: setOutput,
} as const;

export const setKnobs = (world: World) =>
  service<Input, Output>({
    ...shared,
    input: setInput,
    cli: {
      positional: ['id'],
      notes: 'Exit 1: nothing was set.',
      examples: [
        'schedcp set-scheduler-param --param normal_patience_ns=50000000',
        'schedcp set-scheduler-param 3f9a01c2 --param normal_patience_ns=50000000 --param batch_patience_ns=300000000',
      ],
    },
    forAgents: service<z.infer<typeof agentSetInput>, Output>({
      ...shared,
      input: agentSetInput,
      cli: { positional: [], examples: [] },
      run: (input) => run(world, input),
    }),
    run: (input) => run(world, input),
  });

async function run(world: World, { id, param, agent }: Input): Promise<Reply<Output>> {
  if (Object.keys(param).length === 0)
    throw new Fault('malformed', 'no knob is named', { next: 'say which, and its value, in `param`' });
  const target = oneOf(world, id);
  const findings = agent === undefined ? [] : await distrust(world, target, param, agent);
  if (findings.length > 0) return reply(target, param, findings);
  const who: Who =
    agent === undefined ? { kind: 'person', name: world.person() } : { kind: 'agent', name: agent };
  const answered = await world.running.ask(target.id, { who, values: param }, answerLimitMs);
  if (answered === undefined)
    throw new Fault('unavailable', `the process that deploys ${target.policy} did not answer`, {
      next: 'see status; restore gives the machine back',
    });
  if (answered.done) return reply(target, param, []);
  return reply(target, param, [
    refusal('widened-knob', answered.words, 'see what may move: policies with its name, or the verdict'),
  ]);
}

function oneOf({ running }: World, id: string | undefined): Running {
  const found = running.list().filter((one) => id === undefined || one.id.startsWith(id));
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  const ids = found.map((one) => `${one.id} (${one.policy})`).join(', ');
  throw found.length === 0
    ? new Fault('not-found', 'no such deployment runs', { next: 'see status' })
    : new Fault('malformed', `several deployments run: ${ids}`, { next: 'name one of them' });
}

/** What the agent has not earned. */
async function distrust(
  world: World,
  { object }: Running,
  values: Input['param'],
  agent: string,
): Promise<Refusal[]> {
  const card = await world.policies.cardOf(object);
  const { level, findings } = levelOf({
    how: card === undefined ? 'given' : 'reconfigured',
    parameters: values,
    declared: card?.parameters,
  });
  const { deployed, isByHand } = await world.keeping.history();
  const answer = permission(
    { agent, level, isCritical: false, anomalies: [], mode: world.mode, isByHand, isApproved: false },
    deployed,
  );
  return [...findings, ...(answer.may === 'deploy' ? [] : answer.findings)];
}

function reply({ id, policy }: Running, values: Input['param'], findings: readonly Refusal[]): Reply<Output> {
  const words = Object.entries(values)
    .map(([name, value]) => `${name} = ${value}`)
    .join(', ');
  const isSet = findings.length === 0;
  const lines = findings.map(({ code, message, next }) => `  ${code}: ${message}\n  → ${next}\n`);
  return {
    output: { decision: isSet ? 'set' : 'refused', deployment: id, policy, values, findings: [...findings] },
    exit: isSet ? 0 : 1,
    text: isSet ? `${policy} (${id}): ${words}\n` : `nothing was set of ${policy} (${id})\n${lines.join('')}`,
  };
}
