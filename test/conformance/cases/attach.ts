// What sched_ext_ops may say: members that the kernel refuses when they are written to it, and those that end the policy once ops.init has run. The truth is
// kernel/sched/ext.c, v6.18: bpf_scx_check_member(), bpf_scx_init_member(), check_hotplug_seq(), validate_ops(), scx_enable().

import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { readObject } from '../../../src/bpf/object.ts';
import { withOps } from '../../support/ops-values.ts';
import { object } from '../../support/paths.ts';
import { type Case, cell, completed, workload } from '../case.ts';
import { built } from '../objects.ts';
import type { ArmWish } from '../subject.ts';

type Values = Parameters<typeof withOps>[1];

const short = workload('short', { groups: [{ name: 'one', phases: [{ run: '2ms' }] }] });
const arm = (values: Values): ArmWish => ({ name: 'values', object: withOps(built('values'), values) });

const keepBuiltinIdle = 1;
const enqLast = 2;
const partial = 8;
const perNode = 64;

const refused: readonly (readonly [string, Values, 'EINVAL' | 'E2BIG', string])[] = [
  ['no name', { name: '' }, 'EINVAL', 'bpf_obj_name_cpy() gives 0'],
  ['a name with a blank', { name: 'a b' }, 'EINVAL', 'letters, digits, _ and . only'],
  ['a name without an end', { name: 'x'.repeat(128) }, 'EINVAL', 'no NUL in SCX_OPS_NAME_LEN bytes'],
  ['a timeout of 30.001 s', { timeout_ms: 30_001 }, 'E2BIG', 'more than SCX_WATCHDOG_MAX_TIMEOUT'],
  ['more verdicts than an int counts', { dispatch_max_batch: 2 ** 31 }, 'E2BIG', 'more than INT_MAX'],
  ['a flag that is the kernel’s own', { flags: 1n << 56n }, 'EINVAL', 'not in SCX_OPS_ALL_FLAGS'],
];

const ended: readonly (readonly [string, Values, number, string])[] = [
  [
    'SCX_OPS_ENQ_LAST without ops.enqueue',
    { flags: enqLast },
    1024,
    'SCX_OPS_ENQ_LAST requires ops.enqueue() to be implemented',
  ],
  [
    'masks of nodes that the policy replaces',
    { flags: perNode },
    1024,
    'SCX_OPS_BUILTIN_IDLE_PER_NODE requires CPU idle selection enabled',
  ],
  // the second CPU has come up since the machine was started
  ['another hotplug number', { hotplug_seq: 99 }, 66, 'expected hotplug seq 99 did not match actual 1'],
  ['a buffer beyond 32 KiB', { dispatch_max_batch: 1024 }, 1024, 'scx_enable() failed (-12)'],
];

const taken: readonly (readonly [string, Values])[] = [
  ['the longest name, with a dot', { name: `${'y'.repeat(120)}.z_0` }],
  ['the longest timeout', { timeout_ms: 30_000 }],
  ['the largest buffer', { dispatch_max_batch: 1023 }],
  ['a flag of old', { flags: 1 << 16 }],
  ['masks of nodes that the kernel keeps', { flags: perNode | keepBuiltinIdle }],
  ['the right hotplug number', { hotplug_seq: 1 }],
  ['a short dump', { exit_dump_len: 64 }],
];

export const attach: readonly Case[] = [
  ...refused.map(
    ([name, values, error, why]): Case => ({
      name: `attach: ${name}`,
      why: `bpf_scx_init_member(): ${why}`,
      async check(bench) {
        const outcome = await bench.run(cell(short, 2, arm(values)));
        expect(outcome.finding).toMatchObject({ code: 'attach-refused' });
        expect(outcome.finding!.message).toContain(error);
        expect(outcome).toMatchObject({ status: 'failed', exit: null, timeline: [] });
      },
    }),
  ),
  ...ended.map(
    ([name, values, kind, message]): Case => ({
      name: `attach: ${name}`,
      why: 'scx_enable() runs ops.init first; then the policy ends with these words',
      async check(bench) {
        const { exit, status } = await bench.run(cell(short, 2, arm(values)));
        expect(exit).toMatchObject({ kind, message });
        expect(status).toBe('failed');
      },
    }),
  ),
  ...taken.map(
    ([name, values]): Case => ({
      name: `attach: ${name}`,
      why: 'within the limits that scx_enable() and bpf_scx_init_member() check',
      async check(bench) {
        const { exit, presence } = await completed(bench, cell(short, 2, arm(values)));
        expect(exit?.kind).toBe(64);
        expect(presence[0]?.ops).toBe(values.name ?? 'values');
      },
    }),
  ),
  {
    name: 'attach: SCX_OPS_SWITCH_PARTIAL',
    why: '__setscheduler_class(): what does not ask for SCHED_EXT stays with the default scheduler, and a policy that forgets tasks does no harm',
    async check(bench) {
      const stalls = { name: 'stall', object: withOps(readFileSync(object('stall')), { flags: partial }) };
      const { exit } = await completed(bench, cell(short, 2, stalls));
      expect(exit?.kind).toBe(64);
    },
  },
  {
    name: 'attach: a callback that may sleep and must not',
    why: 'bpf_scx_check_member(): the verifier refuses the program',
    async check(bench) {
      const { finding } = await bench.run(cell(short, 2, { name: 'sleeper', object: built('sleeper') }));
      expect(finding).toMatchObject({ code: 'load-rejected' });
      expect(finding!.detail).toContain('attach to unsupported member enqueue of struct sched_ext_ops');
    },
  },
  {
    name: 'attach: a callback that must sleep and may not',
    why: 'check_kfunc_call(): KF_SLEEPABLE',
    async check(bench) {
      const { finding } = await bench.run(cell(short, 2, { name: 'sleepless', object: built('sleepless') }));
      expect(finding).toMatchObject({ code: 'load-rejected' });
      expect(finding!.message).toContain('EACCES');
      expect(finding!.detail).toContain(
        'program must be sleepable to call sleepable kfunc scx_bpf_create_dsq',
      );
    },
  },
  {
    name: 'attach: another licence',
    why: 'check_struct_ops_btf_id(): GPL only',
    async check(bench) {
      const image = built('values').slice();
      const licence = readObject(image).elf.sections.find(({ name }) => name === 'license')!;
      image.set(new TextEncoder().encode('MIT'), licence.offset);
      const { finding } = await bench.run(cell(short, 2, { name: 'values', object: image }));
      expect(finding).toMatchObject({ code: 'load-rejected' });
      expect(finding!.detail).toContain('struct ops programs must have a GPL compatible license');
    },
  },
];
