// How a program ends its policy or writes into a dump, and the counters of events. Source: kernel/sched/ext.c, v6.18 (bstr_format,
// scx_bpf_exit_bstr, scx_bpf_error_bstr, scx_bpf_dump_bstr, scx_bpf_events). Differences: addresses in messages are not hashed.

import { format, maxFormatArguments, textAt } from '../helpers/format.ts';
import { eventStats } from '../kernel/structs.ts';
import type { DumpLines } from '../model/ext/dump-text.ts';
import { exitKind } from '../model/ext/exit.ts';
import { hex, type ScxEvents } from '../model/ext/scx.ts';
import type { Kfuncs, KfuncWorld } from './kfunc.ts';

/** SCX_EXIT_MSG_LEN. */
const messageBytes = 1024;
const longestFormat = 4096;
/** struct scx_event_stats, in its order. */
const eventNames: readonly (keyof ScxEvents)[] = [
  'selectCpuFallback',
  'dispatchLocalDsqOffline',
  'dispatchKeepLast',
  'enqSkipExiting',
  'enqSkipMigrationDisabled',
  'refillSliceDfl',
  'bypassDuration',
  'bypassDispatch',
  'bypassActivate',
];
const two32 = 4_294_967_296;

export function exitKfuncs(world: KfuncWorld): Kfuncs {
  return {
    scx_bpf_error_bstr: {
      params: ['low', 'low', 'low'],
      result: 'none',
      run: (fmt, data, bytes) => {
        world.scx.ops.kfuncs++;
        const text = formatted(world, 'scx_bpf_error_bstr', fmt!, data!, bytes! >>> 0);
        if (text !== undefined) world.scx.exitWith(exitKind.errorBpf, 0, text);
        return undefined;
      },
    },
    scx_bpf_exit_bstr: {
      params: ['wide', 'low', 'low', 'low'],
      result: 'none',
      run: (codeLow, codeHigh, fmt, data, bytes) => {
        world.scx.ops.kfuncs++;
        const code = BigInt(codeHigh!) * BigInt(two32) + BigInt(codeLow! >>> 0);
        const text = formatted(world, 'scx_bpf_exit_bstr', fmt!, data!, bytes! >>> 0);
        if (text !== undefined) world.scx.exitWith(exitKind.unregBpf, code, text);
        return undefined;
      },
    },
    scx_bpf_dump_bstr: {
      params: ['low', 'low', 'low'],
      result: 'none',
      run: (fmt, data, bytes) => {
        world.scx.ops.kfuncs++;
        const { lines } = world.ext.dump;
        if (lines === undefined)
          world.scx.error('scx_bpf_dump() must only be called from ops.dump() and friends');
        else dump(world, lines, fmt!, data!, bytes! >>> 0);
        return undefined;
      },
    },
    scx_bpf_events: {
      params: ['low', 'wide'],
      result: 'none',
      run: (to, size, sizeHigh) => {
        world.scx.ops.kfuncs++;
        const asked = sizeHigh === 0 ? size! >>> 0 : Number.POSITIVE_INFINITY;
        if (!world.memory.writable(to!, asked))
          world.finding('scx_bpf_events got bytes that it may not write');
        writeEvents(world, to!, Math.min(asked, eventStats.size));
        return undefined;
      },
    },
  };
}

function dump(world: KfuncWorld, lines: DumpLines, fmt: number, data: number, bytes: number): void {
  const text = formatted(world, 'scx_bpf_dump_bstr', fmt, data, bytes);
  if (text !== undefined) lines.add(text);
  else lines.complain(`[!] ("${textAt(world.memory, fmt, longestFormat)}", ${bytes}) failed to format (-22)`);
}

/** bstr_format(). Undefined: the policy has been ejected for it. */
function formatted(
  world: KfuncWorld,
  kfunc: string,
  fmt: number,
  data: number,
  bytes: number,
): string | undefined {
  const { memory, scx } = world;
  if (bytes % 8 !== 0 || bytes > 8 * maxFormatArguments || (bytes > 0 && data === 0)) {
    scx.error(`invalid data=${hex(data, 0).padStart(16, '0')} and data__sz=${bytes}`);
    return undefined;
  }
  if (!memory.readable(data, bytes)) world.finding(`${kfunc} got data that it may not read`);
  if (textAt(memory, fmt, longestFormat) === undefined)
    world.finding(`${kfunc} got 0x${hex(fmt, 0)}, which is no format`);
  const text = format(memory, fmt, data, bytes);
  if (typeof text === 'string') return text.slice(0, messageBytes - 1);
  scx.error(`format preparation failed (${text})`);
  return undefined;
}

function writeEvents({ memory, scx }: KfuncWorld, to: number, bytes: number): void {
  for (const [i, name] of eventNames.entries()) {
    const count = scx.events[name];
    for (let byte = 0; byte < 8; byte++) {
      const half = byte < 4 ? count | 0 : Math.floor(count / two32);
      if (8 * i + byte < bytes) memory.u8[to + 8 * i + byte] = half >>> (8 * (byte & 3));
    }
  }
}
