// What real kernels say of each policy of the corpus: loaded, attached and kept under loads that provoke for three times the watchdog's timeout, in a deterministic guest. Written to
// labels.json beside what people wrote there; nothing is judged here.

import { Fault } from '../../src/core/errors.ts';
import type { WorkloadRef } from '../../src/core/records.ts';
import {
  type Compiler,
  type Entry,
  entries,
  type KernelAnswer,
  type Label,
  labels,
  openCompiler,
  writeLabel,
} from '../../test/gauntlet/corpus.ts';
import { defaultArm, experiment, type Lab, openLab, policyArm } from '../../test/support/lab.ts';
import { answerOf, firstError } from './answers.ts';
import { cpus, type Load, watchdogMs, workloadOf } from './loads.ts';
import { measuredOf } from './measured.ts';

export interface Wanted {
  readonly kernels: readonly string[];
  /** Empty: those that this kernel has not been asked about, and that it has not thrown out under another load. */
  readonly names: readonly string[];
  readonly load: Load;
}

export async function label(wanted: Wanted): Promise<void> {
  const compiler = await openCompiler(watchdogMs);
  try {
    for (const kernel of wanted.kernels) await labelOn(kernel, wanted, compiler);
  } finally {
    compiler.close();
  }
}

async function labelOn(kernel: string, { names, load }: Wanted, compiler: Compiler): Promise<void> {
  const lab = await openLab(kernel, 1);
  try {
    const workload = await workloadOf(lab, load);
    const { release } = lab.kernel;
    if (names.length === 0 || names.includes('default')) {
      const outcome = await lab.vm.run(experiment(lab, { arm: defaultArm, workload, cpus }));
      say(`${release} default ${outcome.finding?.message ?? ''} ${JSON.stringify(measuredOf(outcome))}`);
    }
    for (const entry of entries()) {
      const isWanted = names.length > 0 ? names.includes(entry.name) : isOpen(labelOf(entry), release, load);
      if (!isWanted) continue;
      const answer = await ask(lab, compiler, entry, { load, workload });
      keep(entry, release, answer);
      const { message, measured } = answer;
      say(
        `${release} ${load} ${entry.name.padEnd(26)} ${answer.answer}  ${message ?? ''} ${JSON.stringify(measured?.[load] ?? '')}`,
      );
    }
  } finally {
    lab.close();
  }
}

/** Every policy is asked under the first load; who lasted there, under others. */
function isOpen({ kernels }: Label, release: string, load: Load): boolean {
  const known = kernels[release];
  if (known === undefined) return load === 'provoke';
  return known.answer === 'never noticed' && known.measured?.[load] === undefined;
}

async function ask(
  lab: Lab,
  compiler: Compiler,
  entry: Entry,
  { load, workload }: { load: Load; workload: WorkloadRef },
): Promise<KernelAnswer> {
  let object: Uint8Array;
  try {
    object = await compiler.compile(entry);
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== 'malformed') throw error;
    return { answer: 'does not compile', message: firstError(error.message) };
  }
  const arm = await policyArm(lab, entry.name, object);
  return answerOf(await lab.vm.run(experiment(lab, { arm, workload, cpus, limitMs: 60_000 })), load);
}

function labelOf({ name, origin }: Entry): Label {
  const none: Label = {
    ...{ name, origin, faulty: false, class: null, fault: null, gate: null, why: null },
    kernels: {},
  };
  return labels().find((item) => item.name === name) ?? none;
}

/** What was measured under several loads stands side by side; what a kernel noticed under one is its answer. */
function keep(entry: Entry, release: string, answer: KernelAnswer): void {
  const mine = labelOf(entry);
  const before = mine.kernels[release];
  const measured = { ...before?.measured, ...answer.measured };
  const merged = { ...answer, ...(Object.keys(measured).length === 0 ? {} : { measured }) };
  writeLabel({ ...mine, kernels: { ...mine.kernels, [release]: merged } });
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
