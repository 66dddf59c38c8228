// The process's own streams and signals, as the skins want them.

import { Console } from 'node:console';
import type { Readable, Writable } from 'node:stream';
import { Fault } from '../core/errors.ts';

export interface Io {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** Whether stderr is a terminal, on which one status line may be rewritten. */
  readonly isTTY: boolean;
  readonly columns: number;
  /** Aborts at the first Ctrl-C (SIGINT, SIGTERM, SIGHUP). */
  readonly signal: AbortSignal;
}

/**
 * Takes over the process's signals and streams. The first signal aborts `signal`, so that guests are stopped and files removed; the
 * second one exits at once with 3, as a crash does: 1 means "rejected". A closed pipe (`| head`) is not an error. What a library
 * prints goes to stderr: stdout carries answers only.
 */
export function processIo(): Io {
  const { stdin, stdout, stderr } = process;
  const isTTY = stderr.isTTY === true;
  globalThis.console = new Console(stderr, stderr);
  const interrupted = new AbortController();
  const stop = (name: string) => {
    if (interrupted.signal.aborted) process.exit(3);
    interrupted.abort(new Fault('interrupted', `interrupted by ${name}`));
    stderr.write(`${isTTY ? '\n' : ''}stopping; once more to exit at once\n`);
  };
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, stop);
  process.on('uncaughtException', (error) => {
    console.error(error);
    process.exit(3);
  });
  // write() below tells who needs to know.
  for (const stream of [stdout, stderr]) stream.on('error', () => {});
  return { stdin, stdout, stderr, isTTY, columns: stderr.columns ?? 100, signal: interrupted.signal };
}

/** Writes and waits until it is on its way; a reader who has left is not an error, a full disk is a fault. */
export function write(stream: Writable, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    if (text === '') return resolve();
    stream.write(text, (error: NodeJS.ErrnoException | null | undefined) => {
      if (!error || error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED') return resolve();
      reject(new Fault('unavailable', `cannot write the answer: ${error.message}`, { cause: error }));
    });
  });
}
