// Block devices over an interval: Documentation/admin-guide/iostats.rst; block/genhd.c: diskstats_show(), v6.18.

import type { BlockWish } from '../../core/host.ts';
import type { Block } from '../../core/observed-machine.ts';
import { printable } from '../../lib/printable.ts';
import { grown, isDirectory, paged, read, type Surfaces } from './surfaces.ts';

export interface DiskStat {
  readonly device: string;
  readonly reads: number;
  readonly readBytes: number;
  readonly readMs: number;
  readonly writes: number;
  readonly writtenBytes: number;
  readonly writeMs: number;
  readonly inFlight: number;
  readonly busyMs: number;
  readonly queueMs: number;
  /** Since 4.18, and 5.5: absent before. */
  readonly discards?: number;
  readonly flushes?: number;
  readonly flushMs?: number;
}

/** Sectors are of 512 bytes here, whatever the device has. */
const sector = 512;

export function parseDiskStats(text: string): DiskStat[] {
  return text.split('\n').flatMap((line) => {
    const match = /^\s*\d+\s+\d+\s+(\S+)((?: \d+){11,})$/.exec(line);
    if (match === null) return [];
    const fields = match[2]!.trim().split(' ').map(Number);
    const at = (index: number): number => fields[index]!;
    return [
      {
        device: match[1]!,
        reads: at(0),
        readBytes: at(2) * sector,
        readMs: at(3),
        writes: at(4),
        writtenBytes: at(6) * sector,
        writeMs: at(7),
        inFlight: at(8),
        busyMs: at(9),
        queueMs: at(10),
        ...(fields.length < 15 ? {} : { discards: at(11) }),
        ...(fields.length < 17 ? {} : { flushes: at(15), flushMs: at(16) }),
      },
    ];
  });
}

/** Milliseconds are told as 32-bit numbers and begin again after 49 days of waiting. */
export function grownMs(before: number, after: number): number {
  if (after >= before) return after - before;
  return before > 2 ** 31 && after < 2 ** 31 && before < 2 ** 32 ? after + 2 ** 32 - before : 0;
}

const mean = (ms: number, count: number): number | undefined => (count > 0 ? (ms * 1e6) / count : undefined);

/** What a device did between two readings. */
export function deviceRates(before: DiskStat, after: DiskStat, observedNs: number): Block['devices'][number] {
  const perS = (a: number | undefined, b: number | undefined): number => (grown(a, b) * 1e9) / observedNs;
  const reads = grown(before.reads, after.reads);
  const writes = grown(before.writes, after.writes);
  const flushes = grown(before.flushes, after.flushes);
  return {
    device: printable(after.device),
    readsPerS: perS(before.reads, after.reads),
    writesPerS: perS(before.writes, after.writes),
    readBytesPerS: perS(before.readBytes, after.readBytes),
    writtenBytesPerS: perS(before.writtenBytes, after.writtenBytes),
    readNs: mean(grownMs(before.readMs, after.readMs), reads),
    writeNs: mean(grownMs(before.writeMs, after.writeMs), writes),
    ...(after.discards === undefined ? {} : { discardsPerS: perS(before.discards, after.discards) }),
    ...(after.flushes === undefined
      ? {}
      : {
          flushesPerS: perS(before.flushes, after.flushes),
          flushNs: mean(grownMs(before.flushMs ?? 0, after.flushMs ?? 0), flushes),
        }),
    inFlight: after.inFlight,
    queue: (grownMs(before.queueMs, after.queueMs) * 1e6) / observedNs,
    busy: Math.min(1, (grownMs(before.busyMs, after.busyMs) * 1e6) / observedNs),
  };
}

export async function block(surfaces: Surfaces, wish: BlockWish, signal: AbortSignal): Promise<Block> {
  const path = `${surfaces.proc}/diskstats`;
  const text = read(path);
  const started = surfaces.nowNs();
  const before = new Map(parseDiskStats(text ?? '').map((stat) => [stat.device, stat]));
  await surfaces.sleep(wish.intervalMs, signal);
  const after = parseDiskStats(read(path) ?? '');
  const observedNs = Math.max(1, surfaces.nowNs() - started);
  // Partitions have no directory of their own in /sys/block.
  const whole = (device: string): boolean =>
    isDirectory(`${surfaces.sys}/block/${device.replaceAll('/', '!')}`);
  const active = (stat: DiskStat): boolean => stat.reads + stat.writes + (stat.discards ?? 0) > 0;
  const shown = after
    .filter((stat) => wish.all || (active(stat) && whole(stat.device)))
    .flatMap((stat) => {
      const earlier = before.get(stat.device);
      return earlier === undefined ? [] : [deviceRates(earlier, stat, observedNs)];
    })
    .sort((a, b) => (b.busy ?? 0) - (a.busy ?? 0));
  const { rows, left } = paged(shown, wish.page, wish.limit);
  const hidden = after.length - shown.length;
  const notes: string[] = [];
  if (text === undefined) notes.push('this kernel or container shows no diskstats');
  if (hidden > 0)
    notes.push(
      `${hidden} devices that have done nothing since boot, or are partitions, are not shown: all=true shows them`,
    );
  return { observedNs, devices: rows, left, notes };
}
