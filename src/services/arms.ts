// Which arms a comparison has: the default scheduler, the default with other settings, and policies from the library or from files.

import { readObject } from '../bpf/object.ts';
import { parameters } from '../bpf/parameters.ts';
import { Fault } from '../core/errors.ts';
import type { Arm, Candidate, Settings } from '../core/records.ts';
import { boundOf } from '../deployment/bounds.ts';
import type { Call } from './service.ts';
import type { World } from './world.ts';

export interface Entrant {
  readonly arm: Arm;
  readonly how: Candidate['how'];
  readonly why: string;
  /** The policy reads hints when it is given some. */
  readonly takesHints: boolean;
  /** Digests of records that it comes from. */
  readonly from?: readonly string[];
}

/** Settings worth trying on any workload; names as they appear in tables. */
export const standardSettings: Readonly<
  Record<string, { readonly settings: Settings; readonly why: string }>
> = {
  'slice-short': {
    settings: { baseSliceNs: 500_000 },
    why: 'a short base slice favours wakeups over throughput',
  },
  'slice-long': {
    settings: { baseSliceNs: 24_000_000 },
    why: 'a long base slice lets tasks run without being interrupted',
  },
  batch: { settings: { sched: 'batch' }, why: 'SCHED_BATCH: a wakeup does not preempt' },
};

export const defaultEntrant: Entrant = {
  arm: { id: 'default', name: 'default', kind: 'default' },
  how: 'default',
  why: 'the kernel’s own scheduler as it is configured',
  takesHints: false,
};

export function settingsEntrants(wished: readonly (string | Settings)[] | undefined): Entrant[] {
  const wish: readonly (string | Settings)[] = wished ?? Object.keys(standardSettings);
  const named = wish.flatMap((item): (string | Settings)[] =>
    typeof item === 'string' ? split([item]) : [item],
  );
  const list = isNone(wished) ? [] : named;
  return list.map((item, index) => {
    if (typeof item !== 'string') return settingsEntrant(`settings-${index + 1}`, item, 'asked for');
    const known = standardSettings[item];
    if (known !== undefined) return settingsEntrant(item, known.settings, known.why);
    throw new Fault('not-found', `no settings named ${item}`, {
      next: `there are: ${Object.keys(standardSettings).join(', ')}`,
    });
  });
}

/** `a,b` is two names; a path is left as it is. */
function split(names: readonly string[]): string[] {
  return names.flatMap((name) => (name.includes('/') ? [name] : name.split(',')));
}

/** `none` alone asks for no arms of that kind. */
function isNone(wished: readonly unknown[] | undefined): boolean {
  return wished?.length === 1 && wished[0] === 'none';
}

function settingsEntrant(name: string, settings: Settings, why: string): Entrant {
  return {
    arm: { id: `settings:${name}`, name, kind: 'settings', settings },
    how: 'setting',
    why,
    takesHints: false,
  };
}

/**
 * Policies by name or path; `name?key=value&…` sets parameters. Without a wish: all of the library, and those that take hints a second
 * time with hints.
 */
export async function policyEntrants(
  world: World,
  wished: readonly string[] | undefined,
  withHints: boolean,
  call: Call,
): Promise<Entrant[]> {
  if (isNone(wished)) return [];
  if (wished !== undefined) {
    const entrants = await Promise.all(
      split(wished).map((item) => wishedPolicy(world, item, withHints, call)),
    );
    return entrants.map((entrant, index) => distinct(entrant, entrants.slice(0, index)));
  }
  const all = await world.policies.list();
  const entrants: Entrant[] = [];
  for (const { card, object } of all) {
    const digest = await world.store.blobs.put(object);
    entrants.push(policyEntrant(card.name, digest, {}, 'library', card.summary, false));
    if (card.hints && withHints)
      entrants.push(
        policyEntrant(card.name, digest, {}, 'library', `${card.summary} Told the lengths.`, true),
      );
  }
  return entrants;
}

/** The same name twice (equal copies, other objects) gets a number. */
function distinct(entrant: Entrant, before: readonly Entrant[]): Entrant {
  const same = before.filter((item) => item.arm.name === entrant.arm.name).length;
  if (same === 0) return entrant;
  const name = `${entrant.arm.name}#${same + 1}`;
  return { ...entrant, arm: { ...entrant.arm, id: `policy:${name}`, name } };
}

/** `length`, `length+hints`, `length?shortest_first=1`, `./my.bpf.o`, `./my.bpf.c`. `include`: directories for source. */
export async function wishedPolicy(
  world: World,
  wish: string,
  withHints: boolean,
  call: Call,
  include: readonly string[] = [],
): Promise<Entrant> {
  const [head = '', query = ''] = wish.split('?', 2) as [string, string?];
  const hinted = head.endsWith('+hints');
  const name = hinted ? head.slice(0, -'+hints'.length) : head;
  if (hinted && !withHints) {
    throw new Fault('unsupported', `${wish}: hints are known for declared workloads only`, {
      next: 'leave +hints out',
    });
  }
  const isFile = name.includes('/') || /\.[co]$/.test(name);
  const values = Object.fromEntries(query === '' ? [] : query.split('&').map(parameterPair));
  if (!isFile) {
    const { card, object } = await world.policies.get(name);
    checkBounds(card.parameters, values, name);
    return policyEntrant(
      name,
      await world.store.blobs.put(object),
      values,
      Object.keys(values).length > 0 ? 'reconfigured' : 'library',
      card.summary,
      hinted,
    );
  }
  const object = await readPolicyFile(world, name, include, call);
  const read = readObject(object);
  checkSize(name, object);
  checkNames(
    parameters(read).map((item) => item.name),
    values,
    name,
  );
  return policyEntrant(
    policyName(read, name),
    await world.store.blobs.put(object),
    values,
    'given',
    `from ${name}`,
    hinted,
  );
}

function checkSize(name: string, { length }: Uint8Array): void {
  const { high } = boundOf('objectBytes');
  if (length <= high) return;
  throw new Fault('malformed', `${name} has ${length} bytes; ${high} are the most that an object may have`, {
    next: 'llvm-strip -g takes away what no kernel needs',
  });
}

/** The object of a file: compiled if it is source. Faults: not-found, malformed (it does not compile). */
async function readPolicyFile(
  world: World,
  path: string,
  include: readonly string[],
  call: Call,
): Promise<Uint8Array> {
  return path.endsWith('.c') ? world.compile(path, include, call) : world.readFile(path);
}

/** ops.name of the first struct_ops of an object, else the file's name. */
export function policyName(object: ReturnType<typeof readObject>, path: string): string {
  const ops = object.structOps[0];
  const base = path.split('/').at(-1) ?? path;
  return String(ops?.values.get('name') ?? '') || base.replace(/\.bpf\.[co]$/, '');
}

export type Values = Record<string, number | boolean | string>;

export function policyEntrant(
  name: string,
  object: string,
  values: Values,
  how: Candidate['how'],
  why: string,
  takesHints: boolean,
): Entrant {
  const shown = Object.entries(values)
    .map(([key, value]) => `${key}=${value}`)
    .join(' ');
  const label = `${name}${takesHints ? '+hints' : ''}${shown === '' ? '' : ` ${shown}`}`;
  return {
    arm: { id: `policy:${label}`, name: label, kind: 'policy', policy: { name, object, parameters: values } },
    how,
    why,
    takesHints,
  };
}

function parameterPair(text: string): [string, number | boolean | string] {
  const [key = '', value = ''] = text.split('=', 2) as [string, string?];
  if (value === 'true' || value === 'false') return [key, value === 'true'];
  if (!/^-?\d+$/.test(value))
    throw new Fault('malformed', `${text}: a parameter is NAME=INTEGER or NAME=true|false`, {
      next: 'give its value so',
    });
  const number = Number(value);
  return [key, Number.isSafeInteger(number) ? number : value];
}

function checkNames(names: readonly string[], values: Values, policy: string): void {
  for (const key of Object.keys(values)) {
    if (!names.includes(key))
      throw new Fault('not-found', `${policy} has no parameter ${key}`, {
        next: `it has: ${names.join(', ') || 'none'}`,
      });
  }
}

function checkBounds(
  cards: readonly { name: string; min: number | boolean | string; max: number | boolean | string }[],
  values: Values,
  policy: string,
): void {
  checkNames(
    cards.map((card) => card.name),
    values,
    policy,
  );
  for (const card of cards) {
    const value = values[card.name];
    if (value === undefined || typeof value === 'boolean' || typeof card.min === 'boolean') continue;
    if (BigInt(value) < BigInt(card.min) || BigInt(value) > BigInt(card.max)) {
      throw new Fault('malformed', `${policy}: ${card.name}=${value} is outside ${card.min}..${card.max}`, {
        next: `give a value from ${card.min} to ${card.max}`,
      });
    }
  }
}
