// One file for a guest with the suites and all of src/ that they need, made by the esbuild that tsx brings.

import { build } from 'esbuild';
import { root } from '../support/paths.ts';

/** `file`: where it is written. `root` of test/support/paths.ts stays this checkout, whose files come along at their paths. */
export async function bundleSuites(file: string): Promise<void> {
  await build({
    entryPoints: [`${root}/test/host/main.ts`],
    outfile: file,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    alias: { vitest: `${root}/test/host/small-vitest.ts` },
    define: { 'import.meta.url': JSON.stringify(`file://${root}/test/support/paths.ts`) },
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire('file:///');" },
    logLevel: 'error',
  });
}
