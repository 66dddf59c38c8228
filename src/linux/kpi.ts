// Reads KPIs while a policy is on trial: each at its own pace, never later than the next one is due, and never silent: what could not be read is a sample without a value that
// says why. Nothing read here is believed: text is data, of bounded length, and only a finite number comes out.

import { Fault } from '../core/errors.ts';
import type { KpiSample, KpiSource, KpiSpec } from '../core/kpi.ts';
import { hostClock } from './clock.ts';
import { openBounded } from './kpi/bounded.ts';
import type { Gauge } from './kpi/gauge.ts';
import { openLog } from './kpi/log.ts';
import { readCommand, readPressure, readPrometheus } from './kpi/readings.ts';

export interface KpiReader {
  /** Ends all reading, within a second: what hangs is left alone. */
  close(): Promise<void>;
}

export interface ReaderOptions {
  /** CLOCK_MONOTONIC in ns: what samples are stamped with. */
  readonly nowNs: () => number;
  readonly hear: (sample: KpiSample) => void;
}

/** Checks that each source can be read at all before the first sample: a Fault says what to do. */
export async function openKpis(kpis: readonly KpiSpec[], options: ReaderOptions): Promise<KpiReader> {
  const gauges: Gauge[] = [];
  const stop = new AbortController();
  try {
    for (const { name, source } of kpis) gauges.push(await openBounded(name, () => openGauge(source)));
  } catch (error) {
    await Promise.all(gauges.map((gauge) => gauge.close()));
    throw error;
  }
  const loops = kpis.map((kpi, i) => readLoop(kpi, gauges[i]!, options, stop.signal));
  return {
    async close() {
      stop.abort();
      await Promise.all(loops);
      await Promise.all(gauges.map((gauge) => gauge.close()));
    },
  };
}

async function openGauge(source: KpiSource): Promise<Gauge> {
  switch (source.from) {
    case 'command':
      return readCommand(source.argv);
    case 'prometheus':
      return readPrometheus(source.url, source.query);
    case 'pressure':
      return await readPressure(source.of, source.cgroup);
    case 'log':
      return await openLog(source.file, source.line);
  }
}

/** A reading that is not done when the next one is due is given up: late numbers are about another time. */
async function readLoop(
  { name, everyMs }: KpiSpec,
  gauge: Gauge,
  { nowNs, hear }: ReaderOptions,
  stopped: AbortSignal,
): Promise<void> {
  let due = performance.now() + everyMs;
  while (!stopped.aborted) {
    await hostClock.sleep(due - performance.now(), stopped);
    if (stopped.aborted) return;
    due = Math.max(due + everyMs, performance.now());
    const late = AbortSignal.timeout(everyMs);
    try {
      const value = await gauge.read(AbortSignal.any([late, stopped]));
      if (!Number.isFinite(value)) throw new Fault('malformed', `${value} is no number to go by`);
      hear({ kpi: name, endNs: nowNs(), value });
    } catch (error) {
      if (stopped.aborted) return;
      const why = late.aborted ? `not read within ${everyMs} ms` : (error as Error).message;
      hear({ kpi: name, endNs: nowNs(), value: undefined, why: why.slice(0, 300) });
    }
  }
}
