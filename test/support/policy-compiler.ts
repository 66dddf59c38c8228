// Clang and the runner that keeps it from files, out of the user's cache; fetched and built where they are not there.

import { openCache } from '../../src/linux/cache.ts';
import type { PolicyCompiler } from '../../src/linux/clang.ts';
import { buildRunner } from '../../src/linux/runner.ts';
import { tools } from '../../src/linux/tools.ts';
import { root } from './paths.ts';

export async function policyCompiler(): Promise<PolicyCompiler> {
  const cache = openCache();
  return { clang: await tools(cache, 'clang'), runner: await buildRunner(cache, `${root}/runner`) };
}
