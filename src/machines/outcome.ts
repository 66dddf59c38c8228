// From what the runner said to an Outcome: how it ended, in words, and the metrics if it is data. Nothing here depends on the wall
// clock of the host, so that the same deterministic run gives the same bytes.

import { recordDigest } from '../core/canonical.ts';
import { computeMetrics, type MeasuredShape, type MetricName } from '../core/metrics.ts';
import type { Experiment, Finding, Outcome } from '../core/records.ts';
import type { Expansion } from '../core/workload.ts';
import type { RunnerEvent } from '../linux/runner.ts';
import { patternValue } from './patterns.ts';

export interface Ended {
  readonly events: readonly RunnerEvent[];
  readonly end: { readonly how: string; readonly detail: string; readonly status?: number | string | null };
  readonly console: string;
}

type EventOf<K extends RunnerEvent['event']> = Extract<RunnerEvent, { event: K }>;

/** `expansion` is what a declared workload meant; absent for commands. `own`: a finding of the machine itself, which says more than the events. */
export function toOutcome(
  experiment: Experiment,
  ended: Ended,
  expansion?: Expansion,
  own?: Finding,
): Outcome {
  const { events } = ended;
  const finding = own ?? findingOf(experiment, ended);
  const metrics = finding === null ? measured(experiment, events, expansion) : {};
  const exit = last(events, 'exit');
  const run = last(events, 'run');
  return {
    kind: 'outcome',
    version: 1,
    from: [recordDigest(experiment)],
    status: finding === null ? 'completed' : 'failed',
    finding,
    metrics,
    exit:
      exit === undefined
        ? null
        : { kind: exit.kind, code: exit.code, reason: exit.reason, message: exit.message, dump: exit.dump },
    presence: all(events, 'presence').map(({ when, state, ops, enableSeq, nrRejected }) => ({
      when,
      state,
      ops,
      enableSeq,
      nrRejected,
    })),
    kernelEvents: last(events, 'events')?.values ?? {},
    timeline: timeline(events, expansion),
    output: run === undefined ? null : { stdout: run.stdout, stderr: run.stderr },
    notes: notesOf(experiment),
  };
}

function all<K extends RunnerEvent['event']>(events: readonly RunnerEvent[], kind: K): EventOf<K>[] {
  return events.filter((event): event is EventOf<K> => event.event === kind);
}

function last<K extends RunnerEvent['event']>(
  events: readonly RunnerEvent[],
  kind: K,
): EventOf<K> | undefined {
  return all(events, kind).at(-1);
}

/** The expected "no", most telling first; null for a run that is data. */
function findingOf(experiment: Experiment, ended: Ended): Finding | null {
  const { events } = ended;
  return (
    loadFinding(experiment.machine.kernel.release, events) ??
    exitFinding(events) ??
    limitFinding(events) ??
    refusalFinding(events) ??
    commandFinding(experiment, events) ??
    presenceFinding(experiment, events) ??
    guestFinding(ended)
  );
}

/** Why the kernel did not take the policy; null when it did. */
export function loadFinding(release: string, events: readonly RunnerEvent[]): Finding | null {
  const load = last(events, 'load');
  if (load === undefined || load.ok) return null;
  const detail = load.log === undefined || load.log === '' ? {} : { detail: omitted(load) + load.log };
  const where = load.program === undefined || load.program === '' ? '' : ` in ${load.program}`;
  if (load.brokenBtf) {
    return {
      code: 'kernel-broken',
      message: `kernel ${release} was built with broken BTF: no policy can call its kfuncs`,
      next: 'the policy is not at fault; take another kernel, for example --kernel 6.18',
      ...detail,
    };
  }
  if (load.budgetExceeded) {
    return {
      code: 'verification-budget-exceeded',
      message: `the verifier was still busy after its time budget${where} (processed ${load.processedInsns ?? 'an unknown number of'} instructions)`,
      next: 'bound every loop with a constant, or use bpf_for / may_goto; make the program smaller',
      ...detail,
    };
  }
  if (load.stage === 'attach') {
    return {
      code: 'attach-refused',
      message: `the kernel refused to attach the policy: ${load.error ?? load.errno}`,
      next: 'read the log; flags or callbacks that this kernel does not know are refused here',
      ...detail,
    };
  }
  return {
    code: 'load-rejected',
    message: `the kernel refused to load the policy${where} (${load.error ?? load.errno}, ${load.stage ?? 'load'})`,
    next: 'read the end of the log: it names the source line',
    ...detail,
  };
}

function omitted(load: EventOf<'load'>): string {
  return load.omittedLines === undefined || load.omittedLines === 0
    ? ''
    : `[${load.omittedLines} lines left out]\n`;
}

/** Kinds below 1024 end a policy in order (SCHED-EXT: 64 unregistered by us); 1026 is the watchdog. */
function exitFinding(events: readonly RunnerEvent[]): Finding | null {
  const exit = last(events, 'exit');
  if (exit === undefined || exit.kind === 64) return null;
  const text = [exit.reason, exit.message].filter((part) => part !== '').join(': ');
  const detail = exit.dump === '' ? {} : { detail: exit.dump };
  if (exit.kind === 1026) {
    return {
      code: 'stalled',
      message: `the kernel's watchdog ejected the policy: ${text}`,
      next: 'some task was runnable and never dispatched: look for a queue that is filled and not drained',
      ...detail,
    };
  }
  return {
    code: 'ejected',
    message: `the policy was ejected (exit kind ${exit.kind}): ${text}`,
    next: 'mend what the message names; the dump shows where it happened, with tasks and CPUs at that moment',
    ...detail,
  };
}

function limitFinding(events: readonly RunnerEvent[]): Finding | null {
  const limit = last(events, 'limit');
  if (limit === undefined) return null;
  const known = {
    wall: { code: 'timeout', next: 'raise --limit, or give it less work' },
    memory: { code: 'out-of-memory', next: 'give the guest more with --memory' },
    processes: {
      code: 'too-many-processes',
      next: 'let it start fewer processes, or raise --memory: a guest allows four a MiB',
    },
    disk: { code: 'disk-full', next: 'its files live in the guest’s memory: raise --memory, or write less' },
  } as const;
  return {
    ...known[limit.what],
    message: limit.detail === '' ? `a limit was hit: ${limit.what}` : limit.detail,
  };
}

/** What the runner could not do. */
export function refusalFinding(events: readonly RunnerEvent[]): Finding | null {
  const [fault] = all(events, 'fault'); // what came after it followed from it
  if (fault === undefined) return null;
  const code = fault.message.startsWith('cannot start the command') ? 'command-not-found' : 'runner-refused';
  return { code, message: fault.message, ...(fault.next === undefined ? {} : { next: fault.next }) };
}

function commandFinding({ machine }: Experiment, events: readonly RunnerEvent[]): Finding | null {
  const isHost = machine.name === 'host';
  const bad = all(events, 'run').find((run) => run.exit !== 0 || run.signal !== 0);
  if (bad === undefined) return null;
  const how = bad.signal === 0 ? `ended with exit code ${bad.exit}` : `was killed by signal ${bad.signal}`;
  const said = (bad.stderr.trim() === '' ? bad.stdout : bad.stderr).trim().split('\n').slice(-12).join('\n');
  return {
    code: 'command-failed',
    message: `the command ${how}${isHost ? '' : ' in the guest'}`,
    next: isHost ? 'run it by hand: a failed run is never data' : adviceFor(said),
    ...(said === '' ? {} : { detail: said }),
  };
}

/** What the command itself said is missing comes along with --with. */
function adviceFor(said: string): string {
  const patterns = [
    /cannot execute '([\w./+-]+)'/,
    /([\w./+-]+): (?:command )?not found/,
    /([\w./+-]+): No such file or directory/,
  ];
  const name = patterns.map((pattern) => pattern.exec(said)?.[1]).find((found) => found !== undefined);
  const general =
    'a failed run is never data; does it need files, other programs or a network? Only what --with names is in the guest';
  return name === undefined ? general : `bring it along: --with ${name} (a failed run is never data)`;
}

/** A policy must have been in charge before, during and after; the default scheduler must have been alone. */
function presenceFinding(experiment: Experiment, events: readonly RunnerEvent[]): Finding | null {
  const seen = all(events, 'presence');
  // absent: a host's kernel may be without sched_ext
  const wanted = experiment.arm.policy === undefined ? ['disabled', 'absent'] : ['enabled'];
  const wrong = seen.find((item) => !wanted.includes(item.state));
  if (wrong !== undefined)
    return {
      code: 'not-present',
      message: `sched_ext was ${wrong.state} ${wrong.when} the run, not ${wanted[0]}`,
      next: 'look at the kernel’s exit message with: schedcp show RECORD --view json',
    };
  const sequence = new Set(seen.map((item) => `${item.ops} ${item.enableSeq} ${item.nrRejected}`));
  if (sequence.size > 1)
    return { code: 'not-present', message: `another policy came in between: ${[...sequence].join(', ')}` };
  const missing = ['before', 'after'].find((when) => !seen.some((item) => item.when === when));
  if (experiment.arm.policy !== undefined && missing !== undefined && last(events, 'done') !== undefined) {
    return {
      code: 'not-present',
      message: `the runner did not report the presence of the policy ${missing} the run`,
      next: 'report this as a bug',
    };
  }
  return null;
}

function guestFinding(ended: Ended): Finding | null {
  const done = last(ended.events, 'done');
  if (done?.status === 'ok') return null;
  if (done !== undefined)
    return { code: 'guest-failed', message: 'the runner could not do the job', next: 'report this as a bug' };
  const said = ended.console.trim().split('\n').slice(-15).join('\n');
  const why =
    ended.end.how === 'limit'
      ? 'did not end within its wall-clock limit and was killed'
      : `ended early (${ended.end.detail || `QEMU said nothing; exit status ${ended.end.status}`})`;
  return {
    code: ended.end.how === 'limit' ? 'timeout' : 'guest-failed',
    message: `the guest ${why}`,
    next:
      ended.end.how === 'limit'
        ? 'raise --limit, or give it less work'
        : 'look at the end of its console; more memory (--memory) or another kernel (--kernel) may help',
    ...(said === '' ? {} : { detail: said }),
  };
}

function measured(
  experiment: Experiment,
  events: readonly RunnerEvent[],
  expansion: Expansion | undefined,
): Record<MetricName, number> {
  const shape: MeasuredShape | undefined = expansion;
  const metrics = { ...computeMetrics(events, shape) };
  if (experiment.workload?.kind === 'command') {
    const output = last(events, 'run');
    const text = `${output?.stdout ?? ''}\n${output?.stderr ?? ''}`;
    for (const [name, pattern] of Object.entries(experiment.workload.patterns)) {
      const value = patternValue(name, pattern, text);
      if (value !== undefined) metrics[name] = value;
    }
  }
  return metrics;
}

function timeline(events: readonly RunnerEvent[], expansion: Expansion | undefined): Outcome['timeline'] {
  return all(events, 'task').map((event) => ({
    task: expansion?.tasks[event.task]?.comm ?? String(event.task),
    round: expansion?.tasks[event.task]?.round ?? 0,
    startNs: event.startNs,
    endNs: event.endNs,
    cpuNs: event.cpuNs,
    delayNs: event.delayNs,
  }));
}

const modeNotes: Readonly<Record<Experiment['machine']['mode'], string[]>> = {
  deterministic: [
    'All CPUs share one instruction clock: work is counted in thread CPU time; order, fairness, tail and starvation effects are ranked, not locality or overhead.',
    'No caches, SMT, NUMA or frequency; wakeup latency and contention are not realistic.',
  ],
  fast: [
    'Emulated CPUs on a shared host: no caches, SMT, NUMA or frequency; times are noisy and only their ratios mean something.',
  ],
  simulated: [
    'A model of kernel 6.18, not a kernel: what it does not model is in docs/semantics.md. Effects are to be confirmed in a micro-VM.',
  ],
  kvm: ['The guest shares the host’s CPUs; its topology is not the host’s.'],
  native: [
    'Everything else that this machine does runs beside the workload; only paired and interleaved runs can be compared.',
  ],
};

function notesOf(experiment: Experiment): string[] {
  return modeNotes[experiment.machine.mode];
}
