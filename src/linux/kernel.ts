// Kernels for the micro-VM: Debian's cloud kernels from backports, or any image by path. A kernel is taken only when its own
// BTF shows sched_ext, unbroken: some packaged builds have kfunc prototypes that no object can match (MICRO-VM.md).

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { Fault } from '../core/errors.ts';
import { type Apt, openApt, type Package, unpack } from './apt.ts';
import { type Cache, withScratch } from './cache.ts';
import { run } from './process.ts';
import { announceAndCheckSpace, type ToolOptions, type Tools } from './tools.ts';

export interface Kernel {
  /** What boots: the bzImage. */
  readonly image: string;
  /** Its build configuration (libbpf wants it in the guest), when known. */
  readonly config: string | undefined;
  /** `uname -r`. */
  readonly release: string;
  readonly digest: string;
  readonly origin: string;
}

/** What the caller reads out of an image (bpf room, pure): the release, and why sched_ext cannot be used, if so. */
export interface ImageReading {
  readonly release: string;
  readonly refusal?: { readonly why: string; readonly broken: boolean };
}
export type ReadImage = (image: Uint8Array, decompress: Decompress) => Promise<ImageReading>;
export type Decompress = (bytes: Uint8Array, format: string) => Promise<Uint8Array>;

export interface KernelOptions extends ToolOptions {
  /** A file, a version prefix such as "6.18", or nothing: the newest good one. */
  readonly want?: string;
  readonly read: ReadImage;
  /** The zstd program: kernels are compressed harder than a JavaScript decoder likes (14 s for one). */
  readonly zstd: Tools;
}

/** Returns a kernel, fetching it when needed. Throws Fault: unsupported (refused, by name), not-found, unavailable. */
export async function kernel(cache: Cache, options: KernelOptions): Promise<Kernel> {
  const { want } = options;
  if (want !== undefined && (want.includes('/') || existsSync(want))) return fromFile(cache, want, options);
  const cached = await cachedKernel(cache, want);
  if (cached !== undefined) {
    await cache.use(cached.image);
    return cached;
  }
  return fetchNewestGood(cache, options);
}

/** Kernels in the cache, newest first, without those that were refused. */
export async function cachedKernels(cache: Cache): Promise<Kernel[]> {
  const found: Kernel[] = [];
  for (const name of await readdir(cache.path('kernels')).catch(() => [])) {
    const file = cache.path('kernels', name, 'kernel.json');
    if (!existsSync(file)) continue;
    const stored = JSON.parse(await readFile(file, 'utf8')) as StoredKernel;
    if (stored.refused === undefined) found.push(opened(cache.path('kernels', name), stored));
  }
  return found.sort((a, b) => compareVersions(b.release, a.release));
}

async function cachedKernel(cache: Cache, want: string | undefined): Promise<Kernel | undefined> {
  const all = await cachedKernels(cache);
  if (want !== undefined) return all.find((item) => matches(item.release, want));
  return all.find((item) => item.origin.includes('default'));
}

async function fromFile(cache: Cache, file: string, options: KernelOptions): Promise<Kernel> {
  const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    throw new Fault('not-found', `cannot read the kernel image ${file}: ${error.code ?? error.message}`, {
      next: 'name a version prefix such as 6.18, or the path of an image (vmlinuz) that can be read',
    });
  });
  const reading = await options.read(bytes, decompressor(cache, options.zstd));
  if (reading.refusal !== undefined) throw refusal(`${reading.release} (${file})`, reading.refusal);
  const beside = [join(dirname(file), 'config'), join(dirname(file), `config-${reading.release}`)];
  const config = beside.find((path) => existsSync(path));
  return { image: file, config, release: reading.release, digest: sha256(bytes), origin: 'file' };
}

function refusal(name: string, why: { readonly why: string; readonly broken: boolean }): Fault {
  return new Fault('unsupported', `kernel ${name} cannot run sched_ext policies: ${why.why}`, {
    next: why.broken
      ? 'the kernel build is at fault, not the policy; take another one, for example --kernel 6.18'
      : 'take a kernel built with CONFIG_SCHED_CLASS_EXT and BTF (6.12 or newer), or leave --kernel out',
  });
}

async function fetchNewestGood(cache: Cache, options: KernelOptions): Promise<Kernel> {
  const look = async (): Promise<{ apt: Apt; names: KernelCandidate[] }> => {
    const apt = await openApt(cache.path('apt', 'kernels'), 'kernels');
    await apt.update(options.signal);
    return { apt, names: await candidates(apt, options.want) };
  };
  const { apt, names } = await cache.exclusively('apt/kernels', look, options.signal);
  if (names.length === 0) {
    throw new Fault('not-found', `no packaged kernel matches ${options.want ?? 'cloud-amd64'}`, {
      next: 'name a version prefix such as 6.18, or the path of an image',
    });
  }
  let last: Fault | undefined;
  for (const candidate of names.slice(0, 6)) {
    const entry = await cache.entry(
      `kernels/${candidate.version}${options.want === undefined ? '' : '-chosen'}`,
      (target) => fetchOne(cache, apt, candidate, target, options),
      options.signal,
    );
    const stored = JSON.parse(await readFile(join(entry, 'kernel.json'), 'utf8')) as StoredKernel;
    if (stored.refused === undefined) return opened(entry, stored);
    last = refusal(stored.release, stored.refused);
    options.announce?.(`${last.message}; trying an older one`);
    if (options.want === candidate.version) break;
  }
  throw last ?? new Fault('not-found', 'no usable packaged kernel');
}

interface StoredKernel {
  readonly release: string;
  readonly digest: string;
  readonly packages: string;
  readonly image: string;
  readonly config: string | null;
  readonly isDefault: boolean;
  readonly refused?: { readonly why: string; readonly broken: boolean };
}

function opened(directory: string, stored: StoredKernel): Kernel {
  return {
    image: join(directory, stored.image),
    config: stored.config === null ? undefined : join(directory, stored.config),
    release: stored.release,
    digest: stored.digest,
    origin: `${stored.packages}${stored.isDefault ? ' (default)' : ''}`,
  };
}

interface KernelCandidate {
  readonly version: string;
  readonly packages: readonly string[];
}

/** Debian splits newer kernels over linux-binary-*, linux-base-* and linux-modules-*; older ones are one linux-image-*. */
async function candidates(apt: Apt, want: string | undefined): Promise<KernelCandidate[]> {
  const names = await apt.search('^linux-(image|binary|binary-unsigned|base)-[0-9].*cloud-amd64$');
  const byVersion = new Map<string, string[]>();
  for (const name of names) {
    const version = /-(\d+\.\d+[^-]*)-cloud-amd64$/.exec(name)?.[1];
    if (version === undefined) continue;
    byVersion.set(version, [...(byVersion.get(version) ?? []), name]);
  }
  return [...byVersion]
    .map(([version, all]) => ({ version, packages: choosePackages(all) }))
    .filter((item) => item.packages.length > 0 && (want === undefined || matches(item.version, want)))
    .sort((a, b) => compareVersions(b.version, a.version));
}

/** The signed image if there is one, with the base package that carries the configuration. */
export function choosePackages(names: readonly string[]): string[] {
  const prefixes = ['linux-binary-', 'linux-binary-unsigned-', 'linux-image-'];
  const of = (prefix: string): string | undefined =>
    names.find((name) => name.startsWith(prefix) && /\d/.test(name[prefix.length] ?? ''));
  const image = prefixes.map(of).find((name) => name !== undefined);
  const base = of('linux-base-');
  return image === undefined ? [] : base === undefined ? [image] : [image, base];
}

async function fetchOne(
  cache: Cache,
  apt: Apt,
  candidate: KernelCandidate,
  target: string,
  options: KernelOptions,
): Promise<void> {
  const debs = join(target, 'debs');
  await mkdir(debs);
  const fetch = async (): Promise<Package[]> => {
    const planned = await apt.plan(candidate.packages, false);
    await announceAndCheckSpace(cache, `kernel ${candidate.version}`, planned, options);
    await apt.download(planned, debs, options.signal);
    return planned;
  };
  const packages = await cache.exclusively('apt/kernels', fetch, options.signal);
  await unpack(debs, join(target, 'root'), options.signal);
  const image = await findFile(join(target, 'root'), /^vmlinuz/);
  if (image === undefined) {
    throw new Fault('unavailable', `the packages of kernel ${candidate.version} hold no image`, {
      tried: candidate.packages.join(', '),
    });
  }
  const config = await findFile(join(target, 'root'), /^config(-|$)/);
  await copyFile(image, join(target, 'vmlinuz'));
  if (config !== undefined) await copyFile(config, join(target, 'config'));
  await rm(debs, { recursive: true });
  await rm(join(target, 'root'), { recursive: true });
  const bytes = await readFile(join(target, 'vmlinuz'));
  const reading = await options.read(bytes, decompressor(cache, options.zstd));
  const stored: StoredKernel = {
    release: reading.release,
    digest: sha256(bytes),
    packages: packages.map((item) => `${item.name} ${item.version}`).join(', '),
    image: 'vmlinuz',
    config: config === undefined ? null : 'config',
    isDefault: options.want === undefined,
    ...(reading.refusal === undefined ? {} : { refused: reading.refusal }),
  };
  await writeFile(join(target, 'kernel.json'), `${JSON.stringify(stored, null, 1)}\n`);
}

async function findFile(root: string, pattern: RegExp): Promise<string | undefined> {
  for (const item of await readdir(root, { withFileTypes: true, recursive: true })) {
    if (item.isFile() && pattern.test(basename(item.name))) return join(item.parentPath, item.name);
  }
  return undefined;
}

/** zstd and gzip are what distributions use for x86 images. */
export function decompressor(cache: Cache, zstd: Tools): Decompress {
  return async (bytes, format) => {
    if (format === 'gzip') return unzipped(bytes);
    if (format !== 'zstd') {
      throw new Fault('unsupported', `a kernel image compressed with ${format}`, {
        next: 'use an image compressed with zstd or gzip',
      });
    }
    return withScratch(cache, async (directory) => {
      const [packed, unpacked] = [join(directory, 'kernel.zst'), join(directory, 'kernel')];
      await writeFile(packed, bytes);
      const done = await run(zstd.program('zstd'), ['-q', '-d', '-o', unpacked, packed], { env: zstd.env });
      if (done.code !== 0) throw damaged('zstd', done.stderr.trim().split('\n').at(-1) ?? '');
      return readFile(unpacked);
    });
  };
}

/** "6.1" is 6.1, 6.1.9 and 6.1+deb12, and not 6.16. */
function unzipped(bytes: Uint8Array): Uint8Array {
  try {
    return gunzipSync(bytes);
  } catch (error) {
    throw damaged('gzip', (error as Error).message);
  }
}

function damaged(format: string, why: string): Fault {
  return new Fault('malformed', `the kernel image does not unpack (${format}): ${why}`, {
    next: 'the file is damaged: copy or fetch it again, or name another one',
  });
}

export function matches(version: string, want: string): boolean {
  return (
    version === want ||
    version.startsWith(`${want}.`) ||
    version.startsWith(`${want}+`) ||
    version.startsWith(`${want}-`)
  );
}

/** By their numbers, left to right: 6.9 < 6.16 < 7.3.4. */
export function compareVersions(a: string, b: string): number {
  const numbers = (text: string): number[] => (/^[\d.]+/.exec(text)?.[0] ?? '').split('.').map(Number);
  const [left, right] = [numbers(a), numbers(b)];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a < b ? -1 : a > b ? 1 : 0;
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
