// The product as its users start it, on its own host: a guest's, whose two CPUs are emulated side by side, so that work which gets only one of them is seen to lose.

import { productFiles } from '../support/guest-host.ts';
import { guestCases } from './guest-cases.ts';

guestCases(
  'the product on its own host',
  '^: product',
  [
    'product: verify --machine host',
    'product: verify --machine host: what the verifier refuses',
    'product: deploy --on host: by steps, kept, and given back',
    'product: deploy --on host: undone, and remembered',
  ],
  { seconds: 600, mode: 'fast', cpus: 2, files: productFiles() },
);
