// Linked code, translated and ready to run: every call it makes is bound to a kfunc or helper of ours, or to the finding that says what is missing.

import { BadProgram, frameStride } from '../../jit/program.ts';
import { type Callee, faultCodes, translate } from '../../jit/translate.ts';
import type { SimMap } from '../maps/map.ts';
import type { SimMemory } from '../memory.ts';
import type { PolicyProgram } from '../model/ext/ops.ts';
import type { Linked } from './link.ts';
import { kernelPointers } from './pointers.ts';
import type { Remembered } from './remembered.ts';
import { type InlineOf, words } from './words.ts';

/** A kfunc or helper: how its arguments come (jit's Callee), and what it does. */
export interface Native {
  readonly params: Callee['params'];
  readonly result: Callee['result'];
  readonly run: (...args: number[]) => number | undefined;
  readonly inline?: InlineOf;
}

/** The program did what no verifier lets through, or asked for what is not modelled. Ends the simulation; the Outcome tells it. */
export class SimFinding extends Error {
  readonly code: 'bad-program' | 'unsupported';
  /** "in vtime_enqueue at instruction 12 (vtime.bpf.c:47)"; empty when the place is not known. */
  readonly place: string;
  constructor(code: SimFinding['code'], message: string, place = '') {
    super(message);
    this.code = code;
    this.place = place;
  }
}

export interface Binding {
  readonly memory: SimMemory;
  readonly mode: 'checked' | 'fast';
  /** BPF instructions that one callback may execute. */
  readonly budget: number;
  readonly resultHigh: number;
  /** First address of the stack frames, `frameStride` a function. */
  readonly stack: number;
  native(what: 'helper' | 'kfunc', name: string): Native | undefined;
  readonly remembered?: Remembered;
  /** The natives are those of other runs too, and so the instance may serve again; and nobody wants to see calls of them. */
  readonly isPlain?: boolean;
  /** The map of that handle. */
  mapAt?(handle: number): SimMap | undefined;
}

/** What the code calls, by name of import. */
type Callees = ReadonlyMap<string, { readonly what: 'helper' | 'kfunc'; readonly name: string }>;

export function placeOf(linked: Linked, fn: number, at: number): string {
  const source = linked.sourceOf(fn, at);
  const line =
    source === undefined ? '' : ` (${source.file.split('/').at(-1)}:${source.line}: ${source.text.trim()})`;
  return `in ${linked.names[fn] ?? `function ${fn}`} at instruction ${at}${line}`;
}

/** Pointers to functions as programs see them: numbers that no memory has. */
export const functionPointerBase = 0x7f00_0000;

/** Beyond the limit of memory, where translate.ts wants a shadow too. */
const guardBytes = 65_536;

/** @throws SimFinding. */
export function instantiate(linked: Linked, binding: Binding, name: string): PolicyProgram {
  const { memory, mode, budget, resultHigh, stack } = binding;
  const natives = new Map<string, Native>();
  const nativeOf = (what: 'helper' | 'kfunc', callee: string): Native => {
    const key = `${what} ${callee}`;
    const native = natives.get(key) ?? bind(linked, binding, what, callee);
    natives.set(key, native);
    return native;
  };
  const executedAt = memory.allocate(4, 'none');
  const make = () => compile(linked, binding, executedAt, nativeOf);
  const key = [mode, budget, resultHigh, stack, executedAt, binding.isPlain].join();
  const { module, callees } = binding.remembered?.made(linked, key, make) ?? make();
  const fault = (code: number, fn: number, at: number, low: number, high: number): never => {
    throw new SimFinding('bad-program', faultText(code, low, high, budget), placeOf(linked, fn, at));
  };
  const start = (): PolicyProgram => {
    const imports: Record<string, unknown> = { memory: memory.memory, fault };
    for (const [key, callee] of callees) imports[key] = nativeOf(callee.what, callee.name).run;
    const instance = new WebAssembly.Instance(module, { env: imports });
    return programOf(linked, instance, name, { stack, executedAt, clockAt: resultHigh + words.clock });
  };
  if (binding.remembered === undefined || binding.isPlain !== true) return start();
  const program = binding.remembered.made(linked, `${key} started`, start);
  program.takeExecutedByPointer(); // a fault may have left some
  return program;
}

/** Ten times what the largest scheduler known has; the translation takes some 2 KB an instruction. */
const mostInstructions = 200_000;

function compile(
  linked: Linked,
  { memory, mode, budget, resultHigh, stack, isPlain, mapAt }: Binding,
  executedAt: number,
  nativeOf: (what: 'helper' | 'kfunc', name: string) => Native,
): { readonly module: WebAssembly.Module; readonly callees: Callees } {
  const count = linked.functions.reduce((sum, code) => sum + code.length, 0);
  if (count > mostInstructions)
    throw new SimFinding('unsupported', `${count} instructions; the simulator takes ${mostInstructions}`);
  const callees = new Map<string, { readonly what: 'helper' | 'kfunc'; readonly name: string }>();
  const calleeOf = (what: 'helper' | 'kfunc', id: number): Callee => {
    const name = linked.calleeName(what, id);
    const { params, result, inline } = nativeOf(what, name);
    callees.set(`${what} ${name}`, { what, name });
    const callee = { name: `${what} ${name}`, params, result };
    if (inline === undefined || isPlain !== true) return callee;
    return {
      ...callee,
      inline: (first) => inline(first === undefined ? undefined : mapAt?.(first)),
    };
  };
  const entries = [
    ...[...new Set(linked.entries.values())].map((fn) => ({ fn, params: 1, executedAt })),
    ...linked.callbacks.map((fn) => ({ fn, params: 5 })),
  ].filter(({ fn }, i, all) => all.findIndex((one) => one.fn === fn) === i);
  const bytes = translated(linked, {
    functions: linked.functions,
    calleeOf,
    entries,
    mode,
    stack,
    shadow: memory.limit,
    limit: memory.limit + guardBytes,
    resultHigh,
    budget,
    pages: memory.pages,
    pointers: kernelPointers(linked),
  });
  return { module: moduleOf(bytes), callees };
}

function programOf(
  linked: Linked,
  instance: WebAssembly.Instance,
  name: string,
  at: { readonly stack: number; readonly executedAt: number; readonly clockAt: number },
): PolicyProgram {
  const { exports } = instance;
  const executed = exports.executed as WebAssembly.Global;
  const callbacks = new Map(
    linked.callbacks.map((fn) => [
      functionPointerBase + 8 * fn,
      exports[`f${fn}`] as (...args: number[]) => number,
    ]),
  );
  return {
    name,
    entries: new Map(
      [...linked.entries].map(([member, fn]) => [member, exports[`f${fn}`] as (context: number) => number]),
    ),
    call(pointer, a, b, c, d) {
      const fn = callbacks.get(pointer);
      if (fn === undefined)
        throw new SimFinding('bad-program', `call of 0x${pointer.toString(16)}, which is no function`);
      return fn(a, b, c, d, 0);
    },
    executedAt: at.executedAt,
    clockAt: at.clockAt,
    takeExecutedByPointer() {
      const count = executed.value as number;
      executed.value = 0;
      return count;
    },
    frames: { address: at.stack, bytes: linked.functions.length * frameStride },
  };
}

/** @throws SimFinding where the engine has limits that BPF does not have. */
function moduleOf(bytes: Uint8Array): WebAssembly.Module {
  try {
    return new WebAssembly.Module(bytes);
  } catch (error) {
    if (!(error instanceof Error) || !['CompileError', 'RangeError'].includes(error.name)) throw error;
    throw new SimFinding('unsupported', `a program too large for this engine: ${error.message}`);
  }
}

function translated(linked: Linked, input: Parameters<typeof translate>[0]): Uint8Array {
  try {
    return translate(input);
  } catch (error) {
    if (!(error instanceof BadProgram)) throw error;
    throw new SimFinding('bad-program', error.problem, placeOf(linked, error.fn, error.at));
  }
}

function bind(linked: Linked, binding: Binding, what: 'helper' | 'kfunc', name: string): Native {
  const poisoned = what === 'helper' ? /^poisoned (\d+)$/.exec(name) : null;
  const place = poisoned === null ? undefined : linked.poisoned[Number(poisoned[1])];
  if (place !== undefined) return refusing(place.message, placeOf(linked, place.fn, place.at));
  return (
    binding.native(what, name) ?? refusing(`${what === 'helper' ? 'bpf_' : ''}${name} is not modelled`, '')
  );
}

function refusing(message: string, place: string): Native {
  const run = (): never => {
    throw new SimFinding('unsupported', message, place);
  };
  return { params: [], result: 'none', run };
}

function faultText(code: number, low: number, high: number, budget: number): string {
  if (code === faultCodes.budget)
    return `more than ${budget} instructions in one callback: a loop without end?`;
  const address = (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
  const what = code === faultCodes.write ? 'write to' : 'read of';
  const kind = address < 65536n ? ' (null, or near it)' : '';
  return `${what} address 0x${address.toString(16)}, which is not allowed${kind}`;
}
