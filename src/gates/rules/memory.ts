// What a policy keeps about tasks: made where it is asked for, given up when the task is gone. Our own rule; a hash map that is full makes init_task fail, and with it every fork
// (scx_init_task(), kernel/sched/ext.c, v6.18).
import type { Draft, Facts, Rule } from '../engine/facts.ts';
import { atSite } from '../engine/facts.ts';
import { anyOrigin, constantsOf } from '../engine/values.ts';

export const memoryRule: Rule = {
  about: 'what is kept about tasks is made, and given up',
  codes: ['map-never-emptied', 'storage-never-made'],
  check: (facts) => [...full(facts), ...absent(facts)],
};

function mapOf(site: Facts['sites'][number]['site']): string | undefined {
  const origin = site.args[0]?.atoms?.length === 1 ? site.args[0].atoms[0]!.origin : undefined;
  return origin?.kind === 'map' ? origin.name : undefined;
}

const createFlag = 1n;

function full({ object, sites }: Facts): Draft[] {
  const emptied = new Set(
    sites.filter(({ site }) => site.name === 'bpf_map_delete_elem').map(({ site }) => mapOf(site)),
  );
  const found = new Map<string, Draft>();
  for (const reached of sites) {
    const { name, key } = reached.site;
    const map = name === 'bpf_map_update_elem' ? mapOf(reached.site) : undefined;
    if (map === undefined || emptied.has(map) || found.has(map)) continue;
    const type = object.maps.find((one) => one.name === map)?.typeName;
    if (type !== 'hash' && type !== 'percpu_hash') continue;
    const isByTask = anyOrigin(
      key,
      ({ kind, name: field }) => kind === 'field' && /^task_struct\.(pid|tgid)$/.test(field),
      0,
    );
    if (!isByTask) continue;
    found.set(map, {
      code: 'map-never-emptied',
      severity: 'reject',
      sure: 'likely',
      why: `Every task gets an entry in ${map}, and none is ever deleted: once so many tasks have come and gone the map is full, and updates fail.`,
      instead:
        'Use task storage (include/task.h), which goes with its task; or delete the entry in exit_task; or an LRU hash.',
      at: atSite(reached),
    });
  }
  return [...found.values()];
}

/** Task storage that is looked up and never created: every lookup gives NULL. */
function absent({ object, sites }: Facts): Draft[] {
  return object.maps.flatMap((map) => {
    if (map.typeName !== 'task_storage') return [];
    const own = sites.filter(({ site }) => site.name === 'bpf_task_storage_get' && mapOf(site) === map.name);
    const [first] = own;
    const isMade = own.some(({ site }) => {
      const flags = constantsOf(site.args[3]!);
      return flags === undefined || flags.values.some((value) => (value & createFlag) !== 0n);
    });
    if (first === undefined || isMade) return [];
    return [
      {
        code: 'storage-never-made',
        severity: 'reject',
        sure: 'likely',
        why: `The task storage ${map.name} is looked up, and never made: every lookup gives NULL, and what the policy knows of a task is nothing.`,
        instead:
          'In init_task: return new_task_state(p) ? 0 : -ENOMEM (include/task.h), and name init_task in the table.',
        at: atSite(first),
      } satisfies Draft,
    ];
  });
}
