// A gauge that may hang, as a file on a network does. Who opens, reads or closes it waits no longer than told; what does not come back is left alone, and nothing is started beside it:
// each that hangs keeps one of the few threads that read files.

import { Fault } from '../../core/errors.ts';
import type { Gauge } from './gauge.ts';

const openLimitMs = 10_000;
/** A command that is killed takes some of it. */
const closeLimitMs = 1000;

/** Opens it. Throws Fault('unavailable') when that takes too long; `name`: of the KPI. */
export async function openBounded(
  name: string,
  open: () => Promise<Gauge>,
  limitMs = openLimitMs,
): Promise<Gauge> {
  const opening = open();
  const late = AbortSignal.timeout(limitMs);
  try {
    return bounded(await unlessAborted(opening, late));
  } catch (error) {
    if (!late.aborted) throw error;
    opening.then((gauge) => gauge.close()).catch(() => {});
    throw new Fault('unavailable', `what ${name} is read from could not be opened within ${limitMs} ms`, {
      next: 'see whether the file system that it is on answers',
    });
  }
}

/** The same, with readings that end with their signal, and a close that ends in any case. */
export function bounded(gauge: Gauge): Gauge {
  let reading: Promise<unknown> = Promise.resolve();
  return {
    async read(signal) {
      await unlessAborted(reading, signal);
      const value = gauge.read(signal);
      reading = value.catch(() => {});
      return await unlessAborted(value, signal);
    },
    async close() {
      const closed = reading.then(() => gauge.close());
      await unlessAborted(closed, AbortSignal.timeout(closeLimitMs)).catch(() => {}); // nobody reads it any more
    },
  };
}

async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let abort = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
