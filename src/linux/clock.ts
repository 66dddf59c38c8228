// The clock that deployments go by.

export interface HostClock {
  /** CLOCK_MONOTONIC. */
  nowNs(): number;
  /** Returns early when the signal comes. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export const hostClock: HostClock = {
  nowNs: () => Number(process.hrtime.bigint()),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const end = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      signal.addEventListener('abort', end, { once: true });
    }),
};
