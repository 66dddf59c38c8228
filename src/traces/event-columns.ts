// The events of a trace, packed: about six bytes each before they are deflated. What can be foretold is left out: who leaves a CPU is who ran there, who
// wakes is who runs there, a task mostly waits for the same object as the last time.

import { type Trace, traceKinds } from '../core/trace.ts';
import { assert } from '../lib/assert.ts';
import { VarintReader, VarintWriter } from './varints.ts';

/** What a code says of an event: its kind and detail, and where its tasks and its object come from. */
const from = { stated: 0, running: 1, idle: 2, zero: 1, lastTime: 2 } as const;
export type EventCode = readonly [kind: number, detail: number, task: number, other: number, object: number];

export interface PackedEvents {
  readonly codes: readonly EventCode[];
  /** One each in `codes`, `cpus`, and, as differences of ns, `times`; of what is stated in the others. */
  readonly columns: Readonly<Record<ColumnName, Uint8Array>>;
}
export const columnNames = ['codes', 'cpus', 'times', 'tasks', 'objects'] as const;
export type ColumnName = (typeof columnNames)[number];

type Events = Pick<Trace, 'count' | 'atNs' | 'kind' | 'cpu' | 'task' | 'other' | 'detail' | 'object'>;

/** What both sides know while they go through the events. */
class Foretold {
  readonly running: Int32Array;
  readonly lastObject: Uint32Array;

  constructor(cpus: number, tasks: number) {
    this.running = new Int32Array(cpus).fill(-1);
    this.lastObject = new Uint32Array(tasks + 1);
  }

  after(kind: number, cpu: number, task: number, other: number, object: number): void {
    if (kind === traceKinds.switch) this.running[cpu] = other;
    if (object !== 0) this.lastObject[task + 1] = object;
  }
}

/** Times must be integers that do not fall. */
export function packEvents(trace: Events & Pick<Trace, 'cpus' | 'tasks'>): PackedEvents {
  const { count } = trace;
  const codes: EventCode[] = [];
  const numberOf = new Map<number, number>();
  const columns = {
    codes: new VarintWriter(count),
    cpus: new VarintWriter(count),
    times: new VarintWriter(3 * count),
    tasks: new VarintWriter(count),
    objects: new VarintWriter(count),
  };
  const foretold = new Foretold(trace.cpus, trace.tasks.length);
  let last = 0;
  for (let i = 0; i < count; i++) {
    const [kind, detail, cpu] = [trace.kind[i]!, trace.detail[i]!, trace.cpu[i]!];
    const [task, other, object] = [trace.task[i]!, trace.other[i]!, trace.object[i]!];
    const running = foretold.running[cpu]!;
    const taskFrom = task === running ? from.running : from.stated;
    const otherFrom = other === -1 ? from.idle : other === running ? from.running : from.stated;
    const isAgain = object === foretold.lastObject[task + 1];
    const objectFrom = object === 0 ? from.zero : isAgain ? from.lastTime : from.stated;
    const key = (((kind * 256 + detail) * 4 + taskFrom) * 4 + otherFrom) * 4 + objectFrom;
    let code = numberOf.get(key);
    if (code === undefined) {
      code = codes.push([kind, detail, taskFrom, otherFrom, objectFrom]) - 1;
      numberOf.set(key, code);
    }
    columns.codes.push(code);
    columns.cpus.push(cpu);
    const sinceNs = trace.atNs[i]! - last;
    if (!(sinceNs >= 0 && Number.isInteger(sinceNs))) assert(false, `time ${trace.atNs[i]} after ${last}`);
    columns.times.push(sinceNs);
    if (taskFrom === from.stated) columns.tasks.push(task + 1);
    if (otherFrom === from.stated) columns.tasks.push(other + 1);
    if (objectFrom === from.stated) columns.objects.push(object);
    last = trace.atNs[i]!;
    foretold.after(kind, cpu, task, other, object);
  }
  const finished = columnNames.map((name) => [name, columns[name].finish()] as const);
  return { codes, columns: Object.fromEntries(finished) as Record<ColumnName, Uint8Array> };
}

/** `refuse` is told the column and the offset in it, and throws. */
export function unpackEvents(
  { codes, columns }: PackedEvents,
  { count, cpus, tasks }: { readonly count: number; readonly cpus: number; readonly tasks: number },
  refuse: (column: ColumnName, offset: number, problem: string) => never,
): Events {
  const reader = (name: ColumnName): VarintReader =>
    new VarintReader(columns[name], (offset, problem) => refuse(name, offset, problem));
  const read = { codes: reader('codes'), cpus: reader('cpus'), times: reader('times') };
  const [statedTasks, statedObjects] = [reader('tasks'), reader('objects')];
  const foretold = new Foretold(cpus, tasks);
  const events = {
    count,
    atNs: new Float64Array(count),
    kind: new Uint8Array(count),
    cpu: new Uint16Array(count),
    task: new Int32Array(count),
    other: new Int32Array(count),
    detail: new Uint8Array(count),
    object: new Uint32Array(count),
  };
  const taskOf = (where: number, running: number): number => {
    if (where !== from.stated) return where === from.running ? running : -1;
    const task = statedTasks.next() - 1;
    return task < tasks ? task : refuse('tasks', statedTasks.at - 1, `no task ${task}`);
  };
  let atNs = 0;
  for (let i = 0; i < count; i++) {
    const code = codes[read.codes.next()] ?? refuse('codes', read.codes.at - 1, 'no such code');
    const cpu = read.cpus.next();
    if (cpu >= cpus) refuse('cpus', read.cpus.at - 1, `no CPU ${cpu}`);
    atNs += read.times.next();
    if (atNs > Number.MAX_SAFE_INTEGER) refuse('times', read.times.at - 1, 'a time beyond 2^53');
    const running = foretold.running[cpu]!;
    const task = taskOf(code[2], running);
    const other = taskOf(code[3], running);
    const isStated = code[4] === from.stated;
    const object = isStated
      ? statedObjects.next()
      : code[4] === from.zero
        ? 0
        : foretold.lastObject[task + 1]!;
    if (object >= 2 ** 32) refuse('objects', statedObjects.at - 1, 'an object beyond 32 bits');
    events.atNs[i] = atNs;
    events.kind[i] = code[0];
    events.detail[i] = code[1];
    events.cpu[i] = cpu;
    events.task[i] = task;
    events.other[i] = other;
    events.object[i] = object;
    foretold.after(code[0], cpu, task, other, object);
  }
  const left = { ...read, tasks: statedTasks, objects: statedObjects };
  for (const name of columnNames)
    if (!left[name].isAtEnd) refuse(name, left[name].at, 'more numbers than events');
  return events;
}
