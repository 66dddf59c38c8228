// The code of policies after translation: against the same C as native code, in huge functions, and how long translation takes.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openCache } from '../src/linux/cache.ts';
import { type Tools, tools } from '../src/linux/tools.ts';
import { median, row } from './lib.ts';
import { longFunction, start, type Timed } from './policy-code/huge.ts';
import { type Variant, variants } from './policy-code/variants.ts';

const rounds = 31;
const limits: Readonly<Record<string, number>> = { 'translated, fast': 1.5, 'translated, checked': 1.8 };

export async function benchPolicyCode(): Promise<void> {
  benchAgainstNative(await tools(openCache(), 'linkers', { announce: (text) => console.error(text) }));
  benchCliff('fast');
  benchCliff('checked');
  benchCold();
}

function benchAgainstNative(linkers: Tools): void {
  const folder = mkdtempSync(join(tmpdir(), 'policy-code-'));
  try {
    const { all, executed } = variants(linkers, folder);
    const [native, ...others] = all;
    const outcome = native!.outcome();
    const differing = others.filter((variant) => !variant.outcome().equals(outcome));
    const names = differing.map(({ name }) => name).join(', ');
    row(
      'worlds after 3000 wakeups',
      'identical',
      names === '' ? 'identical' : `differ: ${names}`,
      names === '',
    );
    row('BPF instructions per wakeup', '', executed().toFixed(0), undefined);
    const [base, ...times] = timesOf([native!, ...others]);
    others.forEach(({ name }, i) => {
      const limit = limits[name];
      const least = Math.min(...times[i]!) / Math.min(...base!);
      const ratios = times[i]!.map((ns, round) => ns / base![round]!);
      const text = `${least.toFixed(2)}; in rounds ${quartiles(ratios)}`;
      const holds = limit === undefined ? undefined : least <= limit;
      row(`${name}, × native`, limit === undefined ? '' : `≤ ${limit}`, text, holds);
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Of each variant in each round, in turn. What counts is the least: other work on the machine only adds to it. */
function timesOf(all: readonly Variant[]): number[][] {
  const times: number[][] = all.map(() => []);
  for (let round = 0; round < rounds; round++)
    all.forEach((variant, i) => {
      times[i]!.push(variant.time());
    });
  return times;
}

/** Calls execute 4 of 100 groups, or the one there is: what the size of a function costs, not what filling the caches with it does. */
function benchCliff(mode: 'fast' | 'checked'): void {
  const small = start(longFunction(1, 1), mode);
  const huge = start(longFunction(100, 1), mode);
  const ratios: number[] = [];
  for (const until = performance.now() + 3000; performance.now() < until; ) timeGroups(huge, [5, 35, 65, 95]);
  for (let round = -5; round < rounds; round++) {
    const ratio = timeGroups(huge, [5, 35, 65, 95]) / timeGroups(small, [0]);
    if (round >= 0) ratios.push(ratio);
  }
  const what = `per instruction, function of 20,000 to one of 200, ${mode}`;
  row(what, '≤ 1.5', quartiles(ratios), median(ratios) <= 1.5);
}

/** Nanoseconds per executed instruction. */
function timeGroups({ call, executed }: Timed, groups: readonly number[]): number {
  executed.value = 0;
  const before = performance.now();
  for (let i = 0; i < 20_000; i++) call(groups[i % groups.length]!);
  return ((performance.now() - before) * 1e6) / Number(executed.value);
}

function benchCold(): void {
  const script = fileURLToPath(new URL('policy-code/cold.ts', import.meta.url));
  const runs = Array.from({ length: 9 }, (_, seed) => {
    const { stdout } = spawnSync(process.execPath, ['--import', 'tsx', script, String(seed)]);
    return JSON.parse(stdout.toString()) as Record<'translateMs' | 'compileMs' | 'firstCallMs', number>;
  });
  const of = (step: keyof (typeof runs)[number]): number[] => runs.map((run) => run[step]);
  const translation = of('translateMs');
  row(
    '20,000 instructions, cold process: translation, ms',
    '< 100',
    `${Math.min(...translation).toFixed(2)}; of nine ${quartiles(translation)}`,
    Math.min(...translation) < 100,
  );
  row('  WebAssembly.Module, ms', '', quartiles(of('compileMs')), undefined);
  row('  instance and first call, ms', '', quartiles(of('firstCallMs')), undefined);
}

/** Median [lower quartile, upper quartile]. */
function quartiles(values: readonly number[]): string {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): string => sorted[Math.round(share * (sorted.length - 1))]!.toFixed(2);
  return `${median(sorted).toFixed(2)} [${at(0.25)}, ${at(0.75)}]`;
}
