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

type Action =
  | { readonly kind: 'tree'; readonly block: number }
  /** The first `merges` of the merges that the block dominates follow it. */
  | { readonly kind: 'within'; readonly block: number; readonly merges: number }
  | { readonly kind: 'jump'; readonly from: number; readonly to: number }
  | { readonly kind: 'else' }
  | { readonly kind: 'end' };

function emitStructured(to: FunctionCode, flow: Flow, bodies: Bodies): void {
  const merges: number[][] = flow.blocks.map(() => []);
  flow.dominator.forEach((above, block) => {
    if (block > 0 && flow.isMerge[block]) merges[above]!.push(block);
  });
  /** How many blocks, loops and ifs are open around the code being written; and how many were around the loop of a block, and around what it follows. */
  let open = 0;
  const aroundLoop = new Int32Array(flow.blocks.length).fill(-1);
  const aroundBlock = new Int32Array(flow.blocks.length).fill(-1);
  const work: Action[] = [{ kind: 'tree', block: 0 }];
  const next = (...actions: Action[]): void => {
    work.push(...actions.reverse());
  };
  const br = (around: number): void => {
    assert(around >= 0 && around < open, 'a jump without its target around it');
    to.out.byte(op.br).u32(open - 1 - around);
  };
  for (let action = work.pop(); action !== undefined; action = work.pop()) {
    switch (action.kind) {
      case 'tree': {
        const { block } = action;
        const within: Action = { kind: 'within', block, merges: merges[block]!.length };
        if (!flow.isLoop[block]) {
          next(within);
          break;
        }
        to.begin(op.loop);
        aroundLoop[block] = open++;
        bodies.loopHead(block);
        next(within, { kind: 'end' });
        break;
      }
      case 'within': {
        const { block } = action;
        if (action.merges > 0) {
          const last = merges[block]![action.merges - 1]!;
          to.begin(op.block);
          aroundBlock[last] = open++;
          next(
            { kind: 'within', block, merges: action.merges - 1 },
            { kind: 'end' },
            { kind: 'tree', block: last },
          );
          break;
        }
        bodies.body(block);
        const [taken, otherwise] = flow.blocks[block]!.next;
        if (taken === undefined) bodies.leave(block);
        else if (otherwise === undefined || otherwise === taken)
          next({ kind: 'jump', from: block, to: taken });
        else {
          bodies.condition(block);
          to.begin(op.if);
          open++;
          next(
            { kind: 'jump', from: block, to: taken },
            { kind: 'else' },
            { kind: 'jump', from: block, to: otherwise },
            { kind: 'end' },
          );
        }
        break;
      }
      case 'jump':
        bodies.edge(action.from, action.to);
        if (action.to <= action.from) br(aroundLoop[action.to]!);
        else if (flow.isMerge[action.to]) br(aroundBlock[action.to]!);
        else next({ kind: 'tree', block: action.to });
        break;
      case 'else':
        to.out.byte(op.else);
        break;
      case 'end':
        to.end();
        open--;
        break;
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
