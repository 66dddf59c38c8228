// Runs inside a guest, which is the host here: the conformance suite and the host's own cases on the machine `host`. Arguments: the runner; which cases, as a regular expression; how
// many seconds there are. What comes of each case goes to stdout, a JSON line each.

import { readdirSync, writeFileSync } from 'node:fs';
import { release, setPriority } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { broughtRunner } from '../../src/linux/runner.ts';
import { openHostMachine } from '../../src/machines/host.ts';
import { workload } from '../conformance/case.ts';
import { byDefault, experimentOf, memoryBlobs, type Subject } from '../conformance/subject.ts';
import { conformance } from '../conformance/suite.ts';
import { hostCases } from './cases.ts';
import { presentCpus, withCpus } from './cpus.ts';
import { runAll } from './small-vitest.ts';
import { victim } from './undo-cases.ts';

const [file = '', filter = '.', seconds = '100'] = process.argv.slice(2);
writeFileSync('/sys/fs/cgroup/cgroup.procs', String(process.pid)); // as a guest's tasks: siblings of the workload's cgroups
for (const thread of readdirSync('/proc/self/task')) setPriority(Number(thread), 19); // out of the workload's way; the runner does not inherit it

const blobs = memoryBlobs();
const runner = await broughtRunner(file);
const machine = withCpus(openHostMachine({ blobs, runner }));
const open = async (): Promise<Subject> => {
  const reference = machine.reference();
  return {
    name: 'host',
    kernel: release().split('.').slice(0, 2).join('.'),
    machine,
    blobs,
    reference,
    exact: reference,
    memoryMiB: 0,
  };
};
/** The first runs of a process are not data: its own code is compiled beside them. */
async function warmUp(subject: Subject): Promise<void> {
  const hogs = workload('warm', { groups: [{ name: 'hog', count: 8, phases: [{ run: '20ms' }] }] });
  for (const cpus of [4, 2, 2])
    if (cpus <= presentCpus)
      await subject.machine.run(
        await experimentOf(subject, { workload: hogs, arm: byDefault, cpus, seed: 1 }),
      );
  await sleep(2000);
}

if (filter === 'victim') await victim({ machine, blobs, runner });
else {
  conformance('host', open);
  hostCases({ machine, blobs, runner });
  if (!filter.startsWith('^:')) await warmUp(await open());
  await runAll(new RegExp(filter), Number(seconds) * 1000, /product|tuning/.test(filter) ? 280_000 : 90_000);
}
process.exit(); // what a case has left open is not waited for
