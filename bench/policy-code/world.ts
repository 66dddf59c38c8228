// struct world of policy.h: 16 CPUs in groups of four, 64 tasks that may run on most of them.
import { createRandom } from '../../src/lib/random.ts';

const cpusAt = 32 + 64 * 8;
const tasksAt = cpusAt + 16 * 24;
export const worldBytes = tasksAt + 64 * 56;

export function initialWorld(): Buffer {
  const random = createRandom(1);
  const bytes = Buffer.alloc(worldBytes);
  const u64s = (at: number, ...values: number[]): void =>
    values.forEach((value, i) => {
      bytes.writeBigUInt64LE(BigInt(value), at + 8 * i);
    });
  const u32s = (at: number, ...values: number[]): void =>
    values.forEach((value, i) => {
      bytes.writeUInt32LE(value, at + 4 * i);
    });
  u64s(0, 10_000_000_000, 5_000_000_000);
  for (let i = 0; i < 16; i++) {
    u64s(cpusAt + i * 24, random.below(2) * (9_000_000_000 + random.below(1_000_000_000)));
    u32s(cpusAt + i * 24 + 8, random.below(6), i >> 2, 300 + random.below(500));
  }
  for (let i = 0; i < 64; i++) {
    const at = tasksAt + i * 56;
    const ago = random.below(100_000_000);
    u64s(
      at,
      4_900_000_000 + 2 * ago,
      random.below(1_000_000_000),
      random.below(20_000_000),
      9_900_000_000 + ago,
    );
    u32s(at + 32, 1 + random.below(10_000), random.below(16), random.below(0x10000) | random.below(0x10000));
  }
  return bytes;
}
