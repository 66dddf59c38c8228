// Small policies, each of which keeps its tasks running only if one thing is right (objects/NAME.bpf.c says which); on kernels: objects.vm.test.ts.

import { expect, it } from 'vitest';
import { names, simulated } from './small-policies.ts';

it.each(names)('%s runs in the simulator', (name) => {
  const { finding, events } = simulated(name);
  expect(finding).toBeUndefined();
  expect(events).toContainEqual(expect.objectContaining({ event: 'exit', kind: 64 }));
  expect(events).toContainEqual({ event: 'done', status: 'ok' });
});
