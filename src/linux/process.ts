// Child processes: an argument vector and never a shell, limits on time and output, an abort signal, and the
// promise that a child does not outlive us (setpriv --pdeathsig, util-linux; essential on Debian).

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { Fault } from '../core/errors.ts';

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly input?: string | Uint8Array;
  /** Wall-clock limit; the child is killed when it is over. Default 60 s. */
  readonly limitMs?: number;
  /** Bytes of stdout and of stderr that are kept (the last ones). Default 1 MiB. */
  readonly outputLimit?: number;
  readonly signal?: AbortSignal;
  /** What it and each of its children may have at most, where there is prlimit(1) (util-linux, essential on Debian): of memory, and of a file that it writes. */
  readonly most?: { readonly memoryBytes: number; readonly fileBytes: number };
  /** Told the process id as soon as there is one. */
  readonly started?: (pid: number) => void;
}

export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
}

const pdeathsig = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path));

const prlimit = ['/usr/bin/prlimit', '/bin/prlimit'].find((path) => existsSync(path));

/** The same command, which cannot have more; setrlimit(2). It leaves no core file. */
function limited(
  command: string,
  args: readonly string[],
  most: RunOptions['most'],
): Parameters<typeof tied> {
  if (prlimit === undefined || most === undefined) return [command, args];
  const limits = [`--as=${most.memoryBytes}`, `--fsize=${most.fileBytes}`, '--core=0'];
  return [prlimit, [...limits, '--', command, ...args]];
}

/** The same command, tied to this process: when we die, however we die, the kernel kills it. */
export function tied(command: string, args: readonly string[]): { command: string; args: string[] } {
  if (pdeathsig === undefined) return { command, args: [...args] };
  return { command: pdeathsig, args: ['--pdeathsig', 'KILL', '--', command, ...args] };
}

/** Keeps the last `limit` bytes of a stream. */
class Tail {
  private readonly limit: number;
  private chunks: Buffer[] = [];
  private size = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  add(chunk: Buffer): void {
    this.chunks.push(chunk);
    this.size += chunk.length;
    if (this.size > 2 * this.limit) {
      const kept = this.kept();
      this.chunks = [kept];
      this.size = kept.length;
    }
  }

  text(): string {
    return this.kept().toString('utf8');
  }

  private kept(): Buffer {
    return Buffer.concat(this.chunks).subarray(Math.max(0, this.size - this.limit));
  }
}

/** Kills a detached child and everything in its group, and does not wait for those who left the group and hold its pipes. */
function killGroup(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  } catch {
    // ended meanwhile
  }
  setTimeout(() => {
    child.stdout?.destroy();
    child.stderr?.destroy();
  }, 300).unref();
}

/**
 * Runs a command to its end and returns how it ended; a non-zero exit is not an error here.
 * Throws Fault: not-found (no such program), not-permitted, interrupted (aborted).
 */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const { signal } = options;
  if (signal?.aborted) return Promise.reject(interrupted(command));
  if (options.cwd !== undefined && !existsSync(options.cwd)) {
    const problem = `no directory ${options.cwd} to run ${command} in`;
    return Promise.reject(new Fault('not-found', problem, { tried: `start ${command}` }));
  }
  return new Promise((resolve, reject) => {
    const target = tied(...limited(command, args, options.most));
    const child = spawn(target.command, target.args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...options.env },
      detached: true, // a process group of its own, so that what it has started can be killed with it
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    if (child.pid !== undefined) options.started?.(child.pid);
    const stdout = new Tail(options.outputLimit ?? 1 << 20);
    const stderr = new Tail(options.outputLimit ?? 1 << 20);
    child.stdout.on('data', (chunk: Buffer) => stdout.add(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.add(chunk));
    child.stdin.on('error', () => {}); // the child may end without reading its input
    child.stdin.end(options.input ?? '');
    let timedOut = false;
    const kill = (): void => killGroup(child);
    const timer = setTimeout(() => {
      timedOut = true;
      kill();
    }, options.limitMs ?? 60_000);
    signal?.addEventListener('abort', kill, { once: true });
    const settle = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', kill);
    };
    child.on('error', (error: NodeJS.ErrnoException) => {
      settle();
      reject(spawnFault(command, error));
    });
    child.on('close', (code, killed) => {
      settle();
      const refused = /^(setpriv|prlimit): failed to execute/.test(stderr.text());
      if (signal?.aborted) reject(interrupted(command));
      else if (refused && code === 127) reject(spawnFault(command, { code: 'ENOENT' }));
      else if (refused && code === 126) reject(spawnFault(command, { code: 'EACCES' }));
      else resolve({ code, signal: killed, stdout: stdout.text(), stderr: stderr.text(), timedOut });
    });
  });
}

/** As `run`, but anything except exit code 0 is a Fault('unavailable') that quotes the end of stderr. */
export async function mustRun(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const done = await run(command, args, options);
  if (done.code === 0) return done.stdout;
  const how = done.timedOut
    ? `did not end within ${options.limitMs ?? 60_000} ms`
    : `ended with ${done.code ?? done.signal}`;
  const said = done.stderr.trim().split('\n').slice(-6).join('\n');
  throw new Fault('unavailable', `${command} ${how}${said === '' ? '' : `:\n${said}`}`, {
    tried: [command, ...args].join(' '),
  });
}

export function interrupted(what: string): Fault {
  return new Fault('interrupted', `interrupted while running ${what}`);
}

function spawnFault(command: string, error: { code?: string | undefined }): Fault {
  if (error.code === 'ENOENT') {
    return new Fault('not-found', `no program ${command} on this machine`, { tried: `start ${command}` });
  }
  return new Fault('not-permitted', `cannot start ${command}: ${error.code ?? 'unknown error'}`);
}
