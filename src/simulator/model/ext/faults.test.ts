// Every fault ends a policy with the kernel's exit kind and the kernel's words. Truth: each scx_error() and scx_exit() of kernel/sched/ext.c, v6.18. Those
// of kfuncs alone stand in kfuncs/errors.test.ts; those of coming and going in attach.test.ts. The last tests hold the lists against the sources.

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  type ExtOptions,
  type ExtWorld,
  enqHigh,
  extWorld,
  global,
  type Kernel,
  local,
  localOn,
  maskOf,
  ms,
  user,
} from '../../../../test/simulator/ext-world.ts';
import { root } from '../../../../test/support/paths.ts';
import { setAffinity, setMigrationDisabled } from '../changes.ts';

interface FaultCase {
  readonly says: string;
  readonly ops: NonNullable<ExtOptions['ops']>;
  readonly options?: ExtOptions;
  /** Besides two tasks, A that runs and B that comes 1 ms later. */
  readonly prepare?: (w: ExtWorld) => void;
}

const queue = user(7);
const create = (k: Kernel): void => {
  k.call('scx_bpf_create_dsq', ...queue, -1);
};
const prevCpu = (_k: Kernel, _p: number, prev: number): number => prev;
/** A goes to the local queue; what happens with B is the case's matter. */
const withB = (how: (k: Kernel, p: number) => void): NonNullable<ExtOptions['ops']> => ({
  init: create,
  select_cpu: prevCpu,
  enqueue: (k, p) => {
    if (p === 0) k.insert(p, local);
    else how(k, p);
  },
});
/** The policy keeps B, and CPU 1 is kicked to fetch it. */
const fetched = (how: (k: Kernel) => void): NonNullable<ExtOptions['ops']> => ({
  ...withB((k) => k.kick(1)),
  dispatch: (k, cpu) => {
    if (cpu === 1) how(k);
  },
});
const one = { shape: { cpus: 1 } };

const cases: Readonly<Record<string, FaultCase>> = {
  'select_cpu gives a CPU that there is not': {
    says: '1024: invalid CPU 9 from ops.select_cpu()',
    ops: { ...withB(() => {}), select_cpu: () => 9 },
  },
  'select_cpu gives less than none': {
    says: '1024: invalid CPU -5 from ops.select_cpu()',
    ops: { ...withB(() => {}), select_cpu: () => -5 },
  },
  'a verdict for a CPU that there is not, from enqueue': {
    says: '1024: invalid CPU 999 in SCX_DSQ_LOCAL_ON dispatch verdict',
    ops: withB((k, p) => k.insert(p, localOn(999))),
  },
  'and from dispatch': {
    says: '1024: invalid CPU -1 in SCX_DSQ_LOCAL_ON dispatch verdict',
    ops: fetched((k) => k.insert(1, localOn(-1))),
  },
  'a queue that nobody has made': {
    says: '1024: non-existent DSQ 0x2a for B[1001]',
    ops: withB((k, p) => k.insert(p, user(42))),
  },
  'a queue with a large number': {
    says: '1024: non-existent DSQ 0x1200000034 for B[1001]',
    ops: fetched((k) => k.insert(1, [0x34, 0x12])),
  },
  'inserted twice': {
    says: '1024: B[1001] already direct-dispatched',
    ops: withB((k, p) => {
      k.insert(p, global);
      k.insert(p, global);
    }),
  },
  'another task than the one at hand': {
    says: '1024: scheduling for B[1001] but trying to direct-dispatch A[1000]',
    ops: withB((k) => k.insert(0, global)),
  },
  'the global queue has no order by vtime': {
    says: '1024: cannot use vtime ordering for built-in DSQs',
    ops: withB((k, p) => k.insertVtime(p, global, 1)),
  },
  'nor has the local one': {
    says: '1024: cannot use vtime ordering for built-in DSQs',
    ops: fetched((k) => k.insertVtime(1, localOn(0), 1)),
  },
  'by vtime into a queue with tasks in order of arrival': {
    says: '1024: DSQ ID 0x0000000000000007 already had FIFO-enqueued tasks',
    ops: withB((k, p) => (p === 1 ? k.insert(p, queue) : k.insertVtime(p, queue, 1))),
    prepare: (w) => w.add({ runNs: ms, startNs: 2 * ms }),
  },
  'by arrival into a queue ordered by vtime': {
    says: '1024: DSQ ID 0x0000000000000007 already had PRIQ-enqueued tasks',
    ops: withB((k, p) => (p === 1 ? k.insertVtime(p, queue, 1) : k.insert(p, queue))),
    prepare: (w) => w.add({ runNs: ms, startNs: 2 * ms }),
  },
  'a CPU that the task may not use': {
    says: '1024: SCX_DSQ_LOCAL[_ON] target CPU 1 not allowed for C[1002]',
    ops: withB((k, p) => k.insert(p, localOn(1))),
    prepare: (w) => w.add({ runNs: ms, affinity: [0], startNs: 500_000 }),
  },
  'and from dispatch, to its own CPU': {
    says: '1024: SCX_DSQ_LOCAL[_ON] target CPU 1 not allowed for C[1002]',
    ops: fetched((k) => k.insert(2, local)),
    prepare: (w) => w.add({ runNs: ms, affinity: [0], startNs: 500_000 }),
  },
  'a task that may not migrate': {
    says: '1024: SCX_DSQ_LOCAL[_ON] cannot move migration disabled B[1001] from CPU 0 to 1',
    ops: fetched((k) => {
      setMigrationDisabled(fetchedWorld!.core, 1, true);
      k.insert(1, local);
    }),
  },
  'more verdicts than the buffer holds': {
    says: '1024: dispatch buffer overflow',
    ops: fetched((k) => {
      for (let i = 0; i < 3; i++) k.insert(1, queue);
    }),
    options: { maxBatch: 2 },
  },
  'one taken back that was not given': {
    says: '1024: dispatch buffer underflow',
    ops: fetched((k) => k.call('scx_bpf_dispatch_cancel')),
  },
  'a queue that is not empty is destroyed': {
    says: '1024: attempting to destroy in-use dsq 0x0000000000000007 (nr=1)',
    ops: {
      ...withB((k, p) => k.insert(p, queue)),
      tick: (k) => {
        k.call('scx_bpf_destroy_dsq', ...queue);
      },
    },
  },
  'moved from a queue that there is not': {
    says: '1024: invalid DSQ ID 0x0000000000001234',
    ops: fetched((k) => k.moveToLocal(user(0x1234))),
  },
  'a kfunc of cpu_release in a callback within it': {
    says: '1024: cpu_release kfunc called from a nested operation',
    ops: {
      enqueue: (k, p) => {
        if (k.high(1) === enqHigh.reenq) k.call('scx_bpf_reenqueue_local');
        k.insert(p, local);
      },
      cpu_release: (k) => {
        k.call('scx_bpf_reenqueue_local');
      },
    },
    options: one,
    prepare: (w) => {
      w.add({ runNs: ms, startNs: 500_000, schedClass: 0, policy: 1 });
    },
  },
  'a task’s cgroup asked for elsewhere than in a callback about it': {
    says: '1024: called on a task not being operated on',
    ops: fetched((k) => k.call('scx_bpf_task_cgroup', k.address(1))),
  },
  'ops.set_cpumask holds no run queue': {
    says: '1024: accessing rq without holding rq lock',
    ops: {
      ...withB(() => {}),
      set_cpumask: (k) => {
        k.call('scx_bpf_locked_rq');
      },
    },
    prepare: (w) => setAffinity(w.core, 0, maskOf(0)),
  },
  'a kfunc in a callback that may not use it': {
    says: '1024: kfunc with mask 0x6 called from an operation only allowing 0x10',
    ops: { ...withB(() => {}), runnable: (k, p) => k.insert(p, local) },
  },
  'and one in init_task, where nothing is locked': {
    says: '1024: kfunc with mask 0x1f called from an operation only allowing 0x0',
    ops: { init_task: (k, p) => k.call('scx_bpf_task_cgroup', k.address(p)) && 0 },
  },
};
let fetchedWorld: ExtWorld | undefined;

describe('each fault', () => {
  for (const [name, { says, ops, options, prepare }] of Object.entries(cases))
    test(name, () => {
      const w = extWorld({ ...options, ops });
      fetchedWorld = w;
      w.add({ runNs: 100 * ms });
      w.add({ runNs: 100 * ms, startNs: ms });
      prepare?.(w);
      w.run(10 * ms);
      expect(w.exit()).toBe(says);
    });

  test('the first one counts', () => {
    const w = extWorld({
      ops: withB((k, p) => {
        k.insert(p, user(1));
        k.insert(p, user(1));
      }),
    });
    w.add({ runNs: ms });
    w.add({ runNs: ms });
    w.run(ms);
    expect(w.exit()).toBe('1024: B[1001] already direct-dispatched');
  });
});

const sources = `${root}/src/simulator`;
const read = (folder: string, isTest: boolean): string =>
  readdirSync(`${sources}/${folder}`)
    .filter((name) => name.endsWith('.ts') && name.endsWith('.test.ts') === isTest)
    .map((name) => readFileSync(`${sources}/${folder}/${name}`, 'utf8'))
    .join('\n');

test('no text that the model can say is without a test', () => {
  const code = read('model/ext', false) + read('kfuncs', false);
  const texts = [...code.matchAll(/(?:\berror\(|exitWith\([^'`;]*?)\s*(['`])((?:(?!\1).)+)\1/gs)].map(
    ([, , text]) => text!,
  );
  const fixed = (text: string): string[] =>
    text.split(/\$\{(?:[^{}]|\{[^{}]*\})*(?:\}|$)/).filter((part) => part.trim().length > 3);
  const said = read('model/ext', true) + read('kfuncs', true);
  const unsaid = texts.filter((text) => fixed(text).some((part) => !said.includes(part.trim())));
  expect(texts.length).toBeGreaterThan(40);
  expect(unsaid).toEqual([]);
});

/** Texts of 6.18 that the model never says, and why. */
const neverSaid: Readonly<Record<string, string>> = {
  'watchdog failed to check in for': 'the work item always gets its turn',
  'attempting to dispatch to a destroyed dsq': 'between finding a queue and inserting nothing else happens',
  'failed to read data fields': 'the verifier lets only readable data through',
  'unavailable node': 'all nodes below nr_node_ids are there',
  'RCU CPU stall detected!': 'no callback takes that long',
  'soft lockup - CPU#': 'no callback takes that long',
};

test('what the kernel can say and the model never does is named', () => {
  const code = read('model/ext', false) + read('kfuncs', false);
  for (const text of Object.keys(neverSaid)) expect(code, text).not.toContain(text);
});
