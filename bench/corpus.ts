// npm run bench -- corpus [--scenarios N] [--seconds N] [--names A,B]: every policy of the corpus through the gauntlet, and the table of it. With --label [--under LOAD] [--kernels 7.3,6.18] [--names A,B]
// real kernels are asked anew, in guests (some ten minutes a kernel). How the corpus is made: ../test/gauntlet/README.md.

import { entries, labels, openCompiler } from '../test/gauntlet/corpus.ts';
import { type GateRun, runGates } from './corpus/gates.ts';
import { label } from './corpus/label.ts';
import { loads } from './corpus/loads.ts';
import { printTable } from './corpus/table.ts';

export async function benchCorpus(options: readonly string[]): Promise<void> {
  const value = (name: string): string | undefined => {
    const at = options.indexOf(name);
    return at < 0 ? undefined : options[at + 1];
  };
  const names = value('--names')?.split(',') ?? [];
  if (options.includes('--label')) {
    const load = loads.find((item) => item === (value('--under') ?? 'provoke'));
    if (load === undefined) throw new Error(`--under one of ${loads.join(', ')}`);
    await label({ kernels: (value('--kernels') ?? '7.3,6.18').split(','), names, load });
    return;
  }
  const compiler = await openCompiler();
  const budget = {
    scenarios: Number(value('--scenarios') ?? 60),
    seconds: Number(value('--seconds') ?? 10),
  };
  const known = new Map(labels().map((item) => [item.name, item]));
  const runs: GateRun[] = [];
  try {
    for (const entry of entries()) {
      const mine = known.get(entry.name);
      if (mine === undefined || (names.length > 0 && !names.includes(entry.name))) continue;
      runs.push(await runGates(entry, mine, compiler, budget));
    }
  } finally {
    compiler.close();
  }
  printTable(runs);
}
