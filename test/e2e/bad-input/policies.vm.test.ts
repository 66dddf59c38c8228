// Policies that must not pass: `verify` answers "rejected" (exit code 1) with the kernel's own words and what to do; what is no policy at
// all is a fault (exit code 3) before any guest is started.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createRandom } from '../../../src/lib/random.ts';
import { verifyOutput } from '../../../src/services/verify-schemas.ts';
import { object } from '../../support/paths.ts';
import { openRoom, type Room } from '../../support/room.ts';
import type { Ended } from '../../support/schedcp.ts';

let room: Room;
beforeAll(() => {
  room = openRoom();
});
afterAll(() => room.close());
afterEach(() => {
  expect(room.processes()).toEqual([]);
  expect(room.leftovers()).toEqual([]);
});

/** Past the static gate, which would have said no: here the kernel is asked, under one load. */
const asked = ['--gates', 'static,kernel', '--loads', 'provoke', '--all-gates', '--json'];
const verify = (file: string): Promise<Ended> => room.start(['verify', file, ...asked]).ended;

function file(name: string, content: Uint8Array | string): string {
  const path = join(room.directory, name);
  writeFileSync(path, content);
  return path;
}

describe('the kernel says no', () => {
  const finding = ({ code, json }: Ended) => {
    expect(verifyOutput.parse(json)).toMatchObject({
      accepted: false,
      finding: { next: expect.any(String) },
    });
    expect(code).toBe(1);
    return json.finding;
  };

  it('a policy that the verifier rejects: the log names the source line', async () => {
    const { code, message, detail } = finding(await verify(object('nullderef')));
    expect(code).toBe('load-rejected');
    expect(message).toContain('test_enqueue');
    expect(detail).toContain('*count += 1; @ nullderef.bpf.c:15');
    expect(detail).toContain("R0 invalid mem access 'map_value_or_null'");
  });

  it('a policy that calls what no kernel has', async () => {
    const { code, detail } = finding(await verify(object('nokfunc')));
    expect(code).toBe('load-rejected');
    expect(detail).toContain('scx_bpf_no_such_kfunc');
  });

  it('a policy on which the verifier works for ever', async () => {
    const { code, message, next, detail } = finding(await verify(object('loop')));
    expect(code).toBe('verification-budget-exceeded');
    expect(message).toMatch(/in test_enqueue \(processed \d{4,} instructions\)/);
    expect(next).toContain('bound every loop');
    expect(detail).toMatch(/^\[\d+ lines left out\]/);
    expect(detail.length).toBeLessThan(20_000);
  });

  it('a policy that lets everybody wait', async () => {
    const { code, message, next } = finding(await verify(object('stall')));
    expect(code).toBe('stalled');
    expect(message).toContain('runnable task stall');
    expect(next).toContain('dispatched');
  });

  it('a policy that inserts into a queue that does not exist', async () => {
    const { code, message, detail } = finding(await verify(object('nodsq')));
    expect(code).toBe('ejected');
    expect(message).toContain('non-existent DSQ 0x1234');
    expect(detail).toContain('Backtrace');
  });

  it('a policy whose init fails', async () => {
    const { code, message } = finding(await verify(object('initfail')));
    expect(code).toBe('ejected');
    expect(message).toContain('ops.init() failed (-12)');
  });
});

it('a sound policy beside them lasts, and one without an exit record too', async () => {
  expect(await verify(object('fifo'))).toMatchObject({
    code: 0,
    json: { decision: 'inconclusive', finding: null },
  });
  expect(await verify(object('norecord'))).toMatchObject({
    code: 0,
    json: { decision: 'inconclusive', finding: null },
  });
});

describe('source', () => {
  it('a policy that does not compile: the compiler’s own words', async () => {
    const { code, json } = await verify(file('bad.bpf.c', 'int one = two;\n'));
    expect(code).toBe(1);
    expect(json).toMatchObject({ accepted: false, kernel: null });
    expect(json.static.findings).toMatchObject([
      {
        code: 'does-not-compile',
        place: { line: 1, column: 11, text: 'int one = two;' },
        why: "clang: use of undeclared identifier 'two'",
        instead: expect.stringContaining('policy.h'),
      },
    ]);
  });

  it('source that is not there', async () => {
    const { code, json } = await verify(join(room.directory, 'nowhere.bpf.c'));
    expect(code).toBe(3);
    expect(json.error).toMatchObject({ code: 'not-found', next: 'check the path' });
  });
});

describe('what is no policy', () => {
  const whole = readFileSync(object('fifo'));
  it.each<[string, () => string, string]>([
    ['nothing at all', () => file('empty.o', ''), 'not an ELF file'],
    ['text', () => file('text.o', 'hello\n'.repeat(1000)), 'not an ELF file'],
    ['a program of this machine', () => process.execPath, 'machine 62 is not BPF'],
    ['an ELF header and nothing else', () => file('head.o', whole.subarray(0, 64)), 'ELF section table'],
    ['half an object', () => file('half.o', whole.subarray(0, whole.length / 2)), 'ELF section table'],
  ])('%s', async (_, path, message) => {
    const { code, json } = await verify(path());
    expect(code).toBe(3);
    expect(json.error).toMatchObject({ code: 'malformed', next: expect.stringContaining('complete') });
    expect(json.error.message).toContain(message);
    expect(json.error.where).toMatch(/\+0x[0-9a-f]+$/);
  });

  it('a directory', async () => {
    const { code, json } = await verify('/usr');
    expect(code).toBe(3);
    expect(json.error).toMatchObject({ code: 'not-permitted', next: expect.any(String) });
  });

  it('hostile objects: a sound one with bytes changed is refused or judged, and never takes anything down', async () => {
    const random = createRandom(2026);
    for (let round = 0; round < 6; round++) {
      const bytes = Uint8Array.from(whole);
      for (let i = 0; i < 4; i++) bytes[64 + random.below(bytes.length - 64)] = random.below(256);
      const { code, json, err } = await verify(file(`hostile-${round}.bpf.o`, bytes));
      expect(err).not.toMatch(/at .*\.(js|ts):\d+/);
      if (code === 3)
        expect(json.error).toMatchObject({ code: expect.stringMatching(/malformed|unsupported/) });
      else expect(verifyOutput.parse(json).decision === 'inconclusive').toBe(code === 0);
    }
  });
});
