// What a call of a kfunc or helper leaves: its result, and what it writes through pointers into the stack. Source: the prototypes in kernel/sched/ext.c, kernel/bpf/helpers.c and
// include/uapi/linux/bpf.h.
import { table } from '../data/table.ts';
import { fieldNameOf } from './compute.ts';
import { fillFrame, loadFrame, type State, storeFrame } from './frame.ts';
import { anything, constantOf, type Value, type Values } from './values.ts';

export interface KnownCall {
  readonly what: 'kfunc' | 'helper';
  /** "scx_bpf_dsq_insert", "bpf_map_lookup_elem". */
  readonly name: string;
  readonly fn: number;
  readonly at: number;
}

/** Bytes that unknown sizes are taken for. */
const someBytes = 64;
/** Helpers and kfuncs that only read what they are given a pointer to, by position of the argument. */
const readOnly = table<readonly number[]>({
  bpf_map_lookup_elem: [1],
  bpf_map_update_elem: [1, 2],
  bpf_map_delete_elem: [1],
  bpf_map_push_elem: [1],
  bpf_map_lookup_percpu_elem: [1],
  bpf_strncmp: [0, 2],
  bpf_trace_printk: [0],
  bpf_trace_vprintk: [0, 2],
  bpf_ringbuf_output: [1],
  scx_bpf_error_bstr: [0, 1],
  scx_bpf_exit_bstr: [1, 2],
  scx_bpf_dump_bstr: [0, 1],
  bpf_iter_num_next: [0],
  bpf_iter_scx_dsq_next: [0],
  scx_bpf_dsq_move: [0],
  scx_bpf_dsq_move_vtime: [0],
  scx_bpf_dsq_move_set_slice: [0],
  scx_bpf_dsq_move_set_vtime: [0],
});

/** Arguments as the plain forms have them: 6.19's hand some over in a structure on the stack. */
export function callArguments(state: State, declared: string): Value[] {
  const given = state.slice(1, 6);
  const at = frameOffset(given[1]!);
  if (declared.startsWith('__scx_bpf_dsq_insert_vtime') && at !== undefined)
    return [given[0]!, ...[0, 8, 16, 24].map((add) => loadFrame(state, at + add, 8))];
  const third = frameOffset(given[2]!);
  if (declared.startsWith('__scx_bpf_select_cpu_and') && third !== undefined)
    return [
      given[0]!,
      loadFrame(state, third, 4),
      loadFrame(state, third + 8, 8),
      given[1]!,
      loadFrame(state, third + 16, 8),
    ];
  return given;
}

/** Changes the state to what it is after the call. */
export function passCall(values: Values, state: State, call: KnownCall, args: readonly Value[]): Value {
  const result =
    resultOf(values, state, call, args) ?? values.made(call.what, call.name, 0n, call.fn, call.at, args);
  writeThrough(values, state, call, args);
  for (let register = 1; register <= 5; register++) state[register] = anything;
  state[0] = result;
  return result;
}

function resultOf(
  values: Values,
  state: State,
  { name, what, fn, at }: KnownCall,
  args: readonly Value[],
): Value | undefined {
  if (what !== 'kfunc') return undefined;
  const place = frameOffset(args[0]!);
  if (place === undefined) return undefined;
  const iterator = name === 'bpf_iter_num_next' || name === 'bpf_iter_scx_dsq_next';
  return iterator ? values.made('kfunc', name, 0n, fn, at, [loadFrame(state, place, 8)]) : undefined;
}

function writeThrough(values: Values, state: State, call: KnownCall, args: readonly Value[]): void {
  const { name, fn, at } = call;
  const place = frameOffset(args[0]!);
  if (place !== undefined && name === 'bpf_iter_num_new') {
    storeFrame(state, place, 8, values.made('numbers', '', 0n, fn, at, [args[1]!, args[2]!]));
    return;
  }
  if (place !== undefined && name === 'bpf_iter_scx_dsq_new') {
    fillFrame(state, place, 48, anything);
    storeFrame(state, place, 8, values.made('queue-walk', '', 0n, fn, at, [args[1]!, args[2]!]));
    return;
  }
  if (!args.some(isFrame)) return;
  const reads = readOnly[name] ?? [];
  args.forEach((arg, position) => {
    const offset = frameOffset(arg);
    if (offset === undefined || reads.includes(position)) return;
    const size = position === 0 ? constantOf(args[1]!) : undefined;
    const bytes = size !== undefined && size < 512n ? Number(size) : someBytes;
    fillFrame(state, offset, bytes, position === 0 ? copied(values, call, args) : anything);
  });
}

/** What bpf_probe_read_kernel() and its like put there: told by where it is from. */
function copied(values: Values, { name, fn, at }: KnownCall, args: readonly Value[]): Value {
  if (name === 'bpf_get_current_comm')
    return values.made('field', 'task_struct.comm', 0n, fn, at, [anything]);
  if (!name.startsWith('bpf_probe_read')) return anything;
  const from = args[2]!;
  const origin = from.atoms?.length === 1 ? from.atoms[0]!.origin : undefined;
  const field = origin === undefined ? undefined : fieldNameOf(origin);
  return field === undefined
    ? values.made('loaded', '', 0n, fn, at, [from])
    : values.made('field', field, 0n, fn, at, [origin!.of[0]!]);
}

function isFrame({ atoms }: Value): boolean {
  return atoms?.length === 1 && atoms[0]!.origin.kind === 'frame';
}

/** Of a pointer into the function's own stack, from r10. */
export function frameOffset({ atoms }: Value): number | undefined {
  return atoms?.length === 1 && atoms[0]!.origin.kind === 'frame'
    ? Number(atoms[0]!.origin.value)
    : undefined;
}
