// A verdict measured on its own host: a guest's, whose CPUs share an instruction clock, so that the verdict does not hang on what else this machine does.

import { productFiles } from '../support/guest-host.ts';
import { guestCases } from './guest-cases.ts';

guestCases('the product on its own host', '^: tuning', ['tuning: tune --machine host'], {
  ...{ seconds: 300, mode: 'deterministic', cpus: 4 },
  files: productFiles(),
});
