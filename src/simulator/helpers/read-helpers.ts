// Helpers that read and compare memory, and exchange kernel pointers. Source: kernel/trace/bpf_trace.c (bpf_probe_read_kernel_common(),
// bpf_probe_read_kernel_str_common()), mm/maccess.c, kernel/bpf/helpers.c, v6.18.
import { EFAULT } from '../maps/errno.ts';
import type { SimMemory } from '../memory.ts';
import { bad, type Helper, type Helpers, type HelperWorld, needReadable, needWritable } from './world.ts';

export function readHelpers(world: HelperWorld): Helpers {
  const { memory } = world;

  /** All or nothing: what cannot be read leaves zeros. */
  function read(name: string): Helper {
    const run = (to: number, size: number, from: number, fromHigh: number): number => {
      const bytes = size >>> 0;
      needWritable(world, name, 1, to, bytes);
      if (fromHigh === 0 && memory.readable(from, bytes)) {
        memory.u8.copyWithin(to, from, from + bytes);
        return 0;
      }
      memory.u8.fill(0, to, to + bytes);
      return -EFAULT;
    };
    return { name, params: ['low', 'low', 'wide'], result: 'signed', run };
  }

  /** The number of bytes with the zero, which is always written. */
  function readText(name: string): Helper {
    const run = (to: number, size: number, from: number, fromHigh: number): number => {
      const bytes = size >>> 0;
      needWritable(world, name, 1, to, bytes);
      const result = fromHigh === 0 ? copyText(memory, to, from, bytes) : -EFAULT;
      if (result < 0) memory.u8.fill(0, to, to + bytes);
      return result;
    };
    return { name, params: ['low', 'low', 'wide'], result: 'signed', run };
  }

  function exchange(at: number, pointer: number): number {
    needWritable(world, 'bpf_kptr_xchg', 1, at, 8);
    if ((at & 7) !== 0) bad(world, 'bpf_kptr_xchg', 1, at, '8 aligned bytes');
    const { i32 } = memory;
    const old = i32[at >>> 2]!;
    i32[at >>> 2] = pointer;
    i32[(at >>> 2) + 1] = 0;
    return old;
  }

  function compare(first: number, size: number, second: number): number {
    const bytes = size >>> 0;
    needReadable(world, 'bpf_strncmp', 1, first, bytes);
    for (let i = 0; i < bytes; i++) {
      needReadable(world, 'bpf_strncmp', 3, second + i, 1);
      const [a, b] = [memory.u8[first + i]!, memory.u8[second + i]!];
      if (a !== b) return a < b ? -1 : 1;
      if (a === 0) return 0;
    }
    return 0;
  }

  return {
    4: read('bpf_probe_read'),
    45: readText('bpf_probe_read_str'),
    113: read('bpf_probe_read_kernel'),
    115: readText('bpf_probe_read_kernel_str'),
    182: { name: 'bpf_strncmp', params: ['low', 'low', 'low'], result: 'signed', run: compare },
    194: { name: 'bpf_kptr_xchg', params: ['low', 'low'], result: 'unsigned', run: exchange },
  };
}

/** strncpy_from_kernel_nofault(): copies up to a zero, which ends the copy even where it is cut; the bytes written, or −errno. */
export function copyText(memory: SimMemory, to: number, from: number, bytes: number): number {
  if (bytes === 0) return 0;
  const { u8 } = memory;
  for (let i = 0; i < bytes; i++) {
    if (!memory.readable(from + i, 1)) return -EFAULT;
    const byte = u8[from + i]!;
    u8[to + i] = byte;
    if (byte === 0) return i + 1;
  }
  u8[to + bytes - 1] = 0;
  return bytes;
}
