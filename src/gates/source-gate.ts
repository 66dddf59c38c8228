// Source that does not compile: clang's diagnostics as findings of the static gate, with the source line, clang's own fix where it has one, and our advice where policies usually go wrong. Source: clang's
// documented format of diagnostics ("file:line:column: error: text") and -fdiagnostics-parseable-fixits.
import type { GateFinding } from '../core/gate.ts';
import { adviceFor } from './data/compile-advice.ts';
import { wholeObject } from './engine/subject.ts';

interface Diagnostic {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly isError: boolean;
  readonly text: string;
  /** The line as clang shows it. */
  shown: string | undefined;
  readonly notes: string[];
  readonly fixes: string[];
}

const mostFindings = 20;

/**
 * `source`: the text of the policy; `diagnostics`: what clang wrote. Any text gives findings: one that says nothing readable gives one finding with its beginning.
 */
export function sourceGate(source: string, diagnostics: string): GateFinding[] {
  const lines = source.split('\n');
  const read = readDiagnostics(diagnostics);
  const findings = read.slice(0, mostFindings).map((one) => findingOf(lines, one));
  if (findings.some(({ severity }) => severity === 'reject')) return findings;
  const [first = 'clang said nothing'] = diagnostics.split('\n').filter((line) => line.trim() !== '');
  return [
    ...findings,
    {
      gate: 'static',
      code: 'does-not-compile',
      severity: 'reject',
      sure: 'certain',
      place: wholeObject,
      why: `It does not compile: ${first.slice(0, 300)}`,
      instead: adviceFor(first) ?? 'Compile it by hand as policies/build does, and mend the first error.',
    },
  ];
}

const head = /^(.+?):(\d+):(\d+): (fatal error|error|warning|note): (.*)$/;
const fixIt = /^fix-it:"(?:[^"\\]|\\.)*":\{\d+:\d+-\d+:\d+\}:"((?:[^"\\]|\\.)*)"$/;
const sourceLine = /^ *\d+ \| (.*)$/;

function readDiagnostics(text: string): Diagnostic[] {
  const found: Diagnostic[] = [];
  let isNote = false;
  for (const line of text.split('\n')) {
    const [, file, row, column, kind, message] = head.exec(line) ?? [];
    const last = found.at(-1);
    if (file !== undefined && kind === 'note') {
      last?.notes.push(message!);
      isNote = true;
    } else if (file !== undefined) {
      isNote = false;
      found.push({
        file: file.replace(/^(\.\/)+/, ''),
        line: Number(row),
        column: Number(column),
        isError: kind !== 'warning',
        text: message!,
        shown: undefined,
        notes: [],
        fixes: [],
      });
    } else if (last !== undefined) {
      const fix = fixIt.exec(line)?.[1];
      if (fix !== undefined) last.fixes.push(fix.replace(/\\(.)/g, '$1'));
      else if (!isNote) last.shown ??= sourceLine.exec(line)?.[1]?.trim();
    }
  }
  return found;
}

/** Notes that tell nothing of what is wrong. */
const sideNotes = /^(expanded from|previous|'\w+' declared here|could not determine|in file included)/;

function findingOf(lines: readonly string[], one: Diagnostic): GateFinding {
  const message = one.text.replace(/ \[-W[^\]]*\]$/, '');
  const own = one.shown ?? lines[one.line - 1]?.trim() ?? null;
  const note = one.notes.find((text) => !sideNotes.test(text));
  const isStack = /BPF stack limit/.test(message);
  return {
    gate: 'static',
    code: isStack ? 'stack-too-deep' : one.isError ? 'does-not-compile' : 'compile-warning',
    severity: one.isError ? 'reject' : 'warn',
    sure: 'certain',
    place: { ...wholeObject, file: one.file, line: one.line, column: one.column, text: own },
    why: `clang: ${message}${note === undefined ? '' : ` (${note})`}`,
    instead: suggestion(one.fixes) ?? adviceFor(message) ?? usual,
  };
}

const usual = 'Mend this line; policies/include/policy.h includes what a policy may use.';

function suggestion(fixes: readonly string[]): string | undefined {
  if (fixes.length === 0) return undefined;
  return `clang suggests: ${fixes.map((fix) => (fix === '' ? 'leave it out' : fix)).join('; ')}`;
}
