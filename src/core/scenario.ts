// What attack mode keeps: scenarios (a small machine, tasks and what happens to them, every number written out, so that each part can be taken away when
// a failure is shrunk), failures that were found, and what a policy does not promise. docs/attack-mode.md describes the files.

import { z } from 'zod';
import { parameterValueSchema } from './policy.ts';

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
  /** A deadly signal, wherever it is: in a queue, running or asleep. It exits when it next has a CPU. */
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

/** In order of gravity: of several violations of a run the first is the one that is named and shrunk. */
export const checkerNames = [
  'program',
  'ejected',
  'lost-task',
  'starvation',
  'affinity',
  'weights',
  'equal-shares',
  'latency',
  'work-conservation',
  'livelock',
] as const;
export type CheckerName = (typeof checkerNames)[number];

/** What a policy does not promise: a checker that has nothing to say about it, or (`only`) about scenarios with several LLCs or with an attack. */
export const ignoredSchema = z.strictObject({
  checker: z.enum(checkerNames),
  only: z.string().optional(),
  why: z.string().min(1),
});
export type Ignored = z.infer<typeof ignoredSchema>;

/** A failure that was found, as it is kept: what failed, found by which version, and the scenario after shrinking. */
export const regressionSchema = z.strictObject({
  kind: z.literal('regression'),
  version: z.literal(1),
  /** Version of SchedCP: with the seed it gives the scenario before shrinking. */
  foundBy: z.string(),
  /** `object`: its digest. */
  policy: z.strictObject({ name: z.string(), object: z.string() }),
  checker: z.enum(checkerNames),
  message: z.string(),
  /** What was wrong, when it has been mended: the scenario must pass now. */
  mended: z.string().optional(),
  scenario: scenarioSchema,
});
export type Regression = z.infer<typeof regressionSchema>;
