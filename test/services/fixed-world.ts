// A world in which nothing is fetched and nothing boots: our own policies and workloads, a store in a temporary directory, and a machine
// that derives what it measures (test/stages/scripted.ts).

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Call as RecordedCall } from '../../src/core/calls.ts';
import { Fault } from '../../src/core/errors.ts';
import type { Observation } from '../../src/core/observation.ts';
import type { Trace } from '../../src/core/trace.ts';
import { openKeeping } from '../../src/knowledge/keeping.ts';
import { openPolicies } from '../../src/knowledge/policies.ts';
import { openRunning } from '../../src/knowledge/running.ts';
import { openScripts } from '../../src/knowledge/scripts.ts';
import { openStore } from '../../src/knowledge/store.ts';
import { openWorkloads } from '../../src/knowledge/workloads.ts';
import { openHost, type Surfaces } from '../../src/linux/host.ts';
import { fillDirectory } from '../../src/linux/new-directory.ts';
import { attackPolicy, writeFailure } from '../../src/machines/attack.ts';
import { keptJob } from '../../src/machines/jobs.ts';
import { openSimulator } from '../../src/machines/simulator.ts';
import { readySimulator } from '../../src/main.ts';
import { runScript } from '../../src/sandbox/thread.ts';
import type { DeploymentSite } from '../../src/services/deploy/site.ts';
import type { Call } from '../../src/services/service.ts';
import { serviceTable } from '../../src/services/table.ts';
import type { Charge, ReadyMachine, World } from '../../src/services/world.ts';
import { temporaryDirectory } from '../linux/support.ts';
import { digest, machine } from '../records/build.ts';
import { type Script, scriptedMachine } from '../stages/scripted.ts';

export const root = new URL('../../', import.meta.url).pathname;

const noCharge: Charge = {
  now: () => undefined,
  whose: async () => 'nobody',
  holders: async () => [],
  release: async () => 'detached',
  leave: async () => true,
  startAgain: async ({ ops }) => `${ops} is in charge again`,
};

export interface Fixed {
  readonly world: World;
  readonly machine: ReturnType<typeof scriptedMachine>;
  readonly directory: string;
  /** What the world was asked to do, in order. */
  readonly asked: string[];
  /** Calls a service with input as its schema takes it; the output is held to the schema. */
  call(name: string, input?: object, parts?: Partial<Call>): Promise<Answer>;
}

export interface Answer {
  // biome-ignore lint/suspicious/noExplicitAny: tests look into many shapes
  readonly output: any;
  readonly exit: number;
  readonly text: string;
}

export interface FixedOptions extends Script {
  readonly payload?: string;
  readonly image?: string;
  /** The micro-VM records calls: what the simulator does, altered. */
  readonly traced?: (calls: readonly RecordedCall[]) => RecordedCall[];
  /** A recorded procfs and sysfs instead of those of this machine. */
  readonly surfaces?: Surfaces;
  /** The micro-VM records: what comes of any command. */
  readonly recording?: () => Trace;
  /** What an observation of this host comes to. */
  readonly observation?: Observation;
  /** Clock of what deployments are answered for with; ms since 1970. */
  readonly now?: () => number;
  /** Where deployments happen. */
  readonly site?: DeploymentSite;
  /** What is in charge of the machine that this one pretends to be. */
  readonly charge?: Charge;
  readonly mode?: 'normal' | 'advice';
  /** No micro-VM can be had. */
  readonly unavailable?: Fault;
}

export function fixedWorld(options: FixedOptions = {}): Fixed {
  const directory = temporaryDirectory('schedcp-world-');
  const asked: string[] = [];
  const scripted = scriptedMachine(options);
  const store = openStore(join(directory, 'store'));
  const simulator = openSimulator(store.blobs);
  const { payload = digest('d') } = options;
  const ready: ReadyMachine = {
    machine: scripted,
    cpus: 4,
    reference(mode, start) {
      const plain = machine(mode);
      return { ...plain, start, kernel: { ...plain.kernel, image: options.image ?? plain.kernel.image } };
    },
    chooseMode: async (wish, workload) =>
      wish !== 'auto' ? wish : workload === 'declared' ? 'deterministic' : 'fast',
    async pack(command, withPaths) {
      asked.push(`pack ${[command, ...withPaths].join(' ')}`);
      if (command === 'no-such-program') throw new Fault('not-found', `no program ${command} in PATH`);
      return { digest: payload, executable: `/usr/bin/${command.split('/').at(-1)}`, bytes: 5e6 };
    },
    memoryFor: (digestOfPayload) => (digestOfPayload === undefined ? 384 : 512),
    ...(options.recording && {
      async recorded(experiment, _, signal) {
        asked.push(`record ${experiment.workload?.name}`);
        return { outcome: await scripted.run(experiment, signal), trace: options.recording!() };
      },
    }),
    ...(options.traced && {
      async traced(experiment) {
        const traced = await simulator.runTraced({ ...experiment, machine: simulator.reference('tcg') });
        return { ...traced, calls: options.traced!(traced.calls) };
      },
    }),
  };
  const world: World = {
    store,
    policies: openPolicies(join(root, 'policies')),
    workloads: openWorkloads(join(root, 'workloads')),
    scripts: openScripts(store),
    keeping: openKeeping(store, options.now ?? (() => 1_800_000_000_000)),
    running: openRunning(join(directory, 'running')),
    async openSite(wish) {
      asked.push(`site ${wish.on}`);
      if (options.site === undefined) throw new Fault('unsupported', 'nothing is deployed here');
      return options.site;
    },
    charge: options.charge ?? noCharge,
    person: () => 'someone (1000)',
    runScript,
    mode: options.mode ?? 'normal',
    cwd: directory,
    host: openHost({ roots: [directory], ...(options.surfaces && { surfaces: options.surfaces }) }),
    exists: (path) => existsSync(path),
    async readFile(path) {
      if (!existsSync(path)) throw new Fault('not-found', `no such file: ${path}`);
      return readFileSync(path);
    },
    async writeFile(path, bytes) {
      asked.push(`write ${path}`);
      writeFileSync(path, bytes);
    },
    fillDirectory: (path, files) => fillDirectory(resolve(directory, path), files),
    async keepParts(policy) {
      return { ...(await keptJob(policy, store.blobs)), runner: Buffer.from('a runner') };
    },
    simulate: (experiment, watch) => simulator.observe(experiment, watch),
    observe: async (target, { mustRecord }) => {
      asked.push(`observe ${target.what}${mustRecord ? ', recorded' : ''}`);
      if (options.observation === undefined) throw new Fault('not-permitted', 'nobody observes here');
      return options.observation;
    },
    version: async () => '0.0.0',
    attack: (attack, call) => attackPolicy(attack, call),
    writeFailure: (name, text, place) => writeFailure(place ?? join(directory, 'regressions'), name, text),
    async openMachine(wish) {
      if (wish.machine === 'simulator') return readySimulator(simulator, wish.costs ?? 'tcg');
      asked.push(`machine ${wish.kernel ?? 'default'}`);
      if (options.unavailable !== undefined) throw options.unavailable;
      return ready;
    },
    async compile(file) {
      asked.push(`compile ${file}`);
      throw new Fault('malformed', `${file} does not compile:\nline 1`);
    },
    async readyProgram(program) {
      asked.push(`program ${program.name}`);
      return { argv: program.argv, with: program.with, env: program.env, cwd: program.cwd };
    },
    async doctor(probe) {
      return [
        { what: 'one', ok: true, detail: 'fine' },
        { what: 'two', ok: 'unknown', detail: `probe ${probe}` },
        { what: 'three', ok: false, detail: 'bad', next: 'do this' },
      ];
    },
    async uninstall(records) {
      return records
        ? [
            { directory: '/c', bytes: 2e6 },
            { directory: '/r', bytes: 1e5 },
          ]
        : [];
    },
    async tidy() {
      asked.push('tidy');
    },
  };
  return {
    world,
    machine: scripted,
    directory,
    asked,
    async call(name, input = {}, parts = {}) {
      const service = serviceTable(world).find((item) => item.name === name);
      if (service === undefined) throw new Error(`no service ${name}`);
      const call: Call = { progress: () => {}, signal: new AbortController().signal, ...parts };
      const reply = await service.run(service.input.parse(input), call);
      return { ...reply, output: service.output.parse(reply.output) };
    },
  };
}
