// What deployments need of a clock.

export interface Clock {
  /** CLOCK_MONOTONIC. */
  nowNs(): number;
  /** Returns early when the signal comes. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}
