// The product itself, as its users start it, where its host has sched_ext.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Policy } from '../../src/core/records.ts';
import { openStore } from '../../src/knowledge/store.ts';
import { acceptedVerdict, goesBad } from '../deployment/exports.ts';
import { root } from '../support/paths.ts';
import { type HostBench, rememberProcesses, restored, traces } from './host-bench.ts';

export function productCases({ runner }: HostBench): void {
  const records = mkdtempSync('/tmp/product-');
  const store = openStore(join(records, 'schedcp'));
  const env = {
    ...{ PATH: process.env.PATH, HOME: '/root' },
    ...{ SCHEDCP_RUNNER: runner.file, XDG_DATA_HOME: records, XDG_CACHE_HOME: join(records, 'cache') },
  };
  /** Its answer, and how it ended. */
  const schedcp = async (...words: string[]): Promise<Answered> => {
    const line = [join(root, 'bin/schedcp'), ...words, '--json'];
    const child = spawn(process.execPath, line, { env, cwd: '/', stdio: ['ignore', 'pipe', 'pipe'] });
    let [out, err] = ['', ''];
    child.stdout.on('data', (chunk) => {
      out += chunk;
    });
    child.stderr.on('data', (chunk) => {
      err += chunk;
    });
    const [code] = await once(child, 'close');
    const text = out.trim().split('\n').at(-1) ?? '';
    return { code, answer: text.startsWith('{') ? JSON.parse(text) : text, err: err.slice(-600) };
  };
  const product = (name: string, kind: string, body: () => Promise<void> | void): void =>
    it(`${kind}: ${name}`, async () => {
      rememberProcesses();
      const before = traces();
      await body();
      await restored(before);
    });

  product('verify --machine host', 'product', async () => {
    const file = join(root, 'policies/vtime/vtime.bpf.o');
    const asked = ['--machine', 'host', '--gates', 'static,kernel', '--loads', 'provoke'];
    const { code, answer, err } = await schedcp('verify', file, ...asked);
    expect({ code, finding: answer.finding }, err).toEqual({ code: 0, finding: null });
    expect(answer.kernel).toBe(readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim());
  });
  product('verify --machine host: what the verifier refuses', 'product', async () => {
    const file = join(root, 'test/runner/objects/nullderef.bpf.o');
    const { code, answer } = await schedcp('verify', file, '--machine', 'host');
    expect(code, JSON.stringify(answer).slice(0, 300)).toBe(1);
    expect(answer.accepted).toBe(false);
  });
  product('tune --machine host', 'tuning', async () => {
    const { code, answer, err } = await schedcp(
      ...['tune', '--machine', 'host', '--workload', 'long-tail', '--policies', 'length'],
      ...['--settings', 'none', '--no-harm', '--blocks', '6'],
    );
    expect(code, `${JSON.stringify(answer).slice(0, 300)} ${err}`).toBe(0); // a third less, by theory
    expect(answer.verdict.decision).toBe('accepted');
  });
  const accepted = (name: string, object: string, parameters: Policy['parameters'] = {}): Promise<string> => {
    const release = readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim();
    return acceptedVerdict(store, name, join(root, object), release, parameters);
  };
  product('deploy --on host: by steps, kept, and given back', 'product', async () => {
    const verdict = await accepted('vtime', 'policies/vtime/vtime.bpf.o');
    const log = join(records, 'kpi.log');
    const timer = setInterval(() => appendFileSync(log, `rate ${100 + Math.sin(Date.now())}\n`), 100);
    const source = { from: 'log', file: log, line: 'rate {number}' };
    const kpi = JSON.stringify({ name: 'rate', direction: 'higher', source });
    const steps = ['--reference', '10', '--block', '1', '--washout', '0.2', '--dwell', '10', '--keep', '3'];
    const { code, answer, err } = await schedcp('deploy', verdict, '--on', 'host', '--kpi', kpi, ...steps);
    clearInterval(timer);
    expect({ code, why: answer.why ?? answer.error ?? answer, restored: answer.restored }, err).toMatchObject(
      {
        code: 0,
        restored: { verified: true, state: 'disabled' },
      },
    );
  });
  product('deploy --on host: undone, and remembered', 'product', async () => {
    const log = join(records, 'work.log');
    for (const thread of readdirSync('/proc/self/task')) setPriority(Number(thread), 0);
    const work = busy(log);
    try {
      const bad = await accepted('half', 'test/deployment/objects/half.bpf.o', goesBad);
      const source = { from: 'log', file: log, line: 'rate {number}' };
      const kpi = JSON.stringify({ name: 'rate', direction: 'higher', source });
      const steps = ['--reference', '10', '--block', '1', '--washout', '0.2', '--dwell', '5'];
      steps.push('--limit', '0.5', '--keep', '60');
      const { code, answer, err } = await schedcp('deploy', bad, '--on', 'host', '--kpi', kpi, ...steps);
      // who reads the log here waits for the same CPU: when too little comes for anybody to see a loss, that ends it too
      expect({ code, decision: answer.decision, why: answer.why ?? answer }, err).toMatchObject({
        ...{
          code: 1,
          decision: 'tripped',
          why: expect.stringMatching(/^(?!step)/),
        },
      });
      expect(answer.restored).toMatchObject({ verified: true, state: 'disabled' });
      const lesson = answer.records.find(({ kind }: { kind: string }) => kind === 'lesson');
      const { advice, words } = (await store.records.get(lesson.digest)) as { advice: string; words: string };
      expect(advice).toBe('avoid');
      expect(words).toMatch(/tripped/);
    } finally {
      work.end();
    }
  });
}

/** Three shells that count, more than CPUs, or nobody would wait in a queue, and a log of how much they get done together, ten times a second. They are nice to who observes them. */
function busy(log: string): { end(): void } {
  const unit = 'while :; do i=0; while [ $i -lt 50 ]; do i=$((i+1)); done; echo; done';
  const children = Array.from({ length: 3 }, () =>
    spawn('/bin/sh', ['-c', unit], { stdio: ['ignore', 'pipe', 'ignore'] }),
  );
  for (const { pid } of children) setPriority(pid!, 19);
  let [count, since] = [0, performance.now()];
  for (const { stdout } of children)
    stdout.on('data', (chunk: Buffer) => {
      count += chunk.length;
    });
  const timer = setInterval(() => {
    const now = performance.now();
    appendFileSync(log, `rate ${(count / (now - since)).toFixed(3)}\n`);
    [count, since] = [0, now];
  }, 100);
  return {
    end() {
      clearInterval(timer);
      for (const child of children) child.kill('SIGKILL');
    },
  };
}

interface Answered {
  readonly code: number | null;
  // biome-ignore lint/suspicious/noExplicitAny: answers of every shape
  readonly answer: any;
  readonly err: string;
}
