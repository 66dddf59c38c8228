// Reading scenarios, and what can be wrong with one that no field alone can say. The shapes stand in core/scenario.ts.

import { Fault } from '../../core/errors.ts';
import {
  type Disturbance,
  regressionSchema,
  type Scenario,
  type ScenarioOp,
  scenarioSchema,
} from '../../core/scenario.ts';

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
