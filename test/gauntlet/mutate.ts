// Mechanical mutants: one small, named change of a policy's C source. A mutant is operator + policy + place, so that it can be made anew at any time; nothing is written. The text is
// taken as C closely enough for what is in policies/ and in the corpus: comments are skipped, brackets are matched.

export interface Mutation {
  readonly operator: keyof typeof operators;
  /** Function whose body is changed; null: the whole file. */
  readonly in: string | null;
  /** What to look for: a call, a condition, a token. Its meaning is the operator's. */
  readonly at: string;
  /** Which occurrence, from 0. */
  readonly nth?: number;
  /** What the operator puts there, where it puts something. */
  readonly to?: string;
  /** Arguments, from 0, of the operators that change some. */
  readonly arguments?: readonly number[];
}

interface Place extends Mutation {
  /** The file, comments blanked out: same length, same positions. */
  readonly bare: string;
  readonly source: string;
  readonly start: number;
  readonly end: number;
}

/** @throws Error when the place is not there: a manifest that no longer fits its policy must not pass for a mutant. */
export function mutate(source: string, mutation: Mutation): string {
  const bare = source.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, (comment) => comment.replace(/[^\n]/g, ' '));
  const [start, end] = mutation.in === null ? [0, source.length] : bodyOf(bare, mutation.in);
  const changed = operators[mutation.operator]({ ...mutation, bare, source, start, end });
  if (changed === source) throw new Error(`${text(mutation)} changes nothing`);
  return changed;
}

const operators = {
  /** A call that is a statement of its own. */
  'delete-call': (place: Place) => replace(place, ...statement(place), ';'),
  'double-call': (place: Place) => {
    const [from, to] = statement(place);
    const twice = place.source.slice(from, to);
    return replace(place, from, to, `{ ${twice} ${twice} }`);
  },
  /** An if without else, with what hangs on it. */
  'drop-guard': (place: Place) => {
    const { from, body } = condition(place);
    return replace(place, from, statementEnd(place.bare, body), ';');
  },
  /** The if goes, what hangs on it stays. */
  'always-do': (place: Place) => {
    const { from, body } = condition(place);
    return replace(place, from, body, '');
  },
  'negate-condition': (place: Place) => {
    const { open, body } = condition(place);
    return replace(place, open, body, `(!(${place.source.slice(open + 1, body - 1)}))`);
  },
  /** A term of a chain of && or ||. */
  'drop-term': (place: Place) => {
    const from = find(place);
    const to = from + place.at.length;
    const after = /^\s*(\|\||&&)\s*/.exec(place.bare.slice(to, place.end));
    if (after !== null) return replace(place, from, to + after[0].length, '');
    const before = /\s*(\|\||&&)\s*$/.exec(place.bare.slice(place.start, from));
    if (before === null) throw new Error(`${text(place)}: no term of a chain`);
    return replace(place, from - before[0].length, to, '');
  },
  /** A constant, a name or an operator. */
  'swap-token': (place: Place) => {
    const from = find(place);
    return replace(place, from, from + place.at.length, need(place, 'to'));
  },
  'drop-flag': (place: Place) => {
    const from = find(place);
    const before = /\s*\|\s*$/.exec(place.bare.slice(place.start, from));
    if (before === null) throw new Error(`${text(place)}: no flag behind others`);
    return replace(place, from - before[0].length, from + place.at.length, '');
  },
  'swap-arguments': (place: Place) => {
    const { from, to, list } = call(place);
    const [a, b] = need(place, 'arguments');
    const swapped = list.map((argument, i) => (i === a ? list[b!]! : i === b ? list[a!]! : argument));
    return replace(place, from, to, `${place.at}(${swapped.join(', ')})`);
  },
  'set-argument': (place: Place) => {
    const { from, to, list } = call(place);
    const [which] = need(place, 'arguments');
    const set = list.map((argument, i) => (i === which ? need(place, 'to') : argument));
    return replace(place, from, to, `${place.at}(${set.join(', ')})`);
  },
  'vtime-to-fifo': (place: Place) => {
    const { from, to, list } = call(place);
    return replace(place, from, to, `scx_bpf_dsq_insert(${list.filter((_, i) => i !== 3).join(', ')})`);
  },
  'fifo-to-vtime': (place: Place) => {
    const { from, to, list } = call(place);
    const [p, dsq, slice, flags] = list;
    return replace(
      place,
      from,
      to,
      `scx_bpf_dsq_insert_vtime(${[p, dsq, slice, need(place, 'to'), flags].join(', ')})`,
    );
  },
  /** `at`: what stands behind return. */
  'set-return': (place: Place) => {
    const from = find({ ...place, at: `return ${place.at}` });
    return replace(place, from, place.bare.indexOf(';', from), `return ${need(place, 'to')}`);
  },
  /** A loop that counts goes on without an end of its own. */
  'unbound-loop': (place: Place) => {
    const { from, to, list } = call(place);
    return replace(place, from, to, `for (${list[0]} = ${list[1]};; ${list[0]}++)`);
  },
  'drop-member': (place: Place) => {
    const from = find({ ...place, at: `.${place.at} =` });
    const to = place.bare.slice(from).search(/[,)]\s*(\.|;|\n)|\);/) + from;
    const comma = place.bare.lastIndexOf(',', from);
    return replace(place, comma, to + (place.bare[to] === ')' && place.bare[to + 1] === ',' ? 1 : 0), '');
  },
  'add-member': (place: Place) => {
    const end = place.bare.lastIndexOf(');');
    return replace(place, end, end, `, .${place.at} = ${need(place, 'to')}`);
  },
  /** A callback that may sleep becomes one that may not. */
  'forbid-sleep': (place: Place) => {
    const from = find({ ...place, at: `SLEEPABLE_OP(${place.at}` });
    return replace(place, from, from + 'SLEEPABLE_OP'.length, 'OP');
  },
} as const;

export const operatorNames = Object.keys(operators);

function replace({ source }: Place, from: number, to: number, by: string): string {
  return source.slice(0, from) + by + source.slice(to);
}

function need<K extends 'to' | 'arguments'>(place: Place, what: K): NonNullable<Mutation[K]> {
  const value = place[what];
  if (value === undefined) throw new Error(`${text(place)} needs "${what}"`);
  return value as NonNullable<Mutation[K]>;
}

/** Where the nth `at` begins, not as a part of a longer name. */
function find(place: Place): number {
  const { bare, at, nth = 0, start, end } = place;
  let from = start - 1;
  for (let seen = 0; seen <= nth; ) {
    from = bare.indexOf(at, from + 1);
    if (from < 0 || from + at.length > end) throw new Error(`${text(place)}: not there`);
    if (!isName(bare[from - 1], at[0]) && !isName(at.at(-1), bare[from + at.length])) seen++;
  }
  return from;
}

function isName(a: string | undefined, b: string | undefined): boolean {
  return /\w/.test(a ?? '') && /\w/.test(b ?? '');
}

/** From the brace to behind its partner. */
function bodyOf(bare: string, name: string): [number, number] {
  const head = new RegExp(`(OP\\(|\\s\\*?)${name}[,()][^;{]*\\{`).exec(bare);
  if (head === null) throw new Error(`no function ${name}`);
  const start = head.index + head[0].length - 1;
  return [start, partner(bare, start) + 1];
}

function partner(bare: string, open: number): number {
  let depth = 0;
  for (let i = open; i < bare.length; i++) {
    if ('({['.includes(bare[i]!)) depth++;
    else if (')}]'.includes(bare[i]!) && --depth === 0) return i;
  }
  throw new Error(`no partner of the bracket at ${open}`);
}

/** The nth call of `at`: its extent and its arguments. */
function call(place: Place): { from: number; to: number; list: string[] } {
  const from = find({ ...place, at: `${place.at}(` });
  const open = from + place.at.length;
  const close = partner(place.bare, open);
  const list: string[] = [];
  let last = open + 1;
  for (let i = open + 1; i <= close; i++) {
    if ('([{'.includes(place.bare[i]!)) i = partner(place.bare, i);
    else if (place.bare[i] === ',' || i === close) {
      list.push(place.source.slice(last, i).trim());
      last = i + 1;
    }
  }
  return { from, to: close + 1, list };
}

/** The call with its semicolon; it must begin a line. */
function statement(place: Place): [number, number] {
  const { from, to } = call(place);
  const isWhole = /(^|\n)\s*$/.test(place.bare.slice(0, from)) && place.bare[to] === ';';
  if (!isWhole) throw new Error(`${text(place)}: no statement of its own`);
  return [from, to + 1];
}

/** The nth if whose condition has `at`. */
function condition(place: Place): { from: number; open: number; body: number } {
  const { bare, at, nth = 0, start, end } = place;
  const ifs = /\bif \(/g;
  ifs.lastIndex = start;
  let seen = 0;
  for (let found = ifs.exec(bare); found !== null && found.index < end; found = ifs.exec(bare)) {
    const open = found.index + found[0].length - 1;
    const body = partner(bare, open) + 1;
    if (bare.slice(open, body).includes(at) && seen++ === nth) return { from: found.index, open, body };
  }
  throw new Error(`${text(place)}: no such condition`);
}

function statementEnd(bare: string, from: number): number {
  const first = from + bare.slice(from).search(/\S/);
  const end = bare[first] === '{' ? partner(bare, first) + 1 : bare.indexOf(';', first) + 1;
  if (/^\s*else\b/.test(bare.slice(end))) throw new Error('an else hangs on the condition');
  return end;
}

function text({ operator, in: where, at, nth = 0 }: Mutation): string {
  return `${operator} ${at} #${nth} in ${where ?? 'the file'}`;
}
