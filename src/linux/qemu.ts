// Virtual machines: QEMU's command line for the three ways to run a guest, its control socket (QMP, on standard input and output),
// and the promise that none outlives its limit or its owner.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { Fault } from '../core/errors.ts';
import { explainWrite } from './cache.ts';
import { tied } from './process.ts';
import type { Tools } from './tools.ts';

/**
 * deterministic: TCG, one thread, time is counted in instructions; fast: TCG, a thread a CPU; kvm: hardware virtualisation.
 */
export type Mode = 'deterministic' | 'fast' | 'kvm';

/** Size of the job file, the same when a guest is saved and when it is restored. */
export const jobBytes = 4 << 20;

export interface GuestSpec {
  readonly kernel: string;
  readonly initramfs: string;
  readonly cpus: number;
  readonly memoryMiB: number;
  readonly mode: Mode;
  /** Two ports more, `control` (a socket in its directory) and `log` (a file): for a guest that lives long. */
  readonly isServing?: boolean;
}

export interface StartOptions {
  /** A directory of this run's own: job, output and console are files in it. */
  readonly directory: string;
  readonly job: Uint8Array;
  /** A saved guest to continue instead of booting. */
  readonly incoming?: string;
  /** Wall-clock limit on the whole guest. */
  readonly limitMs: number;
  readonly signal?: AbortSignal;
}

export interface Guest {
  /** Everything that the runner has written so far. */
  output(): Promise<string>;
  /** The kernel's console. */
  console(): Promise<string>;
  /** Resolves when the guest has ended, by itself, by its limit or by the signal. */
  readonly end: Promise<GuestEnd>;
  /** Sends a QMP command and returns its reply. */
  command(name: string, args?: Record<string, unknown>): Promise<unknown>;
  kill(): void;
}

export interface GuestEnd {
  readonly how: 'ended' | 'limit' | 'aborted' | 'failed';
  /** QEMU's last words when it failed. */
  readonly detail: string;
  /** Exit status of its process (137 where timeout(1) saw it killed), or the signal that ended all of it: tells a guest's reset from a kill. */
  readonly status: number | string | null;
}

/**
 * QEMU's arguments. Everything that could differ between two runs of the same guest is switched off in deterministic mode; an
 * ioeventfd would let the port be served by another thread, at a time of the host's choosing.
 */
export function qemuArguments(spec: GuestSpec, tools: Tools, directory: string): string[] {
  const at = (name: string): string => join(directory, name);
  const data = ['qemu', 'seabios']
    .map((name) => join(tools.root, 'usr/share', name))
    .filter((path) => existsSync(path));
  return [
    ...data.flatMap((path) => ['-L', path]),
    ...accelerator[spec.mode],
    ...['-M', 'pc', '-smp', String(spec.cpus), '-m', String(spec.memoryMiB)],
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
    ...['-kernel', spec.kernel, '-initrd', spec.initramfs, '-append', kernelCommandLine(spec.mode)],
    ...['-chardev', 'stdio,id=qmp,signal=off', '-mon', 'chardev=qmp,mode=control'],
    ...['-chardev', `file,id=console,path=${comma(at('console'))}`, '-serial', 'chardev:console'],
    ...['-device', 'virtio-serial-pci,ioeventfd=off', '-chardev', `file,id=out,path=${comma(at('output'))}`],
    ...['-device', 'virtserialport,chardev=out,name=org.schedcp.out'],
    ...(spec.isServing === true ? servingPorts(at) : []),
    ...['-device', 'isa-debug-exit,iobase=0x501,iosize=4'],
    ...['-fw_cfg', `name=opt/schedcp/job,file=${comma(at('job'))}`],
  ];
}

function servingPorts(at: (name: string) => string): string[] {
  return [
    ...['-chardev', `socket,id=control,path=${comma(at('control'))},server=on,wait=off`],
    ...['-device', 'virtserialport,id=control-port,chardev=control,name=org.schedcp.control'],
    ...['-chardev', `file,id=log,path=${comma(at('log'))}`],
    ...['-device', 'virtserialport,chardev=log,name=org.schedcp.log'],
  ];
}

const accelerator: Readonly<Record<Mode, readonly string[]>> = {
  deterministic: [
    ...['-accel', 'tcg,thread=single', '-icount', 'shift=1,sleep=off'],
    ...['-rtc', 'base=2026-01-01,clock=vm', '-cpu', 'max,-rdrand,-rdseed', '-seed', '1'],
  ],
  fast: ['-accel', 'tcg,thread=multi', '-cpu', 'max'],
  kvm: ['-accel', 'kvm', '-cpu', 'host'],
};

function kernelCommandLine(mode: Mode): string {
  const steady =
    mode === 'deterministic'
      ? ' nokaslr norandmaps tsc=reliable no_timer_check'
      : mode === 'fast'
        ? ' tsc=reliable no_timer_check'
        : '';
  // Work that the kernel starts for itself after booting would run beside the workload: crypto self-tests take 3 s under emulation.
  const still = 'cryptomgr.notests damon_stat.enabled=N';
  return `console=ttyS0 quiet loglevel=4 panic=-1 sysrq_always_enabled ${still}${steady}`;
}

/** In QEMU's option syntax a comma in a value is written twice. */
function comma(text: string): string {
  return text.replaceAll(',', ',,');
}

/**
 * A restored guest announces its network cards, which it does not have, for half a second of host time; each round wakes QEMU's main
 * loop, which then serves guest timers at a time of the host's choosing. Without that a restored run repeats to the last byte.
 */
const quietly = ['-global', 'migration.announce-rounds=1'];

/** Starts a guest. Throws Fault('unavailable') when QEMU cannot be started. */
export async function startGuest(tools: Tools, spec: GuestSpec, options: StartOptions): Promise<Guest> {
  const at = (name: string): string => join(options.directory, name);
  const job = Buffer.alloc(jobBytes);
  if (options.job.length > jobBytes) {
    throw new Fault('unsupported', `the job is ${options.job.length} bytes, ${jobBytes} are possible`, {
      next: 'use a smaller workload or object',
    });
  }
  job.set(options.job);
  const files = [writeFile(at('job'), job), writeFile(at('output'), ''), writeFile(at('console'), '')];
  await Promise.all(files).catch((error) => {
    throw explainWrite(error, options.directory);
  });
  const incoming =
    options.incoming === undefined ? [] : [...quietly, '-incoming', `file:${options.incoming}`];
  const args = [...qemuArguments(spec, tools, options.directory), ...incoming];
  return openGuest(limited(tools.program('qemu-system-x86_64'), args, options.limitMs), tools, options);
}

/** What is killed before it has asked for its parent's death signal never gets one: who has lost timeout(1) by then does not start. */
const unlessOrphaned = 'read -r parent < "/proc/$PPID/comm" && [ "$parent" = timeout ] && exec "$@"';

/** Dies with us (pdeathsig), and at its limit even when we are frozen (timeout(1)). */
function limited(
  program: string,
  args: readonly string[],
  limitMs: number,
): { command: string; args: string[] } {
  const inner = tied('/bin/sh', ['-c', unlessOrphaned, 'sh', program, ...args]);
  const seconds = String(Math.ceil(limitMs / 1000) + 5);
  const outer = tied('/usr/bin/timeout', [
    '--foreground',
    '-s',
    'KILL',
    seconds,
    inner.command,
    ...inner.args,
  ]);
  return outer;
}

function openGuest(target: { command: string; args: string[] }, tools: Tools, options: StartOptions): Guest {
  const child = spawn(target.command, target.args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...tools.env },
  });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk.toString('utf8')).slice(-4000);
  });
  child.stdin.on('error', () => {});
  let stopped: 'limit' | 'aborted' | undefined;
  const stop = (why: 'limit' | 'aborted'): void => {
    stopped ??= why;
    child.kill('SIGKILL');
  };
  const timer = setTimeout(() => stop('limit'), options.limitMs);
  const abort = (): void => stop('aborted');
  if (options.signal?.aborted) abort();
  options.signal?.addEventListener('abort', abort, { once: true });
  const end = new Promise<GuestEnd>((resolve) => {
    const finish = (code: number | null, signal: string | null): void => {
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', abort);
      // isa-debug-exit makes QEMU end with (value << 1) | 1; a guest that powers off ends with 0.
      const how =
        stopped ?? (code === 0 || code === 1 || code === 3 ? (stderr === '' ? 'ended' : 'failed') : 'failed');
      resolve({ how, detail: stderr.trim(), status: signal ?? code });
    };
    child.on('error', (error) => {
      stderr = error.message;
      finish(null, null);
    });
    child.on('close', finish);
  });
  const qmp = openQmp(child);
  return {
    output: () => readFile(join(options.directory, 'output'), 'latin1'),
    console: () => readFile(join(options.directory, 'console'), 'latin1'),
    end,
    command: (name, args) => qmp.command(name, args, end),
    kill: () => {
      child.kill('SIGKILL');
    },
  };
}

interface Qmp {
  command(name: string, args: Record<string, unknown> | undefined, end: Promise<GuestEnd>): Promise<unknown>;
}

/** The QEMU Machine Protocol: one JSON object a line; a greeting, then capabilities, then commands in order. */
function openQmp(child: ChildProcess): Qmp {
  const lines: Interface = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  const waiting: { resolve: (value: unknown) => void; reject: (error: Fault) => void }[] = [];
  let greeted = false;
  const send = (name: string, args?: Record<string, unknown>): Promise<unknown> =>
    new Promise((resolve, reject) => {
      waiting.push({ resolve, reject });
      child.stdin?.write(
        `${JSON.stringify({ execute: name, ...(args === undefined ? {} : { arguments: args }) })}\n`,
      );
    });
  lines.on('line', (line) => {
    const message = qmpMessage(line);
    if ('return' in message) waiting.shift()?.resolve(message.return);
    else if (message.error !== undefined) {
      waiting.shift()?.reject(new Fault('unavailable', `QEMU refused a command: ${message.error.desc}`));
    }
  });
  return {
    async command(name, args, end) {
      const over = end.then((how) => {
        throw new Fault('unavailable', `QEMU ended (${how.how}) before it answered ${name}: ${how.detail}`);
      });
      over.catch(() => {});
      if (!greeted) {
        greeted = true;
        await Promise.race([send('qmp_capabilities'), over]);
      }
      return Promise.race([send(name, args), over]);
    },
  };
}

/** A line that QEMU was killed in the middle of says nothing. */
function qmpMessage(line: string): { return?: unknown; error?: { desc: string } } {
  try {
    return JSON.parse(line) as { return?: unknown; error?: { desc: string } };
  } catch {
    return {};
  }
}

/** Lets a guest that was started from a saved state go on, as soon as it is loaded. */
export async function resumeGuest(guest: Guest): Promise<void> {
  for (;;) {
    const { status } = (await guest.command('query-status')) as { status: string };
    if (status !== 'inmigrate') break;
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
  await guest.command('cont');
}

/**
 * Saves a running guest to a file and ends it.
 * Throws Fault('unavailable') when QEMU cannot write it (a full disk, say) or does not finish within `limitMs`.
 */
export async function saveGuest(guest: Guest, file: string, limitMs: number): Promise<void> {
  await guest.command('stop'); // a running guest would dirty its memory faster than an emulated one can be copied
  await guest.command('migrate-set-parameters', { 'max-bandwidth': 2 ** 40 });
  await guest.command('migrate', { uri: `file:${file}` });
  for (const deadline = Date.now() + limitMs; ; ) {
    const state = (await guest.command('query-migrate')) as { status?: string; 'error-desc'?: string };
    if (state.status === 'completed') break;
    if (state.status === 'failed' || Date.now() > deadline) {
      guest.kill();
      throw new Fault(
        'unavailable',
        `cannot save the guest: ${state['error-desc'] ?? `not done within ${limitMs} ms`}`,
        {
          where: file,
          next: 'is the disk full? free some space, or point XDG_CACHE_HOME to a larger disk',
        },
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  guest.kill();
  await guest.end;
}
