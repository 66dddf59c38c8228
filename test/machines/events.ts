// What the runner says, line by line, for tests that make outcomes of it.

import { parseEvents, type RunnerEvent } from '../../src/linux/runner.ts';
import type { Ended } from '../../src/machines/outcome.ts';
import { command, defaultArm, experiment, policyArm } from '../records/build.ts';

/** Events as the runner writes them. */
export const say = (...events: readonly object[]): RunnerEvent[] =>
  parseEvents(events.map((event) => `${JSON.stringify(event)}\n`).join(''));
export const ended = (events: readonly object[], rest: Partial<Ended> = {}): Ended => ({
  events: say(...events),
  end: { how: 'ended', detail: '' },
  console: '',
  ...rest,
});

export const presence = (when: string, parts: object = {}): object => ({
  event: 'presence',
  when,
  state: 'enabled',
  ops: 'p',
  enableSeq: 3,
  nrRejected: 0,
  ...parts,
});
export const alone = (when: string): object => presence(when, { state: 'disabled', ops: '', enableSeq: 0 });
export const loaded = { event: 'load', ok: true };
export const refused = (parts: object): object => ({
  event: 'load',
  ok: false,
  stage: 'load',
  errno: 13,
  error: 'EACCES',
  program: 'enqueue',
  log: 'R1 !read_ok',
  omittedLines: 5,
  ...parts,
});
export const exit = (kind: number, parts: object = {}): object => ({
  event: 'exit',
  kind,
  code: 0,
  reason: 'why',
  message: 'what',
  dump: '',
  ...parts,
});
export const limit = (what: string, detail = ''): object => ({ event: 'limit', what, detail });
export const ran = (parts: object = {}): object => ({
  event: 'run',
  run: 0,
  exit: 0,
  signal: 0,
  wallNs: 100,
  userNs: 80,
  systemNs: 10,
  maxRssKiB: 5,
  vcsw: 1,
  icsw: 2,
  stdout: '',
  stderr: '',
  stdoutOmitted: 0,
  stderrOmitted: 0,
  ...parts,
});
export const fault = (message: string, next?: string): object => ({
  event: 'fault',
  message,
  ...(next === undefined ? {} : { next }),
});
export const ok = { event: 'done', status: 'ok' };
export const failed = { event: 'done', status: 'failed' };
export const whole = [loaded, presence('before'), presence('during'), presence('after')];

export const policy = experiment({ arm: policyArm('p') });
export const plain = experiment({ arm: defaultArm });
export const made = experiment({ workload: command() });
