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
      indexes: new Map(),
      remembered: new Map(),
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
    const first = emptyState(this.#subject.depthOf(fn));
    args.forEach((value, i) => {
      first[1 + i] = value;
    });
    first[10] = values.made('frame', '');
    entries[0] = first;
    isDirty[0] = 1;
    let result: Value | undefined;
    /** Whether that changes what is known there. The state is the caller's. */
    const enter = (block: number, state: State): boolean => {
      const known = entries[block];
      if (known === undefined) {
        const own = free.pop();
        if (own !== undefined) copyInto(own, state);
        entries[block] = own ?? state.slice();
        return true;
      }
      const isLate = rounds[block]! > mostRounds || this.#steps > mostSteps;
      return isLate ? widenStates(known, state) : joinStates(values, known, state, flow.live[block]!);
    };
    /** Without loops, what is known of a block is of no use once it has been passed. */
    const hasLoops = flow.blocks.some(({ next }, block) => next.some((to) => to <= block));
    const free: State[] = [];
    const scratch = first.slice();
    const state = first.slice();
    for (let block = 0; block < count; ) {
      if (isDirty[block] === 0) {
        block++;
        continue;
      }
      isDirty[block] = 0;
      rounds[block]!++;
      entered[block] = 1;
      copyInto(state, entries[block]!);
      if (!hasLoops) {
        free.push(entries[block]!);
        entries[block] = undefined;
      }
      const { from, to, next } = flow.blocks[block]!;
      this.#steps += to - from;
      for (let i = from; i < to; i++) this.#transfer.step(instance, block, state, code[i]!);
      if (next.length === 0) result = result === undefined ? state[0]! : values.join(result, state[0]!);
      let lowest = block + 1;
      const last = code[to - 1]!;
      for (let way = 0; way < next.length; way++) {
        const target = next[way]!;
        let left = state;
        if (last.kind === 'branch' && next[0] !== next[1]) {
          const branch = this.#branchAt(instance, block, state, last, way);
          if (way === 0) {
            copyInto(scratch, state);
            left = scratch;
          }
          if (!refine(values, left, branch, way === 0)) continue;
        }
        if (!enter(target, left)) continue;
        isDirty[target] = 1;
        lowest = Math.min(lowest, target);
      }
      block = lowest;
    }
    return result;
  }

  /** The comparison, noted at the first way. */
  #branchAt(
    { branches }: Instance,
    block: number,
    state: State,
    last: Extract<Instruction, { kind: 'branch' }>,
    way: number,
  ): Branch {
    const known = way === 0 ? undefined : branches.get(block);
    if (known !== undefined) return known;
    const right = last.fromSrc ? state[last.src]! : this.values.immediate(last.imm);
    const { at, condition, width } = last;
    const branch: Branch = { at, block, left: state[last.dst]!, right, condition, width };
    branches.set(block, branch);
    return branch;
  }
}

function copyInto(to: State, from: State): void {
  for (let i = 0; i < from.length; i++) to[i] = from[i]!;
}

/** Whether this block is entered only through that way of that branch. */
export function isOnWay(flow: Flow, branch: number, way: number, block: number): boolean {
  const { next } = flow.blocks[branch]!;
  const target = next[way];
  if (target === undefined || next[0] === next[1] || !dominates(flow, target, block)) return false;
  return flow.before[target]!.every((from) => from === branch || dominates(flow, target, from));
}
