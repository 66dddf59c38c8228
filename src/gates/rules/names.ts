// Decisions by a process's name. Anyone may set it (prctl PR_SET_NAME), so it is no identity; a policy that knows names is made for one benchmark. Our own rule. Names as keys of a map that user
// space fills are the user's choice.

import { atSite, type Draft, type Facts, type Rule } from '../engine/facts.ts';
import type { Branch } from '../engine/instance.ts';
import { anyOrigin, constantOf, type Origin, type Value } from '../engine/values.ts';

export const namesRule: Rule = {
  about: 'no decisions by the name of a process',
  codes: ['name-matching'],
  check: (facts) => {
    const found = [...branches(facts), ...comparisons(facts)];
    return found.slice(0, 1);
  },
};

const comparing = /^(bpf_strncmp|bpf_strcmp|bpf_strncasecmp|bpf_strcasecmp|bpf_strstr|bpf_strnstr)$/;

function isName({ kind, name }: Origin): boolean {
  return (
    (kind === 'field' && /\.comm(\[|$)/.test(name)) || (kind === 'fieldptr' && /\.comm(\[| )/.test(name))
  );
}

function isText({ kind, name }: Origin): boolean {
  return kind === 'parameter' || (kind === 'data' && name.startsWith('.rodata'));
}

function branches(facts: Facts): Draft[] {
  for (const { callback, entered } of facts.all)
    for (const { instance } of entered)
      for (const branch of instance.branches.values())
        if (comparesName(branch))
          return [draft({ fn: instance.fn, slot: branch.at, member: callback.member })];
  return [];
}

function comparesName({ left, right, condition }: Branch): boolean {
  if (condition !== 'eq' && condition !== 'ne') return false;
  const sides: readonly (readonly [Value, Value])[] = [
    [left, right],
    [right, left],
  ];
  return sides.some(([name, text]) => {
    if (!anyOrigin(name, isName)) return false;
    const constant = constantOf(text);
    if (constant !== undefined && constant !== 0n) return true;
    if (anyOrigin(text, isText)) return true;
    return anyOrigin(
      name,
      ({ kind, name: op, of }) =>
        kind === 'calc' &&
        (op === 'xor' || op === 'sub') &&
        of.some((one) => (constantOf(one) ?? 0n) !== 0n || anyOrigin(one, isText)),
    );
  });
}

function comparisons(facts: Facts): Draft[] {
  for (const reached of facts.sites) {
    const { site } = reached;
    if (!comparing.test(site.name)) continue;
    // Names on the stack come as pointers: what was read into the frame is told by the reads of the same function.
    const readsName = [...reached.instance.sites.values()].some(
      (one) =>
        one.name === 'bpf_get_current_comm' ||
        (one.name.startsWith('bpf_probe_read') && anyOrigin(one.args[2], isName)),
    );
    if (site.args.some((arg) => anyOrigin(arg, isName)) || readsName) return [draft(atSite(reached))];
  }
  return [];
}

function draft(at: NonNullable<Draft['at']>): Draft {
  return {
    code: 'name-matching',
    severity: 'reject',
    sure: 'likely',
    why: 'The policy compares the name of a process with a text of its own: a name is not an identity, anyone may set it.',
    instead:
      'Decide by what a task does (its runs and sleeps), by nice or cgroup; where the user is to say, by a map that user space fills.',
    at,
  };
}
