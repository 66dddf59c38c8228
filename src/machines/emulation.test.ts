import { expect, test } from 'vitest';
import { survived } from './emulation.ts';

/** As 6.18 prints it: arch/x86/kernel/dumpstack.c: die(). */
const poked = [
  '[   22.966100] Oops: int3: 0000 [#1] SMP NOPTI',
  '[   22.966200] CPU: 1 UID: 0 PID: 72 Comm: hold-test Not tainted 6.18.15 #1',
  '[   22.966328] RIP: 0010:do_pick_task_scx+0x61/0xcb0',
  '[   22.967148] Kernel panic - not syncing: Fatal exception in interrupt',
].join('\r\n');
const done = { event: 'done', status: 'ok' } as const;

async function triesOf(...guests: { console: string; isDone?: boolean }[]) {
  let tries = 0;
  const last = await survived(async () => {
    const guest = guests[tries++]!;
    return { events: guest.isDone ? [done as never] : [], console: guest.console };
  });
  return { tries, console: last.console };
}

test('a guest that the emulator killed is run again, once', async () => {
  expect(await triesOf({ console: poked }, { console: 'well', isDone: true })).toEqual({
    ...{ tries: 2, console: 'well' },
  });
  expect(await triesOf({ console: poked }, { console: poked })).toEqual({ tries: 2, console: poked });
});

test.each([
  ['dies otherwise', poked.replace('int3: 0000', 'general protection fault: 0000')],
  ['only speaks of it', '[    1.000000] sched_ext: BPF scheduler "x" disabled (Oops: int3: 0000 [#1])'],
  ['ends without a word', ''],
])('a guest that %s is not', async (_, console) => {
  expect(await triesOf({ console })).toEqual({ tries: 1, console });
});

test('nor is one that came to its end', async () => {
  expect((await triesOf({ console: poked, isDone: true })).tries).toBe(1);
});
