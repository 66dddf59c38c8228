// The product as its users meet it: bin/schedcp as a child process, its answer read from stdout.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { root } from './paths.ts';

export interface StartOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Runs it under another program, such as unshare(1): the words before `node bin/schedcp`. */
  readonly under?: readonly string[];
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
  /** The object on stdout. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  readonly json: any;
}

export interface Run {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Waits until stderr holds the text. */
  told(text: string): Promise<void>;
  /** What a terminal does at Ctrl-C: SIGINT to the process and to all that it has started. */
  ctrlC(): void;
}

export function start(args: readonly string[], options: StartOptions = {}): Run {
  const [command = '', ...rest] = [
    ...(options.under ?? []),
    process.execPath,
    `${root}/bin/schedcp`,
    ...args,
  ];
  const child = spawn(command, rest, {
    cwd: options.cwd ?? '/tmp',
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true, // a process group of its own, as a shell gives it: Ctrl-C goes to all of it
  });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    err += chunk;
  });
  const ended = once(child, 'close').then(([code, signal]) => ({
    code,
    signal,
    out,
    err,
    json: parsed(out),
  }));
  const told = async (text: string): Promise<void> => {
    await until(() => err.includes(text) || child.exitCode !== null, 60_000, `stderr with: ${text}`);
    if (!err.includes(text)) throw new Error(`ended without saying ${JSON.stringify(text)}: ${err}${out}`);
  };
  const ctrlC = (): void => {
    process.kill(-(child.pid as number), 'SIGINT');
  };
  return { child, ended, told, ctrlC };
}

function parsed(out: string): unknown {
  const lines = out.split('\n').filter((line) => line !== '');
  return lines.length === 1 ? JSON.parse(lines[0] as string) : undefined;
}

/** Waits for a condition; a limit that is reached is an error that names what was awaited. */
export async function until(holds: () => boolean, limitMs: number, what: string): Promise<void> {
  for (const deadline = Date.now() + limitMs; !holds(); await sleep(10)) {
    if (Date.now() > deadline) throw new Error(`not within ${limitMs} ms: ${what}`);
  }
}
