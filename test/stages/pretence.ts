// A machine of pretence with a clock of its own, on which policies can be put in charge: what happens is known, so that what is said of it can be held against it.

import type {
  Attached,
  Attachment,
  AttachmentEnd,
  AttachScope,
  ForeignScheduler,
} from '../../src/core/attachment.ts';
import { Fault } from '../../src/core/errors.ts';
import type { KpiSample, KpiSpec } from '../../src/core/kpi.ts';
import type { Finding } from '../../src/core/records.ts';
import { createRandom } from '../../src/lib/random.ts';
import type { Site } from '../../src/stages/deploy.ts';

export interface Pretence {
  /** Of the usual value, while the policy is attached: by seconds since it was attached, and in which part. */
  readonly share: (attachedS: number, scope: AttachScope) => number;
  readonly noise?: number;
  /** Attaching takes so long, and leaves so much of the usual value meanwhile. */
  readonly loading?: { readonly forS: number; readonly share: number };
  /** Letting go of it takes so long. */
  readonly leavesS?: number;
  /** After it has left, so much of the usual value for so long. */
  readonly wake?: { readonly forS: number; readonly share: number };
  /** What the KPI really gives, for those that fail or lie. */
  readonly lie?: (value: number, atS: number) => number | undefined;
  /** The kernel ends it so many seconds after attaching. */
  readonly ejectS?: number;
  /** Code of the finding. */
  readonly refuse?: Finding['code'];
  /** Detaching does not take: the kernel goes on with the policy. */
  readonly stays?: boolean;
  /** Was in charge before, and is replaced. */
  readonly foreign?: ForeignScheduler;
  /** The one that was there does not leave. */
  readonly clings?: boolean;
  /** False: the holder cannot leave our cgroup. */
  readonly freezeNoticed?: boolean;
  /** Attaching for the n-th time fails: the machine's fault, not the policy's. */
  readonly failsAt?: number;
  /** Somebody lets go of it so many seconds after attaching. */
  readonly takenS?: number;
  /** Nobody answers once something was attached. */
  readonly silent?: boolean;
  /** Seconds from the start after which somebody else has loaded a scheduler. */
  readonly intruderS?: number;
  /** Seconds from the start at which the control plane is frozen, and for how long. */
  readonly freeze?: { readonly atS: number; readonly forS: number };
}

export function pretend(told: Pretence) {
  const { share, noise = 0.03, lie, ejectS, refuse, stays, freeze, foreign } = told;
  const { clings, failsAt, silent, intruderS, takenS } = told;
  let attaches = 0;
  const random = createRandom(7);
  let [now, frozen] = [1e12, false];
  const startNs = now;
  let hear: ((sample: KpiSample) => void) | undefined;
  let held: { since: number; scope: AttachScope; end: (end: AttachmentEnd) => void } | undefined;
  const log: { at: number; what: string }[] = [];
  let beats = 0;
  let unattached = 1;
  let leftNs = Number.NEGATIVE_INFINITY;
  const knobs: Record<string, unknown> = {};
  const step = (): void => {
    now += 10e6;
    const inWake = told.wake !== undefined && now - leftNs < told.wake.forS * 1e9;
    const alone = inWake ? told.wake!.share : unattached;
    const attached = held === undefined ? alone : share((now - held.since) / 1e9, held.scope);
    if (held !== undefined && ejectS !== undefined && now - held.since > ejectS * 1e9) end('ejected');
    if (held !== undefined && takenS !== undefined && now - held.since > takenS * 1e9) end('detached');
    if ((now - startNs) % 100e6 !== 0) return;
    const real = 1000 * attached * Math.exp(noise * random.normal());
    const value = lie === undefined ? real : lie(real, (now - startNs) / 1e9);
    hear?.({ kpi: 'throughput', endNs: now, value, ...(value === undefined && { why: 'it failed' }) });
  };
  const end = (why: AttachmentEnd['why']): AttachmentEnd => {
    const exit =
      why === 'ejected'
        ? { kind: 1026, code: 0, reason: 'runnable task stall', message: 'x[1] failed to run', dump: '' }
        : null;
    const told = { why, exit, kernelEvents: { SCX_EV_X: 2 }, detail: why };
    if (held !== undefined) log.push({ at: now, what: why });
    held?.end(told);
    held = undefined;
    leftNs = now;
    return told;
  };
  let other = foreign;
  const attach = async (scope: AttachScope): Promise<Attached> => {
    attaches++;
    if (attaches === failsAt)
      throw new Fault('unavailable', 'the runner did not say whether it holds the policy');
    if (refuse !== undefined)
      return {
        ok: false,
        finding: { code: refuse, message: `refused: ${refuse}` },
      };
    unattached = told.loading?.share ?? 1;
    for (let n = 0; n < 100 * (told.loading?.forS ?? 0); n++) step();
    unattached = 1;
    let resolve: (end: AttachmentEnd) => void = () => {};
    const ended = new Promise<AttachmentEnd>((done) => {
      resolve = done;
    });
    held = { since: now, scope, end: resolve };
    log.push({ at: now, what: `attach ${scope.part}` });
    const attachment: Partial<Attachment> = {
      ...{ address: 'here', ops: 'good', enableSeq: 1, isFreezeNoticed: told.freezeNoticed !== false, ended },
      beat: () => {
        beats++;
      },
      async detach() {
        for (let n = 0; n < 100 * (told.leavesS ?? 0); n++) step();
        return end('detached');
      },
      async set(values) {
        Object.assign(knobs, values);
      },
    };
    return { ok: true, attachment: attachment as Attachment };
  };
  const site: Site = {
    machine: {
      name: 'host',
      attach: (_, scope) => attach(scope),
      attachments: async () => [],
      adopt: async () => Promise.reject(new Error('none')),
    },
    clock: {
      nowNs: () => now,
      async sleep(ms, signal) {
        const until = now + ms * 1e6;
        if (freeze !== undefined && !frozen && now - startNs > freeze.atS * 1e9) {
          frozen = true;
          const thaw = now + freeze.forS * 1e9;
          while (now < thaw) step();
        }
        while (now < until && !signal.aborted) step();
        await undefined;
      },
    },
    async openKpis(_: readonly KpiSpec[], to) {
      hear = to;
      return {
        async close() {
          hear = undefined;
        },
      };
    },
    foreign: async () => other,
    async unload({ ops }) {
      if (clings === true) return false;
      log.push({ at: now, what: `unload ${ops}` });
      other = undefined;
      return true;
    },
    remember: ({ ops }) => void log.push({ at: now, what: `remember ${ops}` }),
    presence: async () => {
      if (silent === true && attaches > 0) throw new Fault('unavailable', 'the guest does not answer');
      if (intruderS !== undefined && held === undefined && now - startNs > intruderS * 1e9)
        return { state: 'enabled', ops: 'scx_intruder', enableSeq: 9 };
      if (other !== undefined) return { state: 'enabled', ops: other.ops, enableSeq: other.enableSeq };
      const isIn = held !== undefined || (stays === true && attaches > 0);
      return { state: isIn ? 'enabled' : 'disabled', ops: isIn ? 'good' : '' };
    },
    async startAgain({ ops }) {
      log.push({ at: now, what: `start ${ops}` });
      return `${ops} is in charge again`;
    },
    hear: (news) => void log.push({ at: now, what: `news ${news.what}` }),
  };
  return {
    site,
    knobs: () => knobs,
    log,
    beats: () => beats,
    seconds: () => (now - startNs) / 1e9,
    isHeld: () => held !== undefined,
    isReading: () => hear !== undefined,
  };
}
