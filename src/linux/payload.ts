// What a command needs inside the guest: its executable, the shared libraries that the dynamic loader would take, the interpreter of
// a script, and whatever --with names; each at the path it has here, symbolic links as they are here.

import { accessSync, constants, existsSync, readlinkSync, statSync } from 'node:fs';
import { lstat, open, readdir, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join, resolve } from 'node:path';
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
  const places = name.includes('/')
    ? [resolve(options.cwd, name)]
    : options.path
        .split(':')
        .filter((directory) => isAbsolute(directory))
        .map((directory) => join(directory, name));
  const file = places.find(isExecutable);
  if (file !== undefined) return file;
  throw new Fault('not-found', `no program ${name}${name.includes('/') ? '' : ' in PATH'}`, {
    next: 'check the spelling, or give its path; everything after -- is the command',
  });
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
  const absolute = resolve(options.cwd, item);
  if (!existsSync(absolute) && item.includes('/')) {
    throw new Fault('not-found', `--with ${item}: no such file or directory`, {
      next: `check the path; it is looked up from ${options.cwd}`,
    });
  }
  const file = existsSync(absolute) ? absolute : findProgram(item, options);
  if (!isCompiler(file)) return inside(file);
  return [file, ...(await insideAll(await compilerParts(file, options.env ?? {})))];
}

async function insideAll(paths: readonly string[]): Promise<string[]> {
  return (await Promise.all(paths.map(inside))).flat();
}

/** A directory with everything in it; anything else is itself. */
async function inside(absolute: string): Promise<string[]> {
  if (!(await stat(absolute)).isDirectory()) return [absolute];
  const entries = await readdir(absolute, { withFileTypes: true, recursive: true });
  const files = entries.filter((entry) => entry.isFile() || entry.isSymbolicLink());
  return [absolute, ...files.map((entry) => join(entry.parentPath, entry.name))];
}

/** Adds a path with every symbolic link on the way to it, so that it resolves in the guest as it does here. */
function addWithLinks(tree: Tree, path: string, depth = 0): void {
  if (depth > 40) throw new Fault('malformed', `too many symbolic links at ${path}`);
  const parts = path.split('/').filter((part) => part !== '');
  let at = '';
  for (const [index, part] of parts.entries()) {
    at = `${at}/${part}`;
    const target = linkTarget(at);
    if (target !== undefined) {
      tree.set(at, { kind: 'link', to: target });
      const rest = parts.slice(index + 1).join('/');
      addWithLinks(tree, join(resolve(dirname(at), target), rest), depth + 1);
      return;
    }
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
  if (!tree.has(path)) tree.set(path, { kind: 'file', from: path, mode: 0 }); // mode and kind are settled in settle()
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
      else if (kind !== undefined) addWithLinks(tree, kind);
    }
    for (const library of await librariesOf(dynamic, options)) addWithLinks(tree, library);
  }
}

/** Returns 'elf' for a dynamic object, the interpreter for a script, undefined for anything else. */
async function settle(tree: Tree, path: string): Promise<string | undefined> {
  const info = await lstat(path).catch(() => undefined);
  if (info === undefined || !(info.isFile() || info.isDirectory())) {
    tree.delete(path); // a dangling link, a socket, a device: not carried
    return undefined;
  }
  if (info.isDirectory()) {
    tree.set(path, { kind: 'directory', mode: info.mode & 0o7777 });
    return undefined;
  }
  tree.set(path, { kind: 'file', from: path, mode: info.mode & 0o7777 });
  if (info.size < 4 || (info.mode & 0o111) === 0) return undefined;
  const handle = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(256), 0, 256, 0);
    const head = buffer.subarray(0, bytesRead);
    if (head.subarray(0, 4).toString('latin1') === '\x7fELF') return 'elf';
    const interpreter = /^#!\s*(\/\S+)(?:\s+(\S+))?/.exec(head.toString('latin1'));
    return interpreter?.[1];
  } finally {
    await handle.close();
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
    for (const match of done.stdout.matchAll(/^\t(?:\S+ => )?(\/\S+) \(0x/gm)) found.add(match[1] ?? '');
  }
  return [...found];
}

async function treeBytes(tree: Tree): Promise<number> {
  let total = 0;
  for (const entry of tree.values()) if (entry.kind === 'file') total += (await lstat(entry.from)).size;
  return total;
}
