// npm run bench [-- breaker restore longest-first programs policy-code simulator first-event static-gate error-rates fidelity operations observation observation-summary fingerprint replay
// classes matrix truth corpus cycles gauntlet breaker-live]: what the system must reach, measured, as a table. All by default but the last six, which take long. Options after the names go to the benches that take some.

import { benchBreaker } from './breaker.ts';
import { benchBreakerLive } from './breaker-live.ts';
import { benchClasses } from './classes.ts';
import { benchCorpus } from './corpus.ts';
import { benchCycles } from './cycles.ts';
import { benchErrorRates } from './error-rates.ts';
import { benchFidelity } from './fidelity.ts';
import { benchFingerprint } from './fingerprint.ts';
import { benchFirstEvent } from './first-event.ts';
import { benchGauntlet } from './gauntlet.ts';
import { benchLongestFirst } from './longest-first.ts';
import { benchMatrix } from './matrix.ts';
import { benchObservation } from './observation.ts';
import { benchObservationSummary } from './observation-summary.ts';
import { benchOperations } from './operations.ts';
import { benchPolicyCode } from './policy-code.ts';
import { benchPrograms } from './programs.ts';
import { benchReplay } from './replay.ts';
import { benchRestore } from './restore.ts';
import { benchSimulator } from './simulator.ts';
import { benchStaticGate } from './static-gate.ts';
import { benchTruth } from './truth.ts';

const benches: Readonly<Record<string, (options: readonly string[]) => Promise<void>>> = {
  breaker: benchBreaker,
  restore: () => benchRestore(),
  replay: benchReplay,
  'longest-first': () => benchLongestFirst(),
  programs: () => benchPrograms(),
  'policy-code': () => benchPolicyCode(),
  fingerprint: benchFingerprint,
  'first-event': () => benchFirstEvent(),
  simulator: () => benchSimulator(),
  'static-gate': () => benchStaticGate(),
  'error-rates': () => benchErrorRates(),
  fidelity: benchFidelity,
  operations: benchOperations,
  observation: benchObservation,
  'observation-summary': () => benchObservationSummary(),
  matrix: () => benchMatrix(),
  truth: benchTruth,
  classes: benchClasses,
  cycles: benchCycles,
  corpus: benchCorpus,
  gauntlet: benchGauntlet,
  'breaker-live': benchBreakerLive,
};
const onlyWhenNamed = ['matrix', 'truth', 'corpus', 'cycles', 'gauntlet', 'breaker-live'];

const words = process.argv.slice(2);
if (words.includes('--help')) {
  process.stdout.write(
    `npm run bench [-- NAME... [OPTION...]]; there are: ${Object.keys(benches).join(', ')}\nWithout names: all but ${onlyWhenNamed.join(', ')}, which take long.\n`,
  );
  process.exit();
}
const firstOption = words.findIndex((word) => word.startsWith('-'));
const wanted = firstOption < 0 ? words : words.slice(0, firstOption);
const options = words.slice(wanted.length);
const usual = Object.keys(benches).filter((name) => !onlyWhenNamed.includes(name));
for (const name of wanted.length > 0 ? wanted : usual) {
  const bench = benches[name];
  if (bench === undefined) {
    process.stderr.write(`no bench ${name}; there are: ${Object.keys(benches).join(', ')}\n`);
    process.exit(2);
  }
  process.stdout.write(`\n${name}\n`);
  await bench(options);
}
process.exit();
