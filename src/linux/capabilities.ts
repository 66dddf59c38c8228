// What this process may do: capabilities(7), bits of include/uapi/linux/capability.h, as /proc/PID/status tells them (CapEff).

import { existsSync, readFileSync } from 'node:fs';

const bits = {
  CAP_IPC_LOCK: 14n,
  CAP_SYS_ADMIN: 21n,
  CAP_SYS_NICE: 23n,
  CAP_PERFMON: 38n,
  CAP_BPF: 39n,
} as const;
export type Capability = keyof typeof bits;

/** Those of `needed` that a process lacks; all of them where nobody can tell. `status`: path of its status in procfs. */
export function lacking(needed: readonly Capability[], status = '/proc/self/status'): Capability[] {
  const text = existsSync(status) ? readFileSync(status, 'utf8') : '';
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(text)?.[1] ?? '0'}`);
  return needed.filter((name) => !((effective >> bits[name]) & 1n));
}
