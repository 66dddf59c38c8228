// Tools from Debian packages, each group unpacked into its own directory of the cache and run from there: QEMU, a C compiler with
// libbpf (for the runner), clang (for policies), and the programs of the standard workloads. Nothing is installed.

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { Fault } from '../core/errors.ts';
import { openApt, type Package, unpack } from './apt.ts';
import { type Cache, freeBytes } from './cache.ts';

export type Group =
  | 'qemu'
  | 'compiler'
  | 'clang'
  | 'programs'
  | 'perf'
  | 'stress'
  | 'stressors'
  | 'servers'
  | 'database'
  | 'jobs'
  | 'media'
  | 'linkers';

interface GroupSpec {
  readonly purpose: string;
  readonly packages: readonly string[];
  /** Also everything that the packages depend on. */
  readonly closure: boolean;
  /** A file that must exist afterwards, relative to the root. */
  readonly proof: string;
}

const groups: Readonly<Record<Group, GroupSpec>> = {
  qemu: {
    purpose: 'the virtual machine and zstd',
    packages: ['qemu-system-x86', 'seabios', 'zstd'],
    closure: true,
    proof: 'usr/bin/qemu-system-x86_64',
  },
  compiler: {
    purpose: 'a C compiler and libbpf, to build the runner',
    packages: ['gcc', 'libc6-dev', 'libbpf-dev', 'libelf-dev', 'zlib1g-dev', 'libzstd-dev', 'make'],
    closure: true,
    proof: 'usr/lib/x86_64-linux-gnu/libbpf.a',
  },
  clang: {
    purpose: 'clang, to compile policies, and bpftool',
    packages: ['clang-19', 'llvm-19', 'bpftool', 'libbpf-dev', 'linux-libc-dev'],
    closure: true,
    proof: 'usr/lib/llvm-19/bin/clang',
  },
  programs: {
    purpose: 'hackbench and a small C project to build',
    packages: ['rt-tests', 'libnuma1'],
    closure: false,
    proof: 'usr/bin/hackbench',
  },
  stress: {
    purpose: 'stress-ng and hackbench, under which a policy is verified',
    packages: [
      'stress-ng',
      'rt-tests',
      // What both are linked with. The closure has graphics drivers and LLVM in it, 20 times as much.
      'libapparmor1',
      'libbsd0',
      'libcrypt1',
      'libdrm2',
      'libegl1',
      'libexpat1',
      'libffi8',
      'libgbm1',
      'libgles2',
      'libglvnd0',
      'libipsec-mb1',
      'libjpeg62-turbo',
      'libjudydebian1',
      'libkmod2',
      'libmd0',
      'libnuma1',
      'libsctp1',
      'libwayland-server0',
      'libxxhash0',
      'zlib1g',
    ],
    closure: false,
    proof: 'usr/bin/stress-ng',
  },
  perf: { purpose: 'perf bench', packages: ['linux-perf'], closure: true, proof: 'usr/bin/perf' },
  // What only benches need: `classes` the next five, `policy-code` and `first-event` the last.
  stressors: {
    purpose: 'programs that load one part of a machine',
    packages: ['stress-ng', 'sysbench', 'fio', 'mbw', 'dbench', 'ioping', 'bonnie++'],
    closure: true,
    proof: 'usr/bin/stress-ng',
  },
  servers: {
    purpose: 'servers and their clients',
    packages: [
      'nginx-light',
      'lighttpd',
      'haproxy',
      'redis-server',
      'memcached',
      'mosquitto',
      'beanstalkd',
      'nats-server',
      'unbound',
      'sockperf',
      'iperf3',
      'rsync',
      'apache2-utils',
      'wrk',
      'libmemcached-tools',
      'mosquitto-clients',
      'dnsperf',
    ],
    closure: true,
    proof: 'usr/sbin/nginx',
  },
  database: {
    purpose: 'PostgreSQL and pgbench',
    packages: ['postgresql'],
    closure: true,
    proof: 'usr/bin/psql',
  },
  jobs: {
    purpose: 'programs that work through something and end',
    packages: [
      'xz-utils',
      'zstd',
      'pigz',
      'pbzip2',
      'lz4',
      'sqlite3',
      'openssl',
      'python3-minimal',
      'lua5.4',
      'bc',
      'gawk',
      'minisat',
      'glpk-utils',
      'p7zip-full',
      'stockfish',
      'parallel',
    ],
    closure: true,
    proof: 'usr/games/stockfish',
  },
  media: {
    purpose: 'audio and video in real time',
    packages: [
      'gstreamer1.0-tools',
      'gstreamer1.0-plugins-base',
      'gstreamer1.0-plugins-good',
      'jackd2',
      'sox',
      'flac',
    ],
    closure: true,
    proof: 'usr/bin/jackd',
  },
  linkers: {
    purpose: 'clang with linkers, to hold translated policies against native code and WebAssembly of its own',
    packages: ['clang-19', 'lld-19', 'libc6-dev'],
    closure: true,
    proof: 'usr/lib/llvm-19/bin/wasm-ld',
  },
};

/** An unpacked group. */
export interface Tools {
  readonly root: string;
  readonly packages: readonly Package[];
  /** Path of a program of the group. */
  program(name: string): string;
  /** Environment in which the group's programs find their own libraries. */
  readonly env: Readonly<Record<string, string>>;
}

export interface ToolOptions {
  /** Called once before anything is fetched. */
  readonly announce?: (text: string) => void;
  readonly signal?: AbortSignal;
}

/** Returns the group from the cache, or fetches it. Throws Fault: unavailable (no network), unsupported (not Debian). */
export async function tools(cache: Cache, group: Group, options: ToolOptions = {}): Promise<Tools> {
  const directory = toolsDirectory(cache, group);
  // An entry without its list has been damaged: it is made again.
  if (existsSync(directory) && !existsSync(join(directory, 'packages.json')))
    await rm(directory, { recursive: true, force: true });
  await cache.entry(
    relative(cache.root, directory),
    (target) => fetchPackages(cache, groups[group], target, options),
    options.signal,
  );
  const packages = JSON.parse(await readFile(join(directory, 'packages.json'), 'utf8')) as Package[];
  return openTools(join(directory, 'root'), packages);
}

export function hasTools(cache: Cache, group: Group): boolean {
  return existsSync(toolsDirectory(cache, group));
}

/** Where a group is, or will be; a group with other packages is another entry. */
export function toolsDirectory(cache: Cache, group: Group): string {
  const { packages, closure } = groups[group];
  const identity = createHash('sha256')
    .update(`${packages.join(' ')} ${closure}`)
    .digest('hex')
    .slice(0, 8);
  return cache.path('tools', `${group}-${identity}`);
}

/** An unpacked Debian tree as a set of tools. */
export function openTools(root: string, packages: readonly Package[] = []): Tools {
  const libraries = ['usr/lib/x86_64-linux-gnu', 'lib/x86_64-linux-gnu', 'usr/lib/llvm-19/lib'];
  return {
    root,
    packages,
    program(name) {
      const found = ['usr/bin', 'usr/sbin', 'usr/games', 'usr/lib/llvm-19/bin', 'bin', 'sbin']
        .map((directory) => join(root, directory, name))
        .find((file) => existsSync(file));
      if (found === undefined)
        throw new Fault('not-found', `no program ${name} among the fetched tools`, { where: root });
      return found;
    },
    env: {
      LD_LIBRARY_PATH: libraries.map((directory) => join(root, directory)).join(':'),
      PATH: `${join(root, 'usr/bin')}:/usr/bin:/bin`, // a compiler starts its assembler by name
      LC_ALL: 'C',
    },
  };
}

async function fetchPackages(
  cache: Cache,
  spec: GroupSpec,
  target: string,
  options: ToolOptions,
): Promise<void> {
  const { signal } = options;
  const debs = join(target, 'debs');
  await mkdir(debs);
  const fetch = async (): Promise<Package[]> => {
    const apt = await openApt(cache.path('apt', 'tools'), 'tools');
    await apt.update(signal);
    const planned = await apt.plan(spec.packages, spec.closure);
    await announceAndCheckSpace(cache, spec.purpose, planned, options);
    await apt.download(planned, debs, signal);
    return planned;
  };
  const packages = await cache.exclusively('apt/tools', fetch, signal); // groups share one private apt root
  await unpack(debs, join(target, 'root'), signal);
  await rm(debs, { recursive: true });
  if (!existsSync(join(target, 'root', spec.proof))) {
    throw new Fault('unavailable', `the packages for ${spec.purpose} do not hold ${spec.proof}`, {
      tried: packages.map((item) => `${item.name} ${item.version}`).join(', '),
    });
  }
  await writeFile(join(target, 'packages.json'), `${JSON.stringify(packages, null, 1)}\n`);
}

/** Says what is fetched and how large it is, before it is; refuses when it cannot fit (unpacked about four times the size). */
export async function announceAndCheckSpace(
  cache: Cache,
  purpose: string,
  packages: readonly Package[],
  options: ToolOptions,
): Promise<void> {
  const bytes = packages.reduce((sum, item) => sum + item.bytes, 0);
  const megabytes = (bytes / 1e6).toFixed(1);
  const names = packages.map((item) => item.name);
  const shown =
    names.length > 6 ? `${names.slice(0, 6).join(', ')} and ${names.length - 6} more` : names.join(', ');
  options.announce?.(
    `fetching ${purpose}: ${packages.length} Debian packages, ${megabytes} MB (${shown}) into ${cache.root}`,
  );
  const needed = 5 * bytes;
  const free = await freeBytes(cache.root);
  if (free < needed) {
    throw new Fault(
      'unavailable',
      `${purpose} needs about ${(needed / 1e6).toFixed(0)} MB below ${cache.root}, ${(free / 1e6).toFixed(0)} MB are free`,
      {
        next: 'free some space, or point XDG_CACHE_HOME to a larger disk',
      },
    );
  }
}
