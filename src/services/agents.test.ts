import { expect, it } from 'vitest';
import { z } from 'zod';
import { inGuestsForAgents } from './agents.ts';
import { type Call, service } from './service.ts';
import { serviceTable } from './table.ts';
import type { World } from './world.ts';

const call: Call = { progress: () => {}, signal: new AbortController().signal };
const asked: unknown[] = [];
const one = inGuestsForAgents(
  service<{ machine?: string | undefined }, { ran: true }>({
    ...{
      name: 'try',
      effect: 'run',
      summary: 'Tries.',
      description: '',
      cli: { positional: [], examples: [] },
    },
    input: z.object({ machine: z.string().optional() }),
    output: z.object({ ran: z.literal(true) }),
    async run(input) {
      asked.push(input.machine);
      return { output: { ran: true }, exit: 0, text: '' };
    },
  }),
);

it('people may measure on the machine itself, agents elsewhere only', async () => {
  await one.run({ machine: 'host' }, call);
  await one.forAgents?.run({ machine: 'micro-vm' }, call);
  await one.forAgents?.run({}, call);
  expect(asked).toEqual(['host', 'micro-vm', undefined]);
  await expect(one.forAgents?.run({ machine: 'host' }, call)).rejects.toMatchObject({
    code: 'not-permitted',
  });
  expect(asked).toHaveLength(3);
});

it('every service that can be asked for the host as a machine of experiments is kept from agents there', () => {
  const services = serviceTable({} as World);
  const asks = services.filter(({ effect, input }) => {
    const { machine } = (input as z.ZodObject).shape ?? {};
    return (
      effect === 'run' && machine !== undefined && JSON.stringify(z.toJSONSchema(machine)).includes('"host"')
    );
  });
  expect(asks.map(({ name }) => name).sort()).toEqual(['tune', 'verify']);
  for (const { name, forAgents } of asks) expect(forAgents, name).toBeDefined();
});
