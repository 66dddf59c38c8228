// Processes of ours that are killed at any moment, and disks that are full.

import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { script, sleep } from '../linux/support.ts';

export interface Killed {
  /** As `script` takes them; they print a line for each thing that they have done. */
  readonly lines: string;
  readonly args: readonly string[];
  readonly rounds: number;
  /** Processes that work on the same at once; each is killed. */
  readonly atOnce: number;
}

/** Starts, waits for work, kills with SIGKILL at different moments, again and again; gives the lines that were printed whole. */
export async function killed({ lines, args, rounds, atOnce }: Killed): Promise<string[]> {
  const said: string[] = [];
  for (let round = 0; round < rounds; round++) {
    const running = Array.from({ length: atOnce }, () => script(lines, args));
    await Promise.all(
      running.map(async ({ child, says, end }, at) => {
        await says('\n');
        await sleep(((round * atOnce + at) * 7) % 40);
        child.kill('SIGKILL');
        const { out, signal, err } = await end;
        if (signal !== 'SIGKILL') throw new Error(`it ended by itself: ${err}`);
        said.push(...out.split('\n').slice(0, -1));
      }),
    );
  }
  return said;
}

/** Runs lines on a small disk of their own (root). `fill()` leaves a few pages free, `empty()` makes room again, `directory` is its root. Gives what they printed. */
export function onFullDisk(directory: string, lines: string): string {
  mkdirSync(directory, { recursive: true });
  const source = new URL('../../src/', import.meta.url).pathname;
  const code = `import { appendFileSync, rmSync, truncateSync, statSync } from 'node:fs';
    const room = (file) => import(${JSON.stringify(source)} + file);
    const directory = process.argv[1];
    const ballast = directory + '/ballast';
    const fill = (pages = 3) => {
      try { for (;;) appendFileSync(ballast, Buffer.alloc(4096)); } catch (error) { if (error.code !== 'ENOSPC') throw error; }
      truncateSync(ballast, statSync(ballast).size - pages * 4096);
    };
    const empty = () => rmSync(ballast, { force: true });
    ${lines}`;
  const shell =
    'mount -t tmpfs -o size=512k none "$1" && exec "$2" --import tsx --input-type=module -e "$3" "$1"';
  return execFileSync('unshare', ['-m', 'sh', '-c', shell, 'sh', directory, process.execPath, code], {
    encoding: 'utf8',
  });
}
