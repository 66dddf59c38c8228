// Hints as the bytes of a policy's map `hints` (docs/protocol.md, end).

import type { Policy } from '../core/records.ts';

export interface MapEntry {
  readonly name: string;
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** Key: comm, 16 bytes; value: u64 lengthNs, u64 rank, u32 dependents, u32 zero. */
export function hintMaps(hints: NonNullable<Policy['hints']>): MapEntry[] {
  return Object.entries(hints).map(([comm, hint]) => {
    const key = Buffer.alloc(16);
    key.write(comm.slice(0, 15), 'latin1');
    const value = Buffer.alloc(24);
    value.writeBigUInt64LE(BigInt(hint.lengthNs), 0);
    value.writeBigUInt64LE(BigInt(hint.rank), 8);
    value.writeUInt32LE(hint.dependents, 16);
    return { name: 'hints', key, value };
  });
}
