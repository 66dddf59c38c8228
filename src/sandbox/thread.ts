// Runs a script in a thread of its own, which is ended when the script does not: some loops inside the engine ask nobody (Array.prototype.join of an array
// with four thousand million holes). So a script can stop neither this process nor what it serves meanwhile, and its memory ends with the thread.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { turns } from '../lib/turns.ts';
import type { FromScript, Start, ToScript } from './messages.ts';
import { endedProblem } from './problems.ts';
import type { End, Ran, RunScript } from './script.ts';

const { resolve: pathOf } = createRequire(import.meta.url);

let engine: WebAssembly.Module | undefined;
/** Compiled once a process. */
export function scriptEngine(): WebAssembly.Module {
  engine ??= new WebAssembly.Module(readFileSync(pathOf('quickjs-wasi/quickjs.wasm')));
  return engine;
}

/** More than the engine's own limit, which tells more of the place; the thread needs a moment to start, too. */
const graceMs = 2_000;

/** Observations of one script; each may read all of procfs. */
const mostAtOnce = 4;

export const runScript: RunScript = async ({ script, limits, observe, signal }) => {
  signal.throwIfAborted();
  const logs: string[] = [];
  const calls: { name: string; ms: number; bytes: number }[] = [];
  const over = new AbortController();
  const thread = startThread({ engine: scriptEngine(), script, limits });
  const inTurn = turns(mostAtOnce);
  let quiet: NodeJS.Timeout | undefined;
  let total: NodeJS.Timeout | undefined;

  async function relay(id: number, name: string, input: string): Promise<void> {
    const call = { name: name.slice(0, 100), ms: 0, bytes: 0 };
    calls.push(call);
    await inTurn(async () => {
      if (over.signal.aborted) return;
      const startMs = performance.now();
      const answer = await observe(name, input, over.signal);
      call.ms = Math.round(performance.now() - startMs);
      call.bytes = Buffer.byteLength(answer.json);
      thread.postMessage({ id, answer } satisfies ToScript);
    });
  }

  try {
    const end = await new Promise<End>((resolve, reject) => {
      const late = () => resolve({ problem: endedProblem('time', limits) });
      total = setTimeout(() => resolve({ problem: endedProblem('total', limits) }), limits.totalMs);
      signal.addEventListener('abort', () => reject(signal.reason), { signal: over.signal });
      thread.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code === 'ERR_WORKER_OUT_OF_MEMORY') resolve({ problem: endedProblem('memory', limits) });
        else reject(error);
      });
      thread.on('exit', () => resolve({ problem: endedProblem('engine', limits) }));
      thread.on('message', (message: FromScript) => {
        if (message.kind === 'end') resolve(message.end);
        else if (message.kind === 'log') logs.push(message.line);
        else if (message.kind === 'observe') void relay(message.id, message.name, message.input);
        else {
          clearTimeout(quiet);
          if (message.isBusy) quiet = setTimeout(late, limits.computeMs + graceMs);
        }
      });
    });
    return { end, logs: [...logs], calls: calls.map((call) => ({ ...call })) } satisfies Ran;
  } finally {
    clearTimeout(total);
    clearTimeout(quiet);
    over.abort();
    await thread.terminate();
  }
};

function startThread(start: Start): Worker {
  const options = {
    workerData: start,
    execArgv: [],
    env: {},
    stdout: true,
    stderr: true,
    resourceLimits: { maxOldGenerationSizeMb: 128, stackSizeMb: 8 },
  };
  if (!import.meta.url.endsWith('.ts')) return new Worker(new URL('./worker.js', import.meta.url), options);
  // In the sources, where tests run, a thread needs a loader for TypeScript
  const loader = JSON.stringify(pathToFileURL(pathOf('tsx/esm/api').replace(/cjs$/, 'mjs')).href);
  const worker = JSON.stringify(new URL('./worker.ts', import.meta.url).href);
  return new Worker(`import(${loader}).then(({ register }) => (register(), import(${worker})))`, {
    ...options,
    eval: true,
  });
}
