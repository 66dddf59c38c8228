// What the environment says of how the product is meant to be used, and what its start does without.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../test/linux/support.ts';
import { openWorld } from './main.ts';

describe('SCHEDCP_MODE', () => {
  it('is normal where nothing is said; advice keeps agents from deploying', () => {
    expect(openWorld({}).mode).toBe('normal');
    expect(openWorld({ SCHEDCP_MODE: 'advice' }).mode).toBe('advice');
  });

  it('that is a mistake is a fault when somebody wants to deploy, not before', () => {
    const world = openWorld({ SCHEDCP_MODE: 'advise' });
    expect(() => world.mode).toThrow('SCHEDCP_MODE=advise');
  });
});

const silent = { progress: () => {}, signal: new AbortController().signal };

describe('a site in a guest', () => {
  it('without a command is refused before a machine is opened', async () => {
    const world = openWorld({ SCHEDCP_CACHE_LIMIT: 'no number, which opening a machine would find' });
    const command = { argv: [], with: [], env: {}, cwd: '/' };
    const opening = world.openSite({ on: 'guest', kernel: undefined, cpus: undefined, command }, silent);
    await expect(opening).rejects.toThrow('a guest needs something that runs on in it');
  });
});

describe('a file that is asked for', () => {
  it('may have a new directory, and no more than that', async () => {
    const { writeFile } = openWorld({});
    const directory = temporaryDirectory('schedcp-main-');
    await writeFile(join(directory, 'new', 'file'), Buffer.from('x'));
    await expect(writeFile(join(directory, 'no', 'where', 'file'), Buffer.from('x'))).rejects.toMatchObject({
      code: 'not-found',
      next: expect.stringContaining('make its directory'),
    });
    expect(readdirSync(directory)).toEqual(['new']);
  });
});

/** Files that are loaded when this one is. */
function loaded(file: URL, seen = new Set<string>()): Set<string> {
  if (seen.has(file.href)) return seen;
  seen.add(file.href);
  const statements = readFileSync(file, 'utf8').matchAll(
    /^(?:import|export)\s(?!type\s)[^;]*?from '(\.[^']+)'/gm,
  );
  for (const [, path] of statements) loaded(new URL(path!, file), seen);
  return seen;
}

describe('a start', () => {
  const files = [...loaded(new URL('./main.ts', import.meta.url))];
  const of = (room: string): string[] => files.filter((file) => file.includes(`/src/${room}`));

  it('loads what every command needs', () => {
    expect(of('services/').length).toBeGreaterThan(40);
    expect(of('interfaces/cli').length).toBeGreaterThan(0);
  });

  it.each(['simulator/', 'jit/', 'interfaces/mcp'])('leaves %s to those who ask for it', (room) => {
    expect(of(room)).toEqual([]);
  });
});
