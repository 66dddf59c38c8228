// Source packages: the upstream tarball of a Debian source package, unpacked into the cache, for workloads that build something real.

import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Fault } from '../core/errors.ts';
import { openApt } from './apt.ts';
import type { Cache } from './cache.ts';
import { mustRun } from './process.ts';
import type { ToolOptions } from './tools.ts';

/** Directory with the unpacked upstream source. Debian's patches are not applied: it is built as its authors released it. */
export async function sourceTree(cache: Cache, name: string, options: ToolOptions): Promise<string> {
  return cache.entry(
    `sources/${name}`,
    async (target) => {
      const debs = join(target, '.download');
      await mkdir(debs);
      options.announce?.(`fetching the source of ${name} into ${cache.root}`);
      const fetch = async (): Promise<void> => {
        const apt = await openApt(cache.path('apt', 'sources'), 'sources');
        await apt.update(options.signal);
        await apt.source(name, debs, options.signal);
      };
      await cache.exclusively('apt/sources', fetch, options.signal);
      const tarball = (await readdir(debs)).find((file) => /\.orig\.tar\.(gz|xz|bz2)$/.test(file));
      if (tarball === undefined)
        throw new Fault('unavailable', `the source package ${name} has no upstream tarball`);
      await mustRun('tar', [
        '-xf',
        join(debs, tarball),
        '--strip-components=1',
        '--no-same-owner',
        '-C',
        target,
      ]);
      await rm(debs, { recursive: true });
    },
    options.signal,
  );
}
