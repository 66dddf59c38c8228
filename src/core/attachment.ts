// A policy that stays in charge: what a machine that deploys gives and takes. The policy is held by a process of its own beside the kernel (the runner's `hold`),
// which lets go of it when it hears nothing for a while: whoever has died, the kernel is back on its default scheduler. Bytes: docs/protocol.md, section 7.

import type { Finding, Outcome, Policy } from './records.ts';

/**
 * Whom the policy schedules. `whole`: every task of a fair class. The others leave the machine's default scheduler as it is (SCX_OPS_SWITCH_PARTIAL)
 * and put some tasks into SCHED_EXT, with all that they fork from then on; when the policy leaves, they are put back.
 * `cgroups`: paths of cgroup v2 as /proc/PID/cgroup names them, with those below them; who enters later is found within a second.
 * `processes`: these, with their threads and descendants.
 */
export type AttachScope =
  | { readonly part: 'whole' }
  | { readonly part: 'cgroups'; readonly paths: readonly string[] }
  | { readonly part: 'processes'; readonly pids: readonly number[] };

export interface AttachOptions {
  /** The policy is let go when no beat has come for so long. Default 3000, 100 to 60,000. */
  readonly heartbeatMs?: number;
  /** Of the kernel's watchdog, lowered to this. Default and at most 5000. */
  readonly timeoutMs?: number;
  /** Gives up attaching: Fault('interrupted'), when what was started for it has ended, or been killed. An attachment that exists is not ended by it. */
  readonly signal?: AbortSignal;
}

/** A refusal is a finding: host-without-sched-ext, foreign-scheduler, load-rejected, attach-refused, … and nothing has changed. Without root: Fault('not-permitted'). */
export type Attached =
  | { readonly ok: true; readonly attachment: Attachment }
  | { readonly ok: false; readonly finding: Finding };

/** Somebody else's scheduler: what is needed to give it back. */
export interface ForeignScheduler {
  readonly ops: string;
  readonly enableSeq: number;
  /** Who holds it, where that can be told: its process, its command line, the systemd unit that it belongs to. */
  readonly pid?: number;
  readonly argv?: readonly string[];
  readonly unit?: string;
}

/** What the kernel says, about once a second. */
export interface AttachmentState {
  readonly presence: Omit<Outcome['presence'][number], 'when'>;
  /** sysfs root/events: counters since the policy was attached. */
  readonly kernelEvents: Readonly<Record<string, number>>;
  /** Threads in SCHED_EXT because of a scope that is not whole; absent: whole. */
  readonly covered?: number;
}

/**
 * Why it is over. detached: we asked; ejected: the kernel did it (exit tells); silent: no beat came; signal: somebody ended the process that holds it;
 * gone: that process has said no more: it was killed (the kernel drops the policy with it), or its machine has ended; left: it goes on without us.
 */
export type AttachmentEndWhy = 'detached' | 'ejected' | 'silent' | 'signal' | 'gone' | 'left';

export interface AttachmentEnd {
  readonly why: AttachmentEndWhy;
  /** The kernel's exit record; null when nobody could tell. */
  readonly exit: Outcome['exit'];
  readonly kernelEvents: Readonly<Record<string, number>>;
  /** For people: what the holder said last; or that it (or the guest that it was in) was killed, as it did not answer. */
  readonly detail: string;
}

export interface Attachment {
  /** Under which `adopt` finds it again; one line of text, to be kept in a record. */
  readonly address: string;
  /** The kernel's name of the policy, and its enable_seq. */
  readonly ops: string;
  readonly enableSeq: number;
  /** Whether the policy goes also when whoever attached it, and the process that holds it, are frozen with their cgroup. */
  readonly isFreezeNoticed: boolean;
  /** The last state that was heard. */
  state(): AttachmentState;
  /** States as they come, from now on, the newest only for a slow reader; ends with the attachment. */
  states(): AsyncIterable<AttachmentState>;
  /** Call it about three times as often as heartbeatMs asks for. Nothing else counts as a beat. */
  beat(): void;
  /** Sets knobs that the object keeps in .data, as they are named in policy.json. What the object has not is Fault('not-found'), a value that does not fit 'malformed'. */
  set(knobs: Policy['parameters']): Promise<void>;
  /** Lets go of the policy; resolves when the kernel is without it. Harmless when it is over already. */
  detach(): Promise<AttachmentEnd>;
  /** Leaves the policy attached to be adopted by somebody else before the heartbeat runs out. */
  leave(): void;
  readonly ended: Promise<AttachmentEnd>;
}

/** What machines that deploy have beside `run`. */
export interface Deploys {
  attach(policy: Policy, scope: AttachScope, options?: AttachOptions): Promise<Attached>;
  /** Addresses of all attachments that live on this machine, whoever made them. */
  attachments(): Promise<readonly string[]>;
  /** Takes over an attachment, and beats for it. Faults: not-found (it is over), interrupted. */
  adopt(address: string, signal?: AbortSignal): Promise<Attachment>;
}
