// Storage of tasks and cgroups. Source: kernel/bpf/bpf_task_storage.c, bpf_cgrp_storage.c v6.18.

import { taskStride, taskStruct } from '../kernel/structs.ts';
import { EINVAL } from '../maps/errno.ts';
import { mapType } from '../maps/map.ts';
import type { StorageMap } from '../maps/storage.ts';
import { type InlineOf, words } from '../program/words.ts';
import { bad, type Helper, type Helpers, type HelperWorld, mapIn, needReadable } from './world.ts';

/** BPF_LOCAL_STORAGE_GET_F_CREATE. */
const create = 1;
const taskShift = Math.log2(taskStride);

interface Owner {
  readonly what: string;
  readonly type: number;
  readonly of: (world: HelperWorld, address: number) => number;
}
const task: Owner = {
  what: 'task',
  type: mapType.taskStorage,
  of: (world, address) => world.taskOf(address),
};
const cgroup: Owner = {
  what: 'cgroup',
  type: mapType.cgrpStorage,
  of: (world, address) => world.cgroupOf(address),
};

export function storageHelpers(world: HelperWorld): Helpers {
  const inline: InlineOf = (map) =>
    map?.type !== mapType.taskStorage
      ? undefined
      : {
          kind: 'owned',
          ownersAt: world.resultHigh + words.tasks,
          shift: taskShift,
          aliveAt: taskStruct.offsets.cpusPtr,
          tableAt: (map as StorageMap).tableAt,
        };
  return {
    156: { ...get('bpf_task_storage_get', world, task), inline },
    157: remove('bpf_task_storage_delete', world, task),
    210: get('bpf_cgrp_storage_get', world, cgroup),
    211: remove('bpf_cgrp_storage_delete', world, cgroup),
  };
}

function get(name: string, world: HelperWorld, kind: Owner): Helper {
  return {
    name,
    params: ['low', 'low', 'low', 'wide'],
    result: 'unsigned',
    run: (handle, address, initial, flagsLow, flagsHigh) => {
      const map = storageIn(name, world, handle!, kind);
      if (flagsHigh !== 0 || flagsLow! >>> 0 > create || address === 0) return 0;
      const owner = kind.of(world, address!);
      if (owner < 0) bad(world, name, 2, address!, `a ${kind.what}`);
      if (initial !== 0) needReadable(world, name, 3, initial!, map.valueBytes);
      return map.of(owner, flagsLow === create, initial!);
    },
  };
}

function remove(name: string, world: HelperWorld, kind: Owner): Helper {
  return {
    name,
    params: ['low', 'low'],
    result: 'signed',
    run: (handle, address) => {
      const map = storageIn(name, world, handle!, kind);
      if (address === 0) return -EINVAL;
      const owner = kind.of(world, address!);
      return owner < 0 ? bad(world, name, 2, address!, `a ${kind.what}`) : map.remove(owner);
    },
  };
}

function storageIn(name: string, world: HelperWorld, handle: number, kind: Owner): StorageMap {
  const map = mapIn(world, name, handle);
  return map.type === kind.type
    ? (map as StorageMap)
    : world.finding(`${name}: not for map ${map.name} of type ${map.shape.typeName}`);
}
