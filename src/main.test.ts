// What the environment says of how the product is meant to be used.

import { describe, expect, it } from 'vitest';
import { openWorld } from './main.ts';

describe('SCHEDCP_MODE', () => {
  it('is normal where nothing is said; advice keeps agents from deploying', () => {
    expect(openWorld({}).mode).toBe('normal');
    expect(openWorld({ SCHEDCP_MODE: 'advice' }).mode).toBe('advice');
  });

  it('that is a mistake is a fault when somebody wants to deploy, not before', () => {
    const world = openWorld({ SCHEDCP_MODE: 'advise' });
    expect(() => world.mode).toThrow('SCHEDCP_MODE=advise');
  });
});
