// `runner keep` on real sched_ext, as a service: started, killed, rebooted, ejected, frozen. test/runner/keep-test.c plays systemd inside of a guest.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Manifest } from '../../src/deployment/manifest.ts';
import { openStore } from '../../src/knowledge/store.ts';
import { mustRun } from '../../src/linux/process.ts';
import { tools } from '../../src/linux/tools.ts';
import { type GuestPrograms, guestPrograms } from '../support/guests.ts';
import { defaultArm, experiment, type Lab, openLab } from '../support/lab.ts';
import { root } from '../support/paths.ts';
import { start } from '../support/schedcp.ts';
import { acceptedVerdict, exportOf, spoiledExports } from './exports.ts';

let lab: Lab;
let programs: GuestPrograms;
const directory = mkdtempSync(join(tmpdir(), 'schedcp-keep-'));
const said = new Map<string, string>();

/** As a person does it, from records of an accepted verdict. */
async function exportByProduct(object: string): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), 'schedcp-keep-records-'));
  try {
    const store = openStore(join(home, 'schedcp'));
    const verdict = await acceptedVerdict(store, 'fifo', object, lab.kernel.release);
    const { ended } = start(['export', verdict.slice(0, 10), join(directory, 'fifo'), '--json'], {
      env: { XDG_DATA_HOME: home },
    });
    const { code, json, err } = await ended;
    if (code !== 0 || json.exported !== true)
      throw new Error(`export: ${code} ${JSON.stringify(json)} ${err}`);
  } finally {
    rmSync(home, { recursive: true });
  }
}

beforeAll(async () => {
  lab = await openLab();
  programs = await guestPrograms();
  const wish = { blobs: lab.store.blobs, runner: lab.runner.file, release: lab.kernel.release };
  const [object, error] = ['fifo', 'error'].map((name) => `${root}/test/runner/objects/${name}.bpf.o`);
  await exportByProduct(object!);
  await exportOf(wish, join(directory, 'error'), 'error', error!);
  spoiledExports(directory);
  const files = [directory, object!];
  const packed = await lab.vm.pack(programs.keepTest, files, { cwd: '/', path: '/usr/bin:/bin' });
  const workload = {
    ...{ kind: 'command' as const, name: 'keep-test', cwd: '/', env: {}, runs: 1, patterns: {} },
    ...{ argv: [packed.executable, directory, object!], with: files, payload: packed.digest },
  };
  const outcome = await lab.vm.run(
    experiment(lab, { arm: defaultArm, mode: 'fast', cpus: 2, limitMs: 280_000, workload }),
  );
  const text = outcome.output?.stdout ?? '';
  for (const [, name = '', words = ''] of text.matchAll(/^(.+?): (.*)$/gm)) said.set(name, words);
  if (said.size === 0) throw new Error(`no case was played: ${JSON.stringify(outcome.finding)} ${text}`);
});
afterAll(() => {
  lab?.close();
  programs?.remove();
  rmSync(directory, { recursive: true });
});

it.each([
  'kept without a beat, and let go in order',
  'with the unit’s capabilities alone',
  'another kernel',
  'another job',
  'another object',
  'another runner',
  'no manifest',
  'somebody else’s scheduler',
  'and it goes on',
  'kill -9, the kernel is back, and it is started again',
  'the next boot does not load it again',
  'nor the one after',
  'until a person says so',
  'a machine that goes down later, with what was good, loads it again',
  'a record that was cut off asks a person',
  'disk full at the record, nothing is loaded',
  'no directory for the record, nothing is loaded',
  'SysRq-S, out until a person says otherwise',
  'a CPU goes and comes, loaded again each time, no failure',
  'frozen with everybody for 31 s, it is kept',
  'ejected, tried again after 10 s and 40 s, then in quarantine',
  'a quarantine lasts',
  'and is that policy’s alone',
])('%s', (name) => {
  expect(said.get(name.replaceAll('’', "'"))).toBe('ok');
});

it('what it reads and decides, under sanitizers; and it reads what export writes', async () => {
  const compiler = await tools(lab.cache, 'compiler');
  const build = mkdtempSync(join(tmpdir(), 'schedcp-keep-unit-'));
  try {
    const cc = `CC=${compiler.program('gcc')} --sysroot=${compiler.root}`;
    const args = ['-s', '-C', `${root}/test/runner`, 'keep', `OUT=${build}`, cc];
    const made = await mustRun(compiler.program('make'), args, { env: compiler.env, limitMs: 120_000 });
    expect(made).toContain('all good');
    const manifest = join(directory, 'fifo', 'manifest.json');
    const { files, loads, policy, verdict } = JSON.parse(readFileSync(manifest, 'utf8')) as Manifest;
    const read = await mustRun(join(build, 'keep-unit'), [manifest], { env: compiler.env, limitMs: 10_000 });
    const digests = [verdict, policy.identity, 'fifo', files['policy.job'], loads, files['schedcp-runner']];
    expect(read).toBe(`read\n${digests.join(' ')}\n${lab.kernel.release}\n`);
  } finally {
    rmSync(build, { recursive: true });
  }
});
