// verify: the gates one after the other: what the policy's source and object tell, then whether it loads, attaches and stays in charge on a real kernel, under some load.

import type { z } from 'zod';
import { readObject } from '../bpf/object.ts';
import { type Parameter, parameters } from '../bpf/parameters.ts';
import { Fault } from '../core/errors.ts';
import type { GateFinding } from '../core/gate.ts';
import type { Arm, Finding } from '../core/records.ts';
import { experimentOf, runRecorded } from '../stages/trials.ts';
import { inGuestsForAgents } from './agents.ts';
import { policyName } from './arms.ts';
import { verifyInput, verifyOutput } from './schemas.ts';
import { type Call, type Reply, service } from './service.ts';
import { compiledOrFindings, isRejected, passStaticGate, staticLines } from './static-gate.ts';
import { namedWorkload, trialOf } from './trials.ts';
import type { World } from './world.ts';

type Input = z.infer<typeof verifyInput>;
type Output = z.infer<typeof verifyOutput>;

/** Hogs beside sleepers: what most faulty policies do not survive. */
const load = 'hog-latency';

export const verify = (world: World) =>
  inGuestsForAgents(
    service<Input, Output>({
      name: 'verify',
      effect: 'run',
      summary: 'Check a policy: read it for known mistakes, then load, attach and load it on a real kernel.',
      description:
        'Compiles the source, reads the object for what kernels refuse or eject and for what starves tasks (each finding with line, reason, what to write instead, how sure); ' +
        'then loads it into a micro-VM, attaches it and runs a mixed load for a few seconds. A "no" ends it, with the end of the verifier log or the kernel’s exit message. ' +
        'Takes about 5 seconds when a saved guest exists.',
      input: verifyInput,
      output: verifyOutput,
      cli: {
        positional: ['file'],
        examples: [
          'schedcp verify my-policy.bpf.c',
          'schedcp verify build/my-policy.bpf.o --kernel 6.18 --json',
          'schedcp verify my-policy.bpf.o --machine host',
        ],
      },
      run: (input, call) => runVerify(world, input, call),
    }),
  );

async function runVerify(world: World, input: Input, call: Call): Promise<Reply<Output>> {
  if (input.machine === 'host' && input.kernel !== undefined)
    throw new Fault('malformed', 'a host has the kernel that it runs', { next: 'leave --kernel out' });
  const object = await compiledOrFindings(world, input.file, input.include, call);
  if (!(object instanceof Uint8Array)) return notCompiled(input.file, object);
  const read = readObject(object);
  const name = policyName(read, input.file);
  const told = passStaticGate(read, input.kernel);
  const known = {
    policy: name,
    static: told,
    parameters: parameters(read).map(parameterRow),
    programs: read.programs.map((program) => program.name),
  };
  if (isRejected(told) && !input.allGates)
    return { output: { ...nothingRun, ...known }, exit: 1, text: textOf({ ...nothingRun, ...known }) };
  const ready = await world.openMachine({ machine: input.machine, kernel: input.kernel }, call);
  const arm: Arm = {
    id: `policy:${name}`,
    name,
    kind: 'policy',
    policy: { name, object: await world.store.blobs.put(object), parameters: {} },
  };
  const candidate = await world.store.records.put({
    kind: 'candidate',
    version: 1,
    from: [],
    arm,
    how: 'given',
    why: `to verify ${input.file}`,
  });
  const setting = {
    world,
    ready,
    mode: 'auto',
    cpus: undefined,
    memoryMiB: undefined,
    limitMs: 20_000,
    hinted: new Set<string>(),
    call,
  } as const;
  const trial = await trialOf(setting, await namedWorkload(world, load, call));
  call.progress({ text: `loading ${name} on kernel ${trial.reference.kernel.release}` });
  const lab = { machine: ready.machine, records: world.store.records, signal: call.signal };
  const experiment = await experimentOf(trial, { arm, candidate }, 1);
  const { outcome, digest } = await runRecorded(lab, experiment);
  await world.tidy();
  const output: Output = {
    ...known,
    accepted: outcome.finding === null && !isRejected(told),
    object: arm.policy?.object ?? null,
    kernel: trial.reference.kernel.release,
    finding: outcome.finding,
    records: [{ kind: 'outcome', digest }],
  };
  const exit = exitOf(outcome.finding);
  return { output, exit: exit === 0 && !output.accepted ? 1 : exit, text: textOf(output) };
}

const nothingRun = { accepted: false, object: null, kernel: null, finding: null, records: [] };

function notCompiled(file: string, findings: GateFinding[]): Reply<Output> {
  const output: Output = {
    ...nothingRun,
    policy: file,
    static: { findings, callbacks: [] },
    parameters: [],
    programs: [],
  };
  return { output, exit: 1, text: textOf(output) };
}

/** A kernel or a guest that failed says nothing about the policy: invalid, not rejected. */
function exitOf(finding: Finding | null): 0 | 1 | 3 {
  if (finding === null) return 0;
  return finding.code === 'kernel-broken' || finding.code === 'guest-failed' ? 3 : 1;
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

function textOf(output: Output): string {
  const by = output.kernel === null ? 'by the static gate' : `on kernel ${output.kernel}`;
  const head = `${output.accepted ? 'accepted' : 'rejected'}: ${output.policy} ${by}`;
  const rows = output.parameters.map(
    (item) => `  ${item.name.padEnd(24)} ${item.type.padEnd(12)} default ${item.default}`,
  );
  const lists = [
    ...(output.programs.length === 0 ? [] : [`programs: ${output.programs.join(', ')}`]),
    ...(rows.length === 0 ? [] : ['parameters:', ...rows]),
  ];
  const found = output.finding === null ? [] : findingLines(output.finding);
  return `${[head, ...found, ...staticLines(output.static), ...lists].join('\n')}\n`;
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
