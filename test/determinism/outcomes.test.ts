// The same experiment gives the same bytes: again, in another order, on another Node (SCHEDCP_OTHER_NODE=/path/to/node).

import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { root } from '../support/paths.ts';
import { names, outcomeDigests } from './outcomes.ts';

const other = process.env.SCHEDCP_OTHER_NODE;
const first = await outcomeDigests(names);

it('again on another simulator, in the opposite order', async () => {
  expect(await outcomeDigests([...names].reverse())).toEqual(first);
});

it('no two are the same: policy, workload, profile and seed all matter', () => {
  expect(new Set(Object.values(first)).size).toBe(names.length);
});

it('with memory checks and without', async () => {
  const ofPolicies = names.filter((name) => !name.startsWith('default ') && name.endsWith(' 1'));
  const fast = await outcomeDigests(ofPolicies, 'fast');
  expect(fast).toEqual(Object.fromEntries(ofPolicies.map((name) => [name, first[name]])));
});

it.skipIf(other === undefined)('on another Node', { timeout: 300_000 }, () => {
  const version = execFileSync(other!, ['--version'], { encoding: 'utf8' });
  expect(version.trim()).not.toBe(process.version);
  const program = ['--import', 'tsx', 'test/determinism/outcomes.ts'];
  const printed = execFileSync(other!, program, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 26 });
  expect(JSON.parse(printed)).toEqual(first);
});
