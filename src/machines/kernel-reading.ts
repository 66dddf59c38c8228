// Whether a kernel image can run our policies, read from its own BTF without booting it.

import { type Btf, readBtf } from '../bpf/btf.ts';
import { findBtf, isX86Kernel, kernelPayload, kernelVersion } from '../bpf/kernel-image.ts';
import { Fault } from '../core/errors.ts';
import type { Decompress, ImageReading } from '../linux/kernel.ts';

/**
 * Kfuncs with the number of parameters that policies pass. A build that left an implicit one in the prototype has more, and no
 * object can match it ("func_proto incompatible with vmlinux": Debian's 7.1.13 and 7.2.12).
 */
const prototypes: readonly (readonly [string, number])[] = [
  ['scx_bpf_create_dsq', 2],
  ['scx_bpf_dsq_nr_queued', 1],
  ['scx_bpf_kick_cpu', 2],
];

/** Throws Fault('malformed') when it is not an x86 kernel image at all. */
export async function readKernelImage(image: Uint8Array, decompress: Decompress): Promise<ImageReading> {
  if (!isX86Kernel(image)) {
    throw new Fault('malformed', 'this is not an x86 kernel image (bzImage)', {
      next: 'give the path of a vmlinuz file',
    });
  }
  const release = kernelVersion(image);
  const { offset, length, compression } = kernelPayload(image);
  const packed = image.subarray(offset, offset + length);
  const btf = btfOf(compression === 'none' ? packed : await decompress(packed, compression));
  if (btf === undefined) return refuse(release, 'it was built without BTF (CONFIG_DEBUG_INFO_BTF)', false);
  if (btf.idsOf('sched_ext_ops').length === 0)
    return refuse(release, 'it was built without sched_ext (CONFIG_SCHED_CLASS_EXT)', false);
  const broken = prototypes.find(([name, count]) => parameterCount(btf, name) !== count);
  if (broken !== undefined)
    return refuse(
      release,
      `its BTF is broken: the prototype of ${broken[0]} cannot be matched by any policy`,
      true,
    );
  return { release };
}

function refuse(release: string, why: string, broken: boolean): ImageReading {
  return { release, refusal: { why, broken } };
}

function btfOf(vmlinux: Uint8Array): Btf | undefined {
  try {
    return readBtf(findBtf(vmlinux));
  } catch (error) {
    if (error instanceof Fault && error.code === 'not-found') return undefined;
    throw error;
  }
}

function parameterCount(btf: Btf, name: string): number | undefined {
  for (const id of btf.idsOf(name)) {
    const type = btf.type(id);
    if (type.kind !== 'func') continue;
    const prototype = btf.type(type.type);
    if (prototype.kind === 'func_proto') return prototype.parameters.length;
  }
  return undefined;
}
