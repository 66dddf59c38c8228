// What a file of tests of the probes holds open: nothing where this machine refuses probes, which is told.

import { afterAll, beforeAll } from 'vitest';
import { whyNotRecord } from '../../src/linux/recorder.ts';

/** Undefined: probes can be loaded here. */
export const refused = whyNotRecord();

/** What `open` gives, in tests and hooks of the file; closed after its last. */
export function held<Held extends { close(): void }>(open: () => Promise<Held>): () => Held {
  if (refused !== undefined) console.warn(`no probes here: ${refused.message}`);
  let opened: Held | undefined;
  beforeAll(async () => {
    if (refused === undefined) opened = await open();
  });
  afterAll(() => opened?.close());
  return () => opened!;
}
