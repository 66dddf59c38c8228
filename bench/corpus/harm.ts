// Where a policy that no kernel threw out does harm: what it measured under the loads, against the policy that was mutated or, of others, against the middle one of the sound policies.

import { type Label, type Manifest, manifest } from '../../test/gauntlet/corpus.ts';
import { median } from '../lib.ts';

export interface Harm {
  readonly load: string;
  readonly metric: string;
  readonly value: number;
  readonly reference: number;
  /** How many times worse. */
  readonly factor: number;
}

/** Weights of nice -5 and 5: 3121 and 335. */
const fair = 3121 / 335;

/** How many times worse `value` is than `reference`, by what is good in this metric. */
function factorOf(metric: string, value: number, reference: number): number {
  if (metric === 'failed') return Number.POSITIVE_INFINITY;
  if (metric === 'favouredToNice') return distance(value) / distance(reference);
  if (metric === 'leastHogS' || metric === 'backgroundCpus') return reference / value;
  return value / reference;
}

/** From what the weights say, as a factor of one or more. */
const distance = (ratio: number): number => Math.max(ratio / fair, fair / ratio);

/** The worst of it, below a factor of 1.2 nothing; undefined where no kernel let the policy finish. */
export function harmOf(label: Label, all: readonly Label[]): Harm | undefined {
  const original = manifest().find(({ name }: Manifest) => name === label.name)?.policy;
  const others = all.filter((item) => (original === undefined ? !item.faulty : item.name === original));
  const found = Object.entries(label.kernels).flatMap(([release, { measured }]) =>
    Object.entries(measured ?? {}).flatMap(([load, metrics]) =>
      Object.entries(metrics).flatMap(([metric, value]): Harm[] => {
        const references = others.flatMap(
          (other) => other.kernels[release]?.measured?.[load]?.[metric] ?? [],
        );
        if (references.length === 0 && metric !== 'failed') return [];
        const reference = references.length === 0 ? 0 : median(references);
        return [{ load, metric, value, reference, factor: factorOf(metric, value, reference) }];
      }),
    ),
  );
  return found.filter(({ factor }) => factor >= 1.2).sort((a, b) => b.factor - a.factor)[0];
}

export function harmText({ load, metric, value, reference, factor }: Harm): string {
  if (metric === 'failed') return `${load} failed`;
  return `${metric} under ${load}: ${value} for ${reference.toPrecision(3)} (${factor.toFixed(1)} times worse)`;
}
