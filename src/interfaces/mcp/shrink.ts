// Cuts a value down to a number of bytes of JSON without leaving its schema: lists lose their ends and long texts theirs, the
// largest first, until everything fits.

export interface Cut {
  readonly path: string;
  readonly from: number;
  readonly to: number;
  readonly unit: 'items' | 'bytes' | 'fields';
}

export interface Shrunk {
  readonly value: unknown;
  readonly cuts: readonly Cut[];
}

export const jsonBytes = (value: unknown): number => Buffer.byteLength(JSON.stringify(value) ?? '');

/** Texts up to this long are names, digests and sentences: cut only when nothing else is left. */
const shortBytes = 200;

interface Node {
  readonly path: string;
  readonly parent: Record<PropertyKey, unknown>;
  readonly key: PropertyKey;
  readonly bytes: number;
  /** What cutting it could save without taking all of it. */
  readonly weight: number;
}

/** Null when even the smallest value that `valid` accepts is larger than `limit`. `value` is JSON and is not changed. */
export function shrink(value: unknown, limit: number, valid: (value: unknown) => boolean): Shrunk | null {
  const root = { value: structuredClone(value) } as Record<PropertyKey, unknown>;
  const cuts = new Map<string, Cut>();
  // What a path can give at once: halved whenever `valid` refuses a cut there, 0 when there is nothing to be had.
  const most = new Map<string, number>();
  for (;;) {
    const over = jsonBytes(root.value) - limit;
    if (over <= 0) return { value: root.value, cuts: outermost([...cuts.values()]) };
    const choice = choose(root, most, false) ?? choose(root, most, true);
    if (choice === undefined) return null;
    const { node, next } = choice;
    // Down to the second largest, or by a part: the largest give alike, in a logarithmic number of steps.
    const part = Math.ceil(node.weight / (over > limit ? 2 : 4));
    const fair = Math.max(1, Math.min(over, Math.max(node.weight - next, part)));
    const saving = Math.min(fair, most.get(node.path) ?? fair);
    const before = node.parent[node.key];
    const after = shortened(before, saving);
    node.parent[node.key] = after;
    if (jsonBytes(after) < node.bytes && valid(root.value)) {
      const from = cuts.get(node.path)?.from;
      cuts.set(node.path, {
        ...measured(before, after),
        ...(from === undefined ? {} : { from }),
        path: node.path,
      });
    } else {
      node.parent[node.key] = before;
      most.set(node.path, Math.floor(saving / 2));
    }
  }
}

function choose(
  root: Record<PropertyKey, unknown>,
  most: ReadonlyMap<string, number>,
  hard: boolean,
): { node: Node; next: number } | undefined {
  let node: Node | undefined;
  let next = 0;
  visit(root, 'value', '', hard, (candidate) => {
    if (candidate.weight <= 0 || most.get(candidate.path) === 0) return;
    if (node === undefined || candidate.weight > node.weight) {
      next = node?.weight ?? 0;
      node = candidate;
    } else next = Math.max(next, candidate.weight);
  });
  return node === undefined ? undefined : { node, next };
}

/** Calls back for every text, list and object below, and gives the bytes of the whole. */
function visit(
  parent: Record<PropertyKey, unknown>,
  key: PropertyKey,
  path: string,
  hard: boolean,
  found: (node: Node) => void,
): number {
  const value = parent[key];
  if (typeof value === 'string') {
    const bytes = jsonBytes(value);
    found({ path, parent, key, bytes, weight: hard ? bytes - 2 : bytes - shortBytes });
    return bytes;
  }
  if (typeof value !== 'object' || value === null) return jsonBytes(value);
  const inside = value as Record<PropertyKey, unknown>;
  let bytes = 2;
  let most = 0;
  const keys = Object.keys(inside);
  for (const name of keys) {
    const own = visit(inside, name, path === '' ? name : `${path}.${name}`, hard, found) + 1;
    const named = Array.isArray(value) ? own : own + jsonBytes(name) + 1;
    bytes += named;
    most = Math.max(most, named);
  }
  const soft = Array.isArray(value) && keys.length > 1 ? bytes - 2 - most : 0;
  if (path !== '') found({ path, parent, key, bytes, weight: hard ? bytes - 2 : soft });
  return bytes;
}

/** The value without at least `bytes` of its end; an object loses its largest fields. */
function shortened(value: unknown, bytes: number): unknown {
  if (typeof value === 'string') return head(value, jsonBytes(value) - 2 - bytes);
  let saved = 0;
  if (Array.isArray(value)) {
    let keep = value.length;
    while (keep > 0 && saved < bytes) saved += jsonBytes(value[--keep]) + 1;
    return value.slice(0, keep);
  }
  const fields = Object.entries(value as object).map(([name, inner]) => ({ name, bytes: jsonBytes(inner) }));
  fields.sort((a, b) => b.bytes - a.bytes);
  const dropped = new Set<string>();
  for (const field of fields) {
    if (saved >= bytes) break;
    saved += field.bytes + jsonBytes(field.name) + 2;
    dropped.add(field.name);
  }
  return Object.fromEntries(Object.entries(value as object).filter(([name]) => !dropped.has(name)));
}

const marker = '… [cut]';

/** The beginning of a text in at most `bytes` bytes of JSON (without its quotes), marked as cut when there is room for that. */
export function head(text: string, bytes: number): string {
  if (jsonBytes(text) - 2 <= bytes) return text;
  const mark = bytes > 40 ? marker : '';
  const room = bytes - Buffer.byteLength(mark);
  const body = text.endsWith(marker) ? text.slice(0, -marker.length) : text;
  let low = 0;
  let high = Math.min(body.length, Math.max(0, room));
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (jsonBytes(whole(body, middle)) - 2 <= room) low = middle;
    else high = middle - 1;
  }
  return whole(body, low) + mark;
}

/** The first `units` code units, without half a character at the end. */
function whole(text: string, units: number): string {
  return text.slice(0, units).replace(/[\ud800-\udbff]$/, '');
}

function measured(before: unknown, after: unknown): Omit<Cut, 'path'> {
  if (typeof before === 'string') {
    return { from: Buffer.byteLength(before), to: Buffer.byteLength(after as string), unit: 'bytes' };
  }
  if (Array.isArray(before)) return { from: before.length, to: (after as unknown[]).length, unit: 'items' };
  return {
    from: Object.keys(before as object).length,
    to: Object.keys(after as object).length,
    unit: 'fields',
  };
}

/** Without the cuts inside of what was itself cut: the outermost tell enough. */
function outermost(cuts: readonly Cut[]): readonly Cut[] {
  return cuts.filter((cut) => !cuts.some((outer) => cut.path.startsWith(`${outer.path}.`)));
}
