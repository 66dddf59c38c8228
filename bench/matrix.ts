// The matrix: every policy on every kernel under every declared workload, one seed a cell. A cell is the metric of the workload's goal
// relative to the default scheduler, or how the run failed.

import { canonicalJson } from '../src/core/canonical.ts';
import type { Arm } from '../src/core/records.ts';
import { openWorld } from '../src/main.ts';
import { inOrder } from '../src/stages/trials.ts';
import { encode } from '../src/workload/encoding.ts';
import { expand } from '../src/workload/expand.ts';
import { parseWorkload } from '../src/workload/read.ts';

export async function benchMatrix(kernels: readonly string[] = ['6.16', '6.18', '7.3']): Promise<void> {
  const world = openWorld();
  const call = { progress: () => {}, signal: new AbortController().signal };
  const policies = await world.policies.list();
  const arms: Arm[] = [{ id: 'default', name: 'default', kind: 'default' }];
  for (const { card, object } of policies) {
    const digest = await world.store.blobs.put(object);
    arms.push({
      id: card.name,
      name: card.name,
      kind: 'policy',
      policy: { name: card.name, object: digest, parameters: {} },
    });
  }
  for (const want of kernels) {
    const ready = await world.openMachine({ kernel: want }, call);
    const reference = ready.reference('deterministic', 'restored');
    print(
      `kernel ${reference.kernel.release}`,
      arms.map((arm) => arm.name),
    );
    for (const standard of await world.workloads.list()) {
      if (standard.kind !== 'declared') continue;
      const file = parseWorkload(standard.text, standard.name);
      const expansion = await world.store.blobs.put(encode(expand(file, { seed: 1, cpus: 4 })));
      const fileDigest = await world.store.blobs.put(Buffer.from(canonicalJson(file)));
      const values = await inOrder(arms, ready.machine.parallel, async (arm) => {
        const outcome = await ready.machine.run({
          kind: 'experiment',
          version: 1,
          from: [],
          arm,
          workload: { kind: 'declared', name: file.name, file: fileDigest, expansion },
          topology: { cpus: 4, memoryMiB: ready.memoryFor(undefined) },
          machine: reference,
          seed: 1,
          nuisance: { startOffsetNs: 0, pidOffset: 0 },
          limitMs: 60_000,
        });
        return outcome.finding?.code ?? outcome.metrics[file.goal.metric] ?? 'not measured';
      });
      const base = values[0];
      const cells = values.map((value) => {
        if (typeof value !== 'number' || typeof base !== 'number') return String(value);
        return `${(100 * (value / base - 1)).toFixed(0)} %`;
      });
      print(`  ${file.name} (${file.goal.metric} ${file.goal.direction})`, cells);
    }
  }
}

function print(head: string, cells: readonly string[]): void {
  process.stdout.write(`${head.padEnd(52)}${cells.map((cell) => cell.padStart(11)).join('')}\n`);
}
