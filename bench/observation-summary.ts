// A summary of a busy machine with 5,000 threads out of procfs: what it takes at the end of the observation (the last look, the profile, the page), and in all,
// in CPU time; how long the page is; and how reading so many small files is best done, by ratios to the way that is used. Needs a C compiler (cc).

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { canonicalJson, digestOf } from '../src/core/canonical.ts';
import type { Counters } from '../src/core/counters.ts';
import { sampleProcfs } from '../src/linux/procfs-counters.ts';
import { classify } from '../src/profiles/classes.ts';
import { pagesOf, summaryTokens } from '../src/profiles/pages.ts';
import { profileOf } from '../src/profiles/profile.ts';
import { median, row, spread } from './lib.ts';

const threads = 5000;
const limitMs = 200;
const rounds = 7;

/** Threads that sleep 20 to 220 ms and work a little, so that each has run between two looks. */
const source = `#include <pthread.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>
static void *work(void *number) {
  struct timespec pause = { 0, 20000000L + (long)number % 200 * 1000000L };
  for (volatile long n;;) { for (n = 0; n < 2000; n++); nanosleep(&pause, 0); }
}
int main(void) {
  pthread_attr_t small; pthread_t thread; long n = 0;
  pthread_attr_init(&small); pthread_attr_setstacksize(&small, 65536);
  while (n < ${threads} && pthread_create(&thread, &small, work, (void *)n) == 0) n++;
  printf("%ld\\n", n); fflush(stdout); getchar(); return 0;
}
`;

export async function benchObservationSummary(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'schedcp-bench-'));
  try {
    writeFileSync(join(directory, 'threads.c'), source);
    execFileSync('cc', ['-O1', '-pthread', 'threads.c', '-o', 'threads'], { cwd: directory });
  } catch {
    row('summary of 5,000 threads', '', 'not measured: no C compiler (cc)', undefined);
    return;
  }
  const child = spawn(join(directory, 'threads'), { stdio: ['pipe', 'pipe', 'inherit'] });
  try {
    const [chunk] = (await once(child.stdout, 'data')) as [Buffer];
    await summaries(Number(chunk.toString()));
    await waysOfReading(child.pid!);
  } finally {
    child.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  }
}

interface Taken {
  readonly wallMs: number;
  readonly cpuMs: number;
}

async function taking<T>(work: () => Promise<T>): Promise<Taken & { readonly value: T }> {
  const [began, used] = [performance.now(), process.cpuUsage()];
  const value = await work();
  const cpu = process.cpuUsage(used);
  return { value, wallMs: performance.now() - began, cpuMs: (cpu.user + cpu.system) / 1000 };
}

/** The end begins when the time is over: what the reader then waits for. */
async function one(): Promise<{
  counters: Counters;
  observe: Taken;
  end: Taken;
  page: Taken;
  tokens: number;
}> {
  const signal = new AbortController().signal;
  let over = { at: 0, cpu: process.cpuUsage() };
  const until = new Promise<void>((resolve) => {
    setTimeout(() => {
      over = { at: performance.now(), cpu: process.cpuUsage() };
      resolve();
    }, 1500);
  });
  const observe = await taking(() => sampleProcfs({ subject: 'machine', durationMs: 60_000, until }, signal));
  const after = process.cpuUsage(over.cpu);
  const end = { wallMs: performance.now() - over.at, cpuMs: (after.user + after.system) / 1000 };
  const counters = observe.value;
  const page = await taking(async () => {
    const digest = digestOf(new TextEncoder().encode(canonicalJson(counters)));
    const profile = profileOf({
      counters,
      digest,
      subject: { what: 'machine', name: 'bench' },
      machine: { name: 'host', kernel: '', cpus: counters.cpus },
      classify,
    });
    return pagesOf({ profile, counters }).page({ tier: 'summary' });
  });
  return { counters, observe, end, page, tokens: page.value.tokens };
}

async function summaries(made: number): Promise<void> {
  await one(); // functions are compiled, directory entries of procfs are made
  const seen = [];
  for (let round = 0; round < rounds; round++) {
    await sleep(500); // the files of the one before are closed
    seen.push(await one());
  }
  const total = seen.map(({ end, page }) => end.cpuMs + page.cpuMs);
  const wall = seen.map(({ end, page }) => end.wallMs + page.wallMs);
  const tokens = Math.max(...seen.map((round) => round.tokens));
  const tasks = Math.min(...seen.map(({ counters }) => counters.tasks.length + counters.folded));
  row(
    `${made} threads: last look, profile and page, CPU ms`,
    `≤ ${limitMs} ms`,
    spread(total),
    median(total) <= limitMs,
  );
  row('  the same by the clock, on the machine as it is', '', spread(wall), undefined);
  row('  of that the last look', '', spread(seen.map(({ end }) => end.cpuMs)), undefined);
  row('  profile and page', '', spread(seen.map(({ page }) => page.cpuMs)), undefined);
  row('observation of 1.5 s in all, CPU ms', '', spread(seen.map(({ observe }) => observe.cpuMs)), undefined);
  row('tokens of the summary, most', `≤ ${summaryTokens}`, String(tokens), tokens <= summaryTokens);
  row('threads accounted for, least', `≥ ${made}`, String(tasks), tasks >= made);
}

/** One schedstat for each thread, interleaved; CPU time relative to files that stay open. */
async function waysOfReading(pid: number): Promise<void> {
  const paths = readdirSync(`/proc/${pid}/task`).map((tid) => `/proc/${pid}/task/${tid}/schedstat`);
  const open = paths.map((path) => openSync(path, 'r'));
  const buffer = Buffer.allocUnsafe(4096);
  const ways: Readonly<Record<string, () => Promise<void>>> = {
    'files that stay open': async () => {
      for (const fd of open) readSync(fd, buffer, 0, 128, 0);
    },
    'open, read into one buffer, close': async () => {
      for (const path of paths) {
        const fd = openSync(path, 'r');
        readSync(fd, buffer, 0, 4096, 0);
        closeSync(fd);
      }
    },
    readFileSync: async () => {
      for (const path of paths) readFileSync(path, 'latin1');
    },
    'fs/promises, 64 at once': async () => {
      for (let at = 0; at < paths.length; at += 64)
        await Promise.all(paths.slice(at, at + 64).map((path) => readFile(path, 'latin1')));
    },
  };
  const times = new Map<string, number[]>();
  for (let round = 0; round < rounds; round++)
    for (const [name, way] of Object.entries(ways)) {
      const { cpuMs } = await taking(way);
      times.set(name, [...(times.get(name) ?? []), cpuMs]);
    }
  for (const fd of open) closeSync(fd);
  const base = times.get('files that stay open')!;
  for (const [name, values] of times) {
    const ratios = values.map((value, index) => value / base[index]!);
    row(`  reading ${paths.length} files: ${name}`, '', `${spread(ratios)} × as much CPU`, undefined);
  }
}
