import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { encodeTrace } from '../../src/traces/file.ts';
import { importTrace } from '../../src/traces/import.ts';
import { readPerfScript } from '../../src/traces/perf-script.ts';
import { root } from '../support/paths.ts';

const text = readFileSync(`${root}/test/traces/perf/names.txt`);

it('our files and text of perf are recordings, with a header too', () => {
  const trace = readPerfScript([text]);
  expect(importTrace(text)).toEqual(trace);
  expect(importTrace(encodeTrace(trace))).toEqual(trace);
  const header = Buffer.from('# ========\n# os release : 6.1\n#\n\n');
  expect(importTrace(Buffer.concat([header, text]))).toMatchObject({ count: trace.count, release: '6.1' });
});

it('workload files, objects and prose are none', () => {
  for (const file of ['workloads/long-tail.json', 'policies/fifo/fifo.bpf.o', 'README.md'])
    expect(importTrace(readFileSync(`${root}/${file}`))).toBeUndefined();
  expect(importTrace(new Uint8Array())).toBeUndefined();
});

it('a file of ours that is cut is refused', () => {
  const bytes = encodeTrace(readPerfScript([text]));
  expect(() => importTrace(bytes.subarray(0, -1))).toThrow(expect.objectContaining({ code: 'malformed' }));
});
