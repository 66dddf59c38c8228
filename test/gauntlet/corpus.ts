// The corpus of faulty and sound policies: where each comes from, what the kernel says of it, and its object. Mutants are made from their manifest, objects are compiled when they are
// wanted: neither is kept.

import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { CheckerName } from '../../src/core/scenario.ts';
import { compilePolicy } from '../../src/linux/clang.ts';
import { root } from '../support/paths.ts';
import { policyCompiler } from '../support/policy-compiler.ts';
import type { FaultClass } from './classes.ts';
import { type Mutation, mutate } from './mutate.ts';

export const corpusDirectory = join(root, 'test/gauntlet/corpus');

export type Origin = 'library' | 'stranger' | 'mutant' | 'ours';

/** The gates in their order; harm: only a comparison with the default scheduler, or with the policy that was mutated, tells. */
export const gates = ['source', 'object', 'simulator', 'kernel', 'harm'] as const;
export type GateName = (typeof gates)[number];

export const answers = [
  'does not compile',
  'refused at load',
  'refused at attach',
  'ejected',
  'never noticed',
] as const;

/** What a kernel said of a policy under the loads of bench/corpus/loads.ts. */
export interface KernelAnswer {
  readonly answer: (typeof answers)[number];
  readonly message: string | null;
  /** Under which load it was thrown out, or failed its work. */
  readonly under?: string;
  /** By load: what it measured, of a run that lasted. */
  readonly measured?: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

export interface Label {
  readonly name: string;
  readonly origin: Origin;
  readonly faulty: boolean;
  readonly class: FaultClass | null;
  readonly fault: string | null;
  /** The earliest gate that could know, and why that one. */
  readonly gate: GateName | null;
  readonly why: string | null;
  /** What it does not promise, by its own words; of a mutant, what its original does not. */
  readonly ignores?: readonly CheckerName[];
  /** By release. */
  readonly kernels: Readonly<Record<string, KernelAnswer>>;
}

export interface Manifest extends Mutation {
  readonly name: string;
  readonly policy: string;
}

export interface Entry {
  readonly name: string;
  readonly origin: Origin;
  readonly source: string;
}

const read = (file: string): string => readFileSync(file, 'utf8');
const json = <T>(file: string): T => JSON.parse(read(join(corpusDirectory, file))) as T;

export const manifest = (): Manifest[] => json('mutants/manifest.json');
export const labels = (): Label[] => json('labels.json');

/** In place of the label of that name, or behind the others. */
export function writeLabel(label: Label): void {
  const all = labels();
  const at = all.findIndex(({ name }) => name === label.name);
  if (at < 0) all.push(label);
  else all[at] = label;
  // Short lists on one line, as the formatter wants them.
  const text = JSON.stringify(all, null, 2).replace(
    /\[\s+("[^\]{}]*")\s+\]/g,
    (_, list: string) => `[${list.replace(/\s+/g, ' ')}]`,
  );
  writeFileSync(join(corpusDirectory, 'labels.json'), `${text}\n`);
}

/** Everything that there is, by origin and name. */
export function entries(): Entry[] {
  const library = readdirSync(join(root, 'policies'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== 'include')
    .map(({ name }) => plain('library', join(root, 'policies', name, `${name}.bpf.c`)));
  const written = (['stranger', 'ours'] as const).flatMap((origin) =>
    readdirSync(join(corpusDirectory, origin))
      .filter((name) => name.endsWith('.bpf.c'))
      .map((name) => plain(origin, join(corpusDirectory, origin, name))),
  );
  const originals = new Map([...library, ...written].map((entry) => [entry.name, entry]));
  const mutants = manifest().map((item): Entry => {
    const original = originals.get(item.policy);
    if (original === undefined) throw new Error(`${item.name}: no policy ${item.policy}`);
    return { name: item.name, origin: 'mutant', source: mutate(original.source, item) };
  });
  return [...originals.values(), ...mutants];
}

const plain = (origin: Origin, file: string): Entry => ({
  name: basename(file, '.bpf.c'),
  origin,
  source: read(file),
});

export interface Compiler {
  /** @throws Fault malformed, with what clang says. */
  compile(entry: Entry): Promise<Uint8Array>;
  close(): void;
}

/** `watchdogMs`: instead of the five seconds that the policies of our header ask for. */
export async function openCompiler(watchdogMs?: number): Promise<Compiler> {
  const compiler = await policyCompiler();
  const directory = mkdtempSync(join(tmpdir(), 'schedcp-corpus-'));
  const include = join(directory, 'include');
  cpSync(join(root, 'policies/include'), include, { recursive: true });
  if (watchdogMs !== undefined) {
    const header = join(include, 'exit.h');
    const changed = read(header).replace(/\.timeout_ms = \d+/, `.timeout_ms = ${watchdogMs}`);
    writeFileSync(header, changed);
  }
  return {
    compile: async ({ name, source }) => {
      const file = join(directory, `${name}.bpf.c`);
      writeFileSync(file, source);
      return await compilePolicy(compiler, file, { include: [include] });
    },
    close: () => rmSync(directory, { recursive: true }),
  };
}
