// What real kernels say of each policy of the corpus: loaded, attached and kept under a workload that provokes for three times the watchdog's timeout, in a deterministic guest. Written to
// labels.json beside what people wrote there; nothing of it is judged here.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../../src/core/errors.ts';
import type { Finding, Outcome, WorkloadRef } from '../../src/core/records.ts';
import { openCache } from '../../src/linux/cache.ts';
import { tools } from '../../src/linux/tools.ts';
import {
  type Compiler,
  corpusDirectory,
  type Entry,
  entries,
  type KernelAnswer,
  type Label,
  labels,
  openCompiler,
} from '../../test/gauntlet/corpus.ts';
import { declared, defaultArm, experiment, type Lab, openLab, policyArm } from '../../test/support/lab.ts';
import { measuredOf } from './measured.ts';

/** A third of what the workload lasts at least. */
export const watchdogMs = 1700;
const cpus = 4;

export interface Wanted {
  readonly kernels: readonly string[];
  /** Empty: those that this kernel has not been asked about. */
  readonly names: readonly string[];
}

export async function label({ kernels, names }: Wanted): Promise<void> {
  const compiler = openCompiler(await tools(openCache(), 'clang'), watchdogMs);
  try {
    for (const kernel of kernels) await labelOn(kernel, names, compiler);
  } finally {
    compiler.close();
  }
}

async function labelOn(kernel: string, names: readonly string[], compiler: Compiler): Promise<void> {
  const lab = await openLab(kernel, 1);
  try {
    const text = readFileSync(join(corpusDirectory, 'provoke.json'), 'utf8');
    const workload = await declared(lab, text, 1, cpus);
    const { release } = lab.kernel;
    for (const entry of entries()) {
      const isWanted =
        names.length > 0 ? names.includes(entry.name) : labelOf(entry).kernels[release] === undefined;
      if (!isWanted) continue;
      const started = performance.now();
      const answer = await ask(lab, compiler, entry, workload);
      keep(entry, release, answer);
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      process.stdout.write(
        `${release} ${entry.name.padEnd(26)} ${seconds.padStart(5)} s  ${answer.answer}  ${answer.message ?? JSON.stringify(answer.measured)}\n`,
      );
    }
    if (names.length === 0 || names.includes('default')) {
      const outcome = await lab.vm.run(experiment(lab, { arm: defaultArm, workload, cpus }));
      process.stdout.write(
        `${release} default ${outcome.finding?.message ?? ''} ${JSON.stringify(measuredOf(outcome))}\n`,
      );
    }
  } finally {
    lab.close();
  }
}

async function ask(lab: Lab, compiler: Compiler, entry: Entry, workload: WorkloadRef): Promise<KernelAnswer> {
  let object: Uint8Array;
  try {
    object = await compiler.compile(entry);
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== 'malformed') throw error;
    return { answer: 'does not compile', message: firstError(error.message) };
  }
  const arm = await policyArm(lab, entry.name, object);
  return answerOf(await lab.vm.run(experiment(lab, { arm, workload, cpus, limitMs: 60_000 })));
}

function firstError(message: string): string {
  return /error: (.*)/.exec(message)?.[1] ?? message.split('\n')[0]!;
}

/** Its exit message, or the line of the verifier's log that says why. */
function answerOf(outcome: Outcome): KernelAnswer {
  const { finding, exit } = outcome;
  if (finding === null) return { answer: 'never noticed', message: null, measured: measuredOf(outcome) };
  const said = exit === null ? '' : [exit.reason, exit.message].filter((part) => part !== '').join(': ');
  if (finding.code === 'load-rejected' || finding.code === 'verification-budget-exceeded')
    return { answer: 'refused at load', message: refusal(finding) };
  if (finding.code === 'attach-refused')
    return { answer: 'refused at attach', message: said === '' ? finding.message : said };
  if (finding.code === 'stalled' || finding.code === 'ejected')
    return { answer: 'ejected', message: `kind ${exit?.kind}, ${said}` };
  return { answer: 'never noticed', message: `${finding.code}: ${finding.message}` };
}

function refusal({ message, detail }: Finding): string {
  const reason = detail === undefined ? undefined : reasonOf(detail);
  const errno = /\(([A-Z0-9]+), /.exec(message)?.[1];
  return reason === undefined ? message : errno === undefined ? reason : `${errno}: ${reason}`;
}

/** From 7.3 on the verifier names its reason; before that the reason stands last, ahead of statistics. libbpf says last what failed as a whole. */
function reasonOf(log: string): string | undefined {
  const lines = log.split('\n').map((line) => line.trim());
  const named = lines.indexOf('Reason:');
  if (named >= 0) return lines.slice(named + 1, lines.indexOf('', named)).join(' ');
  return lines.filter((line) => line !== '' && !statistics.test(line)).at(-1);
}

const statistics =
  /^(processed \d|verification time|stack depth|subprog \d|-- END|libbpf: (prog|failed to load|map)|\[\d+ lines|func '|Global function |;|from \d+|\d+: )/;

function labelOf({ name, origin }: Entry): Label {
  const none: Label = {
    ...{ name, origin, faulty: false, class: null, fault: null, gate: null, why: null },
    kernels: {},
  };
  return labels().find((item) => item.name === name) ?? none;
}

function keep(entry: Entry, release: string, answer: KernelAnswer): void {
  const mine = labelOf(entry);
  const changed = { ...mine, kernels: { ...mine.kernels, [release]: answer } };
  const all = labels();
  const at = all.findIndex(({ name }) => name === entry.name);
  if (at < 0) all.push(changed);
  else all[at] = changed;
  writeFileSync(join(corpusDirectory, 'labels.json'), `${JSON.stringify(all, null, 1)}\n`);
}
