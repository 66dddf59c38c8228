// From an object to a policy in simulated memory: its maps and variables are created, its code is linked, translated and bound. What the kernel's
// loader would refuse is told as the loader tells it.

import type { BpfObject } from '../bpf/object.ts';
import { frameBytes, frameStride } from '../jit/program.ts';
import type { KernelVersion } from './kernel/versions.ts';
import { createMap } from './maps/create.ts';
import { valueFields } from './maps/fields.ts';
import type { MapWorld, SimMap } from './maps/map.ts';
import type { SimMemory } from './memory.ts';
import type { PolicyProgram } from './model/ext/ops.ts';
import type { OpsValues } from './model/ext/scx.ts';
import { checkPrograms, checkValues, LoadRefusal } from './ops-checks.ts';
import { globalsOf } from './program/globals.ts';
import { functionPointerBase, instantiate, type Native, SimFinding } from './program/instance.ts';
import type { Linked } from './program/link.ts';
import type { Remembered } from './program/remembered.ts';
import { checkStack } from './program/stack.ts';

export interface LoadedPolicy {
  readonly program: PolicyProgram;
  readonly values: OpsValues;
  readonly linked: Linked;
  readonly maps: readonly SimMap[];
  /** First byte of each section of variables. */
  readonly data: ReadonlyMap<string, number>;
}

export interface Loading {
  readonly kernel: KernelVersion;
  readonly memory: SimMemory;
  readonly maps: MapWorld;
  readonly mode: 'checked' | 'fast';
  readonly budget: number;
  readonly resultHigh: number;
  /** Address of a kernel variable; undefined when the simulator has none. */
  ksym(name: string): number | undefined;
  native(what: 'helper' | 'kfunc', name: string): Native | undefined;
  readonly remembered: Remembered;
  /** The natives are those of every plain run: what is bound to them may serve again. */
  readonly isPlain: boolean;
}

/** @throws SimFinding, LoadRefusal; Fault when the object is malformed. */
export function loadPolicy(object: BpfObject, loading: Loading): LoadedPolicy {
  const { kernel, memory, remembered } = loading;
  const declared = object.maps.filter(({ section }) => section === '.maps');
  const maps = declared.map((shape) => {
    const fields = remembered.made(shape, 'fields', () => valueFields(object.btf, shape.valueType));
    const created = createMap(shape, loading.maps, fields);
    if (created.map !== undefined) return created.map;
    const { kind, text } = created.problem;
    if (kind === 'refused') throw new LoadRefusal(text);
    throw new SimFinding(kind === 'unsupported' ? 'unsupported' : 'bad-program', text);
  });
  const byName = new Map(maps.map((map) => [map.name, map]));
  const data = placeGlobals(object, loading);
  const linked = remembered.link(object, kernel, {
    map: (name) => byName.get(name)?.handle ?? 0,
    data: (section) => data.get(section) ?? 0,
    ksym: loading.ksym,
    functionPointer: (fn) => functionPointerBase + 8 * fn,
  });
  const [missing] = linked.missing;
  if (missing !== undefined) throw new LoadRefusal(missing.message);
  const values = remembered.made(linked, 'values', () => {
    checkPrograms(object, linked);
    checkValues(linked, kernel);
    return valuesOf(linked);
  });
  const stack = placeFrames(linked, memory);
  const mapAt = (handle: number): SimMap | undefined => maps.find((map) => map.handle === handle);
  const program = instantiate(linked, { ...loading, stack, mapAt }, values.name);
  if (loading.mode === 'checked') loading.remembered.made(linked, 'stack', () => checkStack(linked));
  return { program, values, linked, maps, data };
}

function placeGlobals(object: BpfObject, { kernel, memory, remembered }: Loading): Map<string, number> {
  const globals = remembered.made(object, `globals of ${kernel.release}`, () => globalsOf(object, kernel));
  return new Map(
    globals.map(({ section, size, initial, isReadOnly }) => {
      const address = memory.allocate(size, isReadOnly ? 'read' : 'write', 4096);
      if (address === 0)
        throw new SimFinding(
          'bad-program',
          `section ${section} needs ${size} bytes, ${memory.available} are left`,
        );
      memory.u8.set(initial, address);
      return [section, address];
    }),
  );
}

/** A frame for each function, with a gap after it that nobody may touch. */
function placeFrames(linked: Linked, memory: SimMemory): number {
  const count = linked.functions.length;
  const stack = memory.allocate(count * frameStride, 'none', 1024);
  if (stack === 0)
    throw new SimFinding('bad-program', `${count} functions: no memory is left for their frames`);
  for (let fn = 0; fn < count; fn++) memory.permit(stack + fn * frameStride, frameBytes, 'write');
  return stack;
}

function valuesOf({ ops }: Linked): OpsValues {
  const number = (name: string): number => Number(ops.get(name) ?? 0n);
  return {
    name: String(ops.get('name') ?? ''),
    flags: Number(BigInt.asIntN(32, BigInt(ops.get('flags') ?? 0n))),
    timeoutMs: number('timeout_ms'),
    dispatchMaxBatch: number('dispatch_max_batch'),
    hotplugSeq: String(ops.get('hotplug_seq') ?? 0n),
    exitDumpBytes: number('exit_dump_len'),
  };
}
