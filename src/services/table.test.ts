// The table of services as a whole.

import { expect, it } from 'vitest';
import { z } from 'zod';
import { defaultArm } from '../../test/records/build.ts';
import { fixedWorld } from '../../test/services/fixed-world.ts';
import { tuneOutput } from './schemas.ts';
import { serviceTable } from './table.ts';

it('the table: names are free, texts are there, examples begin with the program', () => {
  const services = serviceTable(fixedWorld().world);
  expect(services.map((item) => item.name)).toEqual([
    'observe',
    'profile-workload',
    'tune',
    'simulate',
    'diff',
    'fuzz',
    'verify',
    'compare',
    'show',
    'replay',
    'policies',
    'workloads',
    'analyse',
    'capabilities',
    'cpus',
    'queues',
    'delays',
    'switches',
    'pressure',
    'processes',
    'process',
    'cgroup',
    'workload-file',
    'block',
    'frequency',
    'sched-ext',
    'deploy',
    'export',
    'restore',
    'stop',
    'set-scheduler-param',
    'status',
    'audit',
    'approve',
    'keys',
    'scripts',
    'doctor',
    'uninstall',
  ]);
  expect(services.filter((item) => item.effect === 'remove').map((item) => item.name)).toEqual([
    'scripts',
    'uninstall',
  ]);
  for (const { name, summary, description, cli } of services) {
    expect([summary, description].every((text) => text.endsWith('.'))).toBe(true);
    for (const example of cli.examples) expect(example.startsWith(`schedcp ${name}`)).toBe(true);
  }
  expect(Object.keys(tuneOutput.shape).sort()).toEqual([
    'arms',
    'instead',
    'machine',
    'notReplayed',
    'profile',
    'records',
    'screening',
    'verdict',
    'workload',
  ]);
  expect(defaultArm.id).toBe('default');
});

it('over MCP nobody is a person: whatever is done in somebody’s name asks an agent for its own', () => {
  const offered = serviceTable(fixedWorld().world).map((one) => one.forAgents ?? one);
  const named = offered.flatMap(({ name, input }) => {
    const { properties = {}, required = [] } = z.toJSONSchema(input, { io: 'input' });
    return 'agent' in properties ? [[name, required.includes('agent')]] : [];
  });
  expect(named).toEqual(
    ['deploy', 'export', 'restore', 'stop', 'set-scheduler-param'].map((name) => [name, true]),
  );
});
