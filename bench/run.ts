// npm run bench [restore longest-first programs error-rates matrix]: what the system must reach, measured, as a table. All by default but the matrix.

import { benchErrorRates } from './error-rates.ts';
import { benchLongestFirst } from './longest-first.ts';
import { benchMatrix } from './matrix.ts';
import { benchPrograms } from './programs.ts';
import { benchRestore } from './restore.ts';

const benches: Readonly<Record<string, () => Promise<void>>> = {
  restore: benchRestore,
  'longest-first': benchLongestFirst,
  programs: benchPrograms,
  'error-rates': benchErrorRates,
  matrix: benchMatrix,
};

const wanted = process.argv.slice(2);
for (const name of wanted.length > 0 ? wanted : Object.keys(benches).filter((one) => one !== 'matrix')) {
  const bench = benches[name];
  if (bench === undefined) {
    process.stderr.write(`no bench ${name}; there are: ${Object.keys(benches).join(', ')}\n`);
    process.exit(2);
  }
  process.stdout.write(`\n${name}\n`);
  await bench();
}
process.exit();
