// show, replay, compare: what is on record, whether it still holds, and how two records differ.

import type { z } from 'zod';
import { readObject } from '../bpf/object.ts';
import { disassembly, objectView } from '../bpf/view.ts';
import type { Counters } from '../core/counters.ts';
import { Fault } from '../core/errors.ts';
import type { Profile } from '../core/profile.ts';
import {
  type Experiment,
  type Outcome,
  outcomeSchema,
  type RecordOf,
  recordSchema,
  type Verdict,
} from '../core/records.ts';
import { judgementText } from '../judge/text.ts';
import type { Judgement } from '../judge/types.ts';
import { changesOf, changesText } from '../profiles/changes.ts';
import { pagesOf } from '../profiles/pages.ts';
import { type Difference, experimentBehind, replayExperiment, replayVerdict } from '../stages/replay.ts';
import { importTrace } from '../traces/import.ts';
import { traceText } from '../traces/view.ts';
import { parseWorkload } from '../workload/read.ts';
import { workloadView } from '../workload/view.ts';
import { deploymentText, lessonText } from './deployment-text.ts';
import { gauntletText } from './gauntlet/text.ts';
import { gauntletOf } from './gauntlet.ts';
import { compareInput, compareOutput, replayInput, replayOutput, showInput, textOutput } from './schemas.ts';
import { openAgain, replayScreening, screeningRecordText } from './screening.ts';
import { type Call, type Reply, service } from './service.ts';
import { pageOf, table } from './text.ts';
import { timelineText } from './timeline.ts';
import { findingLines } from './verify.ts';
import type { World } from './world.ts';

type Text = z.infer<typeof textOutput>;

export const show = (world: World) =>
  service<z.infer<typeof showInput>, Text>({
    name: 'show',
    effect: 'read',
    summary:
      'Show a record (verdict, outcome, experiment, candidate, profile), an object or a workload file as text.',
    description: 'Reads only. Without a record: the newest ones. Long texts come in pages.',
    input: showInput,
    output: textOutput,
    cli: {
      positional: ['record'],
      examples: [
        'schedcp show 4f2a91',
        'schedcp show 4f2a91 --view timeline',
        'schedcp show policies/fifo/fifo.bpf.o --view disasm',
      ],
    },
    async run({ record, view, page }) {
      const text = record === undefined ? await newest(world) : await viewOf(world, record, view);
      const cut = pageOf(text, page ?? 1);
      return { output: cut, exit: 0, text: page === undefined ? text : cut.text };
    },
  });

async function load(world: World, prefix: string): Promise<{ digest: string; record: RecordOf }> {
  const digest = await world.store.records.find(prefix);
  const read = recordSchema.safeParse(await world.store.records.get(digest));
  if (read.success) return { digest, record: read.data };
  throw new Fault(
    'unsupported',
    `the record ${digest.slice(0, 12)} is of a form that this version does not read`,
    {
      next: 'use the version that wrote it',
    },
  );
}

async function newest(world: World): Promise<string> {
  const rows: string[][] = [];
  for (const { digest, kind } of await world.store.records.newest(20)) rows.push([digest.slice(0, 12), kind]);
  return rows.length === 0
    ? 'No records yet. Make some with: schedcp tune --workload long-tail\n'
    : table(['record', 'kind'], rows);
}

async function viewOf(world: World, name: string, view: View): Promise<string> {
  if (world.exists(name)) return fileView(world, name, view);
  const { digest, record } = await load(world, name);
  if (view === 'json') return `${JSON.stringify(record, null, 2)}\n`;
  if (view === 'timeline') {
    if (record.kind !== 'outcome')
      throw new Fault('unsupported', `a ${record.kind} has no timeline`, { next: 'show an outcome' });
    const experiment = await experimentBehind(record, world.store.records);
    return timelineText(record, experiment);
  }
  checkView(view, `a ${record.kind}`, ['summary', 'json']);
  return `${record.kind} ${digest}\n${await summary(world, record)}`;
}

type View = z.infer<typeof showInput>['view'];

/** @throws Fault unsupported */
function checkView(view: View, what: string, views: readonly View[]): void {
  if (views.includes(view)) return;
  throw new Fault('unsupported', `${what} has no view ${view}`, { next: `it has: ${views.join(', ')}` });
}

async function fileView(world: World, path: string, view: View): Promise<string> {
  const bytes = await world.readFile(path);
  if (path.endsWith('.json')) {
    checkView(view, 'a workload file', ['summary', 'workload']);
    return workloadView(parseWorkload(Buffer.from(bytes).toString('utf8'), path));
  }
  const trace = importTrace(bytes);
  if (trace !== undefined) {
    checkView(view, 'a recording', ['summary']);
    return traceText(trace);
  }
  checkView(view, 'an object', ['summary', 'object', 'disasm']);
  const object = readObject(bytes);
  if (view !== 'disasm') return objectView(object);
  return object.programs.map((program) => disassembly(object, program)).join('\n');
}

async function summary(world: World, record: RecordOf): Promise<string> {
  switch (record.kind) {
    case 'anchor':
      return `the audit had come to line ${record.seq}, with hash ${record.hash}\n`;
    case 'deployment':
      return deploymentText(record);
    case 'lesson':
      return lessonText(record);
    case 'verdict':
      return `${verdictText(record)}\n${record.outcomes.length} outcomes: ${record.outcomes
        .slice(0, 6)
        .map((digest) => digest.slice(0, 12))
        .join(' ')}…\n`;
    case 'outcome':
      return outcomeText(record, await experimentBehind(record, world.store.records));
    case 'experiment':
      return `${experimentLine(record)}\n`;
    case 'screening':
      return screeningRecordText(record);
    case 'profile':
      return profileText(world, record);
    case 'candidate':
      return `${record.arm.kind} ${record.arm.name} (${record.how}): ${record.why}\n`;
  }
}

function verdictText(verdict: Verdict): string {
  const gauntlet = gauntletOf(verdict);
  return gauntlet === undefined ? judgementText(verdict.judgement as Judgement) : gauntletText(gauntlet);
}

/** The summary, with what its counters add where they are still there. */
async function profileText(world: World, profile: Profile): Promise<string> {
  const counters = await countersBehind(world, profile);
  const policies = (await world.policies.list()).map(({ card }) => card);
  return pagesOf({ profile, counters, policies }).summary;
}

async function countersBehind(world: World, profile: Profile): Promise<Counters | undefined> {
  try {
    return JSON.parse(
      Buffer.from(await world.store.blobs.get(profile.counters)).toString('utf8'),
    ) as Counters;
  } catch (error) {
    if (error instanceof Fault && error.code === 'not-found') return undefined;
    throw error;
  }
}

function experimentLine(experiment: Experiment): string {
  const { arm, workload, machine, topology, seed } = experiment;
  return `${arm.name} × ${workload?.name ?? 'nothing'} × seed ${seed} on ${machine.name} (${machine.mode}, ${machine.start}), kernel ${machine.kernel.release}, ${topology.cpus} CPUs, ${topology.memoryMiB} MiB`;
}

export function outcomeText(outcome: Outcome, experiment: Experiment): string {
  const metrics = Object.entries(outcome.metrics).map(([name, value]) => [name, String(value)]);
  const lines = [experimentLine(experiment), `status: ${outcome.status}`];
  if (outcome.finding !== null) lines.push(...findingLines(outcome.finding));
  if (outcome.exit !== null) lines.push(`exit kind ${outcome.exit.kind} ${outcome.exit.reason}`);
  if (metrics.length > 0) lines.push('', table(['metric', 'value'], metrics).trimEnd());
  lines.push('', ...outcome.notes.map((note) => `note: ${note}`));
  return `${lines.join('\n')}\n`;
}

export const replay = (world: World) =>
  service<z.infer<typeof replayInput>, z.infer<typeof replayOutput>>({
    name: 'replay',
    effect: 'run',
    summary:
      'Repeat what a record says: judge a verdict again from its observations, or run an experiment again.',
    description:
      'A verdict is judged again and must come out the same, and each observation is checked against its outcome; with `rerun` one of its experiments is run again too. ' +
      'An outcome or experiment is run again; deterministic metrics must agree within 1 %.',
    input: replayInput,
    output: replayOutput,
    cli: { positional: ['record'], examples: ['schedcp replay 4f2a91', 'schedcp replay 4f2a91 --rerun'] },
    run: (input, call) => runReplay(world, input, call),
  });

type ReplayInput = z.infer<typeof replayInput>;
type Replayed = z.infer<typeof replayOutput>;

const unrepeatable = {
  candidate: 'a candidate is a proposal',
  profile: 'a profile is what was seen',
  deployment: 'a deployment happened once',
  lesson: 'a lesson is what was learnt of others',
  anchor: 'an anchor is a place in the audit, see: schedcp audit verify',
} as const;

function isUnrepeatable(record: RecordOf): record is Extract<RecordOf, { kind: keyof typeof unrepeatable }> {
  return record.kind in unrepeatable;
}

async function runReplay(
  world: World,
  { record: prefix, rerun, kernel }: ReplayInput,
  call: Call,
): Promise<Reply<Replayed>> {
  const { record } = await load(world, prefix);
  if (isUnrepeatable(record)) {
    throw new Fault('unsupported', `${unrepeatable[record.kind]}: there is nothing to replay`, {
      next: 'replay a verdict, an outcome or an experiment',
    });
  }
  const differences =
    record.kind === 'verdict'
      ? await verdictAgain(world, record, { rerun, kernel }, call)
      : record.kind === 'screening'
        ? await replayScreening(world, record, call)
        : await experimentAgain(world, record, kernel, call);
  const same = differences.length === 0;
  const nothing = rerun && record.kind === 'verdict' && record.outcomes.length === 0;
  const note = same
    ? `the ${record.kind} replays: nothing differs${nothing ? '; no run is behind it that could be run again' : ''}`
    : `${differences.length} ${differences.length === 1 ? 'difference' : 'differences'}`;
  const rows = differences.map((item) => [
    item.what,
    String(item.recorded).slice(0, 40),
    String(item.now).slice(0, 40),
  ]);
  const text = same ? `${note}\n` : `${note}\n${table(['what', 'recorded', 'now'], rows)}`;
  return { output: { same, kind: record.kind, differences, note }, exit: same ? 0 : 1, text };
}

async function verdictAgain(
  world: World,
  verdict: Verdict,
  { rerun, kernel }: Pick<ReplayInput, 'rerun' | 'kernel'>,
  call: Call,
): Promise<Difference[]> {
  const differences = await replayVerdict(verdict, world.store.records);
  const [first] = verdict.outcomes;
  if (!rerun || first === undefined) return differences;
  const outcome = outcomeSchema.parse(await world.store.records.get(first));
  return [...differences, ...(await experimentAgain(world, outcome, kernel, call))];
}

async function experimentAgain(
  world: World,
  record: Experiment | Outcome,
  kernel: string | undefined,
  call: Call,
): Promise<Difference[]> {
  const experiment = await experimentBehind(record, world.store.records);
  const packaged = experiment.machine.kernel.release.replace(/-cloud-amd64$/, '');
  const ready =
    experiment.machine.name === 'simulator'
      ? await openAgain(world, experiment.machine, call)
      : await world.openMachine({ kernel: kernel ?? packaged }, call);
  const machine = ready.reference(experiment.machine.mode, experiment.machine.start);
  if (machine.kernel.image !== experiment.machine.kernel.image) {
    throw new Fault('unavailable', `kernel ${experiment.machine.kernel.release} is here as another build`, {
      where: `recorded image ${experiment.machine.kernel.image.slice(0, 12)}, now ${machine.kernel.image.slice(0, 12)}`,
      next: 'name the recorded image with --kernel FILE, or tune again: on another kernel it is another run',
    });
  }
  const { workload } = experiment;
  if (workload?.kind === 'command') {
    const [program = ''] = workload.argv;
    const packed = await ready.pack(program, workload.with, { cwd: workload.cwd, env: workload.env, call });
    if (packed.digest !== workload.payload) {
      throw new Fault(
        'unavailable',
        `the files of ${workload.name} have changed since the run: it cannot be repeated exactly`,
        {
          where: `recorded payload ${workload.payload.slice(0, 12)}, now ${packed.digest.slice(0, 12)}`,
          next: 'put the files back as they were, or tune again',
        },
      );
    }
  }
  call.progress({ text: `running again: ${experimentLine(experiment)}` });
  const lab = { machine: ready.machine, records: world.store.records, signal: call.signal };
  const { differences } = await replayExperiment(
    lab,
    { ...experiment, machine }, // emulator and runner may be newer, and the record of this run says so
    record.kind === 'outcome' ? record : undefined,
  );
  return differences;
}

type Compared = z.infer<typeof compareOutput>;

export const compare = (world: World) =>
  service<z.infer<typeof compareInput>, Compared>({
    name: 'compare',
    effect: 'read',
    summary: 'Put two records of the same kind side by side: A, B, difference, per cent.',
    description:
      'Reads only. Two outcomes: their metrics. Two verdicts: decision, effect, and the medians of their arms. Two profiles: what changed by more than noise.',
    input: compareInput,
    output: compareOutput,
    cli: { positional: ['a', 'b'], examples: ['schedcp compare 4f2a91 77c0de'] },
    async run({ a, b }) {
      const [left, right] = [(await load(world, a)).record, (await load(world, b)).record];
      if (left.kind !== right.kind)
        throw new Fault('unsupported', `records of kind ${left.kind} and ${right.kind} cannot be compared`, {
          next: 'give two of the same kind',
        });
      if (left.kind === 'profile' && right.kind === 'profile') return comparedProfiles(left, right);
      const rows = pairs(valuesOf(left), valuesOf(right));
      const output: Compared = { kind: left.kind, rows };
      return { output, exit: 0, text: compareText(rows) };
    },
  });

/** Only what moved by more than noise. */
function comparedProfiles(left: Profile, right: Profile): Reply<Compared> {
  const found = changesOf(left, right);
  const [a, b] = [new Map(), new Map()] as [Values, Values];
  for (const { what, before, after } of found.changes) {
    a.set(what, before);
    b.set(what, after);
  }
  return { output: { kind: 'profile', rows: pairs(a, b) }, exit: 0, text: changesText(found) };
}

type Values = Map<string, number | string | null>;

function valuesOf(record: RecordOf): Values {
  if (record.kind === 'outcome')
    return new Map<string, number | string | null>([
      ['status', record.status],
      ...Object.entries(record.metrics),
    ]);
  const gauntlet = record.kind === 'verdict' ? gauntletOf(record) : undefined;
  if (gauntlet !== undefined)
    return new Map<string, number | string | null>([
      ['decision', gauntlet.decision],
      ...gauntlet.gates.map(({ gate, on, passed }): [string, string] => [
        `${gate} ${on ?? ''}`.trim(),
        passed,
      ]),
      ...gauntlet.changes.flatMap(({ workload, metric, low, high }): [string, number | null][] => [
        [`${workload} ${metric}, low`, low],
        [`${workload} ${metric}, high`, high],
      ]),
    ]);
  if (record.kind === 'verdict') {
    const judgement = record.judgement as Judgement;
    const arms = judgement.arms.map((arm): [string, number | null] => [`median of ${arm.name}`, arm.median]);
    return new Map<string, number | string | null>([
      ['decision', judgement.decision],
      ['effect', judgement.effect?.relative ?? null],
      ...arms,
    ]);
  }
  throw new Fault('unsupported', `two records of kind ${record.kind} have no numbers to compare`, {
    next: 'give two outcomes, two verdicts or two profiles',
  });
}

function pairs(left: Values, right: Values): Compared['rows'] {
  return [...new Set([...left.keys(), ...right.keys()])].map((name) => {
    const [a, b] = [left.get(name) ?? null, right.get(name) ?? null];
    const numbers = typeof a === 'number' && typeof b === 'number';
    return {
      name,
      a,
      b,
      difference: numbers ? b - a : null,
      relative: numbers && a !== 0 ? (b - a) / Math.abs(a) : null,
    };
  });
}

function compareText(rows: Compared['rows']): string {
  const cell = (value: number | string | null): string => (value === null ? '-' : String(value));
  const percent = (value: number | null): string => (value === null ? '-' : `${(100 * value).toFixed(1)} %`);
  return table(
    ['metric', 'A', 'B', 'DIFF', 'PCT'],
    rows.map((row) => [row.name, cell(row.a), cell(row.b), cell(row.difference), percent(row.relative)]),
  );
}
