// The thread in which one script runs: relays between the engine and the owner of the thread. It has no environment and writes nothing.

import { parentPort, workerData } from 'node:worker_threads';
import { execute, type Host } from './engine.ts';
import type { FromScript, Start, ToScript } from './messages.ts';
import type { Answer } from './script.ts';

const owner = parentPort!;
const { engine, script, limits } = workerData as Start;
const tell = (message: FromScript): void => owner.postMessage(message);
const waiting: ((answer: Answer) => void)[] = [];

owner.on('message', ({ id, answer }: ToScript) => waiting[id]?.(answer));

const host: Host = {
  observe: (name, input) =>
    new Promise((resolve) => {
      const id = waiting.push(resolve) - 1;
      tell({ kind: 'observe', id, name, input });
    }),
  log: (line) => tell({ kind: 'log', line }),
  nowMs: () => performance.now(),
  busy: (isBusy) => tell({ kind: 'busy', isBusy }),
};

const end = await execute(engine, script, host, limits);
tell({ kind: 'end', end });
owner.close();
