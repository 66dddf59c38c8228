// What a command needs inside the guest: its executable, the shared libraries that the dynamic loader would take, the interpreter of
// a script, and whatever --with names; each at the path it has here, symbolic links as they are here.

import { accessSync, constants, existsSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import { lstat, open, readdir, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { Fault } from '../core/errors.ts';
import { compilerParts, isCompiler } from './compiler-parts.ts';
import type { Tree } from './initramfs.ts';
import { run } from './process.ts';

export interface PayloadOptions {
  readonly cwd: string;
  /** Directories to search for programs, as in PATH. */
  readonly path: string;
  /** Environment for programs that come from an unpacked tree. */
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export interface Payload {
  readonly tree: Tree;
  /** Absolute path of the command's executable. */
  readonly executable: string;
  readonly bytes: number;
}

/** A file or directory to bring along; a bare program name is looked up in PATH and comes with its libraries. */
export async function payload(
  command: string,
  withPaths: readonly string[],
  options: PayloadOptions,
): Promise<Payload> {
  const tree: Tree = new Map();
  const executable = findProgram(command, options);
  const found = new Set<string>([executable]);
  for (const shell of ['/bin/sh']) found.add(shell); // system(3), make and most scripts expect one
  for (const item of withPaths) for (const file of await namedFiles(item, options)) found.add(file);
  for (const file of found) addWithLinks(tree, file);
  if (existsSync(options.cwd)) addWithLinks(tree, options.cwd); // empty, unless --with brings what is in it
  await addLibraries(tree, options);
  return { tree, executable, bytes: await treeBytes(tree) };
}

/** Finds a program as execvp(3) would. Throws Fault('not-found'). */
export function findProgram(name: string, options: Pick<PayloadOptions, 'cwd' | 'path'>): string {
  const file = programs(name, options).find(isExecutable);
  if (file !== undefined) return file;
  throw new Fault('not-found', `no program ${name}${name.includes('/') ? '' : ' in PATH'}`, {
    next: 'check the spelling, or give its path; everything after -- is the command',
  });
}

/** Where a program of this name may be. */
function programs(name: string, { cwd, path }: Pick<PayloadOptions, 'cwd' | 'path'>): string[] {
  if (name.includes('/')) return [placeOf(name, cwd)];
  const directories = path.split(':').filter((directory) => isAbsolute(directory));
  return directories.map((directory) => join(directory, name));
}

/** Absolute, with `..` resolved as the kernel does: behind a link it leaves the link's target. */
function placeOf(item: string, cwd: string): string {
  const path = isAbsolute(item) ? item : `${cwd}/${item}`;
  const [directory, name] = [dirname(path), basename(path)];
  if (!path.split('/').includes('..') || !existsSync(directory)) return resolve(path);
  return name === '..' ? realpathSync.native(path) : join(realpathSync.native(directory), name);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

async function namedFiles(item: string, options: PayloadOptions): Promise<string[]> {
  const absolute = placeOf(item, options.cwd);
  if (!existsSync(absolute) && item.includes('/')) {
    throw new Fault('not-found', `--with ${item}: no such file or directory`, {
      next: `check the path; it is looked up from ${options.cwd}`,
    });
  }
  const file = existsSync(absolute) ? absolute : findProgram(item, options);
  if (!isCompiler(file)) return inside(file);
  const find = (name: string): string | undefined => programs(name, options).find(isExecutable);
  return [file, ...(await insideAll(await compilerParts(file, options.env ?? {}, find)))];
}

async function insideAll(paths: readonly string[]): Promise<string[]> {
  return (await Promise.all(paths.map(inside))).flat();
}

/** A directory with everything in it; anything else is itself. */
async function inside(absolute: string): Promise<string[]> {
  if (!(await lookAt(absolute, () => stat(absolute))).isDirectory()) return [absolute];
  if (absolute === '/') {
    throw new Fault('unsupported', '--with /: a guest cannot hold all of this machine', {
      next: 'name the directories that the command needs',
    });
  }
  const read = () => readdir(absolute, { withFileTypes: true, recursive: true });
  const entries = await lookAt(absolute, read);
  return [absolute, ...entries.map((entry) => join(entry.parentPath, entry.name))];
}

/** Runs what reads a file of the user's; when it may not, that is a fault and not a mistake of ours. */
async function lookAt<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    throw new Fault('not-permitted', `cannot read ${path}, which the guest would need (${code})`, {
      next: 'make it readable, or leave it out',
    });
  }
}

/**
 * Adds a path with every symbolic link on the way to it, so that it resolves in the guest as it does here. The way is walked as the
 * kernel does (path_resolution(7)): `..` behind a link leaves the link's target, not the link.
 */
function addWithLinks(tree: Tree, path: string): void {
  let rest = path.split('/');
  let at = '';
  let links = 0;
  while (rest.length > 0) {
    const [part = '', ...further] = rest;
    rest = further;
    if (part === '' || part === '.') continue;
    if (part === '..') {
      addPlain(tree, at);
      at = at.slice(0, at.lastIndexOf('/'));
      continue;
    }
    const here = `${at}/${part}`;
    const target = linkTarget(here);
    if (target === undefined) {
      at = here;
      continue;
    }
    tree.set(here, { kind: 'link', to: target });
    if (++links > 40) return; // a loop leads nowhere, there as here
    if (target.startsWith('/')) at = '';
    rest = [...target.split('/'), ...rest];
  }
  addPlain(tree, at);
}

function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined; // not a link
  }
}

function addPlain(tree: Tree, path: string): void {
  if (path !== '' && !tree.has(path)) tree.set(path, { kind: 'file', from: path, mode: 0 }); // settle() knows better
}

/** Settles kinds and modes from the file system, and adds libraries and interpreters until nothing new is needed. */
async function addLibraries(tree: Tree, options: PayloadOptions): Promise<void> {
  const done = new Set<string>();
  for (;;) {
    const fresh = [...tree]
      .filter(([path, entry]) => entry.kind === 'file' && !done.has(path))
      .map(([path]) => path);
    if (fresh.length === 0) return;
    const dynamic: string[] = [];
    for (const path of fresh) {
      done.add(path);
      const kind = await settle(tree, path);
      if (kind === 'elf') dynamic.push(path);
      else
        for (const program of kind === undefined ? [] : interpreters(kind, options))
          addWithLinks(tree, program);
    }
    for (const library of await librariesOf(dynamic, options)) addWithLinks(tree, library);
  }
}

/** Returns 'elf' for an object that may need libraries, the first line of a script, undefined for anything else. */
async function settle(tree: Tree, path: string): Promise<string | undefined> {
  const info = await lstat(path).catch(() => undefined);
  if (info === undefined || !(info.isFile() || info.isDirectory())) {
    tree.delete(path); // what a dangling link names, a socket, a device: not carried
    return undefined;
  }
  if (info.isDirectory()) {
    tree.set(path, { kind: 'directory', mode: info.mode & 0o7777 });
    return undefined;
  }
  tree.set(path, { kind: 'file', from: path, mode: info.mode & 0o7777 });
  const maybe = (info.mode & 0o111) !== 0 || /\.so(\.|$)/.test(path); // libraries need not be executable
  if (info.size < 4 || !maybe) return undefined;
  const head = await lookAt(path, () => headOf(path));
  if (head.startsWith('\x7fELF')) return 'elf';
  return head.startsWith('#!') ? head.split('\n', 1)[0] : undefined;
}

async function headOf(path: string): Promise<string> {
  const handle = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(256), 0, 256, 0);
    return buffer.subarray(0, bytesRead).toString('latin1');
  } finally {
    await handle.close();
  }
}

/** What `#!` names, and behind env(1) the program that it looks up. One that is not here is missing here too. */
function interpreters(line: string, options: PayloadOptions): string[] {
  const [program = '', ...words] = line.slice(2).trim().split(/\s+/);
  if (!isAbsolute(program)) return [];
  const name = program.endsWith('/env') ? words.find((word) => !/^-|=/.test(word)) : undefined;
  try {
    return name === undefined ? [program] : [program, findProgram(name, options)];
  } catch {
    return [program];
  }
}

/** Absolute paths of the libraries and loaders of these objects, as ldd(1) prints them. A library that is missing here is missing there. */
async function librariesOf(files: readonly string[], options: PayloadOptions): Promise<string[]> {
  const found = new Set<string>();
  for (let at = 0; at < files.length; at += 100) {
    const { signal, env } = options;
    const group = files.slice(at, at + 100);
    const done = await run('ldd', group, {
      ...(env === undefined ? {} : { env }),
      ...(signal === undefined ? {} : { signal }),
    });
    for (const match of done.stdout.matchAll(/^\t(?:.* => )?(\/.*) \(0x[0-9a-f]+\)$/gm))
      found.add(match[1] ?? '');
  }
  return [...found];
}

async function treeBytes(tree: Tree): Promise<number> {
  let total = 0;
  for (const entry of tree.values()) if (entry.kind === 'file') total += (await lstat(entry.from)).size;
  return total;
}
