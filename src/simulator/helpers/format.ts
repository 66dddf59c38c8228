// The kernel's formatting for BPF: trace_printk, snprintf and the kfuncs that end in _bstr. Source: bpf_bprintf_prepare() in kernel/bpf/helpers.c,
// bstr_printf() in lib/vsprintf.c, v6.18. Differences: %p shows the address, which the kernel hashes; symbols (%ps, %pS, %pB) are
// addresses, as in a kernel without names; IP addresses (%pI4) are refused.
import { EINVAL } from '../maps/errno.ts';
import type { SimMemory } from '../memory.ts';

const ENOSPC = 28;
/** MAX_BPRINTF_VARARGS, in values of 8 bytes. */
export const maxFormatArguments = 12;
/** MAX_BPRINTF_BIN_ARGS. */
const argumentBytes = 512;
const longestFormat = 4096;

/** Flags, width, and what follows: pointers and strings must end there or at a space or punctuation. */
const conversion =
  /([0+\- ]*)([1-9][0-9]*)?(?:(p[ku]s|s)(?![A-Za-z0-9])|p([KxsSB])|(p)(?![A-Za-z0-9])|(c)|(l{0,2})([diuxX]))/y;

/**
 * Text of a format that ends in a zero, with arguments of 8 bytes each; or −errno. One character stands for one byte. Unreadable strings are empty,
 * as in the kernel; the caller has checked `data`.
 */
export function format(
  memory: SimMemory,
  fmtAddress: number,
  dataAddress: number,
  dataBytes: number,
): string | number {
  if (dataBytes % 8 !== 0 || dataBytes > 8 * maxFormatArguments || (dataBytes > 0 && dataAddress === 0))
    return -EINVAL;
  const fmt = textAt(memory, fmtAddress, longestFormat);
  if (fmt === undefined) return -EINVAL;
  const args: FormatArgument[] = [];
  for (let at = 0; at < dataBytes; at += 8)
    args.push({ low: wordAt(memory, dataAddress + at), high: wordAt(memory, dataAddress + at + 4) });
  return formatText(memory, fmt, args);
}

/** Halves of a register: int32s. */
export interface FormatArgument {
  readonly low: number;
  readonly high: number;
}

export function formatText(memory: SimMemory, fmt: string, args: readonly FormatArgument[]): string | number {
  if (!/^[\x20-\x7e\t\n\v\f\r]*$/.test(fmt)) return -EINVAL;
  let text = '';
  let used = 0;
  let next = 0;
  for (let at = 0; at < fmt.length; ) {
    if (fmt[at] !== '%') text += fmt[at++];
    else if (fmt[at + 1] === '%') {
      text += '%';
      at += 2;
    } else {
      const arg = args[next++];
      conversion.lastIndex = at + 1;
      const found = conversion.exec(fmt);
      if (arg === undefined || found === null) return -EINVAL;
      at = conversion.lastIndex;
      const shown = show(memory, found, arg, argumentBytes - used);
      if (typeof shown === 'number') return shown;
      text += shown.text;
      used = shown.isAligned ? Math.ceil(used / 4) * 4 + shown.bytes : used + shown.bytes;
      if (used > argumentBytes) return -ENOSPC;
    }
  }
  return text;
}

/** The text, and how much of the kernel's buffer of arguments it takes. */
function show(
  memory: SimMemory,
  found: RegExpExecArray,
  arg: FormatArgument,
  room: number,
): { text: string; bytes: number; isAligned: boolean } | number {
  const [, flags = '', widthText, string, symbol, pointer, character, length, letter] = found;
  const width = Number(widthText ?? 0);
  const pad = (text: string): string => (flags.includes('-') ? text.padEnd(width) : text.padStart(width));
  if (string !== undefined) {
    if (room === 0) return -ENOSPC;
    const content = arg.high === 0 ? stringAt(memory, arg.low, room) : undefined;
    return { text: pad(content?.text ?? ''), bytes: content?.bytes ?? 1, isAligned: false };
  }
  if (character !== undefined) {
    if (room === 0) return -ENOSPC;
    return { text: pad(String.fromCharCode(arg.low & 255)), bytes: 1, isAligned: false };
  }
  if (symbol !== undefined || pointer !== undefined) {
    const isName = symbol === 's' || symbol === 'S' || symbol === 'B';
    const digits = wideOf(arg).toString(16).padStart(16, '0');
    const text = isName ? pad(`0x${digits}`) : width === 0 ? digits : integer(arg, true, 'x', flags, width);
    return { text, bytes: 8, isAligned: true };
  }
  const isLong = length !== '';
  return { text: integer(arg, isLong, letter!, flags, width), bytes: isLong ? 8 : 4, isAligned: true };
}

function integer(arg: FormatArgument, isLong: boolean, letter: string, flags: string, width: number): string {
  const bits = isLong ? 64 : 32;
  const raw = BigInt.asUintN(bits, wideOf(arg));
  const isSigned = letter === 'd' || letter === 'i';
  const value = isSigned ? BigInt.asIntN(bits, raw) : raw;
  const magnitude = (value < 0n ? -value : value).toString(letter === 'x' || letter === 'X' ? 16 : 10);
  const digits = letter === 'X' ? magnitude.toUpperCase() : magnitude;
  const plus = flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '';
  const sign = value < 0n ? '-' : isSigned ? plus : '';
  if (flags.includes('-')) return (sign + digits).padEnd(width);
  if (flags.includes('0')) return sign + digits.padStart(width - sign.length, '0');
  return (sign + digits).padStart(width);
}

function wideOf({ low, high }: FormatArgument): bigint {
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}

/** Up to a zero or the end of the room, whose last byte is for the zero. Undefined: a byte cannot be read. */
function stringAt(
  memory: SimMemory,
  address: number,
  room: number,
): { text: string; bytes: number } | undefined {
  let text = '';
  for (let i = 0; i < room; i++) {
    if (!memory.readable(address + i, 1)) return undefined;
    const byte = memory.u8[address + i]!;
    if (byte === 0) return { text, bytes: i + 1 };
    text += String.fromCharCode(byte);
  }
  return { text: text.slice(0, -1), bytes: room };
}

/** A text that ends in a zero within `limit` readable bytes. */
export function textAt(memory: SimMemory, address: number, limit: number): string | undefined {
  let text = '';
  for (let at = address; at < address + limit && memory.readable(at, 1); at++) {
    const byte = memory.u8[at]!;
    if (byte === 0) return text;
    text += String.fromCharCode(byte);
  }
  return undefined;
}

function wordAt(memory: SimMemory, at: number): number {
  const { u8 } = memory;
  return u8[at]! | (u8[at + 1]! << 8) | (u8[at + 2]! << 16) | (u8[at + 3]! << 24);
}
