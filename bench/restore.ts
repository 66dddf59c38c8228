// Restore → load → enable → report → exit, against a cold boot of the same guest in the same run; and two at once against one.

import { readFileSync } from 'node:fs';
import { recordDigest } from '../src/core/canonical.ts';
import type { Experiment } from '../src/core/records.ts';
import { openWorld } from '../src/main.ts';
import { median, row, spread } from './lib.ts';

export async function benchRestore(rounds = 11): Promise<void> {
  const world = openWorld();
  const ready = await world.openMachine({}, { progress: () => {}, signal: new AbortController().signal });
  const object = await world.store.blobs.put(
    readFileSync(new URL('../policies/fifo/fifo.bpf.o', import.meta.url)),
  );
  const experiment = (start: 'restored' | 'cold'): Experiment => ({
    kind: 'experiment',
    version: 1,
    from: [],
    arm: {
      id: 'policy:fifo',
      name: 'fifo',
      kind: 'policy',
      policy: { name: 'fifo', object, parameters: {} },
    },
    workload: null,
    topology: { cpus: 1, memoryMiB: ready.memoryFor(undefined) },
    machine: ready.reference('deterministic', start),
    seed: 1,
    nuisance: { startOffsetNs: 0, pidOffset: 0 },
    limitMs: 10_000,
  });
  const timed = async (work: () => Promise<unknown>): Promise<number> => {
    const started = performance.now();
    await work();
    return (performance.now() - started) / 1000;
  };
  const run = async (start: 'restored' | 'cold'): Promise<string> => {
    const outcome = await ready.machine.run(experiment(start));
    if (outcome.finding !== null) throw new Error(`bench: ${outcome.finding.message}`);
    return recordDigest(outcome);
  };
  await run('restored'); // makes the saved guest
  const [one, two, cold]: [number[], number[], number[]] = [[], [], []];
  const digests = new Set<string>();
  for (let round = 0; round < rounds; round++) {
    one.push(await timed(() => run('restored')));
    two.push((await timed(() => Promise.all([run('restored'), run('restored')]))) / 2);
    if (round % 3 === 0) cold.push(await timed(async () => digests.add(await run('cold'))));
  }
  const gain = median(one) / median(two);
  row('restore → load → enable → report → exit, seconds', 'median ≤ 1.0', spread(one), median(one) <= 1);
  row(
    '  a cold boot of the same, in the same run',
    '',
    `${spread(cold)} (${(median(cold) / median(one)).toFixed(1)} × as long)`,
    undefined,
  );
  row('two side by side, throughput against one', '≥ 1.6 ×', `${gain.toFixed(2)} ×`, gain >= 1.6);
  row(
    'cold boots: identical outcome bytes',
    'identical',
    `${digests.size} digest of ${cold.length} runs`,
    digests.size === 1,
  );
}
