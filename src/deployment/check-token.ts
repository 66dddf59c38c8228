// Whether a token permits what is about to be done, here and now. Each binding is checked by itself, and what fails is told as findings; only a token
// whose signature holds is looked into.

import type { Policy } from '../core/records.ts';
import { canonicalValue, policyIdentity } from './identity.ts';
import { coversKernel } from './kernels.ts';
import { type Refusal, refusal } from './refusal.ts';
import { type Scope, widening } from './scope.ts';
import type { Verifiers } from './signing.ts';
import { readToken, type Token } from './token.ts';

/** What is about to happen. */
export interface TokenContext {
  readonly policy: Policy;
  readonly verdict: string;
  /** uname -r of the machine. */
  readonly kernel: string;
  readonly machine: string;
  readonly scope: Scope;
  /** Digest of the state that is in place now. */
  readonly restore: string;
  /** Knobs that are to be moved, and where to. */
  readonly knobs?: Policy['parameters'];
  /** Whether an id was spent before. */
  used(id: string): boolean;
}

export interface Now {
  /** ms since 1970. */
  readonly timeMs: number;
  /** The latest time ever seen on this machine: a clock behind it was moved. */
  readonly highWaterMs: number;
}

export type TokenAnswer =
  | { readonly ok: true; readonly token: Token }
  | { readonly ok: false; readonly findings: readonly Refusal[] };

/** So far may a clock be set back by those who keep it right. */
export const clockToleranceMs = 5_000;
const again = 'ask for a new token of the same verdict';

/** `findings` has at least one, the gravest first. */
export function checkToken(text: string, keys: Verifiers, now: Now, context: TokenContext): TokenAnswer {
  const read = readToken(text);
  if (typeof read === 'string')
    return no(refusal('not-a-token', `this is no token: ${read}`, 'give the token as it was issued'));
  const { token, payload, signature } = read;
  const key = keys.get(token.keyId);
  if (key === undefined) {
    const message = `the key ${token.keyId} that signed the token is not known here`;
    return no(refusal('unknown-key', message, 'use a token that this installation has issued'));
  }
  if (!key.verify(payload, signature)) {
    const message = 'the signature does not fit: the token was changed, or is a forgery';
    return no(refusal('tampered', message, again));
  }
  const findings = [
    ...timeFindings(token, key.untilMs, now),
    ...(context.used(token.id)
      ? [refusal('used', 'the token was used before; each permits one deployment', again)]
      : []),
    ...placeFindings(token, context),
    ...policyFindings(token, context),
    ...scopeFindings(token, context),
  ];
  return findings.length === 0 ? { ok: true, token } : { ok: false, findings };
}

const no = (finding: Refusal): TokenAnswer => ({ ok: false, findings: [finding] });

function timeFindings(token: Token, keyUntilMs: number | null, { timeMs, highWaterMs }: Now): Refusal[] {
  const findings: Refusal[] = [];
  const isTime = Number.isSafeInteger(timeMs) && timeMs >= 0;
  if (!isTime || timeMs < highWaterMs - clockToleranceMs) {
    const message = `the clock says ${stamp(timeMs)}, but ${stamp(highWaterMs)} was seen before`;
    findings.push(refusal('clock-went-back', message, 'set the clock right and try again'));
  }
  // What has expired stays so, wherever the clock is moved.
  const latest = isTime ? Math.max(timeMs, highWaterMs) : highWaterMs;
  if (!isTime || timeMs < token.issuedAtMs - clockToleranceMs)
    findings.push(
      refusal('not-yet-valid', `the token begins at ${stamp(token.issuedAtMs)}`, 'check the clock'),
    );
  if (latest >= token.expiresAtMs)
    findings.push(refusal('expired', `the token ended at ${stamp(token.expiresAtMs)}`, again));
  if (keyUntilMs !== null && latest >= keyUntilMs)
    findings.push(refusal('retired-key', `its key was retired at ${stamp(keyUntilMs)}`, again));
  return findings;
}

function placeFindings(token: Token, { machine, kernel, restore }: TokenContext): Refusal[] {
  const findings: Refusal[] = [];
  if (machine !== token.machine) {
    const message = `the token is for machine ${token.machine.slice(0, 12)}, this one is ${machine.slice(0, 12)}`;
    findings.push(refusal('other-machine', message, 'ask for a token on this machine'));
  }
  if (!coversKernel(token.kernels, kernel)) {
    findings.push(otherKernel(kernel, token.kernels.releases));
  }
  if (restore !== token.restore) {
    const message =
      'the scheduler has changed since the token was made: what it would give back is not what is in place';
    findings.push(refusal('other-state', message, again));
  }
  return findings;
}

function policyFindings(token: Token, { policy, verdict, knobs = {} }: TokenContext): Refusal[] {
  const findings: Refusal[] = [];
  if (policyIdentity(policy) !== token.policy.identity || policy.object !== token.policy.object) {
    const message = `the token is for ${token.policy.name} (${token.policy.identity.slice(0, 12)}) with the values that were measured, not for this policy with these`;
    findings.push(
      refusal('other-policy', message, 'deploy exactly what the verdict names, or measure this one'),
    );
  }
  if (verdict !== token.verdict) {
    const message = `the token comes from verdict ${token.verdict.slice(0, 12)}, not ${verdict.slice(0, 12)}`;
    findings.push(refusal('other-verdict', message, 'use the token of this verdict'));
  }
  for (const [name, value] of Object.entries(knobs)) {
    const problem = knobProblem(token.policy.knobs, name, value);
    if (problem !== undefined) findings.push(refusal('widened-knob', problem, 'stay within what was tested'));
  }
  return findings;
}

/** Undefined when the knob may be set to `value` while the policy runs, else why not. */
export function knobProblem(
  knobs: Token['policy']['knobs'],
  name: string,
  value: Policy['parameters'][string],
): string | undefined {
  const bounds = Object.hasOwn(knobs, name) ? knobs[name] : undefined;
  if (bounds === undefined) return `${name} is no knob that may move`;
  const [asked, low, high] = [value, bounds.low, bounds.high].map((one) => BigInt(canonicalValue(one)));
  if (asked! >= low! && asked! <= high!) return undefined;
  return `${name} = ${value} is outside of what was tested, ${bounds.low} to ${bounds.high}`;
}

function scopeFindings(token: Token, { scope }: TokenContext): Refusal[] {
  const wider = widening(scope, token.scope);
  if (wider === undefined) return [];
  return [refusal('widened-scope', wider, 'ask for no more than was granted, or for a new token')];
}

/** ISO 8601, or the number where it is no time. */
export function stamp(ms: number): string {
  return Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : String(ms);
}

export function otherKernel(kernel: string, measured: readonly string[]): Refusal {
  const message = `kernel ${kernel} is not what was measured: ${measured.join(', ')}`;
  return refusal(
    'other-kernel',
    message,
    'verify the policy on this kernel: a new kernel asks for a new verdict',
  );
}
