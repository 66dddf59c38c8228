// Walking the phases of a group.
import type { EachPhase, Group, LoopPhase, Phase } from '../core/workload.ts';
import type { JsonPath } from './mistakes.ts';

export interface Visit {
  readonly phase: Phase;
  readonly path: JsonPath;
  /** The loops around the phase, from outside in. */
  readonly loops: readonly LoopPhase[];
  readonly each: EachPhase | undefined;
}

export function isNested(phase: Phase): phase is LoopPhase | EachPhase {
  return 'phases' in phase;
}

/** Every phase of the group with its JSON path, depth first; a loop before what is in it. */
export function visitPhases(group: Group, groupPath: JsonPath): Visit[] {
  const visits: Visit[] = [];
  const walk = (phases: readonly Phase[], path: JsonPath, around: Pick<Visit, 'loops' | 'each'>) => {
    for (const [i, phase] of phases.entries()) {
      const at = [...path, 'phases', i];
      visits.push({ phase, path: at, ...around });
      if (!isNested(phase)) continue;
      walk(
        phase.phases,
        at,
        'each' in phase
          ? { loops: around.loops, each: phase }
          : { loops: [...around.loops, phase], each: around.each },
      );
    }
  };
  walk(group.phases, groupPath, { loops: [], each: undefined });
  return visits;
}

export function isEndless(visit: Visit): boolean {
  return visit.loops.some((loop) => loop.loop === 'forever');
}

/** The groups that are started by `fork` phases. */
export function forkedGroups(groups: readonly Group[]): Set<string> {
  const visits = groups.flatMap((group) => visitPhases(group, []));
  return new Set(visits.flatMap(({ phase }) => ('fork' in phase ? [phase.fork] : [])));
}
