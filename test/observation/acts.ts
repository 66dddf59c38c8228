// The programs of acts.c, built once for a file of tests, and recordings of them read event by event (docs/protocol.md, section 5) by a reader of its own.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openCache } from '../../src/linux/cache.ts';
import { mustRun } from '../../src/linux/process.ts';
import { type RecordOptions, type RecordTarget, record } from '../../src/linux/recorder.ts';
import { buildRunner } from '../../src/linux/runner.ts';
import { tools } from '../../src/linux/tools.ts';
import { root } from '../support/paths.ts';

export interface RawEvent {
  readonly ns: bigint;
  readonly kind: string;
  readonly flags: number;
  readonly cpu: number;
  readonly task: number;
  readonly other: number;
  readonly detail: number;
  /** Of a switch. */
  readonly call: number;
  readonly file: number;
  readonly absolute: boolean;
  readonly inFault: boolean;
  readonly object: number;
  /** Of a name. */
  readonly comm: string;
  readonly value: bigint;
}

const kinds = ['', 'switch', 'wake', 'fork', 'exit', 'migrate', 'name', 'about', 'subject', 'lost'];

export function readRaw(raw: Uint8Array): RawEvent[] {
  const bytes = Buffer.from(raw);
  const events: RawEvent[] = [];
  for (let at = 0; at + 32 <= bytes.length; at += 32) {
    const value = bytes.readBigUInt64LE(at + 24);
    events.push({
      ns: bytes.readBigUInt64LE(at),
      kind: kinds[bytes.readUInt8(at + 8)] ?? '?',
      flags: bytes.readUInt8(at + 9),
      cpu: bytes.readUInt16LE(at + 10),
      task: bytes.readInt32LE(at + 12),
      other: bytes.readInt32LE(at + 16),
      detail: bytes.readUInt32LE(at + 20),
      call: Number(value & 0xffffn),
      file: Number((value >> 16n) & 15n),
      absolute: ((value >> 20n) & 1n) === 1n,
      inFault: ((value >> 21n) & 1n) === 1n,
      object: Number(value >> 32n),
      comm: bytes.toString('latin1', at + 16, at + 32).split('\0')[0] ?? '',
      value,
    });
  }
  return events;
}

export interface Acts {
  readonly file: string;
  readonly directory: string;
  readonly recorder: Uint8Array;
  /** Records `acts NAME COUNT [FILE]`. */
  act(args: readonly string[], options?: Partial<RecordOptions>): Promise<Acted>;
  watch(target: RecordTarget, options?: Partial<RecordOptions>): Promise<Acted>;
  close(): void;
}

export interface Acted {
  readonly events: RawEvent[];
  readonly said: Awaited<ReturnType<typeof record>>['events'];
  readonly lost: number;
  /** Of the command. */
  readonly root: number;
  readonly exit: number | undefined;
}

export async function openActs(): Promise<Acts> {
  const cache = openCache();
  const [runner, compiler] = [await buildRunner(cache, join(root, 'runner')), await tools(cache, 'compiler')];
  const directory = mkdtempSync(join(tmpdir(), 'schedcp-acts-'));
  const file = join(directory, 'acts');
  await mustRun(
    compiler.program('gcc'),
    [
      `--sysroot=${compiler.root}`,
      '-O2',
      '-Wall',
      '-Wextra',
      '-Werror',
      '-static',
      '-pthread',
      '-o',
      file,
      join(root, 'test/observation/acts.c'),
    ],
    { env: compiler.env },
  );
  const recorder = readFileSync(join(root, 'probes/record.bpf.o'));
  const watch = async (target: RecordTarget, options: Partial<RecordOptions> = {}): Promise<Acted> => {
    const recording = await record(runner, target, { object: recorder, limitMs: 20_000, ...options });
    const events = readRaw(recording.raw);
    return {
      events,
      said: recording.events,
      lost: recording.lost,
      root: events.find((event) => event.kind === 'subject')?.task ?? -1,
      exit: recording.events.find((event) => event.event === 'run')?.exit,
    };
  };
  return {
    file,
    directory,
    recorder,
    watch,
    act: (args, options) =>
      watch({ kind: 'command', argv: [file, ...args], env: {}, cwd: directory }, options),
    close: () => rmSync(directory, { recursive: true }),
  };
}
