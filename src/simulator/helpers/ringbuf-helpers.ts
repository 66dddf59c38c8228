// Helpers on ring buffers. Source: kernel/bpf/ringbuf.c v6.18. Flags wake readers, of whom there are none.
import { RingbufMap } from '../maps/ringbuf.ts';
import {
  bad,
  flagsOf,
  type Helpers,
  type HelperWorld,
  mapIn,
  needReadable,
  unsigned,
  wide,
} from './world.ts';

export function ringbufHelpers(world: HelperWorld): Helpers {
  function ring(name: string, handle: number): RingbufMap {
    const map = mapIn(world, name, handle);
    return map instanceof RingbufMap
      ? map
      : world.finding(`${name}: not for map ${map.name} of type ${map.shape.typeName}`);
  }

  function commit(name: string, record: number, discard: boolean): number {
    for (const map of world.maps) if (map instanceof RingbufMap && map.commit(record, discard)) return 0;
    return bad(world, name, 1, record, 'a record that is being written');
  }

  return {
    130: {
      name: 'bpf_ringbuf_output',
      params: ['low', 'low', 'wide', 'wide'],
      result: 'signed',
      run: (handle, data, low, high, flagsLow, flagsHigh) => {
        const map = ring('bpf_ringbuf_output', handle!);
        const bytes = unsigned(low!, high!);
        needReadable(world, 'bpf_ringbuf_output', 2, data!, bytes);
        return map.output(data!, bytes, flagsOf(flagsLow!, flagsHigh!));
      },
    },
    131: {
      name: 'bpf_ringbuf_reserve',
      params: ['low', 'wide', 'wide'],
      result: 'unsigned',
      run: (handle, low, high, flagsLow, flagsHigh) => {
        const map = ring('bpf_ringbuf_reserve', handle!);
        return flagsLow !== 0 || flagsHigh !== 0 ? 0 : map.reserveRecord(unsigned(low!, high!));
      },
    },
    132: {
      name: 'bpf_ringbuf_submit',
      params: ['low', 'wide'],
      result: 'none',
      run: (record) => commit('bpf_ringbuf_submit', record!, false),
    },
    133: {
      name: 'bpf_ringbuf_discard',
      params: ['low', 'wide'],
      result: 'none',
      run: (record) => commit('bpf_ringbuf_discard', record!, true),
    },
    134: {
      name: 'bpf_ringbuf_query',
      params: ['low', 'wide'],
      result: 'wide',
      run: (handle, low, high) => wide(world, ring('bpf_ringbuf_query', handle!).ask(flagsOf(low!, high!))),
    },
  };
}
