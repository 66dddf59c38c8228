// Numbers and names in words, ASCII only, so that a byte is a character and the cost of a text in tokens (bytes / 4) can be counted. Names are data: any
// byte may stand in them.

/** "850 ns", "12 us", "3.4 ms", "2 s": two digits, three from 100 on. */
export function duration(ns: number): string {
  const [unit, factor] = [['s', 1e9] as const, ['ms', 1e6] as const, ['us', 1e3] as const].find(
    ([, one]) => ns >= 0.9995 * one,
  ) ?? ['ns', 1];
  return `${digits(ns / factor)} ${unit}`;
}

/** "82 %", "0.4 %"; never "0 %" of something, nor "100 %" of less than all. */
export function percent(share: number): string {
  const value = 100 * share;
  if (value > 0 && value < 0.1) return '<0.1 %';
  if (value > 99.9 && value < 100) return '>99.9 %';
  return `${value >= 10 && value <= 99 ? Math.round(value) : Number(value.toFixed(1))} %`;
}

/** "0.25", "3.4", "120", "45k", "1.2M". */
export function digits(value: number): string {
  const size = Math.abs(value);
  if (size >= 9.995e8) return `${plain(value / 1e9)}G`;
  if (size >= 9.995e5) return `${plain(value / 1e6)}M`;
  return size >= 9999.5 ? `${plain(value / 1e3)}k` : plain(value);
}

function plain(value: number): string {
  if (Math.abs(value) >= 99.95) return String(Math.round(value));
  return String(Number(value.toPrecision(2)));
}

/** Bytes outside printable ASCII as \xNN, backslashes doubled; cut to `most` characters, at no place within an escape, and then marked by "~". */
export function name(text: string, most = 20): string {
  let out = '';
  let kept = '';
  for (const character of text) {
    out += escaped(character);
    if (out.length > most) return `${kept}~`;
    if (out.length < most) kept = out;
  }
  return out;
}

/** What was escaped before: cut, and looked through once more. */
export function escapedName(text: string, most = 20): string {
  if (!/^[ -~]*$/.test(text)) return name(text, most);
  return text.length <= most ? text : `${text.slice(0, most - 1).replace(/\\[^\\]{0,8}$/, '')}~`;
}

function escaped(character: string): string {
  const code = character.codePointAt(0)!;
  if (character === '\\') return '\\\\';
  if (code >= 32 && code < 127) return character;
  return code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
}

/** Ceil of bytes / 4: what a text costs its reader. */
export function tokensOf(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / 4);
}
