// One policy in C as native code, as wasm32, and as BPF that is translated (fast, checked) or interpreted. Each variant plays the same wakeups.

import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readElf } from '../../src/bpf/elf.ts';
import { decode, type Instruction } from '../../src/bpf/instructions.ts';
import { interpret } from '../../src/jit/interpreter.ts';
import { frameBytes } from '../../src/jit/program.ts';
import { translate } from '../../src/jit/translate.ts';
import type { Tools } from '../../src/linux/tools.ts';
import { initialWorld, worldBytes } from './world.ts';

const sources = fileURLToPath(new URL('.', import.meta.url));
const checkedWakeups = 3000;
const timedWakeups = 200_000;

export interface Variant {
  readonly name: string;
  /** The world after `checkedWakeups` wakeups. */
  readonly outcome: () => Buffer;
  /** Nanoseconds per wakeup, warm. */
  readonly time: () => number;
}

/** Builds in `folder`. `executed`: BPF instructions per wakeup. */
export function variants(tools: Tools, folder: string): { all: readonly Variant[]; executed: () => number } {
  const out = (name: string): string => join(folder, name);
  const clang = (...args: string[]): void => {
    execFileSync(tools.program('clang'), ['-O2', '-Wall', ...args], { cwd: sources, env: tools.env });
  };
  clang(`--sysroot=${tools.root}`, '-fuse-ld=lld', 'policy.c', 'harness.c', '-o', out('native'));
  clang('--target=bpf', '-mcpu=v3', '-c', 'policy.c', '-o', out('policy.bpf.o'));
  clang('--target=wasm32', '-nostdlib', ...wasmLinker, 'policy.c', '-o', out('policy.wasm'));
  writeFileSync(out('world'), initialWorld());
  const object = readElf(readFileSync(out('policy.bpf.o')));
  const code = decode(object.sections.find(({ name }) => name === '.text')!.data);
  const fast = translated('fast', code);
  const checked = translated('checked', code);
  const wasm32 = inWasm('clang to wasm32', readFileSync(out('policy.wasm')), 'policy');
  const all = [native(out('native'), out('world')), wasm32, fast, checked, interpreted(code)];
  const executed = (): number => {
    fast.outcome();
    return Number((fast.exports.executed as WebAssembly.Global).value) / checkedWakeups;
  };
  return { all, executed };
}

const wasmLinker = ['--no-entry', '--import-memory', '--export=policy'].map((flag) => `-Wl,${flag}`);

function native(program: string, world: string): Variant {
  const run = (calls: number): { world: Buffer; ns: number } => {
    const { stdout, stderr, status } = spawnSync(program, [world, String(checkedWakeups), String(calls)]);
    if (status !== 0) throw new Error(`the native harness ended with ${status}`);
    return { world: stdout, ns: Number(stderr.toString()) };
  };
  return { name: 'native', outcome: () => run(1).world, time: () => run(timedWakeups).ns };
}

const worldAt = 0x20000;
const pages = 8;

function inWasm(name: string, bytes: Uint8Array, policy: string) {
  const memory = new WebAssembly.Memory({ initial: pages });
  const fault = (): never => {
    throw new Error(`${name}: fault`);
  };
  const env = { memory, fault };
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>), {
    env,
  });
  const enter = exports[policy] as (world: number, wakeups: number) => number;
  const executed = exports.executed as WebAssembly.Global | undefined;
  const play = (wakeups: number): void => {
    if (executed !== undefined) executed.value = 0;
    enter(worldAt, wakeups);
  };
  const start = (): void => new Uint8Array(memory.buffer).set(initialWorld(), worldAt);
  return {
    name,
    memory,
    exports,
    outcome: (): Buffer => {
      start();
      play(checkedWakeups);
      return Buffer.from(memory.buffer.slice(worldAt, worldAt + worldBytes));
    },
    time: (): number => {
      start();
      play(timedWakeups);
      const before = performance.now();
      play(timedWakeups);
      return ((performance.now() - before) * 1e6) / timedWakeups;
    },
  };
}

const noCalls = (): never => {
  throw new Error('the policy calls nothing');
};

function translated(mode: 'fast' | 'checked', code: readonly Instruction[]) {
  const [stack, shadow, limit] = [0x10000, 0x40000, 0x40000];
  const bytes = translate({
    functions: [code],
    calleeOf: noCalls,
    entries: [{ fn: 0, params: 2 }],
    ...{ mode, stack, shadow, limit, pages },
    resultHigh: 0xfff8,
    budget: 0x7fff_ffff,
  });
  const variant = inWasm(`translated, ${mode}`, bytes, 'f0');
  const permit = (at: number, size: number): void => {
    const bytes = new Uint8Array(variant.memory.buffer, shadow);
    for (let i = 0; i < size; i++) bytes[at + i] = Math.min(8, size - i) | 16;
  };
  permit(stack, frameBytes);
  permit(worldAt, worldBytes);
  return variant;
}

function interpreted(code: readonly Instruction[]): Variant {
  const stack = 0x10000;
  const bytes = new DataView(new ArrayBuffer(worldAt + worldBytes));
  const load = (address: bigint, size: number): bigint => {
    const at = Number(address);
    if (size === 8) return bytes.getBigUint64(at, true);
    return BigInt(
      size === 4 ? bytes.getUint32(at, true) : size === 2 ? bytes.getUint16(at, true) : bytes.getUint8(at),
    );
  };
  const store = (address: bigint, size: number, value: bigint): void => {
    const at = Number(address);
    if (size === 8) bytes.setBigUint64(at, value, true);
    else if (size === 4) bytes.setUint32(at, Number(value), true);
    else if (size === 2) bytes.setUint16(at, Number(value), true);
    else bytes.setUint8(at, Number(value));
  };
  const world = {
    memory: { load, store },
    stack: BigInt(stack),
    functions: [code],
    call: noCalls,
    budget: Number.MAX_SAFE_INTEGER,
  };
  const play = (wakeups: number): void => {
    new Uint8Array(bytes.buffer).set(initialWorld(), worldAt);
    interpret(world, 0, [BigInt(worldAt), BigInt(wakeups)]);
  };
  return {
    name: 'interpreter (the oracle)',
    outcome: () => {
      play(checkedWakeups);
      return Buffer.from(bytes.buffer.slice(worldAt, worldAt + worldBytes));
    },
    time: () => {
      const before = performance.now();
      play(500);
      return ((performance.now() - before) * 1e6) / 500;
    },
  };
}
