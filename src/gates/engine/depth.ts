// How deep the frame of a function is. Source: grow_stack_state(), kernel/bpf/verifier.c, v6.18 (what is reached below r10).
import type { Program } from '../../bpf/programs.ts';

/** From accesses and addresses relative to r10. */
export function frameDepth({ instructions }: Program): number {
  let depth = 0;
  /** Registers that hold r10. */
  let copies = 1 << 10;
  for (const code of instructions) {
    if (code.kind === 'mov' && code.fromSrc && code.src === 10) copies |= 1 << code.dst;
    else if (code.kind === 'alu' && code.op === 'add' && !code.fromSrc && (copies >> code.dst) & 1) {
      depth = Math.max(depth, -code.imm);
      copies &= ~(1 << code.dst);
    } else if (code.kind === 'load' && code.src === 10) depth = Math.max(depth, -code.offset);
    else if ((code.kind === 'store' || code.kind === 'atomic') && code.dst === 10)
      depth = Math.max(depth, -code.offset);
    else if (code.kind === 'call') copies = 1 << 10;
  }
  return Math.min(Math.max(depth, 0), 4096);
}
