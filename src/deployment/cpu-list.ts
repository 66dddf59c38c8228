// Lists of CPUs as the kernel writes them ("0-3,8"; cpuset(7), list format), in one canonical spelling: ascending, runs joined.

/** Beyond what NR_CPUS can be. */
const most = 8192;

/** Ascending, without repetition; undefined for what is no list, an empty one included. */
export function parseCpuList(text: string): number[] | undefined {
  const cpus = new Set<number>();
  for (const part of text.split(',')) {
    const [, from, to] = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(part) ?? [];
    if (from === undefined) return undefined;
    const [low, high] = [Number(from), Number(to ?? from)];
    if (high < low || high >= most) return undefined;
    for (let cpu = low; cpu <= high; cpu++) cpus.add(cpu);
  }
  return [...cpus].sort((a, b) => a - b);
}

export function cpuListText(cpus: Iterable<number>): string {
  const runs: [number, number][] = [];
  for (const cpu of [...new Set(cpus)].sort((a, b) => a - b)) {
    const last = runs.at(-1);
    if (last !== undefined && last[1] === cpu - 1) last[1] = cpu;
    else runs.push([cpu, cpu]);
  }
  return runs.map(([low, high]) => (low === high ? `${low}` : `${low}-${high}`)).join(',');
}
