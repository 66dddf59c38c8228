// Shapes of simulated runs: an expansion on so many CPUs under the modelled default scheduler, recorded and counted as a real run is.

import type { Counters } from '../../src/core/counters.ts';
import type { Shape } from '../../src/core/profile.ts';
import type { Trace } from '../../src/core/trace.ts';
import type { Expansion, Phase, WorkloadFile } from '../../src/core/workload.ts';
import { countersOf } from '../../src/profiles/from-trace.ts';
import { inWordsOf } from '../../src/profiles/replayed.ts';
import { shapeOf } from '../../src/profiles/shape.ts';
import { type CostProfile, costProfiles, Simulator, simulatedKernel } from '../../src/simulator/simulate.ts';
import { bursts } from '../../src/traces/bursts.ts';
import { expandBursts } from '../../src/traces/replay.ts';
import { SimulatedTrace } from '../../src/traces/simulated.ts';
import { expand } from '../../src/workload/expand.ts';

const simulator = new Simulator();

/** Of the replay of a recording, in its words. */
export function replayedShape(recorded: Trace, cpus: number): Shape {
  const all = bursts(recorded);
  const counters = simulatedCounters(expandBursts(recorded, all), cpus, 'recorded');
  return shapeOf(inWordsOf(counters, recorded, all));
}

export const simulatedShape = (expansion: Expansion, cpus: number): Shape =>
  shapeOf(simulatedCounters(expansion, cpus, 'hardware'));

function simulatedCounters(expansion: Expansion, cpus: number, costs: CostProfile): Counters {
  const recorder = new SimulatedTrace(expansion, { name: '', cpus, release: simulatedKernel.release });
  const { endNs, finding } = simulator.run({
    ...{ expansion, recorder, shape: { cpus }, costs: costProfiles[costs], mode: 'fast' },
    ...{ startOffsetNs: 0, pidOffset: 0, seed: 1, limitNs: 1e12, timeoutMs: 5000 },
  });
  if (finding !== undefined) throw new Error(finding.message);
  const trace = recorder.finish(endNs);
  return countersOf(trace, bursts(trace));
}

/** The same work, `times` as long: loops that go round so often, or as many rounds. Tasks are as many as on `size` CPUs. */
export function lengthened(file: WorkloadFile, times: number, seed: number, size: number): Expansion {
  const loops = file.groups.some(({ phases }) =>
    phases.some((phase) => 'loop' in phase && phase.loop !== 'forever'),
  );
  const groups = file.groups.map((group) => ({
    ...group,
    phases: group.phases.map((phase) => longer(phase, times)),
  }));
  const repeated = loops ? { groups, rounds: 1 } : { rounds: 2 * times };
  return expand({ ...file, ...repeated, warmupRounds: 0 }, { seed, cpus: size });
}

function longer(phase: Phase, times: number): Phase {
  return 'loop' in phase && phase.loop !== 'forever' ? { ...phase, loop: phase.loop * times } : phase;
}
