// docs/workloads.md: its example runs, and no key and no verb is missing.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { phaseVerbs, workloadFileSchema } from '../../src/core/workload.ts';
import { fixedWorld, root } from './fixed-world.ts';

const page = readFileSync(join(root, 'docs/workloads.md'), 'utf8');
const example = /```json\n([\s\S]*?)```/.exec(page)?.[1] ?? '';

it('the example runs, under the default scheduler and under a policy', async () => {
  const { call, directory } = fixedWorld();
  const workload = join(directory, 'api.json');
  writeFileSync(workload, example);
  expect((await call('show', { record: workload })).text).toContain('api-and-batch');
  for (const policy of [undefined, 'deadline']) {
    const { output, exit } = await call('simulate', { workload, policy });
    expect(exit).toBe(0);
    expect(output.metrics).toMatchObject({
      'latencyNsP99:request': expect.any(Number),
      'deadlineMissRatio:request': expect.any(Number),
      backgroundCpus: expect.any(Number),
    });
  }
});

it('every key and every verb is explained', () => {
  const { properties } = z.toJSONSchema(workloadFileSchema, { io: 'input' }) as {
    properties: Record<string, { items?: { properties: object } }>;
  };
  const keys = [...Object.keys(properties), ...Object.keys(properties.groups!.items!.properties)];
  for (const key of keys) expect(page, key).toMatch(new RegExp(`^\\|[^|]*\`${key}\``, 'm'));
  for (const verb of phaseVerbs) expect(page, verb).toMatch(new RegExp(`^\\|[^|]*\`\\{"${verb}": `, 'm'));
});
