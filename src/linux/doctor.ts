// What this machine can do, read from the machine itself. Every "no" says what to do.

import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { availableParallelism, freemem, release, totalmem } from 'node:os';
import { debianCodename } from './apt.ts';
import { type Cache, freeBytes } from './cache.ts';
import { cachedKernels } from './kernel.ts';
import { type Group, hasTools } from './tools.ts';

export interface Check {
  readonly what: string;
  readonly ok: boolean | 'unknown';
  readonly detail: string;
  readonly next?: string;
}

export async function inspect(cache: Cache): Promise<Check[]> {
  return [
    node(),
    debian(),
    cpus(),
    memory(),
    await disk(cache),
    ...toolChecks(cache),
    await kernels(cache),
    kvm(),
    hostSchedExt(),
  ];
}

function node(): Check {
  return { what: 'Node.js', ok: true, detail: process.version };
}

function debian(): Check {
  const codename = debianCodename();
  const known = codename === 'bookworm' || codename === 'trixie';
  return known
    ? {
        what: 'packages',
        ok: existsSync('/usr/bin/apt-get'),
        detail: `Debian ${codename}: tools and kernels can be fetched`,
      }
    : {
        what: 'packages',
        ok: false,
        detail: 'not Debian 12 or 13',
        next: 'install QEMU 10, gcc, libbpf 1.4 yourself and name a kernel with --kernel',
      };
}

function cpus(): Check {
  const count = availableParallelism();
  return {
    what: 'CPUs',
    ok: true,
    detail: `${count}: so many guests at once, and at most so many CPUs in fast mode`,
  };
}

function memory(): Check {
  const megabytes = Math.round(freemem() / 1e6);
  const ok = megabytes > 2000;
  const detail = `${megabytes} MB free of ${Math.round(totalmem() / 1e6)} MB`;
  return ok
    ? { what: 'memory', ok, detail }
    : { what: 'memory', ok, detail, next: 'guests need about 600 MB each: end something' };
}

async function disk(cache: Cache): Promise<Check> {
  const free = Math.round((await freeBytes(cache.root)) / 1e6);
  const used = Math.round((await cache.size()) / 1e6);
  const detail = `${cache.root}: ${used} MB used, ${free} MB free`;
  if (!writableOrCreatable(cache.root)) {
    return {
      what: 'cache',
      ok: false,
      detail: `${detail}, read-only`,
      next: 'set XDG_CACHE_HOME to a directory that can be written',
    };
  }
  return free > 3000
    ? { what: 'cache', ok: true, detail }
    : { what: 'cache', ok: false, detail, next: 'free about 3 GB, or set XDG_CACHE_HOME to a larger disk' };
}

function writableOrCreatable(path: string): boolean {
  let at = path;
  while (!existsSync(at)) at = at.replace(/\/[^/]*$/, '') || '/';
  try {
    accessSync(at, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function toolChecks(cache: Cache): Check[] {
  const groups: readonly (readonly [Group, string])[] = [
    ['qemu', 'QEMU'],
    ['compiler', 'C compiler and libbpf for the runner'],
    ['clang', 'clang for policies from source'],
  ];
  return groups.map(([group, what]) => ({
    what,
    ok: hasTools(cache, group) ? true : 'unknown',
    detail: hasTools(cache, group) ? 'in the cache' : 'not fetched yet: the first use fetches it',
  }));
}

async function kernels(cache: Cache): Promise<Check> {
  const found = await cachedKernels(cache);
  return found.length > 0
    ? { what: 'kernels', ok: true, detail: found.map((kernel) => kernel.release).join(', ') }
    : {
        what: 'kernels',
        ok: 'unknown',
        detail: 'none fetched yet: the first use fetches the newest good one',
      };
}

function kvm(): Check {
  if (!existsSync('/dev/kvm'))
    return { what: 'KVM', ok: false, detail: 'no /dev/kvm: guests are emulated (TCG), which always works' };
  return {
    what: 'KVM',
    ok: 'unknown',
    detail: '/dev/kvm is there; only a probe boot shows whether it works',
    next: 'schedcp doctor --probe',
  };
}

function hostSchedExt(): Check {
  const file = '/sys/kernel/sched_ext/state';
  if (existsSync(file))
    return {
      what: 'sched_ext on this host',
      ok: true,
      detail: `${readFileSync(file, 'utf8').trim()} (kernel ${release()})`,
    };
  return {
    what: 'sched_ext on this host',
    ok: false,
    detail: `kernel ${release()} has none: policies run in guests only`,
  };
}
