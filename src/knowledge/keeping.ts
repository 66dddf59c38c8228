// What makes a deployment permitted and accountable, kept below <store>/deployment: keys, spent tokens, the latest time seen, questions to a person, the audit.
// `permit` is the only way from a token to a deployment: what it has let through is spent and written down before it returns.

import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Verified } from '../deployment/audit-chain.ts';
import type { Entry, Head } from '../deployment/audit-line.ts';
import { boundOf } from '../deployment/bounds.ts';
import { checkToken, type TokenAnswer, type TokenContext } from '../deployment/check-token.ts';
import { type Grant, type Issued, issueToken, type Terms } from '../deployment/grant.ts';
import { type History, historyReader, type Place } from '../deployment/history.ts';
import { type Refusal, refusal } from '../deployment/refusal.ts';
import { scopeText } from '../deployment/scope.ts';
import { anchorOf, anchors } from './anchors.ts';
import { type Approvals, openApprovals } from './approvals.ts';
import { type Asking, asking } from './asking.ts';
import { type Audit, openAudit } from './audit.ts';
import { openHighWater } from './high-water.ts';
import { type Keys, openKeys, rotateKeys } from './keys.ts';
import { type MachineIdentity, machineIdentity } from './machine-identity.ts';
import type { Store } from './store.ts';
import { openUsedTokens } from './used-tokens.ts';

export interface Keeping extends Asking {
  readonly audit: Audit;
  readonly approvals: Approvals;
  /** Read anew each time: another process may have rotated them. Faults as `openKeys`. */
  keys(): Keys;
  /**
   * A new key signs from now on, and the audit says who wanted that. Tokens of the old one hold until they end, or no longer at all (`revoke`: others may have
   * read it). Faults as `rotateKeys`.
   */
  rotateKeys(who: Entry['who'], why: string, revoke: boolean): Promise<Keys>;
  identity(): MachineIdentity;
  /** The latest time ever seen, now included; what is later than the clock was seen before it was moved. */
  latestMs(): number;
  /** A token for who asks, written to the audit; name, machine, time and id are filled in. */
  issue(
    grant: Grant,
    who: Entry['who'],
    terms: Omit<Terms, 'agent' | 'machine' | 'nowMs' | 'id'>,
  ): Promise<Issued>;
  /**
   * Whether this token permits what is about to be done on this machine. When it does it is spent, durably, and the audit says so: the deployment starts only
   * after this has returned `ok`. Faults (no space, keys open to others): nothing may start, and the token may be spent.
   */
  permit(
    text: string,
    who: Entry['who'],
    context: Omit<TokenContext, 'machine' | 'used'>,
    on: Place,
  ): Promise<TokenAnswer>;
  /** What the audit tells of the past: for `permission` and the bound on switches. */
  history(): Promise<History>;
  /** The chain, held against its head and the anchors among the records. */
  verifyAudit(signal?: AbortSignal): Promise<Verified>;
}

export function openKeeping(store: Store, now: () => number): Keeping {
  const root = join(store.root, 'deployment');
  const audit = openAudit(join(root, 'audit'), {
    now,
    anchor: (head: Head) => store.records.put(anchorOf(head)),
  });
  const used = openUsedTokens(join(root, 'used-tokens'));
  const highWater = openHighWater(join(root, 'latest-time'));
  const keyDirectory = join(root, 'keys');
  const keys = (): Keys => openKeys(keyDirectory);
  const identity = (): MachineIdentity => machineIdentity({ made: join(root, 'machine-id') });
  const seenMs = (): number => Math.max(highWater.latestMs(), used.latestMs());
  const approvals = openApprovals(join(root, 'approvals'));
  const latestMs = (): number => Math.max(now(), seenMs());
  return {
    audit,
    approvals,
    keys,
    async rotateKeys(who, why, revoke) {
      const { signer } = keys();
      const nowMs = latestMs();
      const untilMs = revoke ? 0 : nowMs + boundOf('tokenLifetimeMs').high;
      await audit.append({ who, what: 'key-rotation', why, about: { retired: signer.keyId, revoke } });
      return rotateKeys(keyDirectory, { nowMs, untilMs });
    },
    identity,
    latestMs,
    ...asking(approvals, audit, latestMs),
    async issue(grant, who, terms) {
      const place = { machine: identity().machine, nowMs: now(), id: randomBytes(16).toString('hex') };
      const issued = issueToken(grant, { ...terms, ...place, agent: who.name }, keys().signer);
      await audit.append(issuedEntry(grant, who, terms.scope, issued));
      highWater.advance(place.nowMs);
      return issued;
    },
    async permit(text, who, context, on) {
      const whole = { ...context, machine: identity().machine, used: used.has };
      const time = { timeMs: now(), highWaterMs: seenMs() };
      const answer = checkToken(text, keys().verifiers, time, whole);
      if (!answer.ok) {
        await audit.append(refusedEntry(who, context, answer.findings));
        return answer;
      }
      const { token } = answer;
      highWater.advance(time.timeMs);
      if (!used.spend(token.id, time.timeMs)) {
        const findings = [
          refusal('used', 'the token was used a moment ago by somebody else', 'ask for a new one'),
        ];
        await audit.append(refusedEntry(who, context, findings));
        return { ok: false, findings };
      }
      const about = {
        tokenId: token.id,
        policy: token.policy.name,
        scope: scopeText(context.scope),
        kernel: context.kernel,
        on,
      };
      const from = [token.verdict, token.restore];
      await audit.append({ who, what: 'token-spent', why: 'a deployment is about to start', from, about });
      return answer;
    },
    async history() {
      const reader = historyReader();
      for await (const line of audit.lines()) reader.line(line);
      return reader.history();
    },
    async verifyAudit(signal) {
      return audit.verify(await anchors(store), signal);
    },
  };
}

function issuedEntry(grant: Grant, who: Entry['who'], scope: Terms['scope'], issued: Issued): Entry {
  const from = [grant.verdict];
  if (!issued.ok) return { who, what: 'token-not-issued', why: sentences(issued.findings), from };
  const { id, expiresAtMs, policy } = issued.token;
  const about = { tokenId: id, policy: policy.name, scope: scopeText(scope), expiresAtMs };
  return { who, what: 'token-issued', why: 'the verdict accepts this policy', from, about };
}

function refusedEntry(
  who: Entry['who'],
  { verdict, kernel, policy, scope }: Omit<TokenContext, 'machine' | 'used'>,
  findings: readonly Refusal[],
): Entry {
  const about = {
    codes: findings.map(({ code }) => code),
    policy: policy.name,
    scope: scopeText(scope),
    kernel,
  };
  return { who, what: 'token-refused', why: sentences(findings), from: [verdict], about };
}

const sentences = (findings: readonly Refusal[]): string => findings.map(({ message }) => message).join('; ');
