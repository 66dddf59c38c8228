// The product as its users start it, on its own host: a guest's, whose CPUs share an instruction clock, so that a verdict does not hang on what else this machine does.

import { productFiles } from '../support/guest-host.ts';
import { guestCases } from './guest-cases.ts';

guestCases(
  'the product on its own host',
  '^: product',
  [
    'product: verify --machine host',
    'product: verify --machine host: what the verifier refuses',
    'product: tune --machine host',
    'product: deploy --on host: by steps, kept, and given back',
  ],
  { seconds: 400, mode: 'deterministic', cpus: 4, files: productFiles() },
);
