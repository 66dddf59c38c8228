// The conformance suite on the simulator.

import { openSimulator } from '../../src/machines/simulator.ts';
import { memoryBlobs } from './subject.ts';
import { conformance } from './suite.ts';

conformance('simulator', async () => {
  const blobs = memoryBlobs();
  const machine = openSimulator(blobs);
  const reference = machine.reference('tcg');
  const large = machine.reference('hardware');
  return {
    name: 'simulator',
    kernel: '6.18',
    machine,
    blobs,
    reference,
    large,
    exact: reference,
    memoryMiB: 0,
  };
});
