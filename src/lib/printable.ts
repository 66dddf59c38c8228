// Names as the kernel keeps them are any bytes; what a person, a terminal or a language model reads is text. Here each byte is one character (latin1) on the
// way in, and the way out has no control characters, nothing that turns the direction of text, and can be told back.

/** Controls, line separators, zero-width and direction marks, surrogates, private use, and characters of no version of Unicode. */
const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Cn}\\]/gu;

/** Bytes (latin1) as text: valid UTF-8 as it is, everything that is none or does not print as \xNN, a backslash doubled. */
export function printable(bytes: string): string {
  if (/^[\x20-\x5b\x5d-\x7e]*$/.test(bytes)) return bytes;
  let out = '';
  for (const part of bytes.split(
    /((?:[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3})+|[\x00-\x7f]+)/,
  )) {
    if (part === '') continue;
    const text = Buffer.from(part, 'latin1').toString('utf8');
    const whole = Buffer.from(text, 'utf8').toString('latin1') === part;
    out += whole ? text.replace(unprintable, escaped) : hex(part);
  }
  return out;
}

const hex = (bytes: string): string =>
  Array.from(bytes, (byte) => `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`).join('');

const escaped = (character: string): string =>
  character === '\\' ? '\\\\' : hex(Buffer.from(character, 'utf8').toString('latin1'));

/** The bytes (latin1) that `printable` has shown so. */
export function fromPrintable(text: string): string {
  const pieces = text.split(/(\\\\|\\x[0-9a-f]{2})/i);
  return pieces
    .map((piece, index) => {
      if (index % 2 === 0) return Buffer.from(piece, 'utf8').toString('latin1');
      return piece === '\\\\' ? '\\' : String.fromCharCode(Number.parseInt(piece.slice(2), 16));
    })
    .join('');
}

/** At most `length` characters, the last one … where something is missing. */
export function shortened(text: string, length: number): string {
  const characters = Array.from(text.slice(0, 2 * length + 2));
  return characters.length <= length && text.length <= 2 * length + 2
    ? text
    : `${characters.slice(0, length - 1).join('')}…`;
}
