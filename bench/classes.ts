// The classifier: trained on the runs of some programs, tested on those of others (bench/classes), as a table, a confusion matrix in text, and one as a picture.
// Options: --collect [CLASS or PROGRAM…] runs the programs anew first (root, half an hour), --reshape
// makes the shapes anew from its counters, --write keeps model and picture, --programs names what was called
// something else. Held out are the programs of the draw, and some fresh ones that were written down when all the rest was fixed.

import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type ClassName, classNames } from '../src/core/profile.ts';
import { models } from '../src/profiles/classes/coefficients.ts';
import { classify } from '../src/profiles/classes.ts';
import { collect, reshape } from './classes/collect.ts';
import { accuracy, confusionPicture, confusionText, type Judged, judge } from './classes/confusion.ts';
import { evidences, shapeWith, trainAll } from './classes/examples.ts';
import { readRuns } from './classes/runs.ts';
import { drawn, freshNames, heldOut } from './classes/split.ts';
import { modelText, weightsApart } from './classes/written.ts';
import { row } from './lib.ts';

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const withoutMemory = classNames.filter((name) => name !== 'memory-bound');

export async function benchClasses(options: readonly string[]): Promise<void> {
  if (options.includes('--collect')) await collect(options.filter((word) => !word.startsWith('--')));
  if (options.includes('--reshape')) reshape();
  const runs = readRuns();
  const trained = trainAll(runs.filter(({ program }) => !heldOut.has(program)));
  if (options.includes('--write')) {
    writeFileSync(path('../src/profiles/classes/coefficients.ts'), modelText(trained));
  } else {
    const apart = weightsApart(trained, models);
    row('the model is what its runs give', '≤ 1e-9', apart.toExponential(1), apart <= 1e-9);
  }
  const halves = { drawn, fresh: freshNames };
  for (const [half, names] of Object.entries(halves))
    for (const evidence of half === 'fresh' ? evidences.slice(0, 1) : evidences) {
      const tested = runs.filter(({ program }) => names.has(program));
      const judged = judge(
        tested,
        (run) => shapeWith(run, evidence),
        (shape) => classify(shape, trained),
      );
      process.stdout.write(`\nheld out (${half}), seen by: ${evidence}\n${confusionText(judged)}`);
      claims(judged, evidence === 'full');
      if (options.includes('--programs')) process.stdout.write(mistakes(judged));
      if (half === 'drawn' && evidence === 'full' && options.includes('--write'))
        writeFileSync(path('classes/confusion.svg'), confusionPicture('Programs held out, by class', judged));
    }
}

function claims(judged: readonly Judged[], isRequired: boolean): void {
  const line = (what: string, classes: readonly ClassName[], least: number | undefined): void => {
    const { right, of } = accuracy(judged, classes);
    if (of === 0) return;
    const limit = least === undefined || !isRequired ? '' : `≥ ${100 * least} %`;
    const measured = `${right.toFixed(1)} of ${of} programs, ${((100 * right) / of).toFixed(1)} %`;
    row(what, limit, measured, limit === '' ? undefined : right / of >= least!);
  };
  line('right, all but memory-bound', withoutMemory, 0.9);
  line('right, latency-critical', ['latency-critical'], 0.95);
  line('right, memory-bound (without a PMU it may be unsure)', ['memory-bound'], undefined);
}

function mistakes(judged: readonly Judged[]): string {
  return judged
    .filter(({ run, said }) => said.name !== run.label)
    .map(
      ({ run, said }) =>
        `  ${run.program} ${run.workers}: ${run.label}, called ${said.name} ${said.confidence.toFixed(2)} (${said.why.join('; ')})\n`,
    )
    .join('');
}
