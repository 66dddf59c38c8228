// What an agent gets back: a text and the structured output, together at most 2,000 tokens.

import type { CallToolResult } from '@modelcontextprotocol/server';
import type { Reply, Service } from '../../services/service.ts';
import { fieldsOf } from '../common/fields.ts';
import type { Problem } from '../common/problem.ts';
import { type Cut, head, jsonBytes, shrink } from './shrink.ts';

/** 2,000 tokens of 4 bytes, for the whole result as JSON. */
export const replyBytes = 8_000;
/** What the SDK may add to a result (`resultType`, `_meta` with the server's name). */
const envelopeBytes = 400;
const limit = replyBytes - envelopeBytes;
/** Kept free for the note that says what was cut and how to get the rest. */
const noteBytes = 600;

export function resultOf(service: Service, input: unknown, reply: Reply<unknown>): CallToolResult {
  const whole = result(reply.text, reply.output);
  if (jsonBytes(whole) <= limit) return whole;
  const room = limit - noteBytes - jsonBytes(result('', null));
  const text = jsonBytes(reply.text);
  const output = jsonBytes(reply.output);
  const half = Math.floor(room / 2);
  const forText = Math.min(text, Math.max(half, room - output));
  const fitted = shrink(reply.output, room - forText, (value) => service.output.safeParse(value).success);
  if (fitted === null) return tooLarge(service);
  const short = text <= forText ? reply.text : head(reply.text, forText - 2);
  return result(`${short}\n\n${note(service, input, reply.output, fitted.cuts)}`, fitted.value);
}

/** Names of tools have no hyphens: some clients do not take them. */
export const toolName = ({ name }: Pick<Service, 'name'>): string => name.replaceAll('-', '_');

/** An error that an agent can act on. */
export function errorOf(problem: Problem): CallToolResult {
  const lines = [
    `${problem.code}: ${head(problem.message, 4_000)}`,
    ...(problem.where === undefined ? [] : [`where: ${head(problem.where, 1_500)}`]),
    ...(problem.next === undefined ? [] : [`next: ${head(problem.next, 1_000)}`]),
  ];
  return { content: [{ type: 'text', text: lines.join('\n') }], isError: true };
}

function result(text: string, output: unknown): CallToolResult {
  return { content: [{ type: 'text', text }], structuredContent: output as Record<string, unknown> };
}

function tooLarge(service: Service): CallToolResult {
  return errorOf({
    code: 'unsupported',
    message: `the answer of ${toolName(service)} does not fit ${replyBytes / 4} tokens and cannot be shortened`,
    next: 'ask for less, or use the command line with --json',
  });
}

function note(service: Service, input: unknown, output: unknown, cuts: readonly Cut[]): string {
  const named = cuts.slice(0, 3).map((cut) => `${head(cut.path, 40)} ${cut.from} → ${cut.to} ${cut.unit}`);
  if (cuts.length > 3) named.push(`${cuts.length - 3} more`);
  const how = `cut to fit ${replyBytes / 4} tokens`;
  if (cuts.length === 0) return `[${how}: this text only; the structured content is complete]`;
  return `[${how}: ${named.join(', ')}. ${rest(service, input, output)}]`;
}

/** Which call gives what was cut: the next page of the same one, or the record that was written. */
function rest(service: Service, input: unknown, output: unknown): string {
  if (fieldsOf(service.input).some((field) => field.name === 'page')) {
    const page = Number((input as { page?: unknown }).page ?? 1);
    return `For more call ${toolName(service)} again with page=${page + 1}`;
  }
  const record = (output as { records?: { digest?: unknown }[] }).records?.[0]?.digest;
  if (typeof record === 'string')
    return `For all of it call show with record=${record.slice(0, 16)} and view=json, page by page`;
  return `For all of it run \`schedcp ${service.name} --json\` in a shell, or ask for less`;
}
