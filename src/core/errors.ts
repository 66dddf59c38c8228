// Faults: the outside failed. Findings (an expected "no") are data in records; bugs are assertions.

/** The six ways in which the outside can fail. */
export const faultCodes = [
  'malformed',
  'unsupported',
  'not-found',
  'not-permitted',
  'unavailable',
  'interrupted',
] as const;
export type FaultCode = (typeof faultCodes)[number];

export interface FaultDetail {
  /** What was tried, as a noun phrase: "read the ELF header of fifo.bpf.o". */
  readonly tried?: string;
  /** Where it failed: file, section and offset, host path… */
  readonly where?: string;
  /** What the reader can do about it, as an instruction. */
  readonly next?: string;
  readonly cause?: unknown;
}

/** Thrown when the outside fails. `message` alone is enough to understand; `next` says what to do. */
export class Fault extends Error {
  readonly code: FaultCode;
  readonly tried: string | undefined;
  readonly where: string | undefined;
  readonly next: string | undefined;

  constructor(code: FaultCode, message: string, detail: FaultDetail = {}) {
    super(message, detail.cause === undefined ? {} : { cause: detail.cause });
    this.name = 'Fault';
    this.code = code;
    this.tried = detail.tried;
    this.where = detail.where;
    this.next = detail.next;
  }
}
