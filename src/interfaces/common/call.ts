// One call of a service, for either skin: input parsed, output held to its schema.

import { z } from 'zod';
import { assert } from '../../lib/assert.ts';
import type { Call, Reply, Service } from '../../services/service.ts';
import { type Field, fieldsOf } from './fields.ts';
import { UsageError } from './problem.ts';

/**
 * The input schema that refuses fields it does not know: a misspelt field must not silently mean its default.
 */
export function strictInput(service: Service): z.ZodType {
  return service.input instanceof z.ZodObject ? service.input.strict() : service.input;
}

/**
 * Parses what the caller wrote; a UsageError names the field as `spell` spells it, and what is allowed there.
 */
export function parseInput(service: Service, raw: unknown, spell: (field: string) => string): unknown {
  const parsed = strictInput(service).safeParse(raw);
  if (parsed.success) return parsed.data;
  const fields = fieldsOf(service.input);
  const issues = parsed.error.issues.flatMap(meant);
  throw new UsageError(issues.map((issue) => refusal(issue, fields, raw, spell)).join('; '));
}

/** Runs a service; an output outside its schema is a bug of ours, and undocumented fields do not get out. */
export async function answer(service: Service, input: unknown, call: Call): Promise<Reply<unknown>> {
  const reply = await service.run(input, call);
  const output = service.output.safeParse(reply.output);
  assert(
    output.success,
    `${service.name} answered outside of its schema:\n${output.error && z.prettifyError(output.error)}`,
  );
  return { ...reply, output: output.data };
}

/** Of a union: what is wrong in the one member that takes values of this type at all. */
function meant(issue: z.core.$ZodIssue): z.core.$ZodIssue[] {
  if (issue.code !== 'invalid_union') return [issue];
  const tried = issue.errors.filter(
    (own) => !own.some(({ code, path }) => code === 'invalid_type' && path.length === 0),
  );
  if (tried.length !== 1) return [issue];
  return tried[0]!.flatMap(meant).map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] }));
}

function refusal(
  issue: z.core.$ZodIssue,
  fields: readonly Field[],
  raw: unknown,
  spell: (field: string) => string,
): string {
  if (issue.code === 'unrecognized_keys' && issue.path.length === 0) {
    return `no such field: ${issue.keys.join(', ')}; there are ${fields.map((field) => field.name).join(', ')}`;
  }
  const field = fields.find((candidate) => candidate.name === issue.path[0]);
  if (field === undefined)
    return [issue.path.join('.'), issue.message].filter((part) => part !== '').join(': ');
  const value = issue.path.reduce<unknown>(
    (at, key) => (at as Record<PropertyKey, unknown> | null | undefined)?.[key],
    raw,
  );
  const name = spell(field.name);
  const at = issue.path.slice(1).join('.');
  if (value === undefined)
    return at === ''
      ? `${name} is required${field.description && `: ${field.description}`}`
      : `${name} (${at}) is missing: ${wordsOf(issue)}`;
  const inside = issue.path.length === (field.shape === 'one' ? 1 : 2);
  const plain = field.kinds.every((kind) => kind !== 'json' && kind !== 'text');
  if (inside && plain) return `${name} must be ${field.allowed}, not ${shown(value)}`;
  return `${name}${at && ` (${at})`}: ${wordsOf(issue)}, got ${shown(value)}`;
}

/** What zod says, without what stands around it already. */
function wordsOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_key') return `the name ${issue.issues.map(wordsOf).join(', ')}`;
  const all =
    issue.code === 'invalid_union' ? issue.errors.flatMap((own) => own.slice(0, 1).map(wordsOf)) : [];
  if (all.length > 0) return [...new Set(all)].join(' or ');
  return issue.message.replace(/^Invalid (input|option): /, '').replace(/, received \w+$/, '');
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}
