// The abstract interpretation of one callback: each function that it reaches is followed once, with what all its callers hand over joined; blocks until nothing changes. Recorded
// are calls with their arguments, branches, stores, and pointers that are followed untested; rules and guards ask these.
import type { Instruction } from '../../bpf/instructions.ts';
import { dominates, type Flow } from './flow.ts';
import { emptyState, joinStates, type State, widenStates } from './frame.ts';
import type { Branch, Callback, Instance } from './instance.ts';
import { refine } from './refine.ts';
import type { Subject } from './subject.ts';
import { Transfer } from './transfer.ts';
import { anything, type Value, Values } from './values.ts';

/** Rounds after which what still changes in a block may be anything. */
const mostRounds = 12;
const deepest = 16;
/** Instructions followed for one callback, in all; beyond, values are no longer told apart. */
const mostSteps = 400_000;

export function analyse(subject: Subject, member: string | undefined, entry: number): Callback {
  const work = new Analysis(subject, member, entry);
  work.run();
  return {
    member,
    entry,
    instances: work.instances,
    values: work.values,
    subject,
    recursive: work.recursive,
  };
}

class Analysis {
  readonly values = new Values();
  readonly instances = new Map<number, Instance>();
  readonly recursive = new Set<number>();
  readonly #subject: Subject;
  readonly #entries = new Map<number, Value[]>();
  readonly #running: number[] = [];
  readonly #entry: number;
  readonly #transfer: Transfer;
  #steps = 0;
  #isStale = false;

  constructor(subject: Subject, member: string | undefined, entry: number) {
    this.#subject = subject;
    this.#entry = entry;
    this.#transfer = new Transfer(subject, this.values, member, (fn, args) => this.#call(fn, args));
  }

  /** Again where a function turned out to return more than its first callers were told. */
  run(): void {
    for (let round = 0; round < 4; round++) {
      this.#isStale = false;
      this.#follow(this.#entry, [this.values.made('ctx', '')]);
      if (!this.#isStale) return;
    }
  }

  /** Called by another function: what it returns, as far as is known now. */
  #call(fn: number, args: readonly Value[]): Value {
    if (this.#running.includes(fn)) {
      this.recursive.add(fn);
      return anything;
    }
    if (this.#running.length >= deepest) return anything;
    const known = this.#entries.get(fn);
    if (known === undefined) this.#entries.set(fn, [...args]);
    else {
      let isNew = false;
      for (let i = 0; i < 5; i++) {
        const joined = this.values.join(known[i] ?? anything, args[i] ?? anything);
        if (joined !== known[i]) isNew = true;
        known[i] = joined;
      }
      if (!isNew) return this.instances.get(fn)?.result ?? anything;
    }
    const before = this.instances.get(fn)?.result;
    this.#follow(fn, this.#entries.get(fn)!);
    const { result } = this.instances.get(fn)!;
    if (before !== undefined && before !== result) this.#isStale = true;
    return result;
  }

  #follow(fn: number, args: readonly Value[]): void {
    this.#running.push(fn);
    const flow = this.#subject.flow(fn);
    const instance: Instance = {
      fn,
      flow,
      sites: new Map(),
      stores: new Map(),
      untested: new Map(),
      branches: new Map(),
      entered: new Uint8Array(flow.blocks.length),
      result: anything,
    };
    const results = this.#fixedPoint(instance, args);
    instance.result = results ?? anything;
    this.instances.set(fn, instance);
    this.#running.pop();
  }

  /** Answers with all that it may return, joined; undefined when it never does. */
  #fixedPoint(instance: Instance, args: readonly Value[]): Value | undefined {
    const { flow, fn, entered } = instance;
    const { values } = this;
    const code = this.#subject.functions[fn]!.instructions;
    const count = flow.blocks.length;
    const entries: (State | undefined)[] = new Array(count);
    const rounds = new Uint16Array(count);
    const isDirty = new Uint8Array(count);
    const first = emptyState(this.#transfer.depthOf(fn));
    args.forEach((value, i) => {
      first[1 + i] = value;
    });
    first[10] = values.made('frame', '');
    entries[0] = first;
    isDirty[0] = 1;
    let result: Value | undefined;
    const enter = (block: number, state: State): boolean => {
      const known = entries[block];
      if (known === undefined) {
        entries[block] = state;
        return true;
      }
      const isLate = rounds[block]! > mostRounds || this.#steps > mostSteps;
      return isLate ? widenStates(known, state) : joinStates(values, known, state);
    };
    for (let block = 0; block < count; ) {
      if (isDirty[block] === 0) {
        block++;
        continue;
      }
      isDirty[block] = 0;
      rounds[block]!++;
      entered[block] = 1;
      const state = entries[block]!.slice();
      const { from, to, next } = flow.blocks[block]!;
      this.#steps += to - from;
      for (let i = from; i < to; i++) this.#transfer.step(instance, block, state, code[i]!);
      if (next.length === 0) result = result === undefined ? state[0]! : values.join(result, state[0]!);
      let lowest = block + 1;
      this.#leave(instance, block, state, code[to - 1]!, (target, left) => {
        if (!enter(target, left)) return;
        isDirty[target] = 1;
        lowest = Math.min(lowest, target);
      });
      block = lowest;
    }
    return result;
  }

  #leave(
    { flow, branches }: Instance,
    block: number,
    state: State,
    last: Instruction,
    go: (target: number, state: State) => void,
  ): void {
    const { next } = flow.blocks[block]!;
    if (last.kind !== 'branch' || next[0] === next[1]) {
      for (const target of next) go(target, state.slice());
      return;
    }
    const right = last.fromSrc
      ? state[last.src]!
      : this.values.constant(BigInt.asUintN(64, BigInt(last.imm)));
    const branch: Branch = {
      at: last.at,
      block,
      left: state[last.dst]!,
      right,
      condition: last.condition,
      width: last.width,
    };
    branches.set(block, branch);
    next.forEach((target, way) => {
      const left = state.slice();
      if (refine(this.values, left, branch, way === 0)) go(target, left);
    });
  }
}

/** Whether this block is entered only through that way of that branch. */
export function isOnWay(flow: Flow, branch: number, way: number, block: number): boolean {
  const { next } = flow.blocks[branch]!;
  const target = next[way];
  if (target === undefined || next[0] === next[1] || !dominates(flow, target, block)) return false;
  return flow.before[target]!.every((from) => from === branch || dominates(flow, target, from));
}
