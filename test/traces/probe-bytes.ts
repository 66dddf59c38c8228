// Writes recorded events as the protocol has them (docs/protocol.md section 5), for tests.

export interface ProbeRecord {
  readonly ns: number | bigint;
  readonly kind: number;
  readonly flags?: number;
  readonly cpu?: number;
  readonly task?: number;
  readonly other?: number;
  readonly detail?: number;
  readonly value?: bigint;
  /** Of kind 6, instead of other, detail and value. */
  readonly comm?: string;
}

export function probeBytes(records: readonly ProbeRecord[]): Uint8Array {
  const bytes = Buffer.alloc(32 * records.length);
  records.forEach((record, i) => {
    const at = 32 * i;
    bytes.writeBigUInt64LE(BigInt(record.ns), at);
    bytes.writeUInt8(record.kind, at + 8);
    bytes.writeUInt8(record.flags ?? 0, at + 9);
    bytes.writeUInt16LE(record.cpu ?? 0, at + 10);
    bytes.writeInt32LE(record.task ?? 0, at + 12);
    bytes.writeInt32LE(record.other ?? 0, at + 16);
    bytes.writeUInt32LE(record.detail ?? 0, at + 20);
    bytes.writeBigUInt64LE(record.value ?? 0n, at + 24);
    if (record.comm !== undefined) bytes.fill(0, at + 16).write(record.comm.slice(0, 15), at + 16, 'latin1');
  });
  return bytes;
}

/** `value` of a switch. */
export function waitValue(
  call: number,
  { file = 0, absolute = false, fault = false, object = 0 } = {},
): bigint {
  const low = call | (file << 16) | (absolute ? 1 << 20 : 0) | (fault ? 1 << 21 : 0);
  return (BigInt(object >>> 0) << 32n) | BigInt(low >>> 0);
}
