// Every built policy and probe in the checkout is what its source builds to, byte for byte, and so are the objects that only tests load. Needs the fetched clang (128 MB): when it is in the cache,
// or with SCHEDCP_FETCH=1.

import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPolicies } from '../../src/knowledge/policies.ts';
import { openCache } from '../../src/linux/cache.ts';
import { mustRun } from '../../src/linux/process.ts';
import { hasTools, type Tools, tools } from '../../src/linux/tools.ts';
import { policyFile, root } from '../support/paths.ts';

const library = await openPolicies(`${root}/policies`).list();
const possible = hasTools(openCache(), 'clang') || process.env.SCHEDCP_FETCH === '1';
if (!possible) console.warn('policies are not rebuilt: no clang in the cache; SCHEDCP_FETCH=1 fetches it');

const compilers = (clang: Tools) => ({
  CLANG: clang.program('clang'),
  STRIP: clang.program('llvm-strip'),
  INCLUDE: join(clang.root, 'usr/include'),
});

describe.skipIf(!possible)('policies/build', () => {
  const out = mkdtempSync(join(tmpdir(), 'schedcp-build-'));
  afterAll(() => rmSync(out, { recursive: true }));
  beforeAll(async () => {
    const clang = await tools(openCache(), 'clang');
    const env = { ...clang.env, ...compilers(clang), OUT: out };
    await mustRun('sh', [`${root}/policies/build`], { env, limitMs: 120_000 });
    await mustRun('sh', [`${root}/probes/build`], { env, limitMs: 120_000 });
  });

  const probes = readdirSync(`${root}/probes`).filter((name) => name.endsWith('.bpf.o'));
  it.each(probes)('probe %s', (name) => {
    const rebuilt = readFileSync(join(out, name));
    expect(rebuilt.equals(readFileSync(`${root}/probes/${name}`))).toBe(true);
  });

  it.each(library.map(({ card }) => card.name))('%s', (name) => {
    const rebuilt = readFileSync(join(out, name, `${name}.bpf.o`));
    expect(rebuilt.equals(readFileSync(policyFile(name)))).toBe(true);
  });
});

describe.skipIf(!possible)('make', () => {
  const copy = mkdtempSync(join(tmpdir(), 'schedcp-build-'));
  afterAll(() => rmSync(copy, { recursive: true }));
  const directories = [
    'test/conformance/objects',
    'test/kernels/objects',
    'test/runner/objects',
    'test/simulator/fuzz/policies',
    'test/gauntlet/static',
  ];

  it.each(directories)('%s', async (directory) => {
    const [clang, compiler] = [await tools(openCache(), 'clang'), await tools(openCache(), 'compiler')];
    const isObject = (name: string): boolean => name.endsWith('.bpf.o');
    cpSync(`${root}/policies/include`, join(copy, 'policies/include'), { recursive: true });
    cpSync(`${root}/${directory}`, join(copy, directory), {
      recursive: true,
      filter: (source) => !isObject(source),
    });
    const flags = Object.entries(compilers(clang)).map(([name, value]) => `${name}=${value}`);
    await mustRun(compiler.program('make'), ['-C', join(copy, directory), ...flags], {
      env: clang.env,
      limitMs: 120_000,
    });
    const kept = readdirSync(`${root}/${directory}`).filter(isObject);
    expect(readdirSync(join(copy, directory)).filter(isObject)).toEqual(kept);
    const changed = kept.filter(
      (name) =>
        !readFileSync(join(copy, directory, name)).equals(readFileSync(`${root}/${directory}/${name}`)),
    );
    expect(changed).toEqual([]);
  });
});
