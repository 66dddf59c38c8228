// Whose turn it is among processes that share a directory: the one who has made the symbolic link `<number>.<n>` (symlink(2) makes it for one of many) may
// do what carries that number. A dead owner's claim stays, and the next is made beside it: a claim is taken away by its owner, or long after its number is done.

import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { codeOf, explained, makePrivateDirectory } from './durable.ts';

export interface Claim {
  release(): void;
}

/** A claim, or the name of the process that has it. The caller must look again whether the number is still to be done. */
export function claim(directory: string, number: number): Claim | { readonly heldBy: string } {
  makePrivateDirectory(directory);
  const me = `${nameOf(process.pid)}.${randomBytes(6).toString('hex')}`;
  for (let n = 0; ; n++) {
    const file = join(directory, `${number}.${n}`);
    const isMade = explained(file, () => {
      try {
        symlinkSync(me, file);
        return true;
      } catch (error) {
        if (codeOf(error) === 'EEXIST') return false;
        throw error;
      }
    });
    if (isMade) return { release: () => released(directory, number, n) };
    const owner = ownerOf(file);
    if (owner === undefined) n--;
    else if (isAlive(owner)) return { heldBy: owner };
  }
}

/** What dead processes left of it goes first: whoever comes then finds one of theirs free, or ours still there. */
function released(directory: string, number: number, n: number): void {
  for (let before = 0; before <= n; before++) rmSync(join(directory, `${number}.${before}`), { force: true });
}

/** Takes away what dead processes left of numbers that are done. */
export function sweepClaims(directory: string, below: number): void {
  for (const name of readdirSync(directory)) {
    if (Number.parseInt(name, 10) < below) rmSync(join(directory, name), { force: true });
  }
}

/** Undefined when it has just gone. */
function ownerOf(file: string): string | undefined {
  try {
    return readlinkSync(file);
  } catch {
    return undefined;
  }
}

/** Process id and start time (ids come again), pid namespace (others' ids say nothing here), boot. */
function nameOf(pid: number): string {
  return [pid, startOf(pid) ?? 0, namespace(), boot()].join('.');
}

function isAlive(owner: string): boolean {
  const [pid, start, itsNamespace, itsBoot] = owner.split('.');
  if (itsBoot !== boot()) return false;
  if (itsNamespace !== namespace()) return true; // nobody can tell from here
  return startOf(Number(pid)) === start;
}

/** Field 22 of /proc/PID/stat (proc(5)), in clock ticks since boot; undefined when there is no such process, or only its remains. */
export function startOf(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

const namespace = remembered(() => readlinkSync('/proc/self/ns/pid').replace(/\D/g, ''));
const boot = remembered(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').slice(0, 8));

/** Neither changes while we live; 0 where there is no procfs. */
function remembered(look: () => string): () => string {
  let found: string | undefined;
  return () => {
    try {
      found ??= look();
    } catch {
      found = '0';
    }
    return found;
  };
}
