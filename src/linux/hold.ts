// The runner that holds a policy, spoken to: started with a job, or found again by its socket (docs/protocol.md, section 7). It is not tied to this process: who adopts it
// may be another one, and its heartbeat ends it when nobody does.

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { basename, dirname, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { Fault } from '../core/errors.ts';
import type { Runner } from './runner.ts';

/** Lines to and from a holder, wherever it is. `close` leaves it alone: it is no end of the policy. */
export interface HoldChannel {
  readonly from: Readable;
  readonly to: Writable;
  close(): void;
  /** Ends at once whom it was started with, and says who that was. Absent: it was found, and is not ours to give up. */
  kill?(): string;
}

/** Kept in memory by every distribution, for root only, and gone after a reboot like what it tells of. */
export const holdDirectory = '/run/schedcp';
const socketName = /^hold-[0-9a-f]{12}\.sock$/;

export function newAddress(): string {
  return join(holdDirectory, `hold-${randomBytes(6).toString('hex')}.sock`);
}

/** Sockets of the holders of this machine; one that was killed together with its survivor may be among them. Throws Fault('not-permitted') where only root sees them. */
export async function holdAddresses(directory = holdDirectory): Promise<string[]> {
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw new Fault('not-permitted', `cannot see which policies are held: ${directory} (${error.code})`, {
      next: 'run it as root',
    });
  });
  return names.filter((name) => socketName.test(name)).map((name) => join(directory, name));
}

/** Whether this command line is that of a holder. */
export function isHolder(argv: readonly string[]): boolean {
  const address = argv[argv.indexOf('--socket') + 1] ?? '';
  return argv[1] === 'hold' && dirname(address) === holdDirectory && socketName.test(basename(address));
}

export interface HoldOptions {
  readonly address: string;
  readonly heartbeatMs: number;
}

/** Starts a holder; what came of it is heard from the channel. Throws Fault('unavailable') when the runner cannot be started. */
export async function startHold(runner: Runner, job: Uint8Array, options: HoldOptions): Promise<HoldChannel> {
  const { address, heartbeatMs } = options;
  const args = ['hold', '--job', 'fd:3', '--socket', address, '--heartbeat-ms', String(heartbeatMs)];
  const child = spawn(runner.file, args, {
    stdio: ['pipe', 'pipe', 'ignore', 'pipe'],
    detached: true,
    cwd: '/',
  });
  await once(child, 'spawn').catch((error: NodeJS.ErrnoException) => {
    throw new Fault('unavailable', `cannot start the runner ${runner.file}: ${error.code ?? error.message}`);
  });
  child.unref();
  const [to, from, , blob] = child.stdio as unknown as [Writable, Readable, null, Writable];
  for (const stream of [to, blob]) stream.on('error', () => {}); // it may end without listening
  blob.end(job);
  return {
    from,
    to,
    close() {
      to.destroy();
      from.destroy();
    },
    kill() {
      child.kill('SIGKILL');
      return 'its holder';
    },
  };
}

/** Throws Fault('not-found') when nobody listens there. */
export async function connectHold(address: string): Promise<HoldChannel> {
  const socket = createConnection(address);
  await once(socket, 'connect').catch((error: NodeJS.ErrnoException) => {
    throw new Fault('not-found', `no policy is held at ${address} (${error.code ?? error.message})`, {
      next: 'it is over: the kernel is back on its default scheduler, or somebody else has loaded one since',
    });
  });
  socket.on('error', () => {});
  return { from: socket, to: socket, close: () => socket.destroy() };
}
