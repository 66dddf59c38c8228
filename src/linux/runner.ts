// The runner from this side: built once from runner/ with the fetched compiler, told what to do by a job, heard as JSON lines.
// Formats: docs/protocol.md.

import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { Fault, faultCodes } from '../core/errors.ts';
import type { Settings } from '../core/records.ts';
import type { Cache } from './cache.ts';
import { coveredSchema, detachedSchema, holdSchema, setSchema } from './held.ts';
import { mustRun } from './process.ts';
import { type ToolOptions, tools } from './tools.ts';
import { watchedSchema, watchedTasksSchema } from './watched.ts';

export interface Runner {
  readonly file: string;
  /** Digest of its sources and of the compiler's packages. */
  readonly digest: string;
}

/** Builds the runner, or takes it from the cache. `sources` is the directory runner/ of this package. */
export async function buildRunner(cache: Cache, sources: string, options: ToolOptions = {}): Promise<Runner> {
  const compiler = await tools(cache, 'compiler', options);
  const hash = createHash('sha256');
  for (const name of (await readdir(sources)).sort()) {
    if (/\.(c|h)$|^Makefile$/.test(name)) hash.update(name).update(await readFile(join(sources, name)));
  }
  for (const item of compiler.packages) hash.update(`${item.name} ${item.version}\n`);
  const digest = hash.digest('hex');
  const entry = await cache.entry(
    `builds/runner-${digest.slice(0, 16)}`,
    async (target) => {
      options.announce?.('building the runner');
      await mustRun(
        compiler.program('make'),
        [
          '-C',
          sources,
          '-s',
          `OUT=${join(target, 'runner')}`,
          `SYSROOT=${compiler.root}`,
          `CC=${compiler.program('gcc')}`,
        ],
        {
          env: compiler.env,
          limitMs: 300_000,
          ...(options.signal === undefined ? {} : { signal: options.signal }),
        },
      );
    },
    options.signal,
  );
  return { file: join(entry, 'runner'), digest };
}

/** A runner that somebody else has built: its identity is that of its bytes. Throws Fault('not-found'). */
export async function broughtRunner(file: string): Promise<Runner> {
  const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    throw new Fault('not-found', `no runner at ${file} (${error.code})`, {
      next: 'correct SCHEDCP_RUNNER, or leave it out',
    });
  });
  return { file: resolve(file), digest: createHash('sha256').update(bytes).digest('hex') };
}

export interface Job {
  readonly object?: Uint8Array;
  readonly expansion?: Uint8Array;
  readonly command?: {
    readonly argv: readonly string[];
    readonly env: Readonly<Record<string, string>>;
    readonly cwd: string;
    readonly runs: number;
  };
  readonly settings?: Settings;
  readonly maps?: readonly { readonly name: string; readonly key: Uint8Array; readonly value: Uint8Array }[];
  readonly nuisance: { readonly startOffsetNs: number; readonly pidOffset: number };
  readonly wallLimitMs: number;
  readonly verifyBudgetMs: number;
  readonly timeoutMs: number;
  readonly outputLimit: number;
  /** The object of probes/trace.bpf.c: calls are recorded. */
  readonly tracer?: Uint8Array;
  /** The object of probes/record.bpf.c: what the scheduler does is recorded. `events`: room, 32 bytes each. */
  readonly recorder?: { readonly object: Uint8Array; readonly events: number };
  /** The object of probes/watch.bpf.c: what the scheduler does is counted. */
  readonly watcher?: Uint8Array;
  /** Tasks that the watcher keeps apart. Default: as many as fit a 64th of the memory. */
  readonly watchTasks?: number;
  /** Share of the used CPU time that the watcher may cost, as estimated. Default 0.01. */
  readonly watchBudget?: number;
  /** For tests: of so many windows one is open, whatever it costs; 1: all. Default: by the budget. */
  readonly watchWindows?: number;
  /** What recorder and watcher observe for `nuisance.startOffsetNs` when the job has neither a command nor an expansion. */
  readonly follow?: Follow;
  /** The command runs on in a guest that lives long (section 8). */
  readonly isServing?: boolean;
  /** … and does to itself what tests ask for. */
  readonly isTested?: boolean;
  /** Whom a policy schedules that is held; absent: the whole machine. */
  readonly scope?: readonly Exclude<Follow, { readonly kind: 'all' }>[];
}

/** A process with its descendants, a cgroup (v2) with those below it, or every task. */
export type Follow =
  | { readonly kind: 'pid'; readonly pid: number }
  | { readonly kind: 'cgroup'; readonly path: string }
  | { readonly kind: 'all' };

/** The job's bytes (docs/protocol.md, section 2). */
export function encodeJob(job: Job): Uint8Array {
  const parts: Uint8Array[] = [];
  const line = (text: string): void => {
    parts.push(Buffer.from(`${text}\n`));
  };
  const blob = (name: string, bytes: Uint8Array): void => {
    parts.push(Buffer.from(`blob ${name} ${bytes.length}\n`), bytes, Buffer.from('\n'));
  };
  line('schedcp-job 1');
  line(`wall-limit-ms ${job.wallLimitMs}`);
  line(`verify-budget-ms ${job.verifyBudgetMs}`);
  line(`timeout-ms ${job.timeoutMs}`);
  line(`start-offset-ns ${job.nuisance.startOffsetNs}`);
  line(`pid-offset ${job.nuisance.pidOffset}`);
  for (const text of settingLines(job.settings ?? {})) line(text);
  for (const { name, key, value } of job.maps ?? []) line(`map ${name} ${hex(key)} ${hex(value)}`);
  if (job.object !== undefined) blob('object', job.object);
  if (job.expansion !== undefined) blob('workload', job.expansion);
  if (job.tracer !== undefined) blob('tracer', job.tracer);
  if (job.isServing === true) line(job.isTested === true ? 'serve tests' : 'serve');
  if (job.follow !== undefined) line(`follow ${subjectText(job.follow)}`);
  for (const subject of job.scope ?? []) line(`scope ${subjectText(subject)}`);
  if (job.recorder !== undefined) {
    line(`record-events ${job.recorder.events}`);
    blob('recorder', job.recorder.object);
  }
  if (job.watchTasks !== undefined) line(`watch-tasks ${job.watchTasks}`);
  if (job.watchBudget !== undefined) line(`watch-budget-ppm ${Math.round(job.watchBudget * 1e6)}`);
  if (job.watchWindows !== undefined) line(`watch-windows ${job.watchWindows}`);
  if (job.watcher !== undefined) blob('watcher', job.watcher);
  if (job.command !== undefined) {
    line(`runs ${job.command.runs}`);
    line(`output-limit ${job.outputLimit}`);
    for (const argument of job.command.argv) blob('arg', Buffer.from(argument));
    for (const [name, value] of Object.entries(job.command.env).sort())
      blob('env', Buffer.from(`${name}=${value}`));
    blob('cwd', Buffer.from(job.command.cwd));
  }
  line('end');
  return Buffer.concat(parts);
}

function subjectText(follow: Follow): string {
  if (follow.kind === 'pid') return `pid ${follow.pid}`;
  if (follow.kind === 'all') return 'all';
  if (/^\/[^\n\0]*$/.test(follow.path)) return `cgroup ${follow.path}`;
  throw new Fault('malformed', `${JSON.stringify(follow.path)} is not the path of a cgroup`, {
    next: 'name it as the line 0:: of /proc/PID/cgroup does: it begins with a slash',
  });
}

function settingLines(settings: Settings): string[] {
  return [
    ...(settings.baseSliceNs === undefined ? [] : [`base-slice-ns ${settings.baseSliceNs}`]),
    ...(settings.features ?? []).map((feature) => `feature ${feature}`),
    ...(settings.nice === undefined ? [] : [`nice ${settings.nice}`]),
    ...(settings.sched === undefined ? [] : [`sched ${settings.sched}`]),
    ...(settings.cpuWeight === undefined ? [] : [`cpu-weight ${settings.cpuWeight}`]),
  ];
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

const integer = z.union([
  z.number(),
  z
    .string()
    .regex(/^-?\d+$/)
    .transform(Number),
]);

const callColumns = ['ns', 'cpu', 'what', 'task', 'other', 'a', 'b', 'c', 'd', 'result'] as const;
const whoSchema = z.union([z.number(), z.string(), z.null()]);
const exact = z.union([z.number(), z.string().regex(/^\d+$/)]);
const callRow = z.tuple([
  integer,
  z.number(),
  z.string(),
  whoSchema,
  whoSchema,
  exact,
  exact,
  exact,
  exact,
  integer,
]);

/** What the runner says (docs/protocol.md, section 3). Fields that this side does not use are left out. */
export const eventSchema = z.discriminatedUnion('event', [
  z.object({
    event: z.literal('ready'),
    release: z.string(),
    cpus: z.number(),
    memoryKiB: z.number(),
    freeKiB: z.number(),
    schedExt: z.boolean(),
  }),
  z.object({
    event: z.literal('load'),
    ok: z.boolean(),
    stage: z.string().optional(),
    errno: z.number().optional(),
    error: z.string().optional(),
    program: z.string().optional(),
    log: z.string().optional(),
    omittedLines: z.number().optional(),
    budgetExceeded: z.boolean().optional(),
    processedInsns: z.number().optional(),
    brokenBtf: z.boolean().optional(),
  }),
  z.object({
    event: z.literal('presence'),
    when: z.string(),
    state: z.string(),
    ops: z.string(),
    enableSeq: z.number(),
    nrRejected: z.number(),
  }),
  z.object({
    event: z.literal('round'),
    round: z.number(),
    startNs: integer,
    endNs: integer,
    makespanNs: integer,
  }),
  z.object({
    event: z.literal('task'),
    task: z.number(),
    startNs: integer,
    endNs: integer,
    cpuNs: integer,
    delayNs: integer,
    vcsw: z.number(),
    icsw: z.number(),
    cpu: z.number(),
    killed: z.boolean(),
  }),
  z.object({ event: z.literal('samples'), series: z.number(), values: z.array(integer) }),
  z.object({
    event: z.literal('run'),
    run: z.number(),
    exit: z.number(),
    signal: z.number(),
    wallNs: integer,
    userNs: integer,
    systemNs: integer,
    maxRssKiB: z.number(),
    vcsw: z.number(),
    icsw: z.number(),
    stdout: z.string(),
    stderr: z.string(),
    stdoutOmitted: z.number(),
    stderrOmitted: z.number(),
  }),
  z.object({
    event: z.literal('limit'),
    what: z.enum(['wall', 'memory', 'processes', 'disk']),
    detail: z.string(),
  }),
  z.object({
    event: z.literal('exit'),
    kind: z.number(),
    code: z.union([z.number(), z.string()]),
    reason: z.string(),
    message: z.string(),
    dump: z.string(),
  }),
  z.object({ event: z.literal('events'), values: z.record(z.string(), z.number()) }),
  z.object({
    event: z.literal('calls'),
    first: z.number(),
    columns: z.array(z.string()).refine((names) => names.join() === callColumns.join(), 'other columns'),
    rows: z.array(callRow),
  }),
  z.object({ event: z.literal('callsLost'), count: z.number() }),
  z.object({ event: z.literal('trace'), bytes: z.string() }),
  watchedTasksSchema,
  watchedSchema,
  holdSchema,
  coveredSchema,
  setSchema,
  detachedSchema,
  z.object({
    event: z.literal('recorded'),
    events: integer,
    lost: integer,
    programNs: integer,
    programRuns: integer,
  }),
  z.object({
    event: z.literal('fault'),
    message: z.string(),
    next: z.string().optional(),
    code: z.enum(faultCodes).optional(),
  }),
  z.object({ event: z.literal('done'), status: z.string() }),
]);
export type RunnerEvent = z.infer<typeof eventSchema>;

/** Parses whole lines; a last line without its newline is left out. Throws Fault('malformed'): the two sides disagree. */
export function parseEvents(text: string): RunnerEvent[] {
  const events: RunnerEvent[] = [];
  const lines = text.split('\n');
  for (const [index, line] of lines.slice(0, -1).entries()) {
    if (line === '') continue;
    const parsed = eventSchema.safeParse(parseJson(line));
    if (!parsed.success) {
      throw new Fault('malformed', `the runner said something unknown: ${line.slice(0, 200)}`, {
        where: `line ${index + 1}: ${z.prettifyError(parsed.error).replaceAll('\n', ' ')}`,
      });
    }
    events.push(parsed.data);
  }
  return events;
}

/** Parses as it comes: a recording of a million events is a text of 43 MB. */
export async function* eventBatches(output: AsyncIterable<Buffer>): AsyncGenerator<RunnerEvent[]> {
  let rest: Buffer[] = [];
  for await (const chunk of output) {
    const end = chunk.lastIndexOf(10) + 1;
    rest.push(chunk.subarray(0, end || undefined));
    if (end === 0) continue;
    yield parseEvents(Buffer.concat(rest).toString('latin1')); // ASCII only
    rest = [chunk.subarray(end)];
  }
}

/** The recorded events, put together (docs/protocol.md, section 5). */
export function rawTrace(events: readonly RunnerEvent[]): Uint8Array {
  const parts = events.flatMap((event) =>
    event.event === 'trace' ? [Buffer.from(event.bytes, 'base64')] : [],
  );
  return Buffer.concat(parts);
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
