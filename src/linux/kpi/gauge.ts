// What reads a number.

/** One reading; throws what makes it none. Gone when closed. */
export interface Gauge {
  read(signal: AbortSignal): Promise<number>;
  close(): Promise<void>;
}
