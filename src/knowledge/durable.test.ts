// What must survive a crash, where the file system does not want it. In a process of its own: what does not end is ended.

import { spawnSync } from 'node:child_process';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../../test/linux/support.ts';
import { makePrivateDirectory } from './durable.ts';

const modules = {
  durable: new URL('./durable.ts', import.meta.url),
  store: new URL('./store.ts', import.meta.url),
};

/** What a script says that has a limit of time. */
function said(script: string): string {
  const args = ['--import', 'tsx', '--input-type=module', '-e', script];
  const { stdout, stderr, signal } = spawnSync(process.execPath, args, { timeout: 60_000, encoding: 'utf8' });
  return signal ?? `${stdout}${stderr}`;
}

describe('directories', () => {
  it('are made with their parents, for the owner alone', () => {
    const root = temporaryDirectory('schedcp-durable-');
    makePrivateDirectory(join(root, 'a', 'b'));
    makePrivateDirectory(join(root, 'a', 'b'));
    for (const path of ['a', 'a/b']) expect(statSync(join(root, path)).mode & 0o777).toBe(0o700);
  });

  it('are not made through a file', () => {
    const root = temporaryDirectory('schedcp-durable-');
    writeFileSync(join(root, 'file'), '');
    for (const path of ['file', 'file/below'])
      expect(() => makePrivateDirectory(join(root, path))).toThrow('E');
  });

  it('below a directory that takes none are a fault, and an end', () => {
    const told = said(
      `import { makePrivateDirectory } from ${JSON.stringify(modules.durable.href)};
      try { makePrivateDirectory('/proc/nope/schedcp/deployment'); } catch (e) { console.log(e.code, e.message, e.next); }`,
    );
    expect(told).toMatch(/^unavailable \/proc\/nope.* \(ENOENT\) .*XDG_DATA_HOME/);
    const record = said(
      `import { openStore } from ${JSON.stringify(modules.store.href)};
      await openStore('/proc/nope/schedcp').blobs.put(Buffer.from('x')).catch((e) => console.log(e.code, e.next));`,
    );
    expect(record).toMatch(/^unavailable .*XDG_DATA_HOME/);
  });
});
