// Every built policy and probe in the checkout is what its source builds to, byte for byte. Needs the fetched clang (128 MB): when it is in the cache,
// or with SCHEDCP_FETCH=1.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPolicies } from '../../src/knowledge/policies.ts';
import { openCache } from '../../src/linux/cache.ts';
import { mustRun } from '../../src/linux/process.ts';
import { hasTools, tools } from '../../src/linux/tools.ts';
import { policyFile, root } from '../support/paths.ts';

const library = await openPolicies(`${root}/policies`).list();
const possible = hasTools(openCache(), 'clang') || process.env.SCHEDCP_FETCH === '1';
if (!possible) console.warn('policies are not rebuilt: no clang in the cache; SCHEDCP_FETCH=1 fetches it');

describe.skipIf(!possible)('policies/build', () => {
  const out = mkdtempSync(join(tmpdir(), 'schedcp-build-'));
  afterAll(() => rmSync(out, { recursive: true }));
  beforeAll(async () => {
    const clang = await tools(openCache(), 'clang');
    const env = {
      ...clang.env,
      CLANG: clang.program('clang'),
      STRIP: clang.program('llvm-strip'),
      INCLUDE: join(clang.root, 'usr/include'),
      OUT: out,
    };
    await mustRun('sh', [`${root}/policies/build`], { env, limitMs: 120_000 });
    await mustRun('sh', [`${root}/probes/build`], { env, limitMs: 120_000 });
  });

  it('the tracer', () => {
    const rebuilt = readFileSync(join(out, 'trace.bpf.o'));
    expect(rebuilt.equals(readFileSync(`${root}/probes/trace.bpf.o`))).toBe(true);
  });

  it.each(library.map(({ card }) => card.name))('%s', (name) => {
    const rebuilt = readFileSync(join(out, name, `${name}.bpf.o`));
    expect(rebuilt.equals(readFileSync(policyFile(name)))).toBe(true);
  });
});
