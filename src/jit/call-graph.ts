// Who calls whom, and how deep. Source: kernel/bpf/verifier.c, v6.18: no recursion, at most MAX_CALL_FRAMES frames.
import { BadProgram, type Functions, maxFrames, type Of } from './program.ts';

type FunctionCall = Extract<Of<'call'>, { what: 'function' }>;

/** @throws BadProgram at a call of no function, of a function that is running, or one frame too deep. */
export function checkCalls(functions: Functions): void {
  const calls = functions.map((code) =>
    code.filter((one): one is FunctionCall => one.kind === 'call' && one.what === 'function'),
  );
  /** Frames of the longest chain from each function; 0: not yet known, −1: running. */
  const frames = new Int32Array(functions.length);
  const visit = (fn: number): number => {
    if (frames[fn] !== 0) return frames[fn]!;
    frames[fn] = -1;
    let longest = 0;
    for (const { at, target } of calls[fn]!) {
      if (functions[target] === undefined) throw new BadProgram('call of no function', fn, at);
      const below = visit(target);
      if (below === -1) throw new BadProgram('recursion', fn, at);
      longest = Math.max(longest, below);
    }
    frames[fn] = longest + 1;
    return longest + 1;
  };
  functions.forEach((_, fn) => {
    if (visit(fn) > maxFrames) throw tooDeep(fn);
  });

  function tooDeep(from: number): BadProgram {
    let fn = from;
    for (let left = frames[from]!; ; left--) {
      const call = calls[fn]!.find(({ target }) => frames[target] === left - 1)!;
      if (frames[from]! - left + 1 === maxFrames) return new BadProgram('stack overflow', fn, call.at);
      fn = call.target;
    }
  }
}
