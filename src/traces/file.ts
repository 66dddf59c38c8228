// Traces as they are stored (".trace"): magic, version, sizes; a header as JSON; the events as packed columns; both deflated (RFC 1950, whose checksum
// tells what is damaged). Little-endian. Every size is checked before anything of that size is made.

import { deflateSync, inflateSync } from 'node:zlib';
import { z } from 'zod';
import { type Trace, traceKinds } from '../core/trace.ts';
import { columnNames, type EventCode, packEvents, unpackEvents } from './event-columns.ts';
import { malformed } from './malformed.ts';

const magic = Buffer.from('schedtrc', 'latin1');
const version = 1;
const headBytes = 28;
/** A hundred million events; a million tasks. */
const most = { events: 2 ** 29, header: 2 ** 26 } as const;
/** Of each event at least its code, its CPU and its time are stored. */
const leastEventBytes = 3;

const whole = z.int().min(0);
const column = <T extends z.ZodType>(one: T) => z.array(one).max(4_000_000);
const headerSchema = z.strictObject({
  source: z.enum(['probes', 'perf', 'simulator']),
  cpus: z.int().min(1).max(65_536),
  release: z.string(),
  durationNs: whole,
  lost: whole,
  notes: z.array(z.string()),
  subject: z.strictObject({ name: z.string(), startNs: whole, endNs: whole }),
  tasks: z.strictObject({
    tid: column(z.int()),
    tgid: column(z.int()),
    parent: column(z.int().min(-1)),
    comm: column(z.string()),
    /** 1: kernel, 2: followed. */
    marks: column(z.int().min(0).max(3)),
    nice: column(z.int()),
    schedClass: column(z.int()),
  }),
  count: whole,
  codes: z
    .array(
      z.tuple([
        z.int().min(1).max(traceKinds.migrate),
        z.int().min(0).max(255),
        z.int().min(0).max(1),
        z.int().min(0).max(2),
        z.int().min(0).max(2),
      ]),
    )
    .max(65_536),
  columns: z.tuple([whole, whole, whole, whole, whole]),
});
type Header = z.infer<typeof headerSchema>;

export function isTraceFile(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.subarray(0, magic.length)).equals(magic);
}

/** Exact for every Trace, whose times are integers. */
export function encodeTrace(trace: Trace): Uint8Array {
  const { codes, columns } = packEvents(trace);
  const events = Buffer.concat(columnNames.map((name) => columns[name]));
  const sizes = columnNames.map((name) => columns[name].length) as Header['columns'];
  const header = Buffer.from(JSON.stringify(headerOf(trace, codes, sizes)));
  const packed = { header: deflateSync(header), events: deflateSync(events) };
  const head = Buffer.alloc(headBytes);
  magic.copy(head);
  [version, packed.header.length, header.length, packed.events.length, events.length].forEach((size, i) => {
    head.writeUInt32LE(size, 8 + 4 * i);
  });
  return Buffer.concat([head, packed.header, packed.events]);
}

function headerOf(trace: Trace, codes: readonly EventCode[], columns: Header['columns']): Header {
  const { source, cpus, release, durationNs, lost, notes, subject, tasks, count } = trace;
  return {
    ...{ source, cpus, release, durationNs, lost, notes: [...notes], subject },
    tasks: {
      tid: tasks.map((task) => task.tid),
      tgid: tasks.map((task) => task.tgid),
      parent: tasks.map((task) => task.parent),
      comm: tasks.map((task) => task.comm),
      marks: tasks.map((task) => (task.isKernel ? 1 : 0) + (task.isFollowed ? 2 : 0)),
      nice: tasks.map((task) => task.nice),
      schedClass: tasks.map((task) => task.schedClass),
    },
    ...{ count, codes: codes.map((code) => [...code]) as Header['codes'], columns },
  };
}

/** @throws Fault malformed, naming part and offset: "head+8", "header+0", "events.times+17". */
export function decodeTrace(bytes: Uint8Array): Trace {
  const parts = partsOf(bytes);
  const header = readHeader(inflated(parts.header, 'header'));
  const size = header.columns.reduce((sum, one) => sum + one, 0);
  if (size !== parts.events.plain) refuse('header', 0, 'the sizes of the columns do not add up');
  if (header.count * leastEventBytes > size) refuse('header', 0, `${header.count} events in ${size} bytes`);
  const events = inflated(parts.events, 'events');
  let at = 0;
  const slices = columnNames.map((name, i) => {
    const from = at;
    at += header.columns[i]!;
    return [name, events.subarray(from, at)] as const;
  });
  const columns = Object.fromEntries(slices) as Record<(typeof columnNames)[number], Uint8Array>;
  const { source, cpus, release, durationNs, lost, notes, subject, count, codes } = header;
  const tasks = tasksOf(header);
  const unpacked = unpackEvents(
    { codes, columns },
    { count, cpus, tasks: tasks.length },
    (name, offset, problem) => refuse(`events.${name}`, offset, problem),
  );
  if (count > 0 && unpacked.atNs[count - 1]! > durationNs)
    refuse('events.times', columns.times.length, 'events after the end of the recording');
  return { source, cpus, release, durationNs, lost, notes, subject, tasks, ...unpacked };
}

interface Part {
  readonly bytes: Uint8Array;
  /** Inflated. */
  readonly plain: number;
}

function partsOf(bytes: Uint8Array): Record<'header' | 'events', Part> {
  if (!isTraceFile(bytes)) refuse('head', 0, 'not a trace file');
  if (bytes.length < headBytes) refuse('head', bytes.length, 'the file ends in its head');
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const word = (at: number): number => view.getUint32(at, true);
  if (word(8) !== version) refuse('head', 8, `version ${word(8)}; this program reads version ${version}`);
  const [header, events] = [word(12), word(20)];
  if (word(16) > most.header) refuse('head', 16, `a header of ${word(16)} bytes`);
  if (word(24) > most.events) refuse('head', 24, `events of ${word(24)} bytes`);
  if (headBytes + header + events !== bytes.length)
    refuse('head', 12, `states ${headBytes + header + events} bytes, has ${bytes.length}`);
  return {
    header: { bytes: bytes.subarray(headBytes, headBytes + header), plain: word(16) },
    events: { bytes: bytes.subarray(headBytes + header), plain: word(24) },
  };
}

function inflated({ bytes, plain }: Part, part: string): Uint8Array {
  let out: Uint8Array;
  try {
    out = inflateSync(bytes, { maxOutputLength: Math.max(1, plain) });
  } catch (error) {
    refuse(part, 0, `does not inflate: ${error instanceof Error ? error.message : error}`);
  }
  return out.length === plain ? out : refuse(part, 0, `${out.length} bytes, not the ${plain} it states`);
}

function readHeader(bytes: Uint8Array): Header {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(bytes).toString());
  } catch {
    refuse('header', 0, 'not JSON');
  }
  const { success, data, error } = headerSchema.safeParse(json);
  if (success) return data;
  const { path, message } = error.issues[0]!;
  return refuse('header', 0, `${path.join('.')}: ${message}`);
}

function tasksOf({ tasks }: Header): Trace['tasks'] {
  const { tid, tgid, parent, comm, marks, nice, schedClass } = tasks;
  const count = tid.length;
  if ([tgid, parent, comm, marks, nice, schedClass].some(({ length }) => length !== count))
    refuse('header', 0, 'the columns of the tasks differ in length');
  if (parent.some((one) => one >= count)) refuse('header', 0, 'a parent that is none of the tasks');
  return tid.map((_, i) => ({
    tid: tid[i]!,
    tgid: tgid[i]!,
    parent: parent[i]!,
    comm: comm[i]!,
    isKernel: (marks[i]! & 1) !== 0,
    isFollowed: (marks[i]! & 2) !== 0,
    nice: nice[i]!,
    schedClass: schedClass[i]!,
  }));
}

function refuse(part: string, offset: number, problem: string): never {
  malformed('a trace file', part, offset, problem);
}
