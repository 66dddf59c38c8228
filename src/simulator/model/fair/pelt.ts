// Per-entity load tracking: averages that halve every 32 periods of 1.024 ms. Source: kernel/sched/pelt.c (accumulate_sum, decay_load,
// ___update_load_sum, ___update_load_avg), v6.18. Integers below 2^53; a decay rounds a 68-bit product to 53 bits before it is floored.

/** What a sum tends to when its signal is always 1: Σ 1024 × y^n, as the kernel rounds it. */
export const loadAvgMax = 47_742;
/** Least divider that makes an average of a sum. */
export const minDivider = loadAvgMax - 1024;

/** y^n for n below 32 with y^32 = ½, as the kernel's table holds them: 32-bit fractions rounded down, from exact integer roots. */
export const decayTable: Float64Array = Float64Array.from(
  { length: 32 },
  (_, n) => (n === 0 ? 0xffff_ffff : Number(root32(1n << BigInt(32 * 33 - n)))) / 4_294_967_296,
);

/** Half of the 32nd root of `value`, rounded down, by halving the interval. */
function root32(value: bigint): bigint {
  let low = 0n;
  let high = 1n << 33n;
  while (high - low > 1n) {
    const middle = (low + high) >> 1n;
    if (middle ** 32n <= value) low = middle;
    else high = middle;
  }
  return low >> 1n;
}

export function decay(value: number, periods: number): number {
  if (periods === 0) return value;
  if (periods > 32 * 63) return 0;
  let rest = periods;
  let halved = value;
  if (rest >= 32) {
    halved = Math.floor(value / 2 ** Math.floor(rest / 32));
    rest %= 32;
  }
  return Math.floor(halved * decayTable[rest]!);
}

/** Averages in columns: one place for each entity and each queue. */
export class Pelt {
  readonly loadSum: Float64Array;
  readonly runnableSum: Float64Array;
  readonly utilSum: Float64Array;
  readonly loadAvg: Float64Array;
  readonly runnableAvg: Float64Array;
  readonly utilAvg: Float64Array;
  /** ns; −1: belongs to no queue (a task on its way). */
  readonly updated: Float64Array;
  /** µs of the period that has begun. */
  readonly contrib: Int32Array;

  constructor(places: number) {
    const numbers = (): Float64Array => new Float64Array(places);
    this.loadSum = numbers();
    this.runnableSum = numbers();
    this.utilSum = numbers();
    this.loadAvg = numbers();
    this.runnableAvg = numbers();
    this.utilAvg = numbers();
    this.updated = numbers();
    this.contrib = new Int32Array(places);
  }

  divider(place: number): number {
    return minDivider + this.contrib[place]!;
  }

  /**
   * Brings a place up to `now`, over which it had this load (0 or 1 for an entity, a weight for a queue), so many runnable, and ran or not.
   * True: a period has ended, and averages are to be taken (average()).
   */
  update(place: number, now: number, load: number, runnable: number, running: number): boolean {
    const micros = Math.floor((now - this.updated[place]!) / 1024);
    if (micros <= 0) return false;
    this.updated[place]! += micros * 1024;
    const begun = this.contrib[place]!;
    const total = micros + begun;
    const periods = Math.floor(total / 1024);
    let contrib = micros;
    const end = total % 1024;
    if (periods > 0) {
      this.loadSum[place] = decay(this.loadSum[place]!, periods);
      this.runnableSum[place] = decay(this.runnableSum[place]!, periods);
      this.utilSum[place] = decay(this.utilSum[place]!, periods);
      contrib = decay(1024 - begun, periods) + (loadAvgMax - decay(loadAvgMax, periods) - 1024) + end;
    }
    this.contrib[place] = end;
    if (load > 0) {
      this.loadSum[place]! += load * contrib;
      if (runnable > 0) this.runnableSum[place]! += runnable * contrib * 1024;
      if (running > 0) this.utilSum[place]! += contrib * 1024;
    }
    return periods > 0;
  }

  /** `weight`: of the entity; 1 for queues, whose sums are weighted already. */
  average(place: number, weight: number): void {
    const divider = this.divider(place);
    this.loadAvg[place] = Math.floor((weight * this.loadSum[place]!) / divider);
    this.runnableAvg[place] = Math.floor(this.runnableSum[place]! / divider);
    this.utilAvg[place] = Math.floor(this.utilSum[place]! / divider);
  }

  /** Sums follow averages down, never below what the averages stand for. */
  subtract(from: number, load: number, loadSum: number, runnable: number, util: number): void {
    const divider = this.divider(from);
    this.loadAvg[from] = Math.max(0, this.loadAvg[from]! - load);
    this.loadSum[from] = Math.max(this.loadSum[from]! - loadSum, this.loadAvg[from]! * minDivider);
    this.runnableAvg[from] = Math.max(0, this.runnableAvg[from]! - runnable);
    this.runnableSum[from] = Math.max(
      this.runnableSum[from]! - runnable * divider,
      this.runnableAvg[from]! * minDivider,
    );
    this.utilAvg[from] = Math.max(0, this.utilAvg[from]! - util);
    this.utilSum[from] = Math.max(this.utilSum[from]! - util * divider, this.utilAvg[from]! * minDivider);
  }
}
