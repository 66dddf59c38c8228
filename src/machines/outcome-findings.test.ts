// How a run ended, in the codes and words of findings, and which of several is told.

import { describe, expect, it } from 'vitest';
import {
  alone,
  ended,
  exit,
  failed,
  fault,
  limit,
  loaded,
  made,
  ok,
  plain,
  policy,
  presence,
  ran,
  refused,
  whole,
} from '../../test/machines/events.ts';
import { command, experiment, policyArm } from '../../test/records/build.ts';
import { recordDigest } from '../core/canonical.ts';
import { type Experiment, findingSchema, outcomeSchema } from '../core/records.ts';
import { type Ended, toOutcome } from './outcome.ts';

describe('how a run ended', () => {
  it.each<[string, Experiment, Ended, object | null]>([
    ['a policy that stayed', policy, ended([...whole, exit(64), ok]), null],
    ['the default scheduler, alone', plain, ended([alone('before'), alone('after'), ok]), null],
    ['a command that worked', made, ended([alone('before'), ran(), ok]), null],

    [
      'a verifier that refused',
      policy,
      ended([refused({}), failed]),
      {
        code: 'load-rejected',
        message: 'the kernel refused to load the policy in enqueue (EACCES, load)',
        detail: '[5 lines left out]\nR1 !read_ok',
      },
    ],
    [
      'a refusal without words',
      policy,
      ended([refused({ error: undefined, program: '', log: '', omittedLines: 0 }), failed]),
      { code: 'load-rejected', message: 'the kernel refused to load the policy (13, load)' },
    ],
    [
      'a whole log',
      policy,
      ended([refused({ omittedLines: 0 }), failed]),
      { code: 'load-rejected', detail: 'R1 !read_ok' },
    ],
    [
      'a verifier that did not end',
      policy,
      ended([refused({ budgetExceeded: true, processedInsns: 999 }), failed]),
      {
        code: 'verification-budget-exceeded',
        message: expect.stringContaining('in enqueue (processed 999 instructions)'),
      },
    ],
    [
      'a kernel that is broken',
      policy,
      ended([refused({ brokenBtf: true }), failed]),
      {
        code: 'kernel-broken',
        message: expect.stringContaining('kernel 6.18.0-test'),
        next: expect.stringContaining('not at fault'),
      },
    ],
    [
      'a broken kernel before a budget',
      policy,
      ended([refused({ brokenBtf: true, budgetExceeded: true }), failed]),
      { code: 'kernel-broken' },
    ],
    [
      'a kernel that did not attach',
      policy,
      ended([refused({ stage: 'attach', error: 'EBUSY' }), failed]),
      { code: 'attach-refused', message: 'the kernel refused to attach the policy: EBUSY' },
    ],

    [
      'the watchdog',
      policy,
      ended([...whole.slice(0, 2), exit(1026, { dump: 'tasks' }), failed]),
      { code: 'stalled', message: "the kernel's watchdog ejected the policy: why: what", detail: 'tasks' },
    ],
    [
      'an error of the policy',
      policy,
      ended([...whole.slice(0, 2), exit(1025), failed]),
      { code: 'ejected', message: 'the policy was ejected (exit kind 1025): why: what' },
    ],
    [
      'an exit without a message',
      policy,
      ended([...whole, exit(65, { message: '' }), ok]),
      { code: 'ejected', message: 'the policy was ejected (exit kind 65): why' },
    ],
    ['an exit that was not noted', policy, ended([...whole, exit(0), ok]), { code: 'ejected' }],
    ['SysRq-S', policy, ended([...whole, exit(67), ok]), { code: 'ejected' }],

    [
      'a wall-clock limit',
      plain,
      ended([limit('wall', '20 s'), failed]),
      { code: 'timeout', message: '20 s', next: expect.stringContaining('--limit') },
    ],
    [
      'a memory limit',
      plain,
      ended([limit('memory'), failed]),
      { code: 'out-of-memory', message: 'a limit was hit: memory' },
    ],
    ['a limit of processes', plain, ended([limit('processes'), failed]), { code: 'too-many-processes' }],
    ['a full disk', plain, ended([limit('disk'), failed]), { code: 'disk-full' }],

    [
      'a command that does not start',
      made,
      ended([fault('cannot start the command: ENOENT', 'look'), failed]),
      { code: 'command-not-found', message: 'cannot start the command: ENOENT', next: 'look' },
    ],
    [
      'a job that the runner refuses',
      plain,
      ended([fault('unknown setting'), failed]),
      { code: 'runner-refused', message: 'unknown setting' },
    ],

    [
      'a command that failed',
      made,
      ended([ran({ exit: 2, stderr: 'a\nmake: gcc: No such file or directory\n' }), ok]),
      {
        code: 'command-failed',
        message: 'the command ended with exit code 2 in the guest',
        next: expect.stringContaining('--with gcc'),
        detail: 'a\nmake: gcc: No such file or directory',
      },
    ],
    [
      'a command killed',
      made,
      ended([ran({ exit: 0, signal: 11, stdout: 'said' }), ok]),
      {
        code: 'command-failed',
        message: 'the command was killed by signal 11 in the guest',
        detail: 'said',
        next: expect.stringContaining('a failed run is never data'),
      },
    ],
    [
      'a command that failed once of three times',
      made,
      ended([ran(), ran({ exit: 1 }), ran(), ok]),
      { code: 'command-failed' },
    ],
    [
      "a shell's words",
      made,
      ended([ran({ exit: 127, stderr: 'sh: 1: cc: not found' }), ok]),
      { next: expect.stringContaining('--with cc ') },
    ],
    [
      "a compiler's words",
      made,
      ended([ran({ exit: 1, stderr: "gcc: fatal error: cannot execute 'as': execvp" }), ok]),
      { next: expect.stringContaining('--with as ') },
    ],

    [
      'a policy that was gone',
      policy,
      ended([loaded, presence('before'), presence('after', { state: 'disabled' }), ok]),
      { code: 'not-present', message: 'sched_ext was disabled after the run, not enabled' },
    ],
    [
      'a policy beside the default',
      plain,
      ended([presence('during'), ok]),
      { code: 'not-present', message: 'sched_ext was enabled during the run, not disabled' },
    ],
    [
      'a policy loaded anew',
      policy,
      ended([loaded, presence('before'), presence('after', { enableSeq: 4 }), ok]),
      { code: 'not-present', message: 'another policy came in between: p 3 0, p 4 0' },
    ],
    [
      'another policy',
      policy,
      ended([loaded, presence('before'), presence('after', { ops: 'q' }), ok]),
      { code: 'not-present' },
    ],
    [
      'tasks refused in between',
      policy,
      ended([loaded, presence('before'), presence('after', { nrRejected: 1 }), ok]),
      { code: 'not-present' },
    ],
    [
      'a policy never seen',
      policy,
      ended([loaded, ok]),
      { code: 'not-present', message: 'the runner did not report the presence of the policy before the run' },
    ],

    [
      'a policy not seen afterwards',
      policy,
      ended([loaded, presence('before'), presence('during'), ok]),
      { code: 'not-present', message: 'the runner did not report the presence of the policy after the run' },
    ],

    [
      'a guest that died',
      plain,
      ended([alone('before')], {
        end: { how: 'failed', detail: 'qemu: oops' },
        console: 'x\nKernel panic\n',
      }),
      { code: 'guest-failed', message: 'the guest ended early (qemu: oops)', detail: 'x\nKernel panic' },
    ],
    [
      'a guest at its limit',
      plain,
      ended([alone('before')], { end: { how: 'limit', detail: '' } }),
      { code: 'timeout', message: expect.stringContaining('wall-clock limit') },
    ],
    [
      'a guest that died before it spoke',
      policy,
      ended([], { end: { how: 'ended', detail: '' } }),
      { code: 'guest-failed' },
    ],
    [
      'a failure without a reason',
      plain,
      ended([alone('before'), failed]),
      { code: 'guest-failed', message: 'the runner could not do the job' },
    ],

    [
      'a refusal before everything',
      policy,
      ended([refused({}), exit(1026), limit('wall'), fault('x'), failed]),
      { code: 'load-rejected' },
    ],
    [
      'a stall before a limit',
      policy,
      ended([...whole, exit(1026), limit('wall'), ran({ exit: 1 }), failed]),
      { code: 'stalled' },
    ],
    [
      'a limit before a fault',
      made,
      ended([limit('memory'), fault('x'), ran({ exit: 1 }), failed]),
      { code: 'out-of-memory' },
    ],
    [
      'a fault before the command',
      made,
      ended([fault('cannot start the command'), ran({ exit: 127 }), failed]),
      { code: 'command-not-found' },
    ],
    [
      'a failed command before a missing policy',
      experiment({ arm: policyArm('p'), workload: command() }),
      ended([loaded, presence('after', { state: 'disabled' }), ran({ exit: 1 }), ok]),
      { code: 'command-failed' },
    ],
    [
      'an ejection before a dead guest',
      policy,
      ended([...whole, exit(1025)], { end: { how: 'limit', detail: '' } }),
      { code: 'ejected' },
    ],
  ])('%s', (_, asked, how, expected) => {
    const outcome = outcomeSchema.parse(toOutcome(asked, how));
    if (expected === null) expect(outcome.finding).toBeNull();
    else expect(outcome.finding).toMatchObject(expected);
    expect(outcome.status).toBe(expected === null ? 'completed' : 'failed');
    if (expected !== null) expect(outcome.metrics).toEqual({}); // a failed run is never data
    expect(outcome.from).toEqual([recordDigest(asked)]);
  });

  it('every code of a finding has a case above', async () => {
    const { readFile } = await import('node:fs/promises');
    const own = await readFile(new URL(import.meta.url), 'utf8');
    for (const code of findingSchema.shape.code.options) expect(own, code).toContain(`code: '${code}'`);
  });

  it.each([
    { code: 'bad-program', message: 'null dereference', detail: 'enqueue+3' } as const,
    { code: 'unsupported', message: 'no kfunc of this name' } as const,
    { code: 'host-without-sched-ext', message: 'no CONFIG_SCHED_CLASS_EXT' } as const,
    { code: 'foreign-scheduler', message: 'scx_lavd is loaded' } as const,
  ])('what a machine found itself comes before what the events say: $code', (own) => {
    const outcome = toOutcome(policy, ended([...whole, exit(64), ok]), undefined, own);
    expect(outcome).toMatchObject({ status: 'failed', finding: own, metrics: {} });
  });

  it('quotes the end of what a command or a console said', () => {
    const lines = Array.from({ length: 40 }, (_, index) => `line ${index}`).join('\n');
    const detail = (asked: Experiment, how: Ended): string[] =>
      toOutcome(asked, how).finding?.detail?.split('\n') ?? [];
    expect(detail(made, ended([ran({ exit: 1, stderr: lines }), ok]))).toEqual(lines.split('\n').slice(-12));
    expect(detail(plain, ended([], { console: lines }))).toEqual(lines.split('\n').slice(-15));
  });
});
