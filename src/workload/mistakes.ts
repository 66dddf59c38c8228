// What is wrong with a workload file, said with the JSON path and with what would be right.
import type { z } from 'zod';
import { Fault } from '../core/errors.ts';
import { phaseVerbs } from '../core/workload.ts';

export type JsonPath = readonly PropertyKey[];

export interface Mistake {
  readonly path: JsonPath;
  readonly message: string;
}

const shown = 10;

/** $.groups[0].phases[1].run */
export function pathText(path: JsonPath): string {
  return path.reduce<string>(
    (text, key) => text + (typeof key === 'number' ? `[${key}]` : `.${String(key)}`),
    '$',
  );
}

/** A malformed fault that lists the mistakes, one a line. */
export function mistakesFault(name: string, mistakes: readonly Mistake[]): Fault {
  const lines = mistakes.slice(0, shown).map(({ path, message }) => `  ${pathText(path)}: ${message}`);
  if (mistakes.length > shown) lines.push(`  … and ${mistakes.length - shown} more`);
  const count = mistakes.length === 1 ? '1 mistake' : `${mistakes.length} mistakes`;
  return new Fault('malformed', `workload ${name}: ${count}\n${lines.join('\n')}`, {
    tried: `read workload ${name}`,
    where: mistakes
      .slice(0, shown)
      .map(({ path }) => pathText(path))
      .join(', '),
    next: 'correct the file at the paths given; docs/workloads.md says what there is',
  });
}

/** Thrown while a valid file is expanded: a mistake that shows only then. */
export function expansionFault(name: string, path: JsonPath, message: string): Fault {
  return mistakesFault(name, [{ path, message }]);
}

/** The mistakes behind what zod found in `value`, which stands at `base`. */
export function shapeMistakes(
  issues: readonly z.core.$ZodIssue[],
  schema: z.ZodType,
  value: unknown,
  base: JsonPath = [],
): Mistake[] {
  return issues.flatMap((issue) => {
    const at = descend(schema, value, issue.path);
    const path = [...base, ...issue.path];
    if (issue.code === 'unrecognized_keys') return unknownKeys(path, issue.keys, at.schemas, at.value);
    const meant = issue.code === 'invalid_union' ? meantBranch(at.schemas, at.value) : undefined;
    const inner = meant?.safeParse(at.value);
    if (meant !== undefined && inner?.success === false) {
      return shapeMistakes(inner.error.issues, meant, at.value, path);
    }
    return [{ path, message: messageOf(issue, path, at.schemas, at.value) }];
  });
}

/** The one schema that shares the most keys with an object; undefined if there is none, or a tie. */
function meantBranch(schemas: readonly z.ZodType[], value: unknown): z.ZodType | undefined {
  const present = Object.keys(Object(value));
  const shared = (schema: z.ZodType) =>
    Object.keys((schema.def as Def).shape ?? {}).filter((key) => present.includes(key)).length;
  const most = Math.max(0, ...schemas.map(shared));
  const best = schemas.filter((schema) => shared(schema) === most);
  return most > 0 && best.length === 1 ? best[0] : undefined;
}

function unknownKeys(
  path: JsonPath,
  keys: readonly string[],
  schemas: z.ZodType[],
  value: unknown,
): Mistake[] {
  const allowed = allowedKeys(schemas, value);
  return keys.map((key) => ({
    path: [...path, key],
    message:
      isPhase(path) && phaseVerbs.includes(key)
        ? `a phase has one verb: "${key}" needs a phase of its own`
        : `unknown key; allowed here: ${allowed.join(', ')}`,
  }));
}

function messageOf(issue: z.core.$ZodIssue, path: JsonPath, schemas: z.ZodType[], value: unknown): string {
  if (value === undefined) return 'missing';
  if (isPhase(path) && issue.code === 'invalid_union') {
    const keys =
      typeof value === 'object' && value !== null ? Object.keys(value).join(', ') : JSON.stringify(value);
    return `not a phase: got ${keys || '{}'}, expected one of the verbs ${phaseVerbs.join(', ')}`;
  }
  if (issue.code === 'invalid_union') return unionMessage(issue, schemas, value);
  if (issue.code === 'invalid_key') return issue.issues[0]?.message ?? issue.message;
  return issue.message.replace(/^Invalid (input|option): /, '');
}

function unionMessage(issue: z.core.$ZodIssueInvalidUnion, schemas: z.ZodType[], value: unknown): string {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    const allowed = allowedKeys(schemas, {});
    return `got the keys ${Object.keys(value).join(', ') || '(none)'}; allowed here: ${allowed.join(', ')}`;
  }
  const messages = issue.errors.flatMap((branch) => branch.slice(0, 1).map((inner) => inner.message));
  const texts = messages.map((message) => message.replace(/^Invalid (input|option): /, ''));
  return [...new Set(texts)].join('; or: ');
}

function isPhase(path: JsonPath): boolean {
  return typeof path.at(-1) === 'number' && path.at(-2) === 'phases';
}

/** The schemas that may apply at a path, and the value there. */
function descend(schema: z.ZodType, root: unknown, path: JsonPath): { schemas: z.ZodType[]; value: unknown } {
  let schemas = alternatives(schema);
  let value = root;
  for (const key of path) {
    schemas = schemas.flatMap((s) => alternatives(childOf(s.def as Def, key)));
    value =
      typeof value === 'object' && value !== null ? (value as Record<PropertyKey, unknown>)[key] : undefined;
  }
  return { schemas, value };
}

/** The part of zod's definitions that is walked. */
interface Def {
  readonly type: string;
  readonly shape?: Record<string, z.ZodType>;
  readonly element?: z.ZodType;
  readonly valueType?: z.ZodType;
  readonly innerType?: z.ZodType;
  readonly options?: readonly z.ZodType[];
  readonly items?: readonly z.ZodType[];
  readonly getter?: () => z.ZodType;
}

function alternatives(schema: z.ZodType | undefined): z.ZodType[] {
  if (schema === undefined) return [];
  const def = schema.def as Def;
  if (def.type === 'lazy') return alternatives(def.getter?.());
  if (def.innerType !== undefined) return alternatives(def.innerType);
  if (def.options !== undefined) return def.options.flatMap((option) => alternatives(option));
  return [schema];
}

function childOf(def: Def, key: PropertyKey): z.ZodType | undefined {
  if (def.shape !== undefined) return def.shape[String(key)];
  return def.element ?? def.valueType ?? def.items?.[Number(key)];
}

/** Keys of the object schemas, only of those that share one with the value if any does. */
function allowedKeys(schemas: readonly z.ZodType[], value: unknown): string[] {
  const shapes = schemas.flatMap((s) => {
    const shape = (s.def as Def).shape;
    return shape === undefined ? [] : [Object.keys(shape)];
  });
  const present = Object.keys(Object(value));
  const matching = shapes.filter((keys) => keys.some((key) => present.includes(key)));
  return [...new Set((matching.length > 0 ? matching : shapes).flat())];
}
