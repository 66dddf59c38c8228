// Jumps to WebAssembly's blocks, loops and ifs. Source: Ramsey, "Beyond Relooper: recursive translation of unstructured control flow to
// structured control flow" (ICFP 2022), with a work list in place of the recursion. Irreducible flow gets a loop around a br_table.
import { assert } from '../lib/assert.ts';
import type { Flow } from './flow.ts';
import type { FunctionCode } from './function-code.ts';
import { op } from './wasm.ts';

/** What the shape needs of the code inside it. */
export interface Bodies {
  /** Everything of a block but its last jump. */
  body(block: number): void;
  /** Leaves an i32 that says whether the first successor is taken. */
  condition(block: number): void;
  /** On the way from a block to the next. */
  edge(from: number, to: number): void;
  /** At the head of each loop. */
  loopHead(block: number): void;
  /** Leaves the function; after the body of a block without successors. */
  leave(block: number): void;
}

/** `dispatch`: an i32 local for irreducible flow. */
export function emitFlow(to: FunctionCode, flow: Flow, bodies: Bodies, dispatch: number): void {
  if (flow.isReducible) emitStructured(to, flow, bodies);
  else emitDispatcher(to, flow, bodies, dispatch);
}

/**
 * What is left to write, as three numbers each. `tree`: a block and what it dominates. `within`: the same without the loop, if the block heads one; so many
 * of the merges that it dominates, the first ones, follow. `jump`: from a block to another.
 */
const action = { tree: 0, within: 1, jump: 2, else: 3, end: 4 } as const;

function emitStructured(to: FunctionCode, flow: Flow, bodies: Bodies): void {
  const { blocks, dominator, isMerge, isLoop } = flow;
  const merges: number[][] = blocks.map(() => []);
  for (let block = 1; block < blocks.length; block++)
    if (isMerge[block] === 1) merges[dominator[block]!]!.push(block);
  /** How many blocks, loops and ifs are open around the code being written; and how many were around the loop of a block, and around what it follows. */
  let open = 0;
  const aroundLoop = new Int32Array(blocks.length).fill(-1);
  const aroundBlock = new Int32Array(blocks.length).fill(-1);
  /** The next is the last. */
  const work: number[] = [0, 0, action.tree];
  const br = (around: number): void => {
    assert(around >= 0 && around < open, 'a jump without its target around it');
    to.out.byte(op.br).u32(open - 1 - around);
  };
  while (work.length > 0) {
    const kind = work.pop();
    const block = work.pop()!;
    const more = work.pop()!;
    switch (kind) {
      case action.tree:
        if (isLoop[block] === 1) {
          to.begin(op.loop);
          aroundLoop[block] = open++;
          bodies.loopHead(block);
          work.push(0, 0, action.end);
        }
        work.push(merges[block]!.length, block, action.within);
        break;
      case action.within: {
        if (more > 0) {
          const last = merges[block]![more - 1]!;
          to.begin(op.block);
          aroundBlock[last] = open++;
          work.push(0, last, action.tree, 0, 0, action.end, more - 1, block, action.within);
          break;
        }
        bodies.body(block);
        const { next } = blocks[block]!;
        const taken = next[0];
        const otherwise = next[1];
        if (taken === undefined) bodies.leave(block);
        else if (otherwise === undefined || otherwise === taken) work.push(taken, block, action.jump);
        else {
          bodies.condition(block);
          to.begin(op.if);
          open++;
          work.push(0, 0, action.end, otherwise, block, action.jump);
          work.push(0, 0, action.else, taken, block, action.jump);
        }
        break;
      }
      case action.jump:
        bodies.edge(block, more);
        if (more <= block) br(aroundLoop[more]!);
        else if (isMerge[more] === 1) br(aroundBlock[more]!);
        else work.push(0, more, action.tree);
        break;
      case action.else:
        to.out.byte(op.else);
        break;
      default:
        to.end();
        open--;
    }
  }
}

/** loop { block … block { br_table } body 0 … body n }: each body sets the number of the next and starts the loop again. */
function emitDispatcher(to: FunctionCode, flow: Flow, bodies: Bodies, dispatch: number): void {
  const count = flow.blocks.length;
  to.begin(op.loop);
  for (let i = 0; i < count; i++) to.begin(op.block);
  to.get(dispatch).byte(op.brTable).u32(count);
  for (let i = 0; i < count; i++) to.out.u32(i);
  to.out.u32(0);
  flow.blocks.forEach(({ next: [taken, otherwise] }, block) => {
    to.end();
    if (flow.isLoop[block]) bodies.loopHead(block);
    bodies.body(block);
    const go = (next: number): void => {
      bodies.edge(block, next);
      to.i32(next).byte(op.localSet).u32(dispatch);
    };
    if (taken === undefined) {
      bodies.leave(block);
      return;
    }
    if (otherwise === undefined || otherwise === taken) go(taken);
    else {
      bodies.condition(block);
      to.begin(op.if);
      go(taken);
      to.out.byte(op.else);
      go(otherwise);
      to.end();
    }
    to.out.byte(op.br).u32(count - 1 - block);
  });
  to.end();
}
