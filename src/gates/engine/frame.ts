// Registers and stack of one function: 11 registers, then the stack in steps of four bytes from r10 downwards. A value of eight bytes takes two steps, the upper one
// marked. Frames are as deep as the function reaches. Source: RFC 9669 (calling convention), MAX_BPF_STACK of the kernel.
import { anything, type Value, type Values } from './values.ts';

export type State = Value[];
export const registers = 11;
const mostBytes = 512;
/** The upper half of the value below. */
const upper: Value = { atoms: [] };

export function emptyState(depth: number): State {
  return new Array<Value>(registers + Math.min(Math.ceil(depth / 4), mostBytes / 4)).fill(anything);
}

/** Index of the four bytes at this offset from r10. */
function stepOf(state: State, offset: number): number | undefined {
  if (offset >= 0 || offset % 4 !== 0) return undefined;
  const index = registers + -offset / 4 - 1;
  return index < state.length ? index : undefined;
}

/** A lower address has a higher index: the upper half of index i is i − 1. */
export function loadFrame(state: State, offset: number, bytes: number): Value {
  const step = stepOf(state, offset - (offset & 3));
  if (step === undefined) return anything;
  const held = state[step]!;
  if (bytes === 8) return step > registers && state[step - 1] === upper ? held : anything;
  if (held !== upper) return held;
  const below = state[step + 1];
  return below === undefined || below === upper ? anything : below;
}

export function storeFrame(state: State, offset: number, bytes: number, value: Value): void {
  const aligned = offset - (offset & 3);
  const step = stepOf(state, aligned);
  if (step === undefined) return;
  split(state, step);
  if (bytes === 8 && aligned === offset && step > registers) {
    split(state, step - 1);
    state[step] = value;
    state[step - 1] = upper;
  } else if (bytes === 4 && aligned === offset) state[step] = value;
  else state[step] = anything;
}

/** Nothing of a larger value is left around this step. */
function split(state: State, step: number): void {
  if (state[step] === upper) {
    if (step + 1 < state.length) state[step + 1] = anything;
  } else if (step > registers && state[step - 1] === upper) state[step - 1] = anything;
}

/** So many bytes from there on are now this. */
export function fillFrame(state: State, offset: number, bytes: number, value: Value): void {
  for (let at = offset - (((offset % 4) + 4) % 4); at < Math.min(offset + bytes, 0); at += 4) {
    const step = stepOf(state, at);
    if (step === undefined) continue;
    split(state, step);
    state[step] = value;
  }
}

/** What the code goes on to read of the registers; the rest of them does not matter. */
export function joinStates(values: Values, into: State, from: State, live: number): boolean {
  let isNew = false;
  for (let i = 0; i < into.length; i++) {
    if (i < registers && ((live >> i) & 1) === 0) {
      into[i] = anything;
      continue;
    }
    const known = into[i]!;
    const given = from[i]!;
    if (known === given || known === anything) continue;
    const joined = known === upper || given === upper ? anything : values.join(known, given);
    if (joined === known) continue;
    into[i] = joined;
    isNew = true;
  }
  return isNew;
}

/** What has changed since it was there the last time may be anything. */
export function widenStates(into: State, from: State): boolean {
  let isNew = false;
  for (let i = 0; i < into.length; i++)
    if (into[i] !== from[i] && into[i] !== anything) {
      into[i] = anything;
      isNew = true;
    }
  return isNew;
}
