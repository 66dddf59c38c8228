// What the KPIs have said, and under whom: the breaker's reference is what was seen under the default scheduler, and nothing else.

import type { KpiSample, KpiSpec } from '../../core/kpi.ts';

export interface Heard {
  readonly kpi: string;
  readonly at: number;
  readonly value: number;
  /** Neither: the policy is being loaded, and the kernel's verifier at work, or what it has left behind is not over. */
  readonly under: 'default' | 'candidate' | 'neither';
}

/** So much of the past is a reference. */
const keptNs = 60e9;
/** Fewer of a KPI are no reference. */
export const leastSamples = 20;

export class Samples {
  readonly #kpis: readonly KpiSpec[];
  readonly #nowNs: () => number;
  readonly #all: Heard[] = [];
  readonly #problems = new Map<string, string>();
  #under: Heard['under'] = 'default';
  #fromNs = Number.NEGATIVE_INFINITY;
  /** Each sample as it comes. */
  listener: ((sample: Heard) => void) | undefined;

  constructor(kpis: readonly KpiSpec[], nowNs: () => number) {
    this.#kpis = kpis;
    this.#nowNs = nowNs;
  }

  get kpis(): readonly KpiSpec[] {
    return this.#kpis;
  }

  /** Samples from now on are about this, if they were not before; those of intervals that begin before `fromNs` about neither. */
  under(who: Heard['under'], fromNs = Number.NEGATIVE_INFINITY): void {
    if (who === this.#under) return;
    this.#under = who;
    this.#fromNs = fromNs;
  }

  hear({ kpi, endNs, value, why }: KpiSample): void {
    if (value === undefined) {
      this.#problems.set(kpi, why ?? 'no value');
      return;
    }
    const everyMs = this.#kpis.find(({ name }) => name === kpi)?.everyMs ?? 0;
    const under = endNs - everyMs * 1e6 < this.#fromNs ? 'neither' : this.#under;
    const sample = { kpi, at: endNs, value, under } as const;
    this.#all.push(sample);
    this.#forget();
    this.listener?.(sample);
  }

  /** Of the default scheduler, in the order in which they came. */
  reference(): Heard[] {
    return this.#all.filter(({ under }) => under === 'default');
  }

  between(kpi: string, from: number, to: number): Heard[] {
    return this.#all.filter((sample) => sample.kpi === kpi && sample.at >= from && sample.at <= to);
  }

  /** When the last of the KPIs gave its first number; undefined: one has given none. */
  firstNs(): number | undefined {
    const first = this.#kpis.map(({ name }) => this.#all.find(({ kpi }) => kpi === name)?.at);
    return first.includes(undefined) ? undefined : Math.max(...(first as number[]));
  }

  /** Why there is no reference to hold anything against; undefined: there is. */
  problem(referenceMs: number): string | undefined {
    for (const { name, everyMs } of this.#kpis) {
      const count = this.#all.filter((sample) => sample.kpi === name).length;
      const due = referenceMs / everyMs;
      if (count >= Math.max(leastSamples, due / 2)) continue;
      const said = this.#problems.get(name);
      return `${name} gave ${count} numbers in ${referenceMs / 1000} s, ${Math.floor(due)} were due${said === undefined ? '' : `: ${said}`}`;
    }
    return undefined;
  }

  words(): string {
    const parts = this.#kpis.map(({ name, unit }) => {
      const values = this.reference()
        .filter(({ kpi }) => kpi === name)
        .map(({ value }) => value)
        .sort((a, b) => a - b);
      const middle = values[values.length >> 1] ?? Number.NaN;
      return `${name} ${Number(middle.toPrecision(4))}${unit === '' ? '' : ` ${unit}`}`;
    });
    return `under the default scheduler: ${parts.join(', ')}`;
  }

  /** Of the default scheduler the last minute that it had is kept, however long ago it was. */
  #forget(): void {
    if (this.#all.length < 100_000) return;
    const last = this.#all.findLast(({ under }) => under === 'default')?.at ?? 0;
    const now = this.#nowNs();
    const kept = this.#all.filter(
      ({ under, at }) => at > now - keptNs || (under === 'default' && at > last - keptNs),
    );
    this.#all.splice(0, this.#all.length, ...kept);
  }
}
