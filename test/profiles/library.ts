// The words of the library's policies.

import { readdirSync, readFileSync } from 'node:fs';
import type { PolicyWords } from '../../src/profiles/suggestions.ts';

const policies = new URL('../../policies/', import.meta.url);

export const libraryWords: readonly PolicyWords[] = readdirSync(policies, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && entry.name !== 'include')
  .map(
    ({ name }) => JSON.parse(readFileSync(new URL(`${name}/policy.json`, policies), 'utf8')) as PolicyWords,
  )
  .sort((a, b) => (a.name < b.name ? -1 : 1));
