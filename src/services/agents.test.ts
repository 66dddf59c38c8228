// What agents are offered of services that people may have run on the machine itself.

import { expect, it } from 'vitest';
import { z } from 'zod';
import { serviceTable } from './table.ts';
import type { World } from './world.ts';

const machineOf = (input: z.ZodType): string =>
  JSON.stringify(z.toJSONSchema(input, { io: 'input' }).properties?.machine ?? {});

it('no service that can be asked for the host as a machine of experiments offers it to agents', () => {
  const asks = serviceTable({} as World).filter(
    ({ effect, input }) => effect === 'run' && machineOf(input).includes('"host"'),
  );
  expect(asks.map(({ name }) => name).sort()).toEqual(['tune', 'verify']);
  for (const { name, forAgents } of asks) {
    expect(machineOf(forAgents!.input), name).toContain('"micro-vm"');
    expect(machineOf(forAgents!.input), name).not.toContain('host');
  }
});

it('what else tune refuses it refuses agents too', () => {
  const { input } = serviceTable({} as World).find(({ name }) => name === 'tune')!.forAgents!;
  expect(input.safeParse({ workload: 'w', machine: 'host' }).success).toBe(false);
  expect(input.safeParse({ workload: 'w', command: ['true'] }).success).toBe(false);
  expect(input.parse({ workload: 'w' })).toMatchObject({ machine: 'auto' });
});
