// The tools that the room `bpf` is checked against: llvm-objdump, clang and bpftool of an unpacked Debian tree, which the cache holds after
// `npm test` or SCHEDCP_TOOL_ROOT names. Without it the recorded outputs beside the fixtures do the same work for the fixtures alone.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openCache } from '../../src/linux/cache.ts';
import { toolsDirectory } from '../../src/linux/tools.ts';

const cached = join(toolsDirectory(openCache(), 'clang'), 'root');
export const toolRoot = process.env.SCHEDCP_TOOL_ROOT ?? (existsSync(cached) ? cached : undefined);
export const whyNoTools = 'the cache holds no clang and SCHEDCP_TOOL_ROOT is unset';

const fixtures = join(import.meta.dirname, 'fixtures');
export const fixtureNames = ['pair', 'policy', 'types', 'unusual', 'v4'];

export function fixturePath(name: string): string {
  return join(fixtures, `${name}.bpf.o`);
}

export function fixture(name: string): Uint8Array {
  return new Uint8Array(readFileSync(fixturePath(name)));
}

/** What a tool printed about a fixture when it was built. */
export function recorded(name: string, tool: 'objdump' | 'btf'): string {
  return readFileSync(join(fixtures, `${name}.${tool}.txt`), 'utf8');
}

/** Every built object of the policy library. */
export function libraryObjects(): string[] {
  const policies = join(import.meta.dirname, '../../policies');
  const files = readdirSync(policies, { recursive: true, encoding: 'utf8' });
  return files
    .filter((file) => file.endsWith('.bpf.o'))
    .sort()
    .map((file) => join(policies, file));
}

function run(tool: string, args: readonly string[]): string {
  const root = toolRoot ?? '';
  const libraries = [join(root, 'usr/lib/x86_64-linux-gnu'), join(root, 'usr/lib/llvm-19/lib')].join(':');
  const env = { ...process.env, LD_LIBRARY_PATH: libraries };
  return execFileSync(join(root, tool), args, { env, encoding: 'utf8', maxBuffer: 1 << 28 });
}

export function objdump(path: string): string {
  return run('usr/lib/llvm-19/bin/llvm-objdump', ['-dr', '--mcpu=v4', '--no-show-raw-insn', path]);
}

export function bpftoolBtf(path: string): string {
  return run('usr/sbin/bpftool', ['btf', 'dump', 'file', path]);
}

export function assemble(source: string, output: string): void {
  run('usr/lib/llvm-19/bin/clang', ['-target', 'bpf', '-c', source, '-o', output]);
}
