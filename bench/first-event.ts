// npm run bench -- first-event: from the bytes of a policy object to the first task that runs under it, in a fresh process and again in the same one. What
// counts is the least of many: other work on the machine only adds to it.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openCache } from '../src/linux/cache.ts';
import { tools } from '../src/linux/tools.ts';
import { hugePolicy } from './first-event/huge-policy.ts';
import { median, row, spread } from './lib.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const processes = 15;

/** Milliseconds, as first-event/process.mjs prints them. */
interface Times {
  readonly startMs: number;
  readonly importMs: number;
  readonly engineMs: number;
  readonly coldMs: number;
  /** Of all threads, to the end of that simulation. */
  readonly cpuMs: number;
  readonly warmMs: readonly number[];
}

export async function benchFirstEvent(): Promise<void> {
  // below node_modules, so that what is built finds its packages
  const folder = mkdtempSync(join(root, 'node_modules', '.first-event-'));
  try {
    const compiler = createRequire(import.meta.url).resolve('typescript/package.json');
    const tsc = join(dirname(compiler), 'bin', 'tsc');
    const built = join(folder, 'dist');
    execFileSync(process.execPath, [tsc, '-p', 'tsconfig.build.json', '--noCheck', '--outDir', built], {
      cwd: root,
    });
    for (const name of ['vtime', 'layers'])
      measure(name, built, join(root, 'policies', name, `${name}.bpf.o`), { cold: 40, warm: 5 });
    const clang = await tools(openCache(), 'clang', { announce: (text) => console.error(text) });
    const source = join(folder, 'huge.bpf.c');
    const object = join(folder, 'huge.bpf.o');
    writeFileSync(source, hugePolicy(20_000));
    const flags = ['--target=bpf', '-mcpu=v3', '-O2', '-g'];
    execFileSync(clang.program('clang'), [...flags, '-c', source, '-o', object], { env: clang.env });
    measure('20,000 instructions', built, object, { cold: 150, warm: 5 });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function measure(name: string, built: string, object: string, limits: Record<'cold' | 'warm', number>): void {
  const script = fileURLToPath(new URL('first-event/process.mjs', import.meta.url));
  const runs = Array.from({ length: processes }, () => {
    const { stdout, stderr, status } = spawnSync(process.execPath, [script, built, object]);
    if (status !== 0) throw new Error(`${name}: ${stderr.toString()}`);
    return JSON.parse(stdout.toString()) as Times;
  });
  const cold = runs.map(({ coldMs }) => coldMs);
  const warm = runs.flatMap(({ warmMs }) => warmMs);
  const imports = runs.map(({ importMs }) => importMs);
  const engines = runs.map(({ engineMs }) => engineMs);
  row(
    `${name}: object to first event, fresh process, ms`,
    `≤ ${limits.cold}`,
    leastOf(cold),
    Math.min(...cold) <= limits.cold,
  );
  row('  again in the same process, ms', `≤ ${limits.warm}`, leastOf(warm), Math.min(...warm) <= limits.warm);
  row(
    '  CPU time of it and the rest of the simulation, all threads, ms',
    '',
    leastOf(runs.map(({ cpuMs }) => cpuMs)),
    undefined,
  );
  const relative = median(runs.map(({ coldMs, startMs }) => coldMs / startMs));
  row('  of the start of Node itself, on this machine as it is now, ×', '', relative.toFixed(2), undefined);
  row('  before: imports, ms', '', spread(imports), undefined);
  row('  before: memory and tables of the simulator, ms', '', spread(engines), undefined);
}

function leastOf(values: readonly number[]): string {
  return `${Math.min(...values).toFixed(2)}; median ${spread(values)}`;
}
