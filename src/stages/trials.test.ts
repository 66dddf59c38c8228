import { expect, it } from 'vitest';
import { recordDigest } from '../core/canonical.ts';
import { nuisanceOf } from './trials.ts';

it('nuisances follow from seed and arm, and stay in their bounds', () => {
  expect(nuisanceOf(1, 'a')).toEqual(nuisanceOf(1, 'a'));
  expect(recordDigest(nuisanceOf(1, 'a'))).not.toBe(recordDigest(nuisanceOf(1, 'b')));
  const drawn = Array.from({ length: 500 }, (_, seed) => nuisanceOf(seed, 'a'));
  for (const { startOffsetNs, pidOffset } of drawn) {
    expect(startOffsetNs >= 0 && startOffsetNs < 8_000_000 && Number.isInteger(startOffsetNs)).toBe(true);
    expect(pidOffset >= 0 && pidOffset < 64 && Number.isInteger(pidOffset)).toBe(true);
  }
  expect(new Set(drawn.map((item) => item.pidOffset)).size).toBeGreaterThan(50);
});
