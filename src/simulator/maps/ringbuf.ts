// RINGBUF. Source: kernel/bpf/ringbuf.c v6.18: positions, sizes and refusals are the kernel's; each record has memory of its own, so that a late use is
// seen. Nobody reads while a simulation runs (there is no user space): the ring fills unless `drain` is called.
import type { BpfMap } from '../../bpf/maps.ts';
import { EAGAIN, EINVAL } from './errno.ts';
import { type MapWorld, SimMap } from './map.ts';

const recordHeader = 8;
const largestRecord = 2 ** 30 - 1;
const busy = 0;
const submitted = 1;
const discarded = 2;

/** What bpf_ringbuf_query answers. */
const query = { available: 0, ringSize: 1, consumer: 2, producer: 3 } as const;

interface RingRecord {
  readonly address: number;
  readonly bytes: number;
  readonly end: number;
  state: typeof busy | typeof submitted | typeof discarded;
}

export class RingbufMap extends SimMap {
  #records: RingRecord[] = [];
  #producer = 0;
  #consumer = 0;

  constructor(shape: BpfMap, world: MapWorld) {
    super(shape, world, []);
  }

  /** Address of a record to be written and then submitted or discarded, or 0 when there is no room. */
  reserveRecord(bytes: number): number {
    const size = this.shape.maxEntries;
    if (bytes > largestRecord) return 0;
    const length = Math.ceil((bytes + recordHeader) / 8) * 8;
    // a record that is still being written holds back the reader: its place counts as used, as does all behind it
    if (length > size || this.#producer + length - this.#consumer > size - 1) return 0;
    this.#producer += length;
    const address = this.allocate(bytes, 'write');
    this.#records.push({ address, bytes, end: this.#producer, state: busy });
    return address;
  }

  /** False when the address is no record that is being written. */
  commit(address: number, discard: boolean): boolean {
    const record = this.#records.findLast((each) => each.address === address && each.state === busy);
    if (record === undefined) return false;
    record.state = discard ? discarded : submitted;
    this.memory.permit(record.address, record.bytes, 'none');
    return true;
  }

  /** 0 or −errno. The flags wake readers: there is nothing to do but to know them. */
  output(data: number, bytes: number, flags: number): number {
    if ((flags & ~3) !== 0) return -EINVAL;
    const record = this.reserveRecord(bytes);
    if (record === 0) return -EAGAIN;
    this.memory.copy(record, data, bytes);
    this.commit(record, false);
    return 0;
  }

  /** bpf_ringbuf_query. */
  ask(flags: number): number {
    if (flags === query.available) return this.#producer - this.#consumer;
    if (flags === query.ringSize) return this.shape.maxEntries;
    if (flags === query.consumer) return this.#consumer;
    return flags === query.producer ? this.#producer : 0;
  }

  /** Reads as a user of libbpf would: all records up to the first that is still being written. */
  drain(): Uint8Array[] {
    const read: Uint8Array[] = [];
    let record = this.#records[0];
    while (record !== undefined && record.state !== busy) {
      if (record.state === submitted)
        read.push(this.memory.u8.slice(record.address, record.address + record.bytes));
      this.memory.free(record.address);
      this.#consumer = record.end;
      this.#records.shift();
      record = this.#records[0];
    }
    return read;
  }
}
