// Runs one script in an engine of its own: QuickJS-ng as WebAssembly (npm quickjs-wasi), one instance a script, thrown away at the end. Across go only
// numbers and texts, checked here; whatever the script does to objects, it does to those of its engine. A loop inside the engine that does not ask the
// interrupt handler is ended by the thread around it (thread.ts).

import { Intrinsics, type JSValueHandle, QuickJS } from 'quickjs-wasi';
import { readJson } from './json.ts';
import type { Limits } from './limits.ts';
import { prelude } from './prelude.ts';
import {
  endedProblem,
  fileName,
  nothingProblem,
  type Place,
  resultProblem,
  type Thrown,
  thrownProblem,
} from './problems.ts';
import type { Answer, End, Script } from './script.ts';

/** What a run needs of the world. */
export interface Host {
  /** Never rejects. */
  observe(name: string, inputJson: string): Promise<Answer>;
  log(line: string): void;
  /** Any clock that does not go back. */
  nowMs(): number;
  /** Told before the script computes and when it only waits. */
  busy(isBusy: boolean): void;
}

const opening = '(async (input, observe, console) => { "use strict"; ';

export async function execute(
  engine: WebAssembly.Module,
  script: Script,
  host: Host,
  limits: Limits,
): Promise<End> {
  const run = new Run(script, host, limits);
  await run.open(engine);
  await run.through();
  run.close();
  return run.end ?? { problem: endedProblem('unsettled', limits) };
}

class Run {
  /** Set once. */
  end: End | undefined;
  readonly #script: Script;
  readonly #host: Host;
  readonly #limits: Limits;
  readonly #place: Place;
  #vm: QuickJS | undefined;
  #answer: JSValueHandle | undefined;
  #deadlineMs = 0;
  #usedMs = 0;
  #outOfTime = false;
  #calls = 0;
  #callBytes = 0;
  #logLines = 0;
  /** Answers that have come and were not yet given to the script, and who waits for the next one. */
  readonly #answers: { id: number; answer: Answer }[] = [];
  #outstanding = 0;
  #arrived: () => void = () => {};

  constructor(script: Script, host: Host, limits: Limits) {
    this.#script = script;
    this.#host = host;
    this.#limits = limits;
    this.#place = { source: script.source, firstColumn: opening.length };
  }

  async open(engine: WebAssembly.Module): Promise<void> {
    this.#deadlineMs = Number.POSITIVE_INFINITY;
    this.#vm = await QuickJS.create({
      wasm: engine as never, // TypeScript has the type only with a browser's globals
      memoryLimit: this.#limits.memoryBytes,
      maxStackSize: this.#limits.stackBytes,
      intrinsics: Object.values(intrinsics).reduce((all, flag) => all | flag, 0),
      timezoneOffset: 0,
      interruptHandler: () => {
        this.#outOfTime ||= this.#host.nowMs() > this.#deadlineMs;
        return this.#outOfTime;
      },
      wasi: noWorld,
    });
  }

  /** From the first instruction to the end, or until nothing more can happen. */
  async through(): Promise<void> {
    this.#host.busy(true);
    this.#compute(() => this.#start());
    while (this.end === undefined) {
      const next = this.#answers.shift();
      if (next !== undefined) {
        this.#compute((vm) => this.#give(vm, next.id, next.answer));
      } else if (this.#outstanding > 0) {
        this.#host.busy(false);
        await new Promise<void>((resolve) => {
          this.#arrived = resolve;
        });
        this.#host.busy(true);
      } else return;
    }
  }

  /** Lets go of the engine: its memory goes with it. */
  close(): void {
    this.#vm = undefined;
    this.#answer = undefined;
    this.#host.busy(false);
  }

  /** Runs a step and the promise jobs that follow from it, on the script's time. */
  #compute(step: (vm: QuickJS) => void): void {
    const vm = this.#vm;
    if (vm === undefined) return;
    const startMs = this.#host.nowMs();
    this.#deadlineMs = startMs + this.#limits.computeMs - this.#usedMs;
    try {
      step(vm);
      if (this.end === undefined) vm.executePendingJobs();
    } catch (error) {
      this.#finish({ problem: this.#problemOf(error) });
    }
    this.#usedMs += this.#host.nowMs() - startMs;
    if (this.#usedMs > this.#limits.computeMs || this.#outOfTime) {
      this.#outOfTime = true;
      this.#finish({ problem: endedProblem('time', this.#limits) });
    }
  }

  #start(): void {
    const vm = this.#vm!;
    const ask = vm.newFunction('ask', (name, input) => this.#ask(vm, name, input));
    const log = vm.newFunction('log', (line) => this.#log(vm, line));
    const end = vm.newFunction('end', (kind, text) => this.#ended(vm, kind, text));
    const make = vm.evalCode(prelude, 'sandbox');
    const made = vm.callFunction(make, vm.undefined, ask, log, end);
    this.#answer = made.getProp('answer');
    const start = made.getProp('start');
    const main = vm.evalCode(`${opening}${this.#script.source}\n})`, fileName);
    vm.callFunction(start, vm.undefined, main, vm.newString(this.#script.input));
  }

  #give(vm: QuickJS, id: number, { ok, json }: Answer): void {
    const text = vm.newString(json);
    if (!text.isString) throw new Error('out of memory');
    vm.callFunction(this.#answer!, vm.undefined, vm.newNumber(id), ok ? vm.true : vm.false, text).dispose();
    text.dispose();
  }

  #ask(vm: QuickJS, nameHandle: JSValueHandle | undefined, inputHandle: JSValueHandle | undefined) {
    const name = textOf(nameHandle, 100);
    const input = textOf(inputHandle, this.#limits.inputBytes);
    const { calls, callBytes } = this.#limits;
    const no = (why: string) => vm.newString(`observe(): ${why}`);
    if (this.end !== undefined) return no('the script has ended');
    if (name === undefined || input === undefined) return no('name or input is too long');
    if (this.#calls >= calls) return no(`more than ${calls} observations in one script`);
    if (this.#callBytes >= callBytes) return no(`the answers have more than ${callBytes} bytes in all`);
    const id = ++this.#calls;
    this.#outstanding += 1;
    void this.#host.observe(name, input).then((answer) => {
      this.#outstanding -= 1;
      this.#callBytes += Buffer.byteLength(answer.json);
      this.#answers.push({ id, answer: this.#callBytes > callBytes ? tooMuch(callBytes) : answer });
      this.#arrived();
    });
    return vm.newNumber(id);
  }

  #log(vm: QuickJS, lineHandle: JSValueHandle | undefined) {
    const { logLines, logLineChars } = this.#limits;
    if (this.end !== undefined || this.#logLines > logLines) return vm.undefined;
    this.#logLines += 1;
    const line = textOf(lineHandle, 8_000) ?? '(a line that is too long)';
    const whole = line.length <= logLineChars ? line : `${line.slice(0, logLineChars)}…`;
    this.#host.log(this.#logLines > logLines ? `… (only the first ${logLines} lines are kept)` : whole);
    return vm.undefined;
  }

  #ended(vm: QuickJS, kindHandle: JSValueHandle | undefined, textHandle: JSValueHandle | undefined) {
    // An interrupt can come out of a promise as an ordinary error
    if (this.#outOfTime) this.#finish({ problem: endedProblem('time', this.#limits) });
    const kind = textOf(kindHandle, 10);
    const text = textOf(textHandle, kind === 'result' ? this.#limits.resultBytes : 100_000);
    if (kind === 'result' && text === undefined)
      this.#finish({ problem: resultProblem(`it has more than ${this.#limits.resultBytes} bytes as JSON`) });
    else if (kind === 'result') this.#result(text ?? '');
    else if (kind === 'nothing') this.#finish({ problem: nothingProblem(text?.slice(0, 20) ?? '') });
    else this.#finish({ problem: thrownProblem(thrownOf(text ?? ''), this.#place, 'running') });
    return vm.undefined;
  }

  #result(json: string): void {
    const { resultBytes: bytes, resultDepth: depth } = this.#limits;
    const read = readJson(json, { bytes, depth });
    this.#finish('wrong' in read ? { problem: resultProblem(read.wrong) } : { json });
  }

  #finish(end: End): void {
    this.end ??= end;
  }

  /** Of an error that left the engine: the script did not parse, ran out of something that cannot be caught, or broke the engine. */
  #problemOf(error: unknown) {
    const { name, message, stack } = error as Error;
    if (this.#outOfTime) return endedProblem('time', this.#limits, String(stack), this.#place);
    // V8's own stack was used up before the engine noticed
    if (error instanceof RangeError) return endedProblem('stack', this.#limits);
    if (/out of memory/.test(message)) return endedProblem('memory', this.#limits);
    if ((error as Error).constructor.name !== 'JSException') return endedProblem('engine', this.#limits);
    const thrown = { name: String(name), message: String(message), stack: String(stack) };
    return thrownProblem(thrown, this.#place, 'parsing');
  }
}

/** Without Date, Proxy, WeakRef, performance: what is absent cannot differ from run to run, and is not missed in an analysis. */
const intrinsics = {
  eval: Intrinsics.EVAL,
  regexp: Intrinsics.REGEXP,
  json: Intrinsics.JSON,
  mapSet: Intrinsics.MAP_SET,
  typedArrays: Intrinsics.TYPED_ARRAYS,
  promise: Intrinsics.PROMISE,
  bigInt: Intrinsics.BIG_INT,
};

/** WASI (snapshot preview 1) with nothing behind it: clock and chance stand still, nothing is written. */
const noWorld = (memory: { readonly buffer: ArrayBufferLike }) => ({
  clock_time_get(_clock: number, _precision: bigint, at: number): number {
    new DataView(memory.buffer).setBigUint64(at, 0n, true);
    return 0;
  },
  random_get(at: number, length: number): number {
    new Uint8Array(memory.buffer, at, length).fill(0);
    return 0;
  },
  fd_write: () => badFileDescriptor,
  fd_fdstat_get: () => badFileDescriptor,
});
const badFileDescriptor = 8;

/** A string of the engine with at most so many characters; asking for the length of a string runs nothing of the script's. */
function textOf(handle: JSValueHandle | undefined, most: number): string | undefined {
  if (handle === undefined || !handle.isString) return undefined;
  const length = handle.getProp('length').toNumber();
  return length <= most ? handle.toString() : undefined;
}

function thrownOf(json: string): Thrown {
  const read = readJson(json, { bytes: 100_000, depth: 2 });
  const given = ('value' in read ? read.value : null) as Partial<Thrown> | null;
  const text = (value: unknown) => (typeof value === 'string' ? value : '');
  return { name: text(given?.name), message: text(given?.message), stack: text(given?.stack) };
}

const tooMuch = (most: number): Answer => ({
  ok: false,
  json: JSON.stringify({
    name: 'ObservationError',
    message: `the answers have more than ${most} bytes in all`,
  }),
});
