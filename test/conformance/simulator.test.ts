// The conformance suite on the simulator.

import { openSimulator } from '../../src/machines/simulator.ts';
import { memoryBlobs } from './subject.ts';
import { conformance } from './suite.ts';

conformance('simulator', async () => {
  const blobs = memoryBlobs();
  const machine = openSimulator(blobs);
  const reference = machine.reference('tcg');
  return { name: 'simulator', kernel: '6.18', machine, blobs, reference, exact: reference, memoryMiB: 0 };
});
