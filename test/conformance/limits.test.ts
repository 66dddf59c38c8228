// docs/semantics.md shows the table of limits as it is.

import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { root } from '../support/paths.ts';
import { limits } from './limits.ts';

it('the table in docs/semantics.md is the one that the suite keeps', () => {
  const text = readFileSync(`${root}/docs/semantics.md`, 'utf8');
  const part = text.split('### What a machine cannot do\n')[1]?.split('\n#')[0] ?? '';
  const rows = part.split('\n').filter((line) => line.startsWith('| '));
  expect(rows).toEqual([
    '| machine | case | why |',
    ...limits.map(({ machine, cases, reason }) => `| ${machine} | ${cases} | ${reason} |`),
  ]);
});
