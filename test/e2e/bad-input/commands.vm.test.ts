// Commands that cannot be measured: each ends in `invalid` (or a fault before any guest is started), says why and what to do, with exit
// code 3, and leaves nothing running.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type GuestPrograms, guestPrograms } from '../../support/guests.ts';
import { object } from '../../support/paths.ts';
import { openRoom, type Room } from '../../support/room.ts';
import type { Ended } from '../../support/schedcp.ts';

let room: Room;
let programs: GuestPrograms;
beforeAll(async () => {
  room = openRoom();
  programs = await guestPrograms();
});
afterAll(() => {
  room.close();
  programs.remove();
});
afterEach(() => {
  expect(room.processes()).toEqual([]);
  expect(room.leftovers()).toEqual([]);
});

const oneRival = [
  'tune',
  '--json',
  '--policies',
  'none',
  '--settings',
  'batch',
  '--no-harm',
  '--blocks',
  '6',
];
/** Every command brings the same files along: one saved guest serves them all. */
const tune = (flags: readonly string[], command: readonly string[]): Promise<Ended> =>
  room.start([...oneRival, '--with', 'sh', '--with', programs.misbehave, ...flags, '--', ...command], {
    cwd: room.directory,
  }).ended;

describe('refused before anything runs', () => {
  it.each([
    ['a missing program', 'no-such-program-anywhere', 'not-found', 'check the spelling'],
    ['a missing path', './nothing-here', 'not-found', 'check the spelling'],
    ['a file that is not executable', '/etc/passwd', 'not-found', 'check the spelling'],
    ['a directory', '/usr', 'not-found', 'check the spelling'],
  ])('%s', async (_, command, code, next) => {
    const { code: exit, json } = await tune([], [command]);
    expect(exit).toBe(3);
    expect(json.error).toMatchObject({ code, message: expect.stringContaining(command) });
    expect(json.error.next).toContain(next);
  });

  it.each([
    ['nothing after --', ['tune', '--json', '--'], 'nothing follows --'],
    ['a command without --', ['tune', '--json', 'make', '-j2'], "unknown option '-j2'"],
    ['memory out of bounds', ['tune', '--json', '--memory', '64', '--', 'true'], '--memory must be'],
    ['a seed that is no number', ['tune', '--json', '--seed', 'x', '--', 'true'], '--seed must be'],
  ])('%s is a usage error', async (_, args, message) => {
    const { code, json } = await room.start(args).ended;
    expect(code).toBe(2);
    expect(json.error).toMatchObject({ code: 'usage', message: expect.stringContaining(message) });
    expect(json.error.next).toMatch(/schedcp tune/);
  });

  it('neither command nor workload', async () => {
    const { code, json } = await room.start(['tune', '--json']).ended;
    expect(code).toBe(2);
    expect(json.error).toMatchObject({
      code: 'usage',
      message: expect.stringMatching(/nothing to run: give a workload .* or a command/),
      next: expect.stringContaining('schedcp tune'),
    });
  });

  it('a --with that does not exist', async () => {
    const { code, json } = await tune(['--with', './nowhere'], ['true']);
    expect(code).toBe(3);
    expect(json.error).toMatchObject({ code: 'not-found', next: expect.any(String) });
    expect(json.error.message).toContain('./nowhere');
  });

  it('a payload larger than the guest’s memory', async () => {
    const big = join(room.directory, 'big.bin');
    writeFileSync(big, Buffer.alloc(300 << 20, 1));
    const { code, json } = await tune(['--memory', '512', '--with', big], ['true']);
    expect(code).toBe(3);
    expect(json.error).toMatchObject({ code: 'unsupported', next: expect.stringMatching(/--memory \d+/) });
    expect(json.error.message).toMatch(/payload of 30\d MiB needs a guest of \d+ MiB, this one has 512 MiB/);
  });
});

describe('runs that are no data', () => {
  /** The verdict, and how the first run of the default failed. */
  const failure = ({ code, json }: Ended) => {
    expect(code).toBe(3);
    expect(json.verdict).toMatchObject({ decision: 'invalid', effect: null });
    const { finding, n, status } = json.arms[0];
    expect({ n, status }).toEqual({ n: 0, status: 'failed' });
    expect(json.verdict.why).toContain(finding.message);
    return finding;
  };

  it('a command that fails, with what it said', async () => {
    const finding = failure(await tune([], ['sh', '-c', 'echo no luck today >&2; exit 7']));
    expect(finding).toMatchObject({ code: 'command-failed', detail: 'no luck today' });
    expect(finding.message).toContain('exit code 7');
    expect(finding.next).toContain('--with');
  });

  it('a command that is killed by a signal', async () => {
    const finding = failure(await tune([], [programs.misbehave, 'crash']));
    expect(finding).toMatchObject({ code: 'command-failed', message: expect.stringContaining('signal 6') });
  });

  it('a program that the command calls and that did not come along: --with is told', async () => {
    const finding = failure(await tune([], ['sh', '-c', 'gawk 1']));
    expect(finding.next).toContain('--with gawk');
  });

  it('a command that ignores every signal and hangs', async () => {
    const finding = failure(await tune(['--limit', '1'], [programs.misbehave, 'hang']));
    expect(finding).toMatchObject({ code: 'timeout', next: expect.stringContaining('--limit') });
    expect(finding.message).toContain('1000 ms');
  });

  it('a command that forks for ever', async () => {
    const finding = failure(await tune(['--limit', '40'], [programs.misbehave, 'forks']));
    expect(finding).toMatchObject({ code: 'too-many-processes', next: expect.stringContaining('--memory') });
  });

  it('a command that fills its disk', async () => {
    const finding = failure(await tune(['--limit', '40'], [programs.misbehave, 'disk']));
    expect(finding).toMatchObject({ code: 'disk-full', next: expect.stringContaining('--memory') });
    expect(finding.message).toMatch(/is full \(\d+ MiB\)/);
  });

  it('a command that needs more memory than the guest has', async () => {
    const finding = failure(await tune(['--limit', '40'], [programs.misbehave, 'memory']));
    expect(finding).toMatchObject({ code: 'out-of-memory', next: expect.stringContaining('--memory') });
  });

  it('a policy that is ejected in the middle of a command: the arm is out, the default is not', async () => {
    const args = ['tune', '--json', '--policies', object('error'), '--settings', 'none', '--no-harm'];
    const { code, json } = await room.start([...args, '--', programs.misbehave, 'trigger']).ended;
    expect(code).not.toBe(0);
    expect(json.verdict.decision).not.toBe('accepted');
    expect(json.arms[0].finding).toBeUndefined();
    const { finding, n } = json.arms[1];
    expect(n).toBe(0);
    expect(finding).toMatchObject({ code: 'ejected', next: expect.any(String) });
    expect(finding.message).toMatch(/exit kind 1025.*task called trigger, pid \d+/);
  });
});

describe('what is below the working directory', () => {
  it('a command runs in a directory that nobody brought along', async () => {
    const { json } = await tune([], ['sh', '-c', 'test "$(pwd)" = "$0"', room.directory]);
    expect(json.arms.map((arm: { finding?: unknown }) => arm.finding)).toEqual([undefined, undefined]);
  });
});
