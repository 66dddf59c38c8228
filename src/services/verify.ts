// verify: the gauntlet. Every policy is treated as written by a careless stranger: what its source and object tell, then the simulator and attack mode, then real kernels under load, then harm to
// other workloads.

import type { z } from 'zod';
import { type BpfObject, readObject } from '../bpf/object.ts';
import { type Parameter, parameters } from '../bpf/parameters.ts';
import { Fault } from '../core/errors.ts';
import type { GateFinding } from '../core/gate.ts';
import type { EvidenceOf, GateEvidence, GateName, KnobRanges, LoadName } from '../core/gauntlet.ts';
import type { Finding } from '../core/records.ts';
import { inGuestsForAgents } from './agents.ts';
import { type Entrant, wishedPolicy } from './arms.ts';
import { changeLines, gateLines } from './gauntlet/text.ts';
import { type Gauntlet, runGauntlet } from './gauntlet.ts';
import { type Call, type Reply, service } from './service.ts';
import { findingsOfRefusal, staticLines } from './static-gate.ts';
import { agentVerifyInput, verifyInput, verifyOutput } from './verify-schemas.ts';
import type { World } from './world.ts';

type Input = z.infer<typeof verifyInput>;
type Output = z.infer<typeof verifyOutput>;

export const verify = (world: World) =>
  inGuestsForAgents(
    service<Input, Output>({
      name: 'verify',
      effect: 'run',
      summary:
        'Put a policy through the gauntlet: read it, attack it in the simulator, load it on real kernels, look for harm.',
      description:
        'Reads the object for what kernels refuse or eject and for what starves tasks (each finding with line, reason, what to write instead, how sure); runs it in the simulator on the standard workloads and under ' +
        'adversarial scenarios; loads it into micro-VMs, where it must still be in charge after mixed loads, stress-ng, hackbench and a CPU that goes away; and measures it against the default scheduler. ' +
        'The first "no" ends it. An accepted verdict can be given to deploy and export. About 20 seconds a kernel once a saved guest exists; the gates static,simulator alone take less than half of that and need no kernel, but nothing is accepted before all gates are passed: until then it is inconclusive.',
      input: verifyInput,
      output: verifyOutput,
      cli: {
        positional: ['file'],
        examples: [
          'schedcp verify my-policy.bpf.c --goal latency',
          'schedcp verify build/my-policy.bpf.o --kernel 6.18,7.3 --json',
          "schedcp verify 'vtime?slice_ns=5000000'",
          'schedcp verify my-policy.bpf.c --gates static,simulator',
          'schedcp verify my-policy.bpf.o --machine host',
        ],
        notes:
          'Exit 0: every gate that was asked for is passed, although the verdict may be inconclusive, as others were left out; 1: a gate says no, or cannot tell.',
      },
      run: (input, call) => runVerify(world, input, call),
    }),
    agentVerifyInput,
  );

async function runVerify(world: World, input: Input, call: Call): Promise<Reply<Output>> {
  const { file, kernel, machine, goal = null, seed, scenarios, ignore } = input;
  if (machine === 'host' && kernel !== undefined)
    throw new Fault('malformed', 'a host has the kernel that it runs', { next: 'leave the kernel out' });
  const given = await policyOf(world, input, call);
  if ('findings' in given) return notCompiled(file, given.findings);
  const { entrant } = given;
  const gauntlet = await runGauntlet(
    world,
    {
      ...{ entrant, machine, goal, seed, scenarios, ignore, all: input.allGates },
      gates: input.gates.split(',') as GateName[],
      knobs: rangesOf(input.knobs),
      loads: input.loads.split(',') as LoadName[],
      kernels: kernel === undefined ? [undefined] : kernel.split(','),
    },
    call,
  );
  await world.tidy();
  const output = outputOf(given, gauntlet);
  return { output, exit: exitOf(gauntlet, input), text: textOf(output, gauntlet) };
}

function rangesOf(knobs: Input['knobs']): KnobRanges {
  return Object.fromEntries(
    Object.entries(knobs).map(([name, range]) => {
      const [low = '', high = ''] = range.split('..');
      return [name, { low: exactNumber(BigInt(low)), high: exactNumber(BigInt(high)) }];
    }),
  );
}

interface Given {
  readonly object: BpfObject;
  readonly entrant: Entrant;
}

/** The policy with its values; or, of source that clang refuses, what is wrong with it. */
async function policyOf(
  world: World,
  { file, include }: Input,
  call: Call,
): Promise<Given | { readonly findings: GateFinding[] }> {
  const [path = ''] = file.split('?', 1);
  const isOurs = (await world.policies.list()).some(({ card }) => card.name === path);
  const wish = isOurs || path.includes('/') || !world.exists(path) ? file : `./${file}`;
  try {
    const entrant = await wishedPolicy(world, wish, false, call, include);
    return { entrant, object: readObject(await world.store.blobs.get(entrant.arm.policy!.object)) };
  } catch (fault) {
    return { findings: await findingsOfRefusal(world, path, fault) };
  }
}

function outputOf({ object, entrant }: Given, { told, evidence, judgement, digest }: Gauntlet): Output {
  const { decision, why, gates, changes } = judgement;
  const kernels = evidence.filter((one): one is EvidenceOf<'kernel'> => one.gate === 'kernel');
  const runs = kernels.flatMap((one) => one.runs);
  return {
    ...{ accepted: decision === 'accepted', decision, why, gates, changes },
    policy: entrant.arm.policy!.name,
    object: entrant.arm.policy!.object,
    kernel: kernels[0]?.release ?? null,
    attack: attackOf(evidence),
    static: told,
    finding: runs.find(({ finding, left }) => finding !== null && !left)?.finding ?? null,
    parameters: parameters(object).map(parameterRow),
    programs: object.programs.map((program) => program.name),
    records: [
      { kind: 'verdict', digest },
      ...runs.map(({ outcome }) => ({ kind: 'outcome', digest: outcome })),
    ],
  };
}

function attackOf(evidence: readonly GateEvidence[]): Output['attack'] {
  const seen = evidence.find((one): one is EvidenceOf<'simulator'> => one.gate === 'simulator');
  return seen?.attack ?? null;
}

function notCompiled(file: string, findings: GateFinding[]): Reply<Output> {
  const why = 'it does not compile';
  const output: Output = {
    ...{ accepted: false, decision: 'rejected', why, policy: file, object: null, kernel: null },
    gates: [{ gate: 'static', on: null, passed: 'no', why }],
    ...{ attack: null, changes: [], static: { findings, callbacks: [] }, finding: null },
    ...{ parameters: [], programs: [], records: [] },
  };
  return { output, exit: 1, text: `rejected: ${file}\n${staticLines(output.static).join('\n')}\n` };
}

/** Who has asked for less, and has passed that, gets 0, although the verdict stays open. */
function exitOf({ judgement: { decision, gates } }: Gauntlet, input: Input): 0 | 1 | 3 {
  if (decision === 'invalid') return 3;
  const asked = gates.filter(({ gate }) => input.gates.split(',').includes(gate));
  return asked.some(({ passed }) => passed === 'no' || passed === 'unknown') ? 1 : 0;
}

function parameterRow(parameter: Parameter): Output['parameters'][number] {
  const { name, type, value: defaultValue } = parameter;
  const value = typeof defaultValue === 'bigint' ? exactNumber(defaultValue) : (defaultValue ?? null);
  return { name, type, default: value };
}

function exactNumber(value: bigint): number | string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value.toString();
}

function textOf(output: Output, { judgement, digest }: Gauntlet): string {
  const { decision, policy, finding, changes, attack } = output;
  const rows = output.parameters.map(
    (item) => `  ${item.name.padEnd(24)} ${item.type.padEnd(12)} default ${item.default}`,
  );
  const found = finding === null ? [] : ['', ...findingLines(finding)];
  const saved = attack?.violation?.saved;
  const told = staticLines(output.static);
  return `${[
    `${decision}: ${policy}; ${output.why}`,
    ...gateLines(judgement),
    ...(saved === undefined ? [] : [`  → schedcp fuzz ${policy} --scenario ${saved} shows what happens`]),
    ...found,
    ...(told.length === 0 ? [] : ['', ...told]),
    ...changeLines(changes),
    ...(rows.length === 0 ? [] : ['', 'parameters:', ...rows]),
    '',
    `verdict ${digest.slice(0, 12)}${output.accepted ? `   schedcp deploy ${digest.slice(0, 12)} --dry-run --kpi …` : ''}`,
  ].join('\n')}\n`;
}

/** Of a dump the beginning tells most, with what the policy itself says; six lines a task follow. */
const mostDumpLines = 40;

/** `mostLines`: of the detail. A log tells most at its end, a dump at its beginning. */
export function findingLines(finding: Finding, mostLines = Number.POSITIVE_INFINITY): string[] {
  const { code, message, next, detail } = finding;
  const lines = detail === undefined ? [] : detail.trimEnd().split('\n');
  const isDump = code === 'ejected' || code === 'stalled';
  const most = isDump ? Math.min(mostLines, mostDumpLines) : mostLines;
  const left = lines.length - most;
  const shown = left <= 0 ? lines : isDump ? lines.slice(0, most) : lines.slice(-most);
  return [
    `  ${code}: ${message}`,
    ...(next === undefined ? [] : [`  → ${next}`]),
    ...shown.map((line) => `    ${line}`),
    ...(isDump && left > 0 ? [`    [${left} more lines: --json has them]`] : []),
  ];
}
