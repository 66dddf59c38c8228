// Refuses programs whose chains of calls take more stack than a program has, as the kernel's verifier does before anything of them runs. Source: check_max_stack_depth(),
// kernel/bpf/verifier.c, v6.18.

import { frameBytes, maxFrames } from '../../jit/program.ts';
import { tooDeep } from '../../jit/stack-depth.ts';
import { functionPointerBase, placeOf, SimFinding } from './instance.ts';
import type { Linked } from './link.ts';

/** They keep a function, their second argument, for later. */
const later: ReadonlySet<string> = new Set(['helper timer_set_callback', 'kfunc bpf_wq_set_callback_impl']);

/** @throws SimFinding. */
export function checkStack(linked: Linked): void {
  const callbacks = new Map(linked.callbacks.map((fn) => [BigInt(functionPointerBase + 8 * fn), fn]));
  const found = tooDeep(linked.functions, [...new Set(linked.entries.values())], {
    functionAt: (value) => callbacks.get(value),
    isAsync: (call) =>
      call.what !== 'function' && later.has(`${call.what} ${linked.calleeName(call.what, call.id)}`),
  });
  if (found === undefined) return;
  const { problem, chain, at } = found;
  const path = chain.map(({ fn, bytes }) => `${linked.names[fn]} (${bytes})`).join(', ');
  const total = chain.reduce((sum, { bytes }) => sum + bytes, 0);
  const text =
    problem === 'bytes'
      ? `stack overflow: the frames of ${chain.length} calls take ${total} bytes, a program has ${frameBytes}: ${path}`
      : `stack overflow: more than ${maxFrames} calls within one another: ${path}`;
  throw new SimFinding('bad-program', text, placeOf(linked, chain[Math.max(0, chain.length - 2)]!.fn, at));
}
