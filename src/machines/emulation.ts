// What an emulated machine does wrong now and then, and not the next time. None of it is the policy's doing, so the run is repeated rather than told.

import type { RunnerEvent } from '../linux/runner.ts';

/** What came out of one guest; `console` is the kernel's. */
export interface GuestSaid {
  readonly events: readonly RunnerEvent[];
  readonly console: string;
}

/** A guest may die so often of its emulation; then its last end is told. */
const attempts = 2;

/**
 * Runs a guest, and another one when the emulator was its death.
 * Several threads of QEMU's TCG may still execute the breakpoint that the kernel puts over an instruction while it patches it, after the kernel is done with it: an int3 that nobody expects.
 * Each policy that is attached or detached patches jump labels; seen in do_pick_task_scx() and pick_task_idle() of 6.18 under QEMU 10.0.2, twice.
 * Source: arch/x86/kernel/alternative.c: smp_text_poke_batch_finish(); Red Hat bug 2216496.
 */
export async function survived<Run extends GuestSaid>(run: () => Promise<Run>): Promise<Run> {
  for (let attempt = 1; ; attempt++) {
    const said = await run();
    if (attempt === attempts || !diedOfEmulation(said)) return said;
  }
}

function diedOfEmulation({ events, console }: GuestSaid): boolean {
  const isOver = events.some(({ event }) => event === 'done');
  return !isOver && /^(?:\[[ .\d]+\] )?(?:Oops: )?int3: 0000 \[#1\]/m.test(console);
}
