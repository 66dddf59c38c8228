// The static gate: median time from source (clang included) and from an object, on every library policy and on an object of more than 20,000 instructions. In one process, warm, as a service
// is. Needs the fetched clang for what begins with source.

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readObject } from '../src/bpf/object.ts';
import { staticGate } from '../src/gates/static-gate.ts';
import { openPolicies } from '../src/knowledge/policies.ts';
import { openCache } from '../src/linux/cache.ts';
import { compilePolicy } from '../src/linux/clang.ts';
import { hasTools } from '../src/linux/tools.ts';
import { policyCompiler } from '../test/support/policy-compiler.ts';
import { median, row } from './lib.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const limitMs = { source: 100, object: 20 };
const rounds = { source: 9, object: 41 };
const gate = { kernels: ['6.18'] };

export async function benchStaticGate(): Promise<void> {
  const library = await openPolicies(join(root, 'policies')).list();
  const objects = library.map(({ card, object }) => ({ name: card.name, object }));
  for (const { name, object } of objects) rowOfObject(name, object);
  if (!hasTools(openCache(), 'clang')) {
    row('static gate from source', '', 'no clang in the cache', undefined);
    return;
  }
  const compiler = await policyCompiler();
  const include = [join(root, 'policies/include')];
  const build = (file: string): Promise<Uint8Array> => compilePolicy(compiler, join(root, file), { include });
  rowOfObject('big', await build('bench/static-gate/big.bpf.c'));
  for (const { name } of objects) {
    const times: number[] = [];
    const shares: number[] = [];
    for (let i = 0; i < rounds.source; i++) {
      const start = performance.now();
      const built = await build(`policies/${name}/${name}.bpf.c`);
      const compiledAt = performance.now();
      staticGate(built, gate);
      times.push(performance.now() - start);
      shares.push((compiledAt - start) / times.at(-1)!);
    }
    const ms = median(times);
    row(
      `static gate, ${name}, from source`,
      `≤ ${limitMs.source} ms`,
      `${ms.toFixed(1)} ms, ${Math.round(100 * median(shares))} % of it clang`,
      ms <= limitMs.source,
    );
  }
}

function rowOfObject(name: string, object: Uint8Array): void {
  const { programs, subprograms } = readObject(object);
  const count = [...programs, ...subprograms].reduce((sum, { instructions }) => sum + instructions.length, 0);
  for (let i = 0; i < rounds.object; i++) staticGate(object, gate);
  const times: number[] = [];
  for (let i = 0; i < rounds.object; i++) {
    const start = performance.now();
    staticGate(object, gate);
    times.push(performance.now() - start);
  }
  const ms = median(times);
  const measured = `${ms.toFixed(1)} ms, ${count} instructions`;
  row(`static gate, ${name}, from the object`, `≤ ${limitMs.object} ms`, measured, ms <= limitMs.object);
}
