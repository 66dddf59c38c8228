// Why a deployment may not happen: findings of this room, in words that an agent can act on. They are data, never thrown.

export const refusalCodes = [
  'not-a-token',
  'tampered',
  'unknown-key',
  'retired-key',
  'clock-went-back',
  'not-yet-valid',
  'expired',
  'used',
  'other-machine',
  'other-kernel',
  'other-policy',
  'other-verdict',
  'other-state',
  'widened-scope',
  'widened-knob',
  'not-accepted',
  'unverified',
  'out-of-bounds',
  'not-trusted',
  'needs-approval',
  'advice-mode',
  'by-hand',
  'too-soon',
  'quarantined',
  'deployment-running',
  'foreign-scheduler',
  'host-without-sched-ext',
  'kpi-silent',
] as const;
export type RefusalCode = (typeof refusalCodes)[number];

export interface Refusal {
  readonly code: RefusalCode;
  /** One sentence: which binding fails, and between what. */
  readonly message: string;
  /** What to do, as an instruction. */
  readonly next: string;
}

export function refusal(code: RefusalCode, message: string, next: string): Refusal {
  return { code, message, next };
}
