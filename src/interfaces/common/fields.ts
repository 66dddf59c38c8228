// The input of a service as a flat list of fields, read from its JSON schema: what the CLI makes flags of, and what both skins
// say when a value is refused.

import { z } from 'zod';

export type Scalar = 'boolean' | 'number' | 'integer' | 'choice' | 'text' | 'json';

export interface Field {
  readonly name: string;
  readonly shape: 'one' | 'many' | 'map';
  /** What a value (of the list, of the map) may be, first match first. */
  readonly kinds: readonly Scalar[];
  readonly choices: readonly string[];
  /** What a value must be, to follow "must be": "a whole number from 1 to 50". */
  readonly allowed: string;
  /** The range alone, "1 to 50", or ''. */
  readonly range: string;
  readonly description: string;
  readonly required: boolean;
  readonly default: unknown;
}

interface Json {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Json[];
  readonly oneOf?: readonly Json[];
  readonly items?: Json;
  readonly properties?: Readonly<Record<string, Json>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Json | boolean;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly description?: string;
  readonly default?: unknown;
}

export function fieldsOf(schema: z.ZodType): readonly Field[] {
  const json = z.toJSONSchema(schema, { io: 'input' }) as Json;
  return Object.entries(json.properties ?? {}).map(([name, property]) => {
    const inner = withoutNull(property);
    const shape = shapeOf(inner);
    const value = withoutNull(
      (shape === 'many' ? inner.items : shape === 'map' ? mapValue(inner) : inner) ?? {},
    );
    const kinds = kindsOf(value);
    return {
      name,
      shape,
      kinds,
      choices: choicesOf(value),
      allowed: allowedOf(value, kinds),
      range: rangeOf(value),
      description: property.description ?? inner.description ?? '',
      required: json.required?.includes(name) ?? false,
      default: property.default,
    };
  });
}

function members(json: Json): readonly Json[] {
  if (typeof json.type === 'object') return json.type.map((type) => ({ ...json, type }));
  return json.anyOf ?? json.oneOf ?? [json];
}

function withoutNull(json: Json): Json {
  const rest = members(json).filter((member) => member.type !== 'null');
  return rest.length === 1 ? rest[0]! : json;
}

function mapValue(json: Json): Json | undefined {
  return typeof json.additionalProperties === 'object' ? json.additionalProperties : undefined;
}

function shapeOf(json: Json): Field['shape'] {
  if (json.type === 'array' && json.items !== undefined) return 'many';
  return json.type === 'object' && json.properties === undefined && mapValue(json) !== undefined
    ? 'map'
    : 'one';
}

function kindOf(json: Json): Scalar {
  if (choicesOf(json).length > 0) return 'choice';
  if (json.type === 'boolean' || json.type === 'number' || json.type === 'integer') return json.type;
  return json.type === 'string' ? 'text' : 'json';
}

// Text last: it takes everything.
const order: readonly Scalar[] = ['json', 'integer', 'number', 'boolean', 'choice', 'text'];

function kindsOf(json: Json): readonly Scalar[] {
  const kinds = new Set(members(json).map(kindOf));
  return order.filter((kind) => kinds.has(kind));
}

function choicesOf(json: Json): readonly string[] {
  const values = json.enum ?? (json.const === undefined ? [] : [json.const]);
  return values.filter((value) => typeof value === 'string');
}

/** zod writes the bounds of safe integers where none were asked for. */
const bound = (value: number | undefined): number | undefined =>
  value === undefined || Math.abs(value) >= Number.MAX_SAFE_INTEGER ? undefined : value;

function rangeOf(json: Json): string {
  const low = bound(json.minimum);
  const high = bound(json.maximum);
  const above = bound(json.exclusiveMinimum);
  const below = bound(json.exclusiveMaximum);
  const from = low !== undefined ? `${low}` : above !== undefined ? `above ${above}` : '';
  const to = high !== undefined ? `${high}` : below !== undefined ? `below ${below}` : '';
  if (from !== '' && to !== '') return `${from} to ${to}`;
  if (from !== '') return low === undefined ? from : `at least ${from}`;
  return to === '' || high === undefined ? to : `at most ${to}`;
}

function allowedOf(json: Json, kinds: readonly Scalar[]): string {
  return kinds
    .map((kind) => {
      const range = rangeOf(json);
      const of = range === '' ? '' : / to /.test(range) ? ` from ${range}` : ` ${range}`;
      if (kind === 'choice') return `one of ${members(json).flatMap(choicesOf).join(', ')}`;
      if (kind === 'integer') return `a whole number${of}`;
      if (kind === 'number') return `a number${of}`;
      if (kind === 'boolean') return 'true or false';
      return kind === 'text' ? 'text' : 'JSON';
    })
    .join(' or ');
}
