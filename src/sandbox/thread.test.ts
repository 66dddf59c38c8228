import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { echo, testLimits } from '../../test/sandbox/support.ts';
import type { Limits } from './limits.ts';
import type { Answer, Ran } from './script.ts';
import { runScript, scriptEngine } from './thread.ts';

type Observe = (name: string, input: string, signal: AbortSignal) => Promise<Answer>;

const run = (
  source: string,
  {
    limits = {},
    observe = echo,
    signal = new AbortController().signal,
  }: { limits?: Partial<Limits>; observe?: Observe; signal?: AbortSignal } = {},
): Promise<Ran> =>
  runScript({
    script: { source, input: '{"a":1}' },
    limits: { ...testLimits, computeMs: 4_000, ...limits },
    observe,
    signal,
  });

describe('a script in its thread', () => {
  it('gives result, lines and calls', async () => {
    const ran = await run(
      'console.log("one"); const { input: got } = await observe("echo", input); return got.a + 1',
    );
    expect(ran).toEqual({
      end: { json: '2' },
      logs: ['one'],
      calls: [
        { name: 'echo', ms: expect.any(Number), bytes: Buffer.byteLength('{"name":"echo","input":{"a":1}}') },
      ],
    });
  });

  it('observes four things at a time, whatever it asks for at once', async () => {
    let [now, most, all] = [0, 0, 0];
    const observe: Observe = async (name, input) => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setTimeout(resolve, 5));
      now--;
      all++;
      return echo(name, input);
    };
    const source =
      'return (await Promise.all(Array.from({ length: 20 }, (_, n) => observe("echo", n)))).length';
    expect((await run(source, { observe })).end).toEqual({ json: '20' });
    expect([most, all]).toEqual([4, 20]);
  });

  it('tells of calls and lines until the moment at which it is ended', async () => {
    const ran = await run('console.log("one"); await observe("echo"); console.log("two"); for (;;);', {
      limits: { computeMs: 1_000 },
    });
    expect(ran).toMatchObject({
      end: { problem: { code: 'time' } },
      logs: ['one', 'two'],
      calls: [{ name: 'echo' }],
    });
  });

  // Loops inside the engine that ask nobody: only the end of the thread ends them.
  it.each([
    'return new Array(2 ** 32 - 1).join("")',
    'return "a".repeat(1e6).replaceAll("a", "b".repeat(1e4)).length',
  ])('is ended with its thread: %s', async (source) => {
    let turns = 0;
    const beat = setInterval(() => turns++, 10);
    const { end } = await run(`console.log("before"); ${source}`, { limits: { computeMs: 300 } });
    clearInterval(beat);
    expect(end).toMatchObject({ problem: { code: 'time', message: 'it computed for more than 300 ms' } });
    expect(turns).toBeGreaterThan(20); // this process went on meanwhile
    expect((await run('return 1')).end).toEqual({ json: '1' });
  });

  it('is ended when its observations take too long', async () => {
    let told: unknown;
    const observe: Observe = (_name, _input, signal) =>
      new Promise(() => signal.addEventListener('abort', () => (told = 'aborted')));
    const { end, calls } = await run('await observe("forever")', { observe, limits: { totalMs: 3_000 } });
    expect(end).toMatchObject({
      problem: { code: 'time', message: expect.stringContaining('3 s with its observations') },
    });
    expect(calls).toEqual([{ name: 'forever', ms: 0, bytes: 0 }]);
    expect(told).toBe('aborted');
  });

  it('is interrupted by the caller, and leaves nothing behind', async () => {
    const stop = new AbortController();
    const reason = new Error('enough');
    setTimeout(() => stop.abort(reason), 300);
    await expect(run('for (;;);', { limits: { computeMs: 60_000 }, signal: stop.signal })).rejects.toBe(
      reason,
    );
    await expect(run('return 1', { signal: stop.signal })).rejects.toBe(reason);
    const calm = new AbortController().signal;
    await run('return 1', { signal: calm });
    expect(getEventListeners(calm, 'abort')).toEqual([]);
  });

  it('gives its memory back', async () => {
    const hog =
      'const all = []; try { for (;;) all.push(new Uint8Array(1 << 20).fill(1)) } catch { return all.length }';
    const limits = { memoryBytes: 96 << 20, computeMs: 10_000 };
    await run(hog, { limits });
    const beforeBytes = process.memoryUsage().rss;
    let most = 0;
    for (let i = 0; i < 5; i++) {
      const { end } = await run(hog, { limits });
      most += Number('json' in end ? end.json : 0);
    }
    expect(most).toBeGreaterThan(5 * 60); // MiB in all
    expect((process.memoryUsage().rss - beforeBytes) / 2 ** 20).toBeLessThan(200);
  });

  it('runs beside others', async () => {
    const all = await Promise.all([1, 2, 3, 4].map((n) => run(`await observe("echo"); return ${n}`)));
    expect(all.map(({ end }) => end)).toEqual([1, 2, 3, 4].map((n) => ({ json: String(n) })));
  });
});

// A newer engine that asks for more of the world is looked at first: every import is answered in engine.ts or by quickjs-wasi's own calls.
it('the engine asks for clock, chance and output, which stand still, and for nothing else', () => {
  const { Module } = WebAssembly as unknown as { Module: { imports(module: object): { name: string }[] } };
  const names = Module.imports(scriptEngine()).map(({ name }) => name);
  const own = [
    'call',
    'get_timezone_offset',
    'interrupt',
    'module_load',
    'module_normalize',
    'promise_rejection',
  ];
  const wasi = ['clock_time_get', 'fd_close', 'fd_fdstat_get', 'fd_seek', 'fd_write', 'random_get'];
  expect(names.sort()).toEqual([...wasi, ...own.map((name) => `host_${name}`)].sort());
});
