// deploy: an accepted verdict's policy in charge of a machine, by canary, watched, and given back. Nobody without a verdict gets here.

import type { z } from 'zod';
import type { AttachScope } from '../core/attachment.ts';
import { recordDigest } from '../core/canonical.ts';
import type { Deployment, Lesson } from '../core/deployment.ts';
import { Fault } from '../core/errors.ts';
import { startedInLastHour } from '../deployment/bounds.ts';
import type { Level } from '../deployment/changes.ts';
import { byHandEntry, endedEntry, movedEntry, switchedEntry } from '../deployment/history.ts';
import { policyIdentity } from '../deployment/identity.ts';
import { scopeOf, widening } from '../deployment/scope.ts';
import {
  checkPlan,
  type DeploymentNews,
  type DeploymentPlan,
  deploy as runDeployment,
} from '../stages/deploy.ts';
import { noteLost } from './deploy/lost.ts';
import { isBusy, isForeign, lastLines, obstaclesOf, silentKpis } from './deploy/obstacles.ts';
import { type Granted, grantBehind, permit, stateDigest } from './deploy/permission.ts';
import { dryReply, newsText, notPermitted, planWords, refusedReply, reply } from './deploy/replies.ts';
import { attachScopeOf, type DeploymentSite, kpiOf } from './deploy/site.ts';
import { agentDeployInput, deployInput, deployOutput } from './deploy-schemas.ts';
import { scopeWords } from './deployment-text.ts';
import { type Call, type Reply, service } from './service.ts';
import type { World } from './world.ts';

type Input = z.infer<typeof deployInput>;
type Output = z.infer<typeof deployOutput>;

const description =
  'Takes what an accepted verdict has measured, and nothing else. First the KPIs are read under the default scheduler; then each step (the canary’s scope, then the whole of `scope`) lets default and candidate take turns ' +
  'in blocks, and goes on only when the first KPI shows what `question` asks; then the policy stays. All the while a sequential test watches every KPI, and the kernel the policy: a real loss is undone ' +
  'within seconds, and so is everything when this process dies or freezes. Ends after `keep`, or by restore. A dry run first says what would happen, and whether you may. ' +
  'An agent may as much as it has earned; what waits for a person is listed by approve.';

const shared = {
  name: 'deploy',
  effect: 'switch',
  summary: 'Put an accepted verdict’s policy in charge, step by step; watch it; give the machine back.',
  description,
  output: deployOutput,
} as const;

export const deploy = (world: World) =>
  service<Input, Output>({
    ...shared,
    input: deployInput,
    cli: {
      positional: ['verdict'],
      rest: 'command',
      notes: 'Ctrl-C ends it in order, too. Exit 0: kept, or would be; 1: not.',
      examples: [
        `schedcp deploy 4f2a91 --dry-run --kpi '{"name":"rate","direction":"higher","source":{"from":"log","file":"/var/log/app.log","line":"served {number} req/s"}}'`,
        `schedcp deploy 4f2a91 --canary cgroup:/system.slice/app.service --kpi '{"name":"p99","direction":"lower","unit":"ms","source":{"from":"prometheus","url":"http://localhost:9090","query":"app_p99"}}'`,
        `schedcp deploy 4f2a91 --on guest --kpi '{"name":"rate","direction":"higher","source":{"from":"output","line":"rate {number}"}}' -- ./service --threads 4`,
      ],
    },
    forAgents: service<z.infer<typeof agentDeployInput>, Output>({
      ...shared,
      input: agentDeployInput,
      cli: { positional: [], examples: [] },
      run: (input, call) => runDeploy(world, input, call),
    }),
    run: (input, call) => runDeploy(world, input, call),
  });

async function runDeploy(world: World, input: Input, call: Call): Promise<Reply<Output>> {
  const grant = await grantBehind(world, input.verdict);
  if ('refused' in grant)
    return refusedReply('a policy', {
      decision: 'not-permitted',
      findings: [grant.refused],
      plan: [],
      approval: null,
    });
  call.progress({ text: input.on === 'guest' ? 'starting a guest' : 'looking at this machine' });
  const site = await world.openSite(
    {
      on: input.on,
      kernel: input.kernel ?? (input.on === 'guest' ? grant.releases[0] : undefined),
      cpus: input.cpus,
      command: {
        ...{ argv: input.command ?? [], with: input.with, env: input.env, cwd: input.cwd ?? world.cwd },
      },
    },
    call,
  );
  try {
    return await onSite(world, input, grant, site, call);
  } finally {
    await site.close();
  }
}

async function onSite(
  world: World,
  input: Input,
  grant: Granted,
  site: DeploymentSite,
  call: Call,
): Promise<Reply<Output>> {
  const kpis = input.kpi.map((kpi) => kpiOf(kpi, site.output));
  const scopes = scopesOf(input, site);
  const keepScope = scopes.at(-1)!;
  const planned: Planned = {
    ...{ policy: grant.policy, from: [grant.verdict], level: grant.level, kernel: site.release, kpis },
    ...{ startedMs: world.keeping.latestMs(), referenceMs: input.reference * 1000 },
    steps: scopes.map((scope) => ({
      ...{ scope, question: input.question, ...(input.limit !== undefined && { limit: input.limit }) },
      ...{ blockMs: input.block * 1000, washoutMs: input.washout * 1000, dwellMs: input.dwell * 1000 },
    })),
    ...{ keepMs: input.keep === undefined ? null : input.keep * 1000, keepScope, seed: input.seed },
    ...{ heartbeatMs: input.heartbeat * 1000, timeoutMs: 5000, knobs: grant.knobs },
  };
  checkPlan(planned);
  const words = planWords(input, grant, site, kpis, scopes.map(scopeWords));
  const turn = site.claim();
  if ('heldBy' in turn) return notPermitted(grant, [isBusy(turn.heldBy)], words);
  try {
    return await inTurn(world, input, grant, site, planned, words, call);
  } finally {
    turn.release();
  }
}

type Planned = Omit<DeploymentPlan, 'by' | 'tokenId' | 'replaces'>;

/** Nobody else deploys here: what is seen now is what it will begin with. */
async function inTurn(
  world: World,
  input: Input,
  grant: Granted,
  site: DeploymentSite,
  planned: Planned,
  words: string[],
  call: Call,
): Promise<Reply<Output>> {
  const { keepScope, kpis, steps } = planned;
  const presence = await site.presence();
  const obstacles = obstaclesOf(site, presence);
  if (obstacles.length > 0) return notPermitted(grant, obstacles, words);
  const replaces = (await site.foreign()) ?? null;
  if (replaces !== null && !input.replace) return notPermitted(grant, [isForeign(replaces.ops)], words);
  if (!input.dryRun) await noteLost(world, false); // who was unloaded by one of those has the machine back by restore
  const permitted = await permit(
    world,
    {
      ...{ grant, agent: input.agent, kernel: site.release, on: input.on, isDry: input.dryRun },
      ...{ restore: stateDigest(presence), plan: deedDigest(input), scope: scopeOf(keepScope) },
      words: [
        ...steps.slice(0, -1).map(({ scope }) => `, first on ${scopeWords(scope)}`),
        replaces === null ? '' : `, unloading ${replaces.ops}`,
      ].join(''),
      details: [...words, ...kpis.map(({ name, source }) => `${name} from ${JSON.stringify(source)}`)],
      isCritical: isCritical(input, keepScope),
      bounds: { ...boundsOf(input), ...(await deploymentsOfTheHour(world, input)) },
      anomalies: replaces === null ? [] : [`the scheduler ${replaces.ops} is in charge`],
    },
    async () => {
      call.progress({ text: 'reading the KPIs' });
      return await silentKpis(world, site, kpis, call.signal);
    },
    async () => stateDigest(await site.presence()),
  );
  if (!permitted.may) {
    const { findings, approval, asks } = permitted;
    const decision = asks ? 'needs-approval' : 'not-permitted';
    return refusedReply(grant.policy.name, { decision, findings, plan: words, approval });
  }
  if (input.dryRun) return dryReply(grant.policy.name, words);
  const { by, tokenId } = permitted;
  return await carryOut(world, input, site, { ...planned, replaces, by, tokenId }, words, call);
}

/** The canary’s, if there is one, and where it stays: never less than the canary. Faults: malformed. */
function scopesOf(input: Input, site: DeploymentSite): AttachScope[] {
  const keepScope = attachScopeOf(input.scope, site.work);
  const named = input.canary ?? (input.on === 'guest' ? 'work' : undefined);
  if (named === undefined) return [keepScope];
  const canary = attachScopeOf(named, site.work);
  const wider = widening(scopeOf(canary), scopeOf(keepScope));
  if (wider === undefined) return [canary, keepScope];
  if (input.canary === undefined) return [keepScope];
  throw new Fault('malformed', `the canary is no part of where the policy is to stay: ${wider}`, {
    next: 'name a part of --scope with --canary',
  });
}

const isCritical = ({ on }: Input, { part }: AttachScope): boolean => on === 'host' && part === 'whole';

/** All that was asked for but who asks and whether it is in earnest: what a person agrees to. */
function deedDigest({ agent: _, dryRun: __, verdict: ___, ...asked }: Input): string {
  return recordDigest(asked);
}

async function carryOut(
  world: World,
  input: Input,
  site: DeploymentSite,
  plan: DeploymentPlan,
  words: string[],
  call: Call,
): Promise<Reply<Output>> {
  const { policy, by, startedMs } = plan;
  const kind = input.agent === undefined ? 'person' : 'agent';
  const entered = world.running.enter({
    ...{ policy: policy.name, object: policy.object, on: input.on, by, kind, sinceMs: startedMs },
  });
  const who = { kind, name: by } as const;
  const { audit } = world.keeping;
  let [byHand, isWritten] = [false, false];
  const hear = async (news: DeploymentNews): Promise<void> => {
    const text = newsText(news, plan.steps.length);
    if (text === undefined) return;
    entered.say(text);
    call.progress({ text });
    if (news.what === 'moved') await audit.append(movedEntry(news.who, policy.name, news.words));
    if (news.what === 'attached' || news.what === 'kept') await audit.append(switchedEntry(who, text, news));
    if (news.what === 'by-hand') byHand = true;
    if (news.what === 'by-hand' && input.on === 'host') await audit.append(byHandEntry(text, news));
  };
  try {
    const signal = AbortSignal.any([call.signal, entered.ended]);
    const { remember, asked: wish } = entered;
    const record = await runDeployment({ ...site, hear, wish, remember }, plan, signal);
    const digest = await world.store.records.put(record);
    const took = {
      level: plan.level as Level,
      isCritical: isCritical(input, plan.keepScope),
      on: input.on,
      byHand,
    };
    await audit.append(endedEntry(who, record, digest, took));
    isWritten = true;
    entered.leave();
    const lesson = lessonOf(record, digest);
    const lessonDigest = lesson === undefined ? undefined : await world.store.records.put(lesson);
    const isEarly = record.steps.length === 0 && record.end.how === 'no-go';
    const said = isEarly ? await lastLines(world, site) : '';
    return reply(record, digest, lessonDigest, words, said);
  } catch (error) {
    if (isWritten || !(error instanceof Fault)) entered.leave(); // else its file stays, and tells of it
    throw error;
  }
}

/** With this one. In guests nobody is disturbed. */
async function deploymentsOfTheHour({ keeping }: World, { on }: Input) {
  if (on === 'guest') return {};
  const { startedMs } = await keeping.history();
  return { deploymentsPerHour: 1 + startedInLastHour(startedMs, keeping.latestMs()) };
}

function boundsOf({ heartbeat, block, dwell }: Input) {
  const ms = (seconds: number): number => Math.round(seconds * 1000);
  return { heartbeatMs: ms(heartbeat), blockMs: ms(block), dwellMs: ms(dwell) };
}

/** What others should know: of an end that says nothing of the policy, nothing. */
function lessonOf(record: Deployment, digest: string): Lesson | undefined {
  const { policy, end, machine, kpis, steps, scope } = record;
  if (end.how === 'undone' || end.how === 'lost') return undefined;
  const last = steps.at(-1);
  const shown = end.how === 'kept' && last !== undefined ? last.words : end.words;
  return {
    kind: 'lesson',
    version: 1,
    from: [digest],
    policy: { name: policy.name, identity: policyIdentity(policy) },
    advice: end.how === 'kept' ? 'prefer' : 'avoid',
    where: { kernel: machine.kernel, kpi: kpis[0]!.name },
    words: `${end.how} on ${scopeWords(scope)}: ${shown}`,
  };
}
