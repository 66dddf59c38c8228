// A scenario of attack mode: a small machine, tasks and what happens to them, every number written out, so that each part can be taken away when a
// failure is shrunk. It is a JSON file; docs/attack-mode.md describes it.

import { z } from 'zod';
import { Fault } from '../../core/errors.ts';
import { parameterValueSchema } from '../../core/records.ts';

export const maxScenarioCpus = 8;
export const maxScenarioTasks = 64;
const maxOps = 64;
const maxNs = 30_000_000_000;

const nsSchema = z.int().min(0).max(maxNs);
const taskSchema = z
  .int()
  .min(0)
  .max(maxScenarioTasks - 1);
const cpuSchema = z
  .int()
  .min(0)
  .max(maxScenarioCpus - 1);
/** Empty: all. */
const cpusSchema = z.array(cpuSchema).max(maxScenarioCpus);
const niceSchema = z.int().min(-20).max(19);

/** What a task does, one verb each. */
const opSchema = z.union([
  z.strictObject({ run: nsSchema }),
  z.strictObject({ sleep: nsSchema }),
  z.strictObject({ yield: z.literal(true) }),
  /** Number of a task with `forked`. */
  z.strictObject({ fork: taskSchema }),
  /** Semaphores, as many as are named. */
  z.strictObject({ wait: z.int().min(0).max(15) }),
  z.strictObject({ signal: z.int().min(0).max(15), units: z.int().min(1).max(64) }),
  z.strictObject({ nice: niceSchema }),
  /** Its own affinity. */
  z.strictObject({ cpus: cpusSchema }),
]);

const scenarioTaskSchema = z.strictObject({
  comm: z.string().regex(/^[A-Za-z0-9._:-]{1,15}$/),
  startNs: nsSchema,
  nice: niceSchema,
  class: z.enum(['other', 'batch', 'idle', 'fifo']),
  cpus: cpusSchema,
  /** It starts when another task's `fork` says so. */
  forked: z.boolean(),
  ops: z.array(opSchema).max(maxOps),
  /** How often the operations are done, one after another. */
  times: z.union([z.int().min(1).max(1_000_000), z.literal('forever')]),
});

/** What comes from outside, at a time from the start. One that cannot be (its task has ended, its CPU is off already) does nothing. */
const disturbanceSchema = z.union([
  z.strictObject({ atNs: nsSchema, affinity: taskSchema, cpus: cpusSchema }),
  z.strictObject({ atNs: nsSchema, renice: taskSchema, nice: niceSchema }),
  /** migrate_disable() by the task itself when it next runs; and migrate_enable() when it runs after `forNs`. */
  z.strictObject({ atNs: nsSchema, pin: taskSchema, forNs: nsSchema }),
  /** execve(): another comm. */
  z.strictObject({ atNs: nsSchema, exec: taskSchema, comm: z.string().regex(/^[A-Za-z0-9._:-]{1,15}$/) }),
  /** It ends where it is: in a queue, running or asleep. */
  z.strictObject({ atNs: nsSchema, kill: taskSchema }),
  z.strictObject({ atNs: nsSchema, offline: cpuSchema }),
  z.strictObject({ atNs: nsSchema, online: cpuSchema }),
]);

export const scenarioSchema = z.strictObject({
  kind: z.literal('scenario'),
  version: z.literal(1),
  /** Where it comes from: the seed, and which attacks are in it. */
  seed: z.int().min(0).max(0xffff_ffff),
  attacks: z.array(z.string()),
  cpus: z.int().min(1).max(maxScenarioCpus),
  llcs: z.int().min(1).max(maxScenarioCpus),
  threads: z.int().min(1).max(2),
  lengthNs: z.int().min(1_000_000).max(maxNs),
  parameters: z.record(z.string(), parameterValueSchema),
  tasks: z.array(scenarioTaskSchema).max(maxScenarioTasks),
  disturbances: z.array(disturbanceSchema).max(4096),
});

export type Scenario = z.infer<typeof scenarioSchema>;
export type ScenarioTask = z.infer<typeof scenarioTaskSchema>;
export type ScenarioOp = z.infer<typeof opSchema>;
export type Disturbance = z.infer<typeof disturbanceSchema>;

/** A failure that was found, as it is kept: what failed, found by which version, and the scenario after shrinking. */
export const regressionSchema = z.strictObject({
  kind: z.literal('regression'),
  version: z.literal(1),
  /** Of SchedCP. */
  foundBy: z.string(),
  policy: z.strictObject({ name: z.string(), object: z.string() }),
  /** Empty when the scenario is to pass: a bug that has been mended. */
  checker: z.string(),
  message: z.string(),
  scenario: scenarioSchema,
});
export type Regression = z.infer<typeof regressionSchema>;

/** The scenario of a file that is one, or that is a regression. @throws Fault malformed. */
export function readScenario(text: string, where: string): Scenario {
  const value = parsed(text, where);
  const isRegression = (value as { kind?: unknown } | null)?.kind === 'regression';
  const read = isRegression ? regressionSchema.safeParse(value) : scenarioSchema.safeParse(value);
  if (!read.success) {
    const [issue] = read.error.issues;
    refuse(`${issue?.path.join('.') || 'the whole'}: ${issue?.message}`, where);
  }
  const scenario = 'scenario' in read.data! ? read.data.scenario : (read.data as Scenario);
  const mistake = mistakeIn(scenario);
  if (mistake !== undefined) refuse(mistake, where);
  return scenario;
}

function parsed(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    return refuse(`no JSON: ${(error as Error).message}`, where);
  }
}

function refuse(problem: string, where: string): never {
  throw new Fault('malformed', `${where} is no scenario: ${problem}`, {
    where,
    next: 'see docs/attack-mode.md',
  });
}

/** What no field alone can say: numbers that name nothing, shapes that do not divide, forks that cannot be. */
export function mistakeIn(scenario: Scenario): string | undefined {
  const { cpus, llcs, threads, tasks, disturbances } = scenario;
  if (cpus % (llcs * threads) !== 0)
    return `${cpus} CPUs do not divide into ${llcs} LLCs of cores with ${threads} threads`;
  const forks = tasks.flatMap(({ ops }) => ops.flatMap((op) => ('fork' in op ? [op.fork] : [])));
  if (new Set(forks).size !== forks.length) return 'a task is forked twice';
  for (const [index, task] of tasks.entries()) {
    const where = `task ${index}`;
    if (task.forked !== forks.includes(index))
      return `${where}: forked, but by nobody, or the other way round`;
    if (task.times !== 1 && task.ops.some((op) => 'fork' in op)) return `${where}: forks in a loop`;
    if (task.times === 'forever' && !task.ops.some(takesTime))
      return `${where}: loops for ever and takes no time`;
    if (task.ops.some((op) => 'fork' in op && (tasks[op.fork] === undefined || op.fork <= index)))
      return `${where}: forks a task that does not come after it`;
    const masks = [task.cpus, ...task.ops.flatMap((op) => ('cpus' in op ? [op.cpus] : []))];
    if (masks.flat().some((cpu) => cpu >= cpus)) return `${where}: names a CPU that is not there`;
  }
  return disturbances.map((one) => mistakeInDisturbance(one, scenario)).find((text) => text !== undefined);
}

function mistakeInDisturbance(one: Disturbance, { tasks, cpus }: Scenario): string | undefined {
  const task = taskOf(one);
  if (task !== undefined && tasks[task] === undefined)
    return `a disturbance of task ${task}, which is not there`;
  const named =
    'affinity' in one ? one.cpus : 'offline' in one ? [one.offline] : 'online' in one ? [one.online] : [];
  return named.some((cpu) => cpu >= cpus) ? `a disturbance of a CPU that is not there` : undefined;
}

function takesTime(op: ScenarioOp): boolean {
  return ('run' in op && op.run > 0) || ('sleep' in op && op.sleep > 0);
}

/** The task that a disturbance is about. */
export function taskOf(one: Disturbance): number | undefined {
  if ('affinity' in one) return one.affinity;
  if ('renice' in one) return one.renice;
  if ('pin' in one) return one.pin;
  if ('exec' in one) return one.exec;
  return 'kill' in one ? one.kill : undefined;
}

/** "3 tasks, 1 disturbance, 2 CPUs, 2.5 s". */
export function sizeText({ tasks, disturbances, cpus, lengthNs }: Scenario): string {
  const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;
  return `${count(tasks.length, 'task')}, ${count(disturbances.length, 'disturbance')}, ${count(cpus, 'CPU')}, ${lengthNs / 1e9} s`;
}
