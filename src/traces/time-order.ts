// Times as recorders give them, made to never fall: what was recorded a little late is sorted into its place, and where the clock itself went back, what
// follows is moved on. Stable: equal times keep their order.

/** Falls of up to this are lateness: a CPU that was stolen between reading the clock and writing the event. */
export const slackNs = 100_000_000;
/** So many events in a row beyond the slack are a clock that went back, fewer are late ones. */
export const stepEvents = 8;

export interface TimeOrder {
  /** Where the i-th event stands in the input; absent: they stand in order. */
  readonly order: Uint32Array | undefined;
  /** Times that the clock went back. */
  readonly steps: number;
  /** Events that stood behind later ones. */
  readonly late: number;
}

/** `times` (ns) are changed in place, where the clock went back; they stay in the order of the input. */
export function orderTimes(times: Float64Array): TimeOrder {
  const steps = takeOutSteps(times);
  let late = 0;
  let latest = Number.NEGATIVE_INFINITY;
  for (const at of times)
    if (at < latest) late++;
    else latest = at;
  return { order: late === 0 ? undefined : sorted(times), steps, late };
}

function takeOutSteps(times: Float64Array): number {
  let steps = 0;
  let latest = times[0] ?? 0;
  let shift = 0;
  for (let i = 0; i < times.length; i++) {
    if (times[i]! + shift < latest - slackNs && goesOnBelow(times, i, latest - slackNs - shift)) {
      steps++;
      shift = latest - times[i]!;
    }
    if (shift !== 0) times[i] = times[i]! + shift;
    latest = Math.max(latest, times[i]!);
  }
  return steps;
}

function goesOnBelow(times: Float64Array, from: number, least: number): boolean {
  if (from + stepEvents > times.length) return false;
  for (let i = from; i < from + stepEvents; i++) if (times[i]! >= least) return false;
  return true;
}

/** Merge sort from the bottom up, which passes over what is in order. */
function sorted(times: Float64Array): Uint32Array {
  const { length } = times;
  let from = Uint32Array.from({ length }, (_, i) => i);
  let to = new Uint32Array(length);
  for (let width = 1; width < length; width *= 2) {
    for (let left = 0; left < length; left += 2 * width)
      merge(times, from, to, left, Math.min(left + width, length), Math.min(left + 2 * width, length));
    [from, to] = [to, from];
  }
  return from;
}

function merge(
  times: Float64Array,
  from: Uint32Array,
  to: Uint32Array,
  left: number,
  middle: number,
  end: number,
): void {
  if (middle === end || times[from[middle - 1]!]! <= times[from[middle]!]!) {
    to.set(from.subarray(left, end), left);
    return;
  }
  for (let i = left, j = middle, out = left; out < end; out++) {
    const takesLeft = i < middle && (j === end || times[from[i]!]! <= times[from[j]!]!);
    to[out] = takesLeft ? from[i++]! : from[j++]!;
  }
}
