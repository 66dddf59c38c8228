// Ctrl-C, SIGTERM, SIGKILL and SIGSTOP of the control plane at several moments: nothing is left running, nothing is left lying about, and
// the next run works.

import { existsSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRandom } from '../../../src/lib/random.ts';
import { policyFile } from '../../support/paths.ts';
import { openRoom, type Room } from '../../support/room.ts';
import { type Run, until } from '../../support/schedcp.ts';

/** One guest, one load. */
const verify = ['verify', policyFile('fifo'), '--gates', 'kernel', '--loads', 'crowd', '--json'];
const tune = [
  ...['tune', '--json', '--workload', 'hog-latency', '--policies', 'fifo', '--settings', 'none'],
  '--no-harm',
];

const guests = (room: Room): string[] =>
  room
    .processes()
    .map(({ command }) => command)
    .filter((command) => /^\S*qemu-system/.test(command));
const booting = (room: Room): boolean => guests(room).some((command) => !command.includes('-incoming'));
const restored = (room: Room): boolean => guests(room).some((command) => command.includes('-incoming'));

async function ended(room: Room, run: Run): Promise<void> {
  const { code, json, err } = await run.ended;
  expect(json.error, err).toMatchObject({ code: 'interrupted' });
  expect(code).toBe(3);
  expect(room.processes()).toEqual([]);
  expect(room.leftovers()).toEqual([]);
}

async function works(room: Room): Promise<void> {
  const { code, json } = await room.start(verify).ended;
  expect({ code, finding: json.finding }).toEqual({ code: 0, finding: null });
  expect(room.processes()).toEqual([]);
  expect(room.leftovers()).toEqual([]);
}

let room: Room;
beforeAll(() => {
  room = openRoom();
});
afterAll(() => room.close());

/** Takes the saved guest out of the cache, and puts it back. */
async function setAside(room: Room): Promise<{ name: string; back(): void }> {
  await works(room);
  const [name = ''] = readdirSync(join(room.cache, 'snapshots'));
  const [at, aside] = [join(room.cache, 'snapshots', name), join(room.directory, 'aside')];
  renameSync(at, aside);
  return { name, back: () => renameSync(aside, at) };
}

describe('Ctrl-C', () => {
  it('while a guest is booted to be saved', async () => {
    const run = room.start(verify);
    await until(() => booting(room), 30_000, 'a guest that boots');
    await sleep(300);
    run.ctrlC();
    await ended(room, run);
    expect(
      existsSync(join(room.cache, 'snapshots')) ? readdirSync(join(room.cache, 'snapshots')) : [],
    ).toEqual([]);
    await works(room);
  });

  it.each([0, 150, 700])('%i ms after a guest has been restored', async (delayMs) => {
    const run = room.start(verify);
    await until(() => restored(room), 30_000, 'a restored guest');
    await sleep(delayMs);
    run.ctrlC();
    await ended(room, run);
  });

  it('SIGTERM to the control plane alone', async () => {
    const run = room.start(verify);
    await until(() => restored(room), 30_000, 'a restored guest');
    run.child.kill('SIGTERM');
    await ended(room, run);
  });

  it('in the middle of a tune: what has run stays on record', async () => {
    const run = room.start(tune);
    await run.told('7 rounds left');
    await until(() => restored(room), 30_000, 'a restored guest');
    run.ctrlC();
    await ended(room, run);
    const shown = await room.start(['show', '--json']).ended;
    expect(shown.json.text).toMatch(/outcome/);
    await works(room);
  });

  it('while waiting for another run', async () => {
    const unsave = await setAside(room);
    const lock = join(room.cache, 'snapshots', `${unsave.name}.lock`);
    writeFileSync(lock, String(process.pid));
    const run = room.start(verify);
    await run.told('fifo on kernel');
    await sleep(500);
    run.ctrlC();
    const { code, json } = await run.ended;
    expect({ code, error: json.error.code }).toEqual({ code: 3, error: 'interrupted' });
    expect(room.processes()).toEqual([]);
    expect(readdirSync(join(room.cache, 'snapshots'))).toEqual([`${unsave.name}.lock`]);
    rmSync(lock);
    unsave.back();
  });

  it('twice: at once, and still nothing is left running', async () => {
    const run = room.start(verify);
    await until(() => restored(room), 30_000, 'a restored guest');
    run.child.kill('SIGINT');
    run.child.kill('SIGINT');
    expect((await run.ended).code).toBe(3);
    await until(() => room.processes().length === 0, 2000, 'no process of the room');
    await works(room);
  });
});

describe('SIGKILL of the control plane', () => {
  it('at random moments: no guest outlives it by 2 s, and the next run works and cleans up', async () => {
    const random = createRandom(7);
    const killed = async (moment: (room: Room) => boolean, delayMs: number): Promise<void> => {
      const run = room.start(verify);
      await until(() => moment(room), 30_000, 'a guest');
      await sleep(delayMs);
      run.child.kill('SIGKILL');
      await run.ended;
      await until(() => room.processes().length === 0, 2000, 'no process of the room');
    };
    const unsave = await setAside(room);
    for (let round = 0; round < 2; round++) await killed(booting, random.below(1000));
    expect(room.leftovers()).not.toEqual([]);
    unsave.back();
    for (let round = 0; round < 4; round++) await killed(restored, random.below(1500));
    await works(room);
  });
});

describe('SIGSTOP of the control plane', () => {
  it('while a policy is attached: the guest ends by itself, and the answer comes when it goes on', async () => {
    const run = room.start(verify);
    await until(() => restored(room), 30_000, 'a restored guest');
    await sleep(600);
    expect(guests(room)).toHaveLength(1);
    run.child.kill('SIGSTOP');
    await until(() => guests(room).length === 0, 60_000, 'the guest has ended by itself');
    run.child.kill('SIGCONT');
    expect(await run.ended).toMatchObject({ code: 0, json: { finding: null } });
    expect(room.leftovers()).toEqual([]);
  });
});
