// Golden views: `npx vitest run --project unit test/workload/views.test.ts -u` writes them anew; read the difference.
import { expect, test } from 'vitest';
import { encode } from '../../src/workload/encoding.ts';
import { expand } from '../../src/workload/expand.ts';
import { expansionView, workloadView } from '../../src/workload/view.ts';
import { standard, standardSet } from './files.ts';

test('the standard set', async () => {
  const text = standardSet().map(workloadView).join('\n\n');
  await expect(`${text}\n`).toMatchFileSnapshot('golden/workloads.txt');
});

test.each(['long-tail', 'long-tail-fork', 'build-graph', 'message-worker', 'frames', 'web-poisson'])(
  'the expansion of %s, one round, seed 1, 4 CPUs',
  async (name) => {
    const expansion = expand({ ...standard(name), rounds: 1, warmupRounds: 0 }, { seed: 1, cpus: 4 });
    await expect(`${expansionView(expansion)}\n`).toMatchFileSnapshot(`golden/${name}.txt`);
  },
);

test('bytes are as docs/protocol.md lays them out', async () => {
  const bytes = encode(
    expand({ ...standard('long-tail'), rounds: 1, warmupRounds: 0 }, { seed: 1, cpus: 4 }),
  );
  const lines = Array.from({ length: bytes.length / 16 }, (_, i) => {
    const row = Buffer.from(bytes.subarray(i * 16, i * 16 + 16));
    return `${String(i * 16).padStart(6)}  ${row.toString('hex').replace(/(.{8})/g, '$1 ')} ${row.toString('latin1').replace(/[^ -~]/g, '.')}`;
  });
  await expect(`${[...lines.slice(0, 19), '…', ...lines.slice(-4)].join('\n')}\n`).toMatchFileSnapshot(
    'golden/bytes.txt',
  );
});
