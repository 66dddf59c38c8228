// When the tasks of a round start: the common arrival order, drawn anew in each round, and the times of its places.
import type { WorkloadFile } from '../core/workload.ts';
import { createRandom, derive, type Random } from '../lib/random.ts';
import { durationNs, mulDiv } from './duration.ts';
import { defaultWithinNs, type Plan, type PlannedGroup, startJitterNs } from './plan.ts';
import { poissonArrivals } from './poisson.ts';

/** startNs by group index and index in the group, for the tasks that the player starts. */
export function roundStarts(plan: Plan, round: number): number[][] {
  const random = createRandom(derive(plan.seed, 'starts', round));
  const starts: number[][] = plan.groups.map(() => []);
  const order = arrivalOrder(plan, random);
  const times = placeTimes(plan.file, order.length, random);
  for (const [place, { group, index }] of order.entries()) starts[group]![index] = times[place]!;
  for (const [group, own] of plan.ownStarts) {
    const jitter = startJitterNs(plan.file);
    starts[group] = own.map((startNs) => startNs + within(jitter, random));
  }
  return starts;
}

interface Place {
  readonly group: number;
  readonly index: number;
}

function arrivalOrder(plan: Plan, random: Random): Place[] {
  const ordered = plan.groups.filter((group) => !group.forked && group.group.start === undefined);
  const free = ordered.filter((group) => group.group.place === undefined).flatMap(placesOf);
  const order = plan.file.starts?.order === 'file' ? free : random.shuffle(free);
  const total = ordered.reduce((sum, group) => sum + group.instances, 0);
  for (const group of ordered) {
    const [low, high] = group.group.place ?? [];
    if (low === undefined || high === undefined) continue;
    const first = Math.min(Math.floor(low * total), total - 1);
    const last = Math.max(first, Math.ceil(high * total) - 1);
    for (const place of placesOf(group)) order.splice(first + random.below(last - first + 1), 0, place);
  }
  return order;
}

function placesOf({ index, instances }: PlannedGroup): Place[] {
  return Array.from({ length: instances }, (_, i) => ({ group: index, index: i }));
}

function placeTimes(file: WorkloadFile, count: number, random: Random): number[] {
  const { poisson, bursts, within: span } = file.starts ?? {};
  if (poisson !== undefined) return poissonArrivals(random, poisson, count);
  if (bursts === undefined)
    return slots(span === undefined ? defaultWithinNs : durationNs(span), count, random);
  const everyNs = durationNs(bursts.every);
  const jitter = Math.min(startJitterNs(file), everyNs);
  const burst = Array.from({ length: Math.ceil(count / bursts.size) }, (_, i) =>
    slots(jitter, bursts.size, random).map((ns) => ns + i * everyNs),
  );
  return burst.flat().slice(0, count);
}

/** Ascending: one time in each of `count` equal parts of the span. */
function slots(spanNs: number, count: number, random: Random): number[] {
  return Array.from(
    { length: count },
    (_, i) => mulDiv(spanNs, i, count) + within(mulDiv(spanNs, 1, count), random),
  );
}

function within(spanNs: number, random: Random): number {
  return mulDiv(spanNs, random.uint32(), 2 ** 32);
}
