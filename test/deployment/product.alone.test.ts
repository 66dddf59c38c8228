// The product, steered from outside: a library policy comes by canary into a guest that lives long and is kept; another one degrades once it stays, and is undone. Both are in the records.

import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStore, type Store } from '../../src/knowledge/store.ts';
import { openLab } from '../support/lab.ts';
import { root } from '../support/paths.ts';
import { openRoom, type Room } from '../support/room.ts';
import { acceptedVerdict, goesBad } from './exports.ts';

let room: Room;
let store: Store;
let release: string;
beforeAll(async () => {
  room = openRoom();
  store = openStore(join(room.env.XDG_DATA_HOME, 'schedcp'));
  const lab = await openLab();
  release = lab.kernel.release;
  lab.close();
});
afterAll(() => room.close());

const script = `${root}/test/deployment/work.pl`;
const source = { from: 'output', line: 'rate {number} units/s' };
const kpi = JSON.stringify({ name: 'rate', direction: 'higher', everyMs: 100, source });

function deployed(verdict: string, ...more: readonly string[]) {
  return room.start([
    ...['deploy', verdict, '--on', 'guest', '--cpus', '2', '--kpi', kpi, '--json'],
    ...['--reference', '10', '--block', '1', '--washout', '0.3', '--dwell', '1', '--limit', '0.5', ...more],
    ...['--with', script, '--with', '/usr/lib/x86_64-linux-gnu/perl-base'],
    ...['--env', 'PERL5LIB=/usr/lib/x86_64-linux-gnu/perl-base', '--', 'perl', script, '4', '400'],
  ]).ended;
}
const shown = async (digest: string): Promise<string> =>
  (await room.start(['show', digest, '--json']).ended).json.text;
const kinds = (records: readonly { kind: string }[]): string[] => records.map(({ kind }) => kind);

describe('deploy --on guest', () => {
  it('a library policy by canary, on its work, then on the whole machine; kept and given back', async () => {
    const verdict = await acceptedVerdict(store, 'vtime', `${root}/policies/vtime/vtime.bpf.o`, release);
    const { code, json, err } = await deployed(verdict, '--keep', '3');
    expect({ code, decision: json.decision, why: json.why ?? json.error }, err).toMatchObject({
      ...{ code: 0, decision: 'kept' },
    });
    expect(json.steps.map(({ decision }: { decision: string }) => decision)).toEqual(['go', 'go']);
    expect(json.restored).toMatchObject({ verified: true, state: 'disabled' });
    expect(kinds(json.records)).toEqual(['deployment', 'lesson']);
    expect(await shown(json.records[1].digest)).toMatch(/prefer vtime .*kept/s);
  });

  it('one that degrades once it stays: it trips, the machine is given back, and that is remembered', async () => {
    const file = `${root}/test/deployment/objects/half.bpf.o`;
    const verdict = await acceptedVerdict(store, 'half', file, release, goesBad);
    const { code, json, err } = await deployed(verdict, '--keep', '60');
    expect({ code, decision: json.decision, why: json.why ?? json.error }, err).toMatchObject({
      ...{ code: 1, decision: 'tripped' },
    });
    expect(json.restored).toMatchObject({ verified: true, state: 'disabled' });
    expect(kinds(json.records)).toEqual(['deployment', 'lesson']);
    expect(await shown(json.records[0].digest)).toMatch(/tripped after .*rate fell from/s);
    expect(await shown(json.records[1].digest)).toMatch(/avoid half .*tripped/s);
    const { json: audit } = await room.start(['audit', 'verify', '--json']).ended;
    expect(audit).toMatchObject({ verified: { ok: true } });
    expect(room.processes()).toEqual([]);
  });
});
