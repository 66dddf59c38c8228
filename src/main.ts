// The only file that knows everything: wires rooms to one another and starts the interface that was asked for.

import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { availableParallelism, userInfo } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { digestOf } from './core/canonical.ts';
import { Fault } from './core/errors.ts';
import { boundOf } from './deployment/bounds.ts';
import { type Groups, runCli } from './interfaces/cli.ts';
import { processIo } from './interfaces/terminal.ts';
import { claim } from './knowledge/claims.ts';
import { openKeeping } from './knowledge/keeping.ts';
import { openPolicies } from './knowledge/policies.ts';
import { openRunning } from './knowledge/running.ts';
import { openScripts } from './knowledge/scripts.ts';
import { openStore } from './knowledge/store.ts';
import { openWorkloads, type Program } from './knowledge/workloads.ts';
import { cacheLimit, openCache, treeSize } from './linux/cache.ts';
import { compilePolicy } from './linux/clang.ts';
import { inspect } from './linux/doctor.ts';
import { holdDirectory } from './linux/hold.ts';
import { openHost, readableRoots } from './linux/host.ts';
import { kernel } from './linux/kernel.ts';
import { fillDirectory } from './linux/new-directory.ts';
import { findProgram } from './linux/payload.ts';
import type { Mode as VmMode } from './linux/qemu.ts';
import { broughtRunner, buildRunner, type Runner } from './linux/runner.ts';
import { sourceTree } from './linux/sources.ts';
import { type Group, hasTools, type ToolOptions, tools } from './linux/tools.ts';
import { adopt, type HostMachine, openHostMachine } from './machines/host.ts';
import { observeHost } from './machines/host-observer.ts';
import { hostProbes } from './machines/host-probes.ts';
import { keptJob } from './machines/jobs.ts';
import { readKernelImage } from './machines/kernel-reading.ts';
import { type MicroVm, openMicroVm } from './machines/micro-vm.ts';
import { chooseMode, modeWorks } from './machines/modes.ts';
import type { SimulatorMachine } from './machines/simulator.ts';
import { guestSite, hostCharge, hostSite } from './machines/sites.ts';
import { runScript } from './sandbox/thread.ts';
import { observations, observationsHeading } from './services/observations.ts';
import type { Call } from './services/service.ts';
import { serviceTable } from './services/table.ts';
import type { Check, CostProfile, MachineWish, ReadyMachine, ReadyProgram, World } from './services/world.ts';
import { readProbeEvents } from './traces/probe-events.ts';

/** A day: a guest is a place to try things, no place to stay. */
const guestLifeMs = 86_000_000;

const packageRoot = fileURLToPath(new URL('..', import.meta.url));

/** The world as it is: real files, real guests. */
export function openWorld(env: NodeJS.ProcessEnv = process.env): World {
  const cache = openCache();
  const store = openStore();

  /** Anew for each call: what an earlier one found may have been trimmed since, and must not end with that one's signal. */
  async function openMachine(wish: MachineWish, call: Call): Promise<ReadyMachine> {
    if (wish.machine === 'simulator') return readySimulator(await simulator(), wish.costs ?? 'tcg');
    if (wish.machine === 'host') return readyHost(await hostMachine(call), join(packageRoot, 'probes'));
    cacheLimit(env); // a mistake in it should not be found after minutes
    const options = toolOptions(call);
    const qemu = await tools(cache, 'qemu', options);
    const image = await kernel(cache, {
      ...options,
      read: readKernelImage,
      zstd: qemu,
      ...(wish.kernel === undefined ? {} : { want: wish.kernel }),
    });
    const runner = await runnerFor(call);
    const hostCpus = availableParallelism();
    const vm = openMicroVm({ cache, blobs: store.blobs, qemu, kernel: image, runner, hostCpus });
    return {
      machine: vm,
      cpus: hostCpus,
      reference: (mode, start) => vm.reference(mode as VmMode, start),
      memoryFor: vm.memoryFor,
      traced: async (experiment, signal) =>
        vm.runTraced(experiment, await readFile(join(packageRoot, 'probes', 'trace.bpf.o')), signal),
      async recorded(experiment, events, signal) {
        const object = await readFile(join(packageRoot, 'probes', 'record.bpf.o'));
        const { outcome, raw } = await vm.record(experiment, { object, events }, signal);
        const { release } = image;
        const name = experiment.workload?.name ?? '';
        return { outcome, trace: readProbeEvents(raw, { cpus: experiment.topology.cpus, release, name }) };
      },
      chooseMode: (mode, workload, user) => chooseMode(cache, vm, mode, workload, user.signal),
      pack: (command, withPaths, { cwd, env: own, call: user }) =>
        vm.pack(command, withPaths, {
          cwd,
          env: own,
          path: own.PATH ?? env.PATH ?? '/usr/bin:/bin',
          signal: user.signal,
        }),
    };
  }

  /** One that was brought, or one that is built here. */
  const runnerFor = (call?: Call): Promise<Runner> =>
    env.SCHEDCP_RUNNER === undefined
      ? buildRunner(cache, join(packageRoot, 'runner'), call === undefined ? {} : toolOptions(call))
      : broughtRunner(env.SCHEDCP_RUNNER);
  const hostMachine = async (call: Call): Promise<HostMachine> =>
    openHostMachine({ blobs: store.blobs, runner: await runnerFor(call), env });

  const openSite: World['openSite'] = async (wish, call) => {
    if (wish.on === 'host') {
      return hostSite(await hostMachine(call), () => claim(holdDirectory, 0));
    }
    const { argv, with: needs, env: own, cwd } = wish.command;
    const [program] = argv;
    if (program === undefined)
      throw new Fault('malformed', 'a guest needs something that runs on in it', {
        next: 'give a command that does',
      });
    const ready = await openMachine({ machine: 'micro-vm', kernel: wish.kernel }, call);
    const packed = await ready.pack(program, needs, { cwd, env: own, call });
    const workload = {
      ...{ kind: 'command' as const, name: program, argv: [packed.executable, ...argv.slice(1)], cwd },
      ...{ env: { ...own }, with: [...needs], payload: packed.digest, runs: 1, patterns: {} },
    };
    const mode = (await ready.chooseMode('auto', 'command', call)) as 'fast' | 'kvm';
    const memoryMiB = ready.memoryFor(packed.digest);
    const cpus = wish.cpus ?? Math.min(ready.cpus, 4);
    const options = { workload, cpus, memoryMiB, mode, lifeMs: guestLifeMs, signal: call.signal };
    return guestSite(await (ready.machine as MicroVm).serve(options));
  };

  let opened: Promise<SimulatorMachine> | undefined;
  /** One for the life of the process: its memory and its functions are made once. */
  const simulator = (): Promise<SimulatorMachine> => {
    opened ??= import('./machines/simulator.ts').then(({ openSimulator }) => openSimulator(store.blobs));
    return opened;
  };

  return {
    store,
    policies: openPolicies(join(packageRoot, 'policies')),
    workloads: openWorkloads(join(packageRoot, 'workloads')),
    scripts: openScripts(store),
    keeping: openKeeping(store, Date.now),
    running: openRunning(join(store.root, 'deployment', 'running')),
    openSite,
    charge: hostCharge(adopt),
    person: () => personOf(env),
    get mode() {
      return modeOf(env);
    },
    runScript,
    cwd: process.cwd(),
    host: openHost({
      roots: readableRoots(process.cwd(), env.SCHEDCP_READ),
      probes: hostProbes(
        {
          runner: () => runnerFor(),
          probes: join(packageRoot, 'probes'),
        },
        () => env.SCHEDCP_RUNNER !== undefined || hasTools(cache, 'compiler'),
      ),
    }),
    exists: (path) => existsSync(path),
    readFile: (path) =>
      readFile(path).catch((error: NodeJS.ErrnoException) => Promise.reject(unreadable(path, error))),
    async writeFile(path, bytes) {
      try {
        if (!existsSync(dirname(path))) await mkdir(dirname(path));
        await writeFile(path, bytes);
      } catch (error) {
        throw unwritable(path, error as NodeJS.ErrnoException);
      }
    },
    fillDirectory: (directory, files) => fillDirectory(resolve(directory), files),
    async keepParts(policy, call) {
      const { file } = await runnerFor(call);
      return { ...(await keptJob(policy, store.blobs)), runner: await readFile(file) };
    },
    openMachine,
    simulate: async (experiment, watch) => (await simulator()).observe(experiment, watch),
    observe: (target, wish, call) =>
      observeHost(
        {
          runner: () => runnerFor(call),
          probes: join(packageRoot, 'probes'),
        },
        target,
        wish,
        call.signal,
      ),
    version: packageVersion,
    attack: async (attack, call) => (await import('./machines/attack.ts')).attackPolicy(attack, call),
    writeFailure: async (name, text, place) => {
      const { writeFailure } = await import('./machines/attack.ts');
      return writeFailure(place ?? join(store.root, 'regressions'), name, text);
    },
    async compile(file, include, call) {
      if (!existsSync(file)) throw unreadable(file, { code: 'ENOENT' });
      const [clang, runner] = [await tools(cache, 'clang', toolOptions(call)), await runnerFor(call)];
      const directories = [...include, join(packageRoot, 'policies', 'include')];
      const mostBytes = boundOf('objectBytes').high;
      return compilePolicy({ clang, runner }, file, {
        include: directories,
        mostBytes,
        signal: call.signal,
      });
    },
    readyProgram: (program, call) => readyProgram(program, call),
    doctor: async (probe, call) => [...(await inspect(cache)), ...(probe ? await probeModes(call) : [])],
    async uninstall(records) {
      const removed = [{ directory: cache.root, bytes: await cache.size() }];
      await cache.remove();
      if (records) {
        removed.push({ directory: store.root, bytes: await treeSize(store.root) });
        await store.remove();
      }
      return removed.filter((item) => item.bytes > 0);
    },
    tidy: async () => {
      await cache.trim(cacheLimit(env));
    },
  };

  async function readyProgram(program: Program, call: Call): Promise<ReadyProgram> {
    const roots: Record<string, string> = {};
    const libraries: string[] = [];
    for (const group of program.tools) {
      const { root, env: own } = await tools(cache, group as Group, toolOptions(call));
      roots[group] = root;
      libraries.push(own.LD_LIBRARY_PATH ?? '');
    }
    if (program.source !== undefined)
      roots.source = await sourceTree(cache, program.source, toolOptions(call));
    const fill = (text: string): string =>
      text.replace(/\{(\w+)\}/g, (word, name: string) => roots[name] ?? word);
    const own = Object.fromEntries(Object.entries(program.env).map(([name, value]) => [name, fill(value)]));
    return {
      argv: program.argv.map(fill),
      with: program.with.map(fill),
      env: { ...(libraries.length === 0 ? {} : { LD_LIBRARY_PATH: libraries.join(':') }), ...own },
      cwd: fill(program.cwd),
    };
  }

  async function probeModes(call: Call): Promise<Check[]> {
    const ready = await openMachine({}, call);
    const modes: readonly VmMode[] = ['deterministic', 'fast', 'kvm'];
    const checks: Check[] = [];
    for (const mode of modes) {
      call.progress({ text: `booting a guest in mode ${mode}` });
      const works = await modeWorks(ready.machine as MicroVm, mode, call.signal);
      checks.push({
        what: `mode ${mode}`,
        ok: works === undefined,
        detail: works ?? 'a guest booted and answered',
      });
    }
    return checks;
  }
}

/** @throws Fault malformed: a mistake here must not let an agent deploy. */
function modeOf({ SCHEDCP_MODE: mode = 'normal' }: NodeJS.ProcessEnv): World['mode'] {
  if (mode === 'normal' || mode === 'advice') return mode;
  throw new Fault('malformed', `SCHEDCP_MODE=${mode}`, { next: 'it is normal or advice' });
}

/** The login name behind sudo where there is one, with the user that acts. */
function personOf(env: NodeJS.ProcessEnv): string {
  const uid = process.getuid?.() ?? -1;
  let username = 'somebody';
  try {
    ({ username } = userInfo());
  } catch {
    // a user without an entry in the password file
  }
  const name = env.SUDO_USER === undefined ? username : `${env.SUDO_USER} as ${username}`;
  return `${name} (${uid})`.slice(0, 120);
}

async function packageVersion(): Promise<string> {
  const text = await readFile(join(packageRoot, 'package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** The simulator needs nothing of this machine. */
export function readySimulator(machine: SimulatorMachine, costs: CostProfile): ReadyMachine {
  return {
    machine,
    cpus: 256,
    reference: () => machine.reference(costs),
    memoryFor: () => 0,
    traced: (experiment) => machine.runTraced(experiment),
    recorded: (experiment, _, signal) => machine.recordTrace(experiment, signal),
    chooseMode: async () => 'simulated',
    pack: async () => {
      throw new Fault('unsupported', 'the simulator runs declared workloads, not commands', {
        next: 'use --machine micro-vm',
      });
    },
  };
}

/** This machine itself: nothing is packed, a command runs where it is. */
function readyHost(machine: HostMachine, probes: string): ReadyMachine {
  const refused = machine.refused();
  if (refused !== undefined) throw refused;
  const cpus = availableParallelism();
  return {
    machine,
    cpus,
    reference: () => machine.reference(),
    memoryFor: () => 0,
    async recorded(experiment, events, signal) {
      const object = await readFile(join(probes, 'record.bpf.o'));
      const { outcome, raw } = await machine.record(experiment, { object, events }, signal);
      const { release } = machine.reference().kernel;
      return {
        outcome,
        trace: readProbeEvents(raw, { cpus, release, name: experiment.workload?.name ?? '' }),
      };
    },
    async chooseMode(wish) {
      if (wish === 'auto' || wish === 'native') return 'native';
      throw new Fault('unsupported', `a host has no mode ${wish}`, { next: 'leave --mode out' });
    },
    async pack(command, _, { cwd, env }) {
      const executable = findProgram(command, { cwd, path: env.PATH ?? process.env.PATH ?? '/usr/bin:/bin' });
      return { digest: digestOf(await readFile(executable)), executable, bytes: 0 };
    },
  };
}

function toolOptions(call: Call): ToolOptions {
  return { announce: (text) => call.progress({ text }), signal: call.signal };
}

function unreadable(path: string, error: { code?: string | undefined }): Fault {
  if (error.code === 'ENOENT')
    return new Fault('not-found', `no such file: ${path}`, { next: 'check the path' });
  return new Fault('not-permitted', `cannot read ${path} (${error.code ?? 'unknown error'})`, {
    next: error.code === 'EISDIR' ? 'name a file in it' : 'check its permissions',
  });
}

function unwritable(path: string, error: NodeJS.ErrnoException): Fault {
  const codes = { ENOSPC: 'unavailable', ENOENT: 'not-found' } as const;
  const code = codes[error.code as keyof typeof codes] ?? 'not-permitted';
  const next = code === 'not-found' ? 'make its directory first, or name another file' : 'name another file';
  return new Fault(code, `cannot write ${path} (${error.code ?? error.message})`, { next });
}

const about =
  'SchedCP finds out which Linux scheduler runs your workload best, and proves it: the default scheduler, its settings and\n' +
  'sched_ext policies, run side by side in micro-VMs on a real kernel. This machine’s own scheduler changes only when you\n' +
  'deploy (undone when it harms), set a knob of what is deployed, or ask for --machine host (given back after each run).';

/** Runs the command line of this process and ends it. */
export async function main(): Promise<never> {
  const version = await packageVersion();
  const io = processIo();
  const world = openWorld();
  const services = serviceTable(world);
  const groups: Groups = [
    [
      'Try and decide',
      services.filter(({ effect, name }) => effect === 'run' && name !== 'export').map(({ name }) => name),
    ],
    [
      'Put it to work',
      services.filter(({ effect, name }) => effect === 'switch' || name === 'export').map(({ name }) => name),
    ],
    ['Answer for it', ['audit', 'approve', 'keys']],
    [observationsHeading, observations.map((make) => make(world).name)],
  ];
  const mcp = {
    name: 'mcp',
    summary: 'Serve the same commands as tools to an LLM agent (MCP over standard input and output).',
    examples: ['claude mcp add schedcp -- schedcp mcp'],
    run: async () => (await import('./interfaces/mcp.ts')).serveMcp(services, io, { version }),
  };
  process.exitCode = await runCli(services, process.argv.slice(2), io, {
    version,
    about,
    extra: [mcp],
    groups,
  });
  process.exit();
}
