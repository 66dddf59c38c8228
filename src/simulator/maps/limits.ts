// Which shapes of maps the kernel creates, and what it answers to the others. Source: array_map_alloc_check() in kernel/bpf/arraymap.c,
// htab_map_alloc_check() in hashtab.c, queue_stack_map_alloc_check(), ringbuf_map_alloc(), bpf_local_storage_map_alloc_check(), all v6.18, x86-64.
import type { MapShape } from '../../bpf/maps.ts';
import { E2BIG, EINVAL, ENOMEM, ENOTSUPP } from './errno.ts';
import { mapType, roundUp8 } from './map.ts';

const flag = {
  noPrealloc: 1 << 0,
  noCommonLru: 1 << 1,
  numaNode: 1 << 2,
  zeroSeed: 1 << 6,
  clone: 1 << 9,
  mmapable: 1 << 10,
  preserveElements: 1 << 11,
  innerMap: 1 << 12,
} as const;
/** BPF_F_RDONLY, WRONLY, RDONLY_PROG, WRONLY_PROG. */
const access = (1 << 3) | (1 << 4) | (1 << 7) | (1 << 8);
const page = 4096;
/** KMALLOC_MAX_SIZE. */
const largestKmalloc = 4 * 2 ** 20;
/** sizeof(struct htab_elem). */
const hashElement = 48;
/** PCPU_MIN_UNIT_SIZE. */
const largestPerCpu = 32 * 1024;
/** U16_MAX − sizeof(struct bpf_local_storage_elem). */
const largestStorage = 65_535 - 128;

/** 0 or −errno of BPF_MAP_CREATE. */
export function checkShape(shape: MapShape): number {
  const isPerCpu =
    shape.type === mapType.percpuArray ||
    shape.type === mapType.percpuHash ||
    shape.type === mapType.lruPercpuHash;
  switch (shape.type) {
    case mapType.array:
    case mapType.percpuArray:
    case mapType.arrayOfMaps:
      return checkArray(shape, isPerCpu);
    case mapType.hash:
    case mapType.percpuHash:
    case mapType.lruHash:
    case mapType.lruPercpuHash:
    case mapType.hashOfMaps:
      return checkHash(shape, isPerCpu);
    case mapType.queue:
    case mapType.stack:
      return checkQueue(shape);
    case mapType.ringbuf:
      return checkRing(shape);
    default:
      return checkStorage(shape);
  }
}

function hasOnly(flags: number, allowed: number): boolean {
  const both = (bits: number) => (flags & bits) === bits;
  // read-only and write-only together make no sense
  return (flags & ~allowed) === 0 && !both((1 << 3) | (1 << 4)) && !both((1 << 7) | (1 << 8));
}

function checkArray({ keySize, valueSize, maxEntries, flags, type }: MapShape, isPerCpu: boolean): number {
  const plain = flag.mmapable | flag.innerMap;
  const allowed = flag.numaNode | access | flag.preserveElements | plain;
  if (maxEntries === 0 || keySize !== 4 || valueSize === 0 || !hasOnly(flags, allowed)) return -EINVAL;
  if (type !== mapType.array && (flags & plain) !== 0) return -EINVAL;
  if ((flags & flag.preserveElements) !== 0) return -EINVAL;
  if (isPerCpu && (flags & flag.numaNode) !== 0) return -EINVAL;
  if (valueSize > 2 ** 31 - 1) return -E2BIG;
  return isPerCpu && roundUp8(valueSize) > largestPerCpu ? -E2BIG : 0;
}

function checkHash({ keySize, valueSize, maxEntries, flags, type }: MapShape, isPerCpu: boolean): number {
  const isLru = type === mapType.lruHash || type === mapType.lruPercpuHash;
  const perCpuLru = (flags & flag.noCommonLru) !== 0;
  const allowed = flag.noPrealloc | flag.noCommonLru | flag.numaNode | access | flag.zeroSeed;
  if (!hasOnly(flags, allowed) || (!isLru && perCpuLru)) return -EINVAL;
  if (isLru && (flags & flag.noPrealloc) !== 0) return -ENOTSUPP;
  if ((flags & flag.numaNode) !== 0 && (isPerCpu || perCpuLru)) return -EINVAL;
  if (maxEntries === 0 || keySize === 0 || valueSize === 0) return -EINVAL;
  if (keySize + valueSize >= largestKmalloc - hashElement) return -E2BIG;
  if (isPerCpu && roundUp8(valueSize) > largestPerCpu) return -E2BIG;
  // buckets are a power of two of 16 bytes each
  return maxEntries > 2 ** 27 ? -E2BIG : 0;
}

function checkQueue({ keySize, valueSize, maxEntries, flags }: MapShape): number {
  const isSane = maxEntries !== 0 && keySize === 0 && valueSize !== 0;
  if (!isSane || !hasOnly(flags, flag.numaNode | access)) return -EINVAL;
  return valueSize > largestKmalloc ? -E2BIG : 0;
}

function checkRing({ keySize, valueSize, maxEntries, flags }: MapShape): number {
  const isRing = maxEntries >= page && (maxEntries & (maxEntries - 1)) === 0;
  return !hasOnly(flags, flag.numaNode) || keySize !== 0 || valueSize !== 0 || !isRing ? -EINVAL : 0;
}

function checkStorage({ keySize, valueSize, maxEntries, flags, keyType, valueType }: MapShape): number {
  if (!hasOnly(flags, flag.noPrealloc | flag.clone) || (flags & flag.noPrealloc) === 0) return -EINVAL;
  if (maxEntries !== 0 || keySize !== 4 || valueSize === 0) return -EINVAL;
  if (keyType === undefined || valueType === undefined) return -EINVAL;
  return valueSize > largestStorage ? -E2BIG : 0;
}

/** A ring's size as libbpf makes it before it asks the kernel: the next power of two of pages (adjust_ringbuf_sz(), libbpf 1.5). */
export function ringSize(maxEntries: number): number {
  if (maxEntries === 0) return 0;
  let size = page;
  while (size < maxEntries) size *= 2;
  return size;
}

export const errnoNames: Readonly<Record<number, string>> = {
  [EINVAL]: 'EINVAL',
  [E2BIG]: 'E2BIG',
  [ENOMEM]: 'ENOMEM',
  [ENOTSUPP]: 'ENOTSUPP',
};
