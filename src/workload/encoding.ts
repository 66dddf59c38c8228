// The expansion as bytes and back: docs/protocol.md, section 1. One expansion has exactly one encoding, so the digest of
// the bytes is the workload's identity: the operations lie in the order of the tasks, unused bytes are zero.
import { Fault } from '../core/errors.ts';
import {
  type Expansion,
  type ExpansionCgroup,
  type ExpansionSeries,
  type ExpansionTask,
  limits,
  type Op,
  type OpCode,
  opCodes,
  type SchedClass,
  schedClasses,
} from '../core/workload.ts';
import { decodeText, Reader } from '../lib/bytes.ts';
import { findProblem, type Problem } from './check.ts';

const magic = 'SCPWORK1';
const headerBytes = 48;
const entryBytes = 64;
const taskBytes = 128;
const opBytes = 16;
const taskFlags = { background: 1, forked: 2 } as const;

/** Offsets of the four tables. */
function tableOffsets(series: number, cgroups: number, tasks: number) {
  const cgroupsAt = headerBytes + series * entryBytes;
  const tasksAt = cgroupsAt + cgroups * entryBytes;
  return { series: headerBytes, cgroups: cgroupsAt, tasks: tasksAt, ops: tasksAt + tasks * taskBytes };
}

export function encode(expansion: Expansion): Uint8Array {
  const { series, cgroups, tasks } = expansion;
  const ops = tasks.reduce((sum, task) => sum + task.ops.length, 0);
  const at = tableOffsets(series.length, cgroups.length, tasks.length);
  const bytes = new Uint8Array(at.ops + ops * opBytes);
  const view = new DataView(bytes.buffer);
  putText(bytes, 0, magic);
  const header = [tasks.length, ops, expansion.semaphores, expansion.locks, expansion.pipes];
  header.push(series.length, cgroups.length, expansion.rounds, expansion.warmupRounds);
  for (const [i, value] of header.entries()) view.setUint32(8 + i * 4, value, true);
  for (const [i, entry] of series.entries()) {
    const offset = at.series + i * entryBytes;
    putText(bytes, offset, entry.name);
    view.setBigUint64(offset + 32, BigInt(entry.deadlineNs), true);
    view.setBigUint64(offset + 40, BigInt(entry.capacity), true);
  }
  for (const [i, entry] of cgroups.entries()) {
    const offset = at.cgroups + i * entryBytes;
    putText(bytes, offset, entry.name);
    view.setUint32(offset + 32, entry.weight, true);
    view.setBigUint64(offset + 40, BigInt(entry.maxNs), true);
  }
  let firstOp = 0;
  for (const [i, task] of tasks.entries()) {
    putTask(bytes, view, at.tasks + i * taskBytes, task, firstOp);
    for (const [j, op] of task.ops.entries()) putOp(view, at.ops + (firstOp + j) * opBytes, op);
    firstOp += task.ops.length;
  }
  return bytes;
}

function putText(bytes: Uint8Array, offset: number, text: string): void {
  bytes.set(new TextEncoder().encode(text), offset);
}

function putTask(
  bytes: Uint8Array,
  view: DataView,
  offset: number,
  task: ExpansionTask,
  firstOp: number,
): void {
  putText(bytes, offset, task.comm);
  const flags = (task.background ? taskFlags.background : 0) | (task.forked ? taskFlags.forked : 0);
  view.setUint32(offset + 16, task.round, true);
  view.setUint32(offset + 20, flags, true);
  view.setBigUint64(offset + 24, BigInt(task.startNs), true);
  view.setInt32(offset + 32, task.nice, true);
  view.setUint32(offset + 36, schedClasses[task.schedClass], true);
  view.setInt32(offset + 40, task.cgroup, true);
  view.setUint32(offset + 44, task.group, true);
  for (let word = 0; word < 4; word++) {
    view.setBigUint64(offset + 48 + word * 8, BigInt.asUintN(64, task.cpus >> BigInt(word * 64)), true);
  }
  view.setUint32(offset + 80, firstOp, true);
  view.setUint32(offset + 84, task.ops.length, true);
}

function putOp(view: DataView, offset: number, op: Op): void {
  view.setUint32(offset, op.code, true);
  view.setUint32(offset + 4, op.a, true);
  view.setBigUint64(offset + 8, BigInt.asUintN(64, op.b), true);
}

/** Any bytes give an expansion that keeps the contract, or a malformed fault that names part and offset. */
export function decode(bytes: Uint8Array): Expansion {
  const reader = new Reader(bytes, malformed);
  if (bytes.length < headerBytes) malformed(0, `${bytes.length} bytes; the header has ${headerBytes}`);
  if (decodeText(reader.slice(0, 8)) !== magic) malformed(0, `does not start with ${magic}`);
  const counts = readCounts(reader);
  const at = tableOffsets(counts.series, counts.cgroups, counts.tasks);
  const size = at.ops + counts.ops * opBytes;
  if (bytes.length !== size) malformed(8, `${bytes.length} bytes; its counts ask for ${size}`);
  const { semaphores, locks, pipes, rounds, warmupRounds } = counts;
  const expansion: Expansion = {
    ...{ semaphores, locks, pipes, rounds, warmupRounds },
    series: Array.from({ length: counts.series }, (_, i) => readSeries(reader, at.series + i * entryBytes)),
    cgroups: Array.from({ length: counts.cgroups }, (_, i) =>
      readCgroup(reader, at.cgroups + i * entryBytes),
    ),
    tasks: readTasks(reader, at, counts),
  };
  const problem = findProblem(expansion);
  if (problem !== undefined) malformed(offsetOf(problem, expansion, at), problem.message);
  return expansion;
}

function malformed(offset: number, problem: string): never {
  throw new Fault('malformed', `expansion, offset ${offset}: ${problem}`, {
    tried: 'decode an expansion',
    where: `offset ${offset}`,
    next: 'expand the workload file again',
  });
}

const countNames = ['tasks', 'ops', 'semaphores', 'locks', 'pipes', 'series', 'cgroups', 'rounds'] as const;
type Counts = Record<(typeof countNames)[number] | 'warmupRounds', number>;

function readCounts(reader: Reader): Counts {
  const counts = countNames.map((name, i) => {
    const value = reader.u32(8 + i * 4);
    if (value > limits[name]) malformed(8 + i * 4, `${value} ${name}; the limit is ${limits[name]}`);
    return [name, value] as const;
  });
  needZero(reader, 44, 48);
  return { ...Object.fromEntries(counts), warmupRounds: reader.u32(40) } as Counts;
}

function needZero(reader: Reader, from: number, to: number): void {
  for (let at = from; at < to; at++) if (reader.u8(at) !== 0) malformed(at, 'must be zero');
}

/** Zero-padded text; nothing after the first zero. */
function readName(reader: Reader, offset: number, size: number): string {
  const name = decodeText(reader.slice(offset, size));
  if (!/^[A-Za-z0-9._:-]+$/.test(name))
    malformed(offset, 'a name is empty or has other than A-Z a-z 0-9 . _ : -');
  if (name.length >= size) malformed(offset, 'a name without a zero at its end');
  needZero(reader, offset + name.length, offset + size);
  return name;
}

function readSeries(reader: Reader, offset: number): ExpansionSeries {
  needZero(reader, offset + 48, offset + entryBytes);
  return {
    name: readName(reader, offset, 32),
    deadlineNs: reader.size64(offset + 32),
    capacity: reader.size64(offset + 40),
  };
}

function readCgroup(reader: Reader, offset: number): ExpansionCgroup {
  needZero(reader, offset + 36, offset + 40);
  needZero(reader, offset + 48, offset + entryBytes);
  return {
    name: readName(reader, offset, 32),
    weight: reader.u32(offset + 32),
    maxNs: reader.size64(offset + 40),
  };
}

function readTasks(reader: Reader, at: { tasks: number; ops: number }, counts: Counts): ExpansionTask[] {
  let firstOp = 0;
  const tasks = Array.from({ length: counts.tasks }, (_, i) => {
    const offset = at.tasks + i * taskBytes;
    if (reader.u32(offset + 80) !== firstOp) malformed(offset + 80, `first operation is not ${firstOp}`);
    const ops = reader.u32(offset + 84);
    if (ops > counts.ops - firstOp) malformed(offset + 84, 'more operations than there are');
    const task = readTask(reader, offset, readOps(reader, at.ops + firstOp * opBytes, ops));
    firstOp += ops;
    return task;
  });
  if (firstOp !== counts.ops) malformed(12, `${counts.ops} operations, of which tasks have ${firstOp}`);
  return tasks;
}

const classNames = new Map<number, SchedClass>(
  Object.entries(schedClasses).map(([name, number]) => [number, name as SchedClass]),
);

function readTask(reader: Reader, offset: number, ops: readonly Op[]): ExpansionTask {
  const flags = reader.u32(offset + 20);
  if (flags > 3) malformed(offset + 20, `flags ${flags}`);
  const schedClass = classNames.get(reader.u32(offset + 36));
  if (schedClass === undefined) malformed(offset + 36, `sched class ${reader.u32(offset + 36)}`);
  needZero(reader, offset + 88, offset + taskBytes);
  const words = [0, 1, 2, 3].map((word) => reader.u64(offset + 48 + word * 8) << BigInt(word * 64));
  return {
    comm: readName(reader, offset, 16),
    round: reader.u32(offset + 16),
    background: (flags & taskFlags.background) !== 0,
    forked: (flags & taskFlags.forked) !== 0,
    startNs: reader.size64(offset + 24),
    nice: reader.i32(offset + 32),
    schedClass,
    cgroup: reader.i32(offset + 40),
    group: reader.u32(offset + 44),
    cpus: words.reduce((mask, word) => mask | word, 0n),
    ops,
  };
}

const highestCode = Math.max(...Object.values(opCodes));

function readOps(reader: Reader, offset: number, count: number): Op[] {
  return Array.from({ length: count }, (_, i) => {
    const at = offset + i * opBytes;
    const code = reader.u32(at);
    if (code < 1 || code > highestCode) malformed(at, `operation code ${code}`);
    const b = reader.integer(at + 8, 8, code === opCodes.NICE);
    return { code: code as OpCode, a: reader.u32(at + 4), b };
  });
}

function offsetOf(problem: Problem, { tasks }: Expansion, at: ReturnType<typeof tableOffsets>): number {
  if (problem.series !== undefined) return at.series + problem.series * entryBytes;
  if (problem.cgroup !== undefined) return at.cgroups + problem.cgroup * entryBytes;
  if (problem.task === undefined) return 8;
  if (problem.op === undefined) return at.tasks + problem.task * taskBytes;
  const before = tasks.slice(0, problem.task).reduce((sum, task) => sum + task.ops.length, 0);
  return at.ops + (before + problem.op) * opBytes;
}
