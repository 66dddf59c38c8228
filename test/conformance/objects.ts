// The suite's own policies: source and built object side by side in objects/.

import { readFileSync } from 'node:fs';
import { root } from '../support/paths.ts';
import type { ArmWish } from './subject.ts';

export const built = (name: string): Uint8Array =>
  readFileSync(`${root}/test/conformance/objects/${name}.bpf.o`);

/** First come first served, whoever it is: unlike the library's fifo it gives kernel threads no advantage, so that they hardly disturb. */
export const plain: ArmWish = { name: 'plain', object: built('plain') };
