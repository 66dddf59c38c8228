// Helpers that print and read numbers. Source: kernel/trace/bpf_trace.c (bpf_trace_printk(), bpf_trace_vprintk()), kernel/bpf/helpers.c
// (bpf_snprintf(), bpf_strtol(), bpf_strtoul()), lib/kstrtox.c, v6.18.
import { EINVAL, ERANGE } from '../maps/errno.ts';
import { format, formatText, textAt } from './format.ts';
import { type Helpers, type HelperWorld, needReadable, needWritable } from './world.ts';

/** MAX_BPRINTF_BUF: what one print shows at most, with its zero. */
const longestPrint = 1024;
/** Digits beyond are not looked at. */
const longestNumber = 63;

export function textHelpers(world: HelperWorld): Helpers {
  const { memory } = world;

  /** Bytes printed, or −errno. */
  function print(text: string | number): number {
    if (typeof text === 'number') return text;
    world.print(text.slice(0, longestPrint - 1));
    return text.length;
  }

  function tracePrintk(fmt: number, size: number, ...args: number[]): number {
    needReadable(world, 'bpf_trace_printk', 1, fmt, size >>> 0);
    const text = textAt(memory, fmt, size >>> 0);
    if (text === undefined) return -EINVAL;
    const halves = [0, 2, 4].map((i) => ({ low: args[i]!, high: args[i + 1]! }));
    return print(formatText(memory, text, halves));
  }

  function traceVprintk(fmt: number, size: number, data: number, dataSize: number): number {
    needReadable(world, 'bpf_trace_vprintk', 1, fmt, size >>> 0);
    needReadable(world, 'bpf_trace_vprintk', 3, data, dataSize >>> 0);
    return print(
      textAt(memory, fmt, size >>> 0) === undefined ? -EINVAL : format(memory, fmt, data, dataSize >>> 0),
    );
  }

  /** Bytes of the whole text with its zero, however much of it found room. */
  function snprintf(to: number, size: number, fmt: number, data: number, dataSize: number): number {
    const bytes = size >>> 0;
    needWritable(world, 'bpf_snprintf', 1, to, bytes);
    needReadable(world, 'bpf_snprintf', 3, fmt, 1);
    needReadable(world, 'bpf_snprintf', 4, data, dataSize >>> 0);
    const text = format(memory, fmt, data, dataSize >>> 0);
    if (typeof text === 'number') return text;
    const shown = Math.min(text.length, bytes - 1);
    for (let i = 0; i < shown; i++) memory.u8[to + i] = text.charCodeAt(i);
    if (bytes > 0) memory.u8[to + shown] = 0;
    return text.length + 1;
  }

  /** Bytes read, or −errno; the number goes to `result`, which is 0 when there is none. */
  function parse(name: string, signed: boolean, [at, size, low, high, result]: readonly number[]): number {
    needReadable(world, name, 1, at!, size! >>> 0);
    needWritable(world, name, 4, result!, 8);
    memory.u8.fill(0, result!, result! + 8);
    const base = high === 0 ? low! : -1;
    if (![0, 8, 10, 16].includes(base) || size === 0) return -EINVAL;
    let text = '';
    for (let i = 0; i < size! >>> 0; i++) text += String.fromCharCode(memory.u8[at! + i]!);
    const number = readNumber(text, base);
    if (typeof number === 'number') return number;
    const value = number.isNegative ? -number.magnitude : number.magnitude;
    if (!signed && number.isNegative) return -EINVAL;
    if (signed && BigInt.asIntN(64, value) !== value) return -ERANGE;
    for (let i = 0; i < 8; i++) memory.u8[result! + i] = Number((value >> BigInt(8 * i)) & 255n);
    return number.bytes;
  }

  return {
    6: {
      name: 'bpf_trace_printk',
      params: ['low', 'low', 'wide', 'wide', 'wide'],
      result: 'signed',
      run: tracePrintk,
    },
    105: {
      name: 'bpf_strtol',
      params: ['low', 'low', 'wide', 'low'],
      result: 'signed',
      run: (...args) => parse('bpf_strtol', true, args),
    },
    106: {
      name: 'bpf_strtoul',
      params: ['low', 'low', 'wide', 'low'],
      result: 'signed',
      run: (...args) => parse('bpf_strtoul', false, args),
    },
    165: {
      name: 'bpf_snprintf',
      params: ['low', 'low', 'low', 'low', 'low'],
      result: 'signed',
      run: snprintf,
    },
    177: {
      name: 'bpf_trace_vprintk',
      params: ['low', 'low', 'low', 'low'],
      result: 'signed',
      run: traceVprintk,
    },
  };
}

/** Space, a minus, a prefix that fits the base (0x, or 0 where the base is open), digits; or −errno. */
function readNumber(
  text: string,
  base: number,
): { magnitude: bigint; isNegative: boolean; bytes: number } | number {
  const start = /^[\t\n\v\f\r \u00a0]*(-?)/.exec(text)!;
  const rest = text.slice(start[0].length, start[0].length + longestNumber);
  const isHex = (base === 0 || base === 16) && /^0x[0-9a-f]/i.test(rest);
  const radix = isHex || base === 16 ? 16 : base === 8 || (base === 0 && rest.startsWith('0')) ? 8 : 10;
  const digits = { 8: /^[0-7]*/, 10: /^[0-9]*/, 16: /^(?:0x)?[0-9a-f]*/i }[radix].exec(rest)![0];
  const plain = digits.replace(/^0x/i, '');
  if (plain === '') return -EINVAL;
  const magnitude = BigInt((radix === 16 ? '0x' : radix === 8 ? '0o' : '') + plain);
  if (magnitude >= 1n << 64n) return -ERANGE;
  return { magnitude, isNegative: start[1] === '-', bytes: start[0].length + digits.length };
}
