// From what was typed to the values of a field.

import type { Field, Scalar } from '../common/fields.ts';
import { UsageError } from '../common/problem.ts';

/** `previous` is what earlier occurrences of the flag gave: lists and maps grow, anything else is replaced. */
export function parseTyped(field: Field, spelled: string, typed: string, previous: unknown): unknown {
  if (field.shape === 'many') return [...((previous as unknown[]) ?? []), parseOne(field, spelled, typed)];
  if (field.shape === 'map') {
    const at = typed.indexOf('=');
    if (at < 1) throw new UsageError(`${spelled} takes NAME=VALUE, not ${JSON.stringify(typed)}`);
    const value = parseOne(field, `${spelled} ${typed.slice(0, at)}=`, typed.slice(at + 1));
    return { ...((previous as object) ?? {}), [typed.slice(0, at)]: value };
  }
  return parseOne(field, spelled, typed);
}

function parseOne(field: Field, spelled: string, typed: string): unknown {
  for (const kind of field.kinds) {
    const value = attempt(kind, field, typed);
    if (value !== undefined) return value;
  }
  throw new UsageError(`${spelled} must be ${field.allowed}, not ${JSON.stringify(typed)}`);
}

/** The value, or undefined when `typed` is not of that kind. Ranges are the schema's to check. */
function attempt(kind: Scalar, field: Field, typed: string): unknown {
  if (kind === 'text') return typed;
  if (kind === 'choice') return field.choices.includes(typed) ? typed : undefined;
  if (kind === 'boolean') return typed === 'true' ? true : typed === 'false' ? false : undefined;
  if (kind === 'json') return json(typed, field.kinds.length === 1);
  const number = typed.trim() === '' ? Number.NaN : Number(typed);
  if (!Number.isFinite(number)) return undefined;
  return kind === 'number' || Number.isSafeInteger(number) ? number : undefined;
}

/** Beside other kinds only an object or a list is taken for JSON, so that words stay words. */
function json(typed: string, alone: boolean): unknown {
  if (!alone && !/^\s*[[{]/.test(typed)) return undefined;
  try {
    return JSON.parse(typed);
  } catch {
    return undefined;
  }
}
