// The timeline of CPUs as text: a line a CPU, a column a slice of time, a letter a task. For tests, the CLI and the dashboard alike.

export interface Slice {
  readonly cpu: number;
  /** Position in `names`. */
  readonly task: number;
  readonly fromNs: number;
  readonly toNs: number;
}

export interface CpuTimeline {
  readonly cpus: number;
  /** In order of `fromNs` for each CPU. */
  readonly slices: readonly Slice[];
  readonly names: readonly string[];
  readonly fromNs: number;
  readonly toNs: number;
}

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const idle = '.';
const many = '*';
const widest = 100;

/** The smallest of 1, 2, 5 × 10ⁿ ns that needs at most `columns` columns. */
function columnNs(lengthNs: number, columns: number): number {
  for (let power = 1; ; power *= 10)
    for (const step of [1, 2, 5]) if (step * power * columns >= lengthNs) return step * power;
}

/** In a column stands the task that ran most of it; '.' when nothing did. Tasks beyond 62 letters share '*'. */
export function cpuTimelineText(timeline: CpuTimeline, columns = widest): string {
  const { cpus, slices, names, fromNs, toNs } = timeline;
  const per = columnNs(Math.max(1, toNs - fromNs), columns);
  const count = Math.max(1, Math.ceil((toNs - fromNs) / per));
  const letterOf = lettersByFirstRun(slices);
  const width = String(cpus - 1).length;
  const lines = Array.from({ length: cpus }, (_, cpu) => {
    const own = slices.filter((slice) => slice.cpu === cpu);
    return `cpu${String(cpu).padEnd(width)} ${lineOf(own, fromNs, per, count, letterOf)}`;
  });
  lines[lines.length - 1] += `   1 column = ${durationText(per)}`;
  return `${[...lines, ...legend(letterOf, names)].join('\n')}\n`;
}

/** Letters in the order in which tasks first run: what comes early is easy to find. */
function lettersByFirstRun(slices: readonly Slice[]): ReadonlyMap<number, string> {
  const found = new Map<number, string>();
  for (const { task } of [...slices].sort((a, b) => a.fromNs - b.fromNs || a.cpu - b.cpu))
    if (!found.has(task)) found.set(task, letters[found.size] ?? many);
  return found;
}

function lineOf(
  own: readonly Slice[],
  fromNs: number,
  per: number,
  count: number,
  letterOf: ReadonlyMap<number, string>,
): string {
  const line = new Array<string>(count).fill(idle);
  const most = new Float64Array(count);
  const used = new Map<number, number>();
  let column = -1;
  for (const { task, fromNs: start, toNs: end } of own) {
    const first = Math.max(0, Math.floor((start - fromNs) / per));
    const last = Math.min(count - 1, Math.ceil((end - fromNs) / per) - 1);
    for (let at = first; at <= last; at++) {
      if (at !== column) used.clear();
      column = at;
      const from = fromNs + at * per;
      const ran = (used.get(task) ?? 0) + Math.min(end, from + per) - Math.max(start, from);
      used.set(task, ran);
      if (ran <= most[at]!) continue;
      most[at] = ran;
      line[at] = letterOf.get(task) ?? many;
    }
  }
  return line.join('');
}

const legendWidth = 110;

function legend(letterOf: ReadonlyMap<number, string>, names: readonly string[]): string[] {
  const lines: string[] = [];
  let line = '';
  for (const [task, letter] of letterOf) {
    if (letter === many) break;
    const word = `${letter} ${names[task] ?? task}`;
    if (line !== '' && line.length + word.length + 3 > legendWidth) {
      lines.push(line);
      line = '';
    }
    line += `${line === '' ? '' : '   '}${word}`;
  }
  const rest = [...letterOf.values()].filter((letter) => letter === many).length;
  if (rest > 0) line += `   ${many} ${rest} more`;
  return [...lines, line].filter((text) => text !== '');
}

export function durationText(ns: number): string {
  if (ns >= 1e9) return `${ns / 1e9} s`;
  if (ns >= 1e6) return `${ns / 1e6} ms`;
  return ns >= 1e3 ? `${ns / 1e3} us` : `${ns} ns`;
}
