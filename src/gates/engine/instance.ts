// What following a callback leaves behind, for rules and guards to ask: calls, branches, stores, untested pointers of each function that it reaches.
import type { Bytes } from '../../bpf/instructions.ts';
import type { Flow } from './flow.ts';
import type { Comparison } from './refine.ts';
import type { Subject } from './subject.ts';
import type { Value, Values } from './values.ts';

export interface Site {
  readonly at: number;
  readonly block: number;
  readonly what: 'kfunc' | 'helper' | 'function';
  /** Of kfuncs without what tells versions apart; of functions their own. */
  readonly name: string;
  /** Name of a kfunc as declared. */
  readonly declared: string;
  readonly args: readonly Value[];
  readonly result: Value;
  /** Of a map's helper: what the key on the stack is. */
  readonly key: Value | undefined;
  /** A function that it calls, or hands over to be called. */
  readonly callee: number | undefined;
  /** `once`: a plain call. `loop`: as often as the first argument says; `async`: later, from a timer or a work queue. */
  readonly how: 'once' | 'loop' | 'each' | 'async';
}

export interface Branch extends Comparison {
  readonly at: number;
  readonly block: number;
}

export interface Store {
  readonly at: number;
  readonly block: number;
  readonly base: Value;
  readonly value: Value;
  /** "task_struct.scx.slice", by its CO-RE relocation. */
  readonly field: string | undefined;
  readonly bytes: Bytes;
}

/** A pointer that may be null is followed, and nobody has asked. */
export interface Untested {
  readonly at: number;
  readonly block: number;
  readonly pointer: Value;
}

/** Something is added to the address of a variable or of a map's value. */
export interface Indexed {
  readonly at: number;
  readonly block: number;
  readonly index: Value;
}

export interface Instance {
  readonly fn: number;
  readonly flow: Flow;
  /** By slot. */
  readonly sites: Map<number, Site>;
  readonly stores: Map<number, Store>;
  readonly untested: Map<number, Untested>;
  readonly indexes: Map<number, Indexed>;
  /** A task's field that is read through what a map or a variable held. */
  readonly remembered: Map<number, Untested>;
  /** By block. */
  readonly branches: Map<number, Branch>;
  /** Blocks that can be entered, by what is known of values. */
  readonly entered: Uint8Array;
  result: Value;
}

export interface Callback {
  /** Member of sched_ext_ops; undefined for programs of other kinds. */
  readonly member: string | undefined;
  readonly entry: number;
  readonly instances: ReadonlyMap<number, Instance>;
  readonly values: Values;
  readonly subject: Subject;
  /** Functions that call themselves, in a roundabout way or not. */
  readonly recursive: ReadonlySet<number>;
}
