// The corpus through the gates that need no guest: what they could know they say, with the right reason, and nothing that is sound is rejected. Compiles a hundred and more policies: needs the
// fetched clang (when it is in the cache, or with SCHEDCP_FETCH=1). misses.json lists what is known to be missed; it may only become shorter.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Fault } from '../../src/core/errors.ts';
import { staticGate } from '../../src/gates/static-gate.ts';
import { openCache } from '../../src/linux/cache.ts';
import { compilePolicy } from '../../src/linux/clang.ts';
import { hasTools } from '../../src/linux/tools.ts';
import { inOrder } from '../../src/stages/trials.ts';
import { root } from '../support/paths.ts';
import { policyCompiler } from '../support/policy-compiler.ts';
import { rightCodes } from './classes.ts';
import { type Compiler, type Entry, entries, type Label, labels, openCompiler } from './corpus.ts';

interface Misses {
  /** Faulty, and no finding with a code of its class. */
  readonly missed: readonly string[];
  /** Sound, and rejected. */
  readonly wronglyRejected: readonly string[];
}

const known = JSON.parse(readFileSync(join(root, 'test/gauntlet/misses.json'), 'utf8')) as Misses;
const possible = hasTools(openCache(), 'clang') || process.env.SCHEDCP_FETCH === '1';
if (!possible) console.warn('the corpus is not compiled: no clang in the cache; SCHEDCP_FETCH=1 fetches it');

describe.skipIf(!possible)('source and object', () => {
  let compiler: Compiler;
  const codes = new Map<string, readonly string[]>();
  const all = labels();
  beforeAll(async () => {
    compiler = await openCompiler();
    await inOrder(entries(), 2, async (entry) => void codes.set(entry.name, await rejections(entry)));
  });
  afterAll(() => compiler?.close());

  /** Codes of the findings that reject. */
  async function rejections(entry: Entry): Promise<readonly string[]> {
    try {
      const { findings } = staticGate(await compiler.compile(entry), { kernels: ['6.18.15', '7.3.4'] });
      return findings.filter(({ severity }) => severity === 'reject').map(({ code }) => code);
    } catch (error) {
      if (error instanceof Fault && error.code === 'malformed') return ['does-not-compile'];
      throw error;
    }
  }

  const isRight = ({ name, class: fault }: Label): boolean => {
    const right: readonly string[] = fault === null ? [] : rightCodes[fault];
    return codes.get(name)!.some((code) => right.includes(code));
  };

  it('says what it could know, but for known misses', () => {
    const own = all.filter(({ gate }) => gate === 'source' || gate === 'object');
    expect(own.length).toBeGreaterThan(40);
    const missed = own.filter((label) => !isRight(label)).map(({ name }) => name);
    expect(missed.filter((name) => !known.missed.includes(name))).toEqual([]);
    const found = known.missed.filter((name) => !missed.includes(name));
    if (found.length > 0) console.warn(`no longer missed, strike out in misses.json: ${found.join(', ')}`);
  });

  it('rejects nothing sound, but for known mistakes', () => {
    const rejected = all.filter(({ name, faulty }) => !faulty && codes.get(name)!.length > 0);
    expect(rejected.map(({ name }) => name).filter((name) => !known.wronglyRejected.includes(name))).toEqual(
      [],
    );
  });
});

/**
 * What a reviewer has found: faulty ones that the gate lets through, by the class of their fault, sound ones that it rejects, and those that were so once and are `caught` by now, by the code
 * of the finding.
 */
const open = JSON.parse(readFileSync(join(root, 'test/gauntlet/open/open.json'), 'utf8')) as Record<
  'passes' | 'rejected' | 'caught',
  Record<string, readonly string[]>
>;

describe.skipIf(!possible)(
  'open: what the static gate is known to get wrong, which may only become less',
  () => {
    const names = (side: keyof typeof open) => Object.values(open[side]).flat();
    const rejecting = async (name: string): Promise<string[]> => {
      const compiler = await policyCompiler();
      const file = join(root, `test/gauntlet/open/${name}.bpf.c`);
      const object = await compilePolicy(compiler, file, { include: [join(root, 'policies/include')] });
      const { findings } = staticGate(object, { kernels: ['6.18.15', '7.3.4'] });
      return findings.flatMap(({ severity, code }) => (severity === 'reject' ? [code] : []));
    };

    it.each(names('passes'))('lets through: %s', async (name) => {
      expect(await rejecting(name), 'no longer wrong: move it to `caught`').toEqual([]);
    });

    it.each(names('rejected'))('rejects: %s', async (name) => {
      expect(await rejecting(name), 'no longer wrong: move it to the sound ones').not.toEqual([]);
    });

    it.each(Object.entries(open.caught).flatMap(([code, all]) => all.map((name) => [name, code] as const)))(
      '%s: caught by %s',
      async (name, code) => {
        expect(await rejecting(name)).toContain(code);
      },
    );
  },
);
