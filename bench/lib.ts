// What the benches share: the product as a child process, the micro-VM as a room, medians and tables.

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { median } from '../src/lib/stats.ts';

export { median };

const program = fileURLToPath(new URL('../bin/schedcp', import.meta.url));

/** Runs `schedcp ARGS --json --quiet` and returns its object and exit code. */
export function schedcp<T>(args: readonly string[]): Promise<{ value: T; exit: number; seconds: number }> {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const child = spawn(process.execPath, [program, ...insertFlags(args)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8');
    });
    child.on('error', reject);
    child.on('close', (code) => {
      const seconds = (performance.now() - started) / 1000;
      resolve({ value: JSON.parse(text) as T, exit: code ?? 3, seconds });
    });
  });
}

/** Flags go before `--`, which starts a command. */
function insertFlags(args: readonly string[]): string[] {
  const at = args.indexOf('--');
  const own = at < 0 ? args : args.slice(0, at);
  return [...own, '--json', '--quiet', ...(at < 0 ? [] : args.slice(at))];
}

export interface Tuned {
  readonly verdict: {
    readonly decision: string;
    readonly policy: string | null;
    readonly effect: { readonly relative: number; readonly low: number; readonly high: number } | null;
    readonly why: string;
  };
  readonly arms: readonly { readonly policy: string; readonly n: number; readonly median: number | null }[];
  readonly records: readonly { readonly kind: string; readonly digest: string }[];
}

export function effectText(tuned: Tuned): string {
  const { effect } = tuned.verdict;
  if (effect === null) return '-';
  const percent = (value: number): string => `${(100 * value).toFixed(1)} %`;
  return `${percent(effect.relative)} [${percent(effect.low)}, ${percent(effect.high)}]`;
}

/** One row of the bench table: what, what it must reach, what was measured, whether it holds. */
export function row(what: string, limit: string, measured: string, holds: boolean | undefined): void {
  const mark = holds === undefined ? '' : holds ? 'ok' : 'MISSED';
  process.stdout.write(`${what.padEnd(58)} ${limit.padEnd(26)} ${measured.padEnd(44)} ${mark}\n`);
}

export function spread(values: readonly number[]): string {
  const sorted = [...values].sort((a, b) => a - b);
  return `${median(sorted).toFixed(2)} [${sorted[0]?.toFixed(2)}, ${sorted.at(-1)?.toFixed(2)}]`;
}
