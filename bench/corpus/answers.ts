// From an outcome to what the kernel said, in its own words.

import type { Finding, Outcome } from '../../src/core/records.ts';
import type { KernelAnswer } from '../../test/gauntlet/corpus.ts';
import type { Load } from './loads.ts';
import { measuredOf } from './measured.ts';

/** Its exit message, or the line of the verifier's log that says why. */
export function answerOf(outcome: Outcome, load: Load): KernelAnswer {
  const { finding, exit } = outcome;
  if (finding === null)
    return { answer: 'never noticed', message: null, measured: { [load]: measuredOf(outcome) } };
  const said = exit === null ? '' : [exit.reason, exit.message].filter((part) => part !== '').join(': ');
  if (finding.code === 'load-rejected' || finding.code === 'verification-budget-exceeded')
    return { answer: 'refused at load', message: refusal(finding) };
  // What init refuses comes back as an exit, attaching as a success.
  if (finding.code === 'attach-refused' || /: ops\.init(_task)?\(\) failed/.test(said))
    return { answer: 'refused at attach', message: said === '' ? finding.message : said };
  if (finding.code === 'stalled' || finding.code === 'ejected')
    return { answer: 'ejected', message: `kind ${exit?.kind}, ${said}`, under: load };
  // The kernel is content, the work is not: a command that failed, a load that did not end.
  return {
    ...{ answer: 'never noticed', message: `${finding.code}: ${finding.message}`, under: load },
    measured: { [load]: { failed: 1 } },
  };
}

function refusal({ message, detail }: Finding): string {
  const reason = detail === undefined ? undefined : reasonOf(detail);
  const errno = /\(([A-Z0-9]+), /.exec(message)?.[1];
  return reason === undefined ? message : errno === undefined ? reason : `${errno}: ${reason}`;
}

/** From 7.3 on the verifier names its reason; before that the reason stands last, ahead of statistics. libbpf says last what failed as a whole. */
function reasonOf(log: string): string | undefined {
  const lines = log.split('\n').map((line) => line.trim());
  const named = lines.indexOf('Reason:');
  if (named >= 0) return lines.slice(named + 1, lines.indexOf('', named)).join(' ');
  return lines.filter((line) => line !== '' && !statistics.test(line)).at(-1);
}

const statistics =
  /^(processed \d|verification time|stack depth|subprog \d|-- END|libbpf: (prog|failed to load|map)|\[\d+ lines|func '|Global function |(old|cur|propagating) |old state|cur state|;|from \d+|\d+: )/;

export function firstError(message: string): string {
  return /error: (.*)/.exec(message)?.[1] ?? message.split('\n')[0]!;
}
