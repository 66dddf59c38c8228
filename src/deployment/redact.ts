// Secrets have no place in what is kept: they are struck out of values before these are written, by the names of fields that bear them and by their
// form. Too much is struck out rather than too little; digests, which are hexadecimal, stay.

const bearing =
  /^(.*[_-])?(token|tokentext|secret|secrets|signature|password|passwd|passphrase|authorization|credential|credentials|cookie|apikey|api[_-]key|privatekey|private[_-]key|accesskey|pem|jwk|seed[_-]?phrase)$/i;
const camel =
  /(Token|TokenText|Secret|Signature|Password|Passphrase|Authorization|Credentials?|Cookie|ApiKey|PrivateKey|AccessKey|Pem|Jwk)$/;
/** Blocks of PEM, whole or cut off. */
const pem = /-----BEGI?N?[^-]{0,40}PRIVATE KEY-----[\s\S]*?(-----END[^-]{0,40}-----|$)/g;
const named = '(?:password|passwd|passphrase|secret|token|api[_-]?key|authorization)';
const value = `("[^"]*"|'[^']*'|[^\\s"',;]+)`;
/** After `Bearer`, as the value of an option that is named like a secret, or after such a name with = or a colon. */
const spelled = new RegExp(
  `(\\bbearer\\s+|--[\\w-]{0,40}${named}\\s+|${named}=|${named}:\\s{0,4}(?:(?:bearer|basic)\\s+)?)${value}`,
  'gi',
);
/** What keys and signatures look like in base64, with or without /. */
const dense = /[A-Za-z0-9+/_-]{40,}={0,2}/g;

export const struck = '[struck out]';

/** A copy of a JSON value without secrets. Field names are text too. */
export function redact(value: unknown): unknown {
  if (typeof value === 'string') return redactText(value);
  if (Array.isArray(value)) return value.map(redact);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([name, one]) => [
    redactText(name),
    bears(name) && one !== null ? struck : redact(one),
  ]);
  return Object.fromEntries(entries);
}

function bears(name: string): boolean {
  return bearing.test(name) || camel.test(name);
}

/** Also makes it text: half of a surrogate pair, which JSON cannot keep, becomes U+FFFD. */
export function redactText(text: string): string {
  return Buffer.from(text, 'utf8')
    .toString('utf8')
    .replace(pem, struck)
    .replace(spelled, (_, before: string) => `${before}${struck}`)
    .replace(dense, (run) => (isSecretLike(run) ? struck : run));
}

/** Chance in base64 has capitals, small letters and digits among any forty characters; digests and words have not. */
function isSecretLike(run: string): boolean {
  if (/^[0-9a-f]+$/.test(run) || /^[0-9A-F]+$/.test(run)) return false;
  return /[A-Z]/.test(run) && /[a-z]/.test(run) && /\d/.test(run);
}
