// What a script may use. Whatever is beyond ends it, or its call, with a problem that says so.

export interface Limits {
  /** Time of its own, without that of the observations it waits for. */
  readonly computeMs: number;
  /** From start to end, with the observations. */
  readonly totalMs: number;
  readonly memoryBytes: number;
  /** Of the engine's native stack: how deep calls, parentheses and nested values may go. */
  readonly stackBytes: number;
  readonly sourceBytes: number;
  readonly inputBytes: number;
  /** Of the result, as JSON; and how deep it may be nested. */
  readonly resultBytes: number;
  readonly resultDepth: number;
  readonly logLines: number;
  readonly logLineChars: number;
  /** Observations in all, and bytes of their answers in all. */
  readonly calls: number;
  readonly callBytes: number;
}

export const usualLimits: Limits = {
  computeMs: 5_000,
  totalMs: 60_000,
  memoryBytes: 64 << 20,
  stackBytes: 256 << 10,
  sourceBytes: 64 << 10,
  inputBytes: 256 << 10,
  resultBytes: 64 << 10,
  resultDepth: 32,
  logLines: 100,
  logLineChars: 500,
  calls: 64,
  callBytes: 4 << 20,
};
