// export, as a person and as an agent meet it: what is written for an accepted verdict, and what is refused.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { faultOf } from '../../test/linux/support.ts';
import { candidate, experiment, machine, outcome } from '../../test/records/build.ts';
import { fixedWorld, root } from '../../test/services/fixed-world.ts';
import { patchParameters } from '../bpf/parameters.ts';
import { canonicalJson } from '../core/canonical.ts';
import type { Arm, Verdict } from '../core/records.ts';
import { policyIdentity } from '../deployment/identity.ts';
import { manifestSchema } from '../deployment/manifest.ts';

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const golden = (name: string): string => `../../test/services/golden/${name}.txt`;
const parameters = { slice_ns: 3_000_000 };

/** A verdict over one arm, measured on 6.18.0-test. */
async function judged(decision: string, wish: { settings?: boolean; simulated?: boolean } = {}) {
  const fixed = fixedWorld();
  const { records, blobs } = fixed.world.store;
  const object = readFileSync(`${root}policies/vtime/vtime.bpf.o`);
  const policy = { name: 'vtime', object: await blobs.put(object), parameters };
  const arm: Arm = wish.settings
    ? { id: 'batch', name: 'batch', kind: 'settings', settings: { sched: 'batch' } }
    : { id: 'policy:vtime', name: 'vtime', kind: 'policy', policy };
  const place = wish.simulated ? { ...machine('simulated'), name: 'simulator' as const } : machine();
  const ran = await records.put(experiment({ arm, machine: place }));
  const verdict: Verdict = {
    ...{ kind: 'verdict', version: 1, from: [], plan: {}, observations: [], others: [] },
    outcomes: [await records.put(outcome({ from: [ran] }))],
    candidates: { [arm.id]: await records.put({ ...candidate(arm), how: 'reconfigured' }) },
    judgement: { decision, chosen: arm.id },
  };
  return {
    fixed,
    object,
    policy,
    verdict: await records.put(verdict),
    directory: join(fixed.directory, 'keep'),
  };
}

describe('export', () => {
  it('writes a directory that names and digests everything in it', async () => {
    const { fixed, object, policy, verdict, directory } = await judged('accepted');
    const { output, exit, text } = await fixed.call('export', {
      verdict: verdict.slice(0, 8),
      directory: 'keep',
    });
    expect(exit).toBe(0);
    expect(output).toMatchObject({
      exported: true,
      policy: 'vtime',
      directory,
      verdict,
      kernels: ['6.18.0-test'],
    });
    expect(text.replace(fixed.directory, '…')).toMatch(
      /^vtime is in …\/keep, for the kernel 6\.18\.0-test:\n/,
    );
    const names = ['README.md', 'manifest.json', 'policy.job', 'schedcp-keep.service', 'schedcp-runner'];
    expect(readdirSync(directory)).toEqual(names);
    const read = (name: string): Buffer => readFileSync(join(directory, name));
    const manifest = manifestSchema.parse(JSON.parse(read('manifest.json').toString()));
    expect(read('manifest.json').toString()).toBe(`${canonicalJson(manifest)}\n`);
    expect(manifest).toMatchObject({
      ...{ verdict, releases: ['6.18.0-test'], covers: 'release', exportedAtMs: 1_800_000_000_000 },
      policy: { name: 'vtime', identity: policyIdentity(policy), object: sha256(object), parameters },
    });
    expect(Object.keys(manifest.files).sort()).toEqual(names.filter((name) => name !== 'manifest.json'));
    for (const [name, digest] of Object.entries(manifest.files)) expect(sha256(read(name))).toBe(digest);
    // what the kernel gets are exactly the values that were measured
    const patched = Buffer.from(patchParameters(object, parameters));
    expect(manifest.loads).toBe(sha256(patched));
    expect(manifest.loads).not.toBe(sha256(object));
    expect(read('policy.job').includes(patched)).toBe(true);
    expect(read('policy.job').toString('latin1')).not.toMatch(/^scope /m);
    expect(statSync(join(directory, 'schedcp-runner')).mode & 0o777).toBe(0o755);
    expect(await fixed.world.keeping.audit.last(1)).toMatchObject([
      {
        what: 'policy-exported',
        who: { kind: 'person' },
        from: [verdict],
        about: { policy: 'vtime', directory },
      },
    ]);
  });

  it('what a person reads', async () => {
    const { fixed, verdict, directory } = await judged('accepted');
    const { text } = await fixed.call('export', { verdict, directory });
    const plain = (read: string): string =>
      read
        .replaceAll(verdict, '<verdict>')
        .replaceAll(verdict.slice(0, 12), '<verdict>')
        .replaceAll(fixed.directory, '<directory>')
        .replace(/\d+ bytes/g, '<n> bytes');
    await expect(plain(text)).toMatchFileSnapshot(golden('export'));
    for (const name of ['README.md', 'schedcp-keep.service']) {
      const read = readFileSync(join(directory, name), 'utf8');
      await expect(plain(read)).toMatchFileSnapshot(
        golden(`export-${name.replace(/\W\w+$/, '').toLowerCase()}`),
      );
    }
  });

  it('its unit is one that systemd understands, without a word of complaint', async (context) => {
    const { fixed, verdict, directory } = await judged('accepted');
    await fixed.call('export', { verdict, directory });
    const tree = join(fixed.directory, 'root');
    const [units, place] = ['etc/systemd/system', 'usr/local/lib/schedcp-keep'].map((path) =>
      join(tree, path),
    );
    for (const path of [units!, place!]) mkdirSync(path, { recursive: true });
    for (const name of ['sysinit', 'basic', 'shutdown', 'multi-user'])
      writeFileSync(join(units!, `${name}.target`), '[Unit]\nDefaultDependencies=no\n');
    writeFileSync(join(units!, 'system.slice'), '[Unit]\nDefaultDependencies=no\n');
    writeFileSync(join(place!, 'schedcp-runner'), '', { mode: 0o755 });
    const unit = readFileSync(join(directory, 'schedcp-keep.service'), 'utf8');
    const verified = (text: string): string => {
      writeFileSync(join(units!, 'schedcp-keep.service'), text);
      const shell = `systemd-analyze verify --root=${tree} schedcp-keep.service 2>&1 || true`;
      return execFileSync('sh', ['-c', shell], { encoding: 'utf8' });
    };
    const complaint = verified(unit.replace('LockPersonality', 'LockPersonalty'));
    if (/not found/.test(complaint)) context.skip('no systemd-analyze here');
    expect(complaint).toContain('LockPersonalty');
    expect(verified(unit)).toBe('');
    // every exit that is final (runner/keep.c) is one after which systemd does not start it again
    expect(unit).toMatch(/^RestartPreventExitStatus=2 10 11 12 13 14 16$/m);
  });

  it('its README installs where the unit looks, and uninstalls to the last file', async () => {
    const { fixed, verdict, directory } = await judged('accepted');
    await fixed.call('export', { verdict, directory });
    const [install = '', , uninstall = ''] = readFileSync(join(directory, 'README.md'), 'utf8')
      .split(/^(?:Install|Status|Uninstall):$/m)
      .slice(1)
      .map((part) => part.match(/^ {4}.*$/gm)?.join('\n') ?? '');
    expect([install, uninstall].map((lines) => lines.split('\n').length)).toEqual([3, 3]);
    const tree = join(fixed.directory, 'tree');
    for (const path of ['etc/systemd/system', 'usr/local/lib', 'var/lib/other'])
      mkdirSync(join(tree, path), { recursive: true });
    const files = (): string[] => readdirSync(tree, { recursive: true }).map(String).sort();
    const before = files();
    const obey = (lines: string): void => {
      const moved = lines.replaceAll('sudo ', '').replace(/ (\/(usr|etc|var)\/)/g, ` ${tree}$1`);
      execFileSync('sh', ['-ec', `systemctl() { :; }\n${moved}`], { cwd: directory });
    };
    obey(install);
    const unit = readFileSync(join(tree, 'etc/systemd/system/schedcp-keep.service'), 'utf8');
    const [, program = '', manifest = ''] = /^ExecStart=(\S+) keep --manifest (\S+)$/m.exec(unit) ?? [];
    expect(statSync(join(tree, program)).mode & 0o111).toBe(0o111);
    expect(readdirSync(join(tree, manifest, '..')).sort()).toEqual([
      'README.md',
      'manifest.json',
      'policy.job',
      'schedcp-runner',
    ]);
    mkdirSync(join(tree, 'var/lib/schedcp')); // systemd does: StateDirectory
    writeFileSync(join(tree, 'var/lib/schedcp/last-attempt'), '');
    obey(uninstall);
    expect(files()).toEqual(before);
  });

  it('says who asked, and covers a series when told to', async () => {
    const { fixed, verdict, directory } = await judged('accepted');
    const input = { verdict, directory, covers: 'series', agent: 'tuner' };
    const { output } = await fixed.call('export', input);
    expect(output.kernels).toEqual(['6.18.0-test and its series']);
    expect(JSON.parse(readFileSync(join(directory, 'manifest.json'), 'utf8')).covers).toBe('series');
    expect(readFileSync(join(directory, 'README.md'), 'utf8')).toContain('others of the same major.minor');
    expect(await fixed.world.keeping.audit.last(1)).toMatchObject([
      { who: { kind: 'agent', name: 'tuner' } },
    ]);
  });

  it.each([
    ['a rejected verdict', 'rejected', {}, /rejected/],
    ['settings', 'accepted', { settings: true }, /settings of the default scheduler/],
    ['what only the simulator has run', 'accepted', { simulated: true }, /real kernel/],
  ])('writes nothing for %s', async (_, decision, wish, why) => {
    const { fixed, verdict, directory } = await judged(decision, wish);
    const { output, exit, text } = await fixed.call('export', { verdict, directory });
    expect(exit).toBe(1);
    expect(output).toMatchObject({ exported: false, directory: null, files: [] });
    expect(text).toMatch(why);
    expect(readdirSync(fixed.directory)).not.toContain('keep');
    expect(await fixed.world.keeping.audit.last(1)).toEqual([]);
  });

  it('faults: a directory that is not empty, no such verdict, a record that is none', async () => {
    const { fixed, verdict, directory, policy } = await judged('accepted');
    const failure = (input: object) => faultOf(() => fixed.call('export', { verdict, directory, ...input }));
    mkdirSync(directory);
    writeFileSync(join(directory, 'mine'), 'x');
    expect(await failure({})).toMatchObject({
      code: 'not-permitted',
      message: expect.stringContaining('mine'),
    });
    expect(readdirSync(directory)).toEqual(['mine']);
    expect(await failure({ directory: join(directory, 'mine', 'keep') })).toMatchObject({
      code: 'not-permitted',
    });
    expect(await failure({ verdict: '0000' })).toMatchObject({ code: 'not-found' });
    const other = await fixed.world.store.records.put(
      candidate({ id: 'a', name: 'a', kind: 'policy', policy }),
    );
    expect(await failure({ verdict: other })).toMatchObject({ code: 'unsupported' });
  });
});
