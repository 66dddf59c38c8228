// Readings that do not come back: nobody waits for them longer than was said.

import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { bounded, openBounded } from './bounded.ts';
import type { Gauge } from './gauge.ts';

describe('a file system that hangs', () => {
  const never = (): Promise<never> => new Promise(() => {});
  /** Readings of which the first one comes back only when it is let go. */
  function hanging() {
    let [reads, closed] = [0, false];
    let letGo = (): void => {};
    const first = new Promise<number>((resolve) => {
      letGo = () => resolve(1);
    });
    const gauge = bounded({
      read: () => (reads++ === 0 ? first : Promise.resolve(reads)),
      close: async () => {
        closed = true;
      },
    });
    return { gauge, letGo: () => letGo(), reads: () => reads, isClosed: () => closed };
  }
  const soon = (): AbortSignal => AbortSignal.timeout(20);

  it('a reading ends with its limit, nothing is read beside it, and the next one counts when it has come back', async () => {
    const { gauge, letGo, reads } = hanging();
    for (const _ of [1, 2, 3])
      await expect(gauge.read(soon())).rejects.toMatchObject({ name: 'TimeoutError' });
    expect(reads()).toBe(1);
    letGo();
    expect(await gauge.read(AbortSignal.timeout(1000))).toBe(2);
  });

  it('closing ends all the same, and what was opened is closed once it can be', async () => {
    const { gauge, letGo, isClosed } = hanging();
    await expect(gauge.read(soon())).rejects.toMatchObject({ name: 'TimeoutError' });
    const began = performance.now();
    await gauge.close();
    expect(performance.now() - began).toBeLessThan(3000);
    expect(isClosed()).toBe(false);
    letGo();
    await sleep(5);
    expect(isClosed()).toBe(true);
    await bounded({ read: never, close: never }).close();
  });

  it('opening ends all the same, and what was opened too late is closed', async () => {
    let [isClosed, opened] = [false, (_: Gauge): void => {}];
    const open = () =>
      new Promise<Gauge>((resolve) => {
        opened = resolve;
      });
    await expect(openBounded('rate', open, 20)).rejects.toMatchObject({
      code: 'unavailable',
      message: 'what rate is read from could not be opened within 20 ms',
    });
    opened({
      read: never,
      close: async () => {
        isClosed = true;
      },
    });
    await sleep(5);
    expect(isClosed).toBe(true);
  });
});
