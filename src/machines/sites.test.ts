// Whose a scheduler is, by the process that holds it.

import { expect, it } from 'vitest';
import { newAddress } from '../linux/hold.ts';
import { whose } from './sites.ts';

it.each([
  ['nobody', undefined],
  ['unknown', { ops: 'fifo', enableSeq: 3 }],
  ['unknown', { ops: 'fifo', enableSeq: 3, pid: 5 }],
  ['foreign', { ops: 'fifo', enableSeq: 3, pid: 5, argv: ['scx_fifo'] }],
  ['ours', { ops: 'fifo', enableSeq: 3, pid: 5, argv: ['/x/runner', 'hold', '--socket', newAddress()] }],
] as const)('%s', (expected, inCharge) => {
  expect(whose(inCharge)).toBe(expected);
});
