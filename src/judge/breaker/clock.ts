// Steady time out of the caller's clock. A step of the clock, or a time in which nobody looked (a frozen control plane, a suspended machine), counts as one
// interval: it is neither a loss nor a missing sample, and how long the control plane was away is the business of its own limit.

export interface Clock {
  /** Latest time told, on the caller's clock. */
  readonly raw: number;
  /** Steady time = caller's time + shift. */
  readonly shift: number;
}

/** The clock after it showed `raw`; a jump beyond `gapNs`, either way, moves steady time by `stepNs` only. */
export function advance(clock: Clock | null, raw: number, gapNs: number, stepNs: number): Clock {
  if (clock === null) return { raw, shift: 0 };
  const moved = raw - clock.raw;
  if (Math.abs(moved) > gapNs) return { raw, shift: clock.shift - moved + stepNs };
  return moved > 0 ? { ...clock, raw } : clock;
}
