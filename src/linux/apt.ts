// Debian packages without installing them: a private apt root (own lists, own cache, own status file) beside the host's,
// which is only read. Packages are downloaded, checked by apt against the archive's keyring, and unpacked with dpkg -x.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Fault } from '../core/errors.ts';
import { mustRun, run } from './process.ts';

/** Which suites serve which host release. The kernel always comes from the newest backports, for every host. */
const suitesOf: Readonly<Record<string, readonly string[]>> = {
  bookworm: ['bookworm', 'bookworm-backports'],
  trixie: ['trixie'],
};
export const kernelSuite = 'trixie-backports';
const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

export interface Package {
  readonly name: string;
  readonly version: string;
  readonly bytes: number;
}

export interface Apt {
  /** Fetches the package lists (a few MB); needed before the other calls. */
  update(signal?: AbortSignal): Promise<void>;
  /** Names that match a regular expression, with the version that would be taken. */
  search(pattern: string): Promise<string[]>;
  /** What `download` would fetch. With `closure`, also what the packages depend on and no Debian system has for certain. */
  plan(packages: readonly string[], closure: boolean): Promise<Package[]>;
  download(packages: readonly Package[], directory: string, signal?: AbortSignal): Promise<void>;
  /** Fetches the files of a source package (an apt opened for sources). */
  source(name: string, directory: string, signal?: AbortSignal): Promise<void>;
}

/** `debian bookworm`, as /etc/os-release has it; undefined on another distribution. */
export function debianCodename(osRelease: string = readText('/etc/os-release')): string | undefined {
  if (!/^ID="?debian"?$/m.test(osRelease)) return undefined;
  return /^VERSION_CODENAME="?([a-z]+)"?$/m.exec(osRelease)?.[1];
}

/**
 * The mirror that this host uses for its own release, from its source lists (sources.list(5): one-line and deb822 style). Other
 * vendors name their suites after Debian's too, so an address that ends in /debian is preferred. SCHEDCP_MIRROR overrides it.
 */
export function mirrorOf(
  codename: string,
  sources: readonly string[],
  override = process.env.SCHEDCP_MIRROR,
): string {
  if (override !== undefined && override !== '') return override;
  const mirrors = sources
    .flatMap((text) => [...lineSources(text), ...stanzaSources(text)])
    .filter(({ suites, components }) => suites.includes(codename) && components.includes('main'))
    .map(({ uri }) => uri);
  const mirror = mirrors.find((uri) => /\/debian\/?$/.test(uri)) ?? mirrors[0];
  if (mirror !== undefined) return mirror;
  throw new Fault('unavailable', `no Debian mirror for ${codename} in this machine's apt sources`, {
    where: '/etc/apt/sources.list, /etc/apt/sources.list.d',
    next: 'set SCHEDCP_MIRROR to the mirror to use',
  });
}

interface Source {
  readonly uri: string;
  readonly suites: readonly string[];
  readonly components: readonly string[];
}

/** deb [options] URI SUITE COMPONENT… */
function lineSources(text: string): Source[] {
  const lines = text.matchAll(/^[ \t]*deb[ \t]+(?:\[[^\]]*\][ \t]+)?(\S+)[ \t]+(\S+)[ \t]+([^#\n]*)/gm);
  return [...lines].map(([, uri = '', suite = '', components = '']) => ({
    uri,
    suites: [suite.replace(/\/$/, '')],
    components: words(components),
  }));
}

/** Stanzas of "Field: value", whose values go on in indented lines. */
function stanzaSources(text: string): Source[] {
  const plain = text.replace(/^#.*\n?/gm, '');
  return plain.split(/\n[ \t]*\n/).flatMap((stanza) => {
    const field = (name: string): string[] =>
      words(new RegExp(`^${name}:(.*(?:\\n[ \\t].*)*)`, 'im').exec(stanza)?.[1] ?? '');
    const [uri] = field('URIs');
    if (uri === undefined || !field('Types').includes('deb') || field('Enabled')[0] === 'no') return [];
    return [{ uri, suites: field('Suites'), components: field('Components') }];
  });
}

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}

export function hostSources(): string[] {
  const parts = '/etc/apt/sources.list.d';
  const names = existsSync(parts) ? readdirSync(parts).sort() : [];
  const files = names.filter((name) => /\.(list|sources)$/.test(name)).map((name) => join(parts, name));
  return ['/etc/apt/sources.list', ...files].filter((file) => existsSync(file)).map((file) => readText(file));
}

/**
 * Opens a private apt root in `directory`: for packages of this host's suites, for kernels, or for sources.
 * Throws Fault('unsupported') on a host that is not Debian 12 or 13.
 */
export async function openApt(directory: string, purpose: 'tools' | 'kernels' | 'sources'): Promise<Apt> {
  const codename = debianCodename();
  const suites = purpose === 'kernels' ? [kernelSuite] : suitesOf[codename ?? ''];
  if (codename === undefined || suites === undefined) {
    throw new Fault('unsupported', 'packages can be fetched on Debian 12 (bookworm) and 13 (trixie) only', {
      next: 'install QEMU 10 or newer, gcc and libbpf 1.4 or newer yourself, and name a kernel with --kernel FILE',
    });
  }
  for (const tool of ['apt-get', 'dpkg']) {
    if (!existsSync(`/usr/bin/${tool}`)) throw new Fault('not-found', `no ${tool} on this machine`);
  }
  const mirror = mirrorOf(codename, hostSources());
  await mkdir(join(directory, 'lists', 'partial'), { recursive: true });
  await mkdir(join(directory, 'archives', 'partial'), { recursive: true });
  const kind = purpose === 'sources' ? 'deb-src' : 'deb';
  const lines = suites.map((suite) => `${kind} [signed-by=${keyring}] ${mirror} ${suite} main\n`);
  await writeFile(join(directory, 'sources.list'), lines.join(''));
  await writeFile(join(directory, 'status'), alwaysThere(readText('/var/lib/dpkg/status')));
  await writeFile(join(directory, 'apt.conf'), await configuration(directory));
  return privateApt(directory, suites);
}

function privateApt(directory: string, suites: readonly string[]): Apt {
  const env = { APT_CONFIG: join(directory, 'apt.conf'), LC_ALL: 'C' };
  const backports = suites.find((suite) => suite.endsWith('-backports'));
  return {
    async update(signal) {
      const done = await run('apt-get', ['update', '--error-on=any'], {
        env,
        limitMs: 180_000,
        ...withSignal(signal),
      });
      if (done.code === 0) return;
      throw new Fault('unavailable', `cannot fetch package lists: ${lastLine(done.stderr)}`, {
        next: 'check the network, or set SCHEDCP_MIRROR to a Debian mirror that can be reached',
      });
    },
    async search(pattern) {
      const out = await mustRun('apt-cache', ['search', '--names-only', pattern], { env });
      return out
        .split('\n')
        .map((line) => line.split(' ')[0] ?? '')
        .filter((name) => name !== '');
    },
    async plan(packages, closure) {
      const release = backports === undefined || !closure ? [] : ['-t', backports];
      const command = closure ? ['install', '--yes', ...release] : ['download'];
      const out = await mustRun('apt-get', [...command, '--print-uris', '-qq', ...packages], { env });
      return parseUris(out);
    },
    async source(name, target, signal) {
      const args = ['source', '--download-only', '-qq', name];
      await mustRun('apt-get', args, { env, cwd: target, limitMs: 300_000, ...withSignal(signal) });
    },
    async download(packages, target, signal) {
      const exact = packages.map((item) => `${item.name}=${item.version}`);
      await mustRun('apt-get', ['download', '-qq', ...exact], {
        env,
        cwd: target,
        limitMs: 900_000,
        ...withSignal(signal),
      });
    },
  };
}

/** Lines of --print-uris: 'URI' NAME_VERSION_ARCH.deb SIZE HASH; the version's colon is written %3a. */
export function parseUris(text: string): Package[] {
  const packages: Package[] = [];
  for (const match of text.matchAll(/^'[^']+' ([^_\s]+)_([^_\s]+)_[^_\s]+\.deb (\d+)/gm)) {
    const [, name = '', version = '', bytes = '0'] = match;
    packages.push({ name, version: decodeURIComponent(version), bytes: Number(bytes) });
  }
  return packages;
}

/** Unpacks every .deb of a directory into `root`. */
export async function unpack(debs: string, root: string, signal?: AbortSignal): Promise<void> {
  await mkdir(root, { recursive: true });
  for (const name of (await readdir(debs)).sort()) {
    if (name.endsWith('.deb'))
      await mustRun('dpkg', ['-x', join(debs, name), root], { limitMs: 300_000, ...withSignal(signal) });
  }
}

/**
 * The part of the host's dpkg status that any Debian system has (essential and required packages and what those are built on):
 * only these are taken from the host, so an entry of the cache does not break when the host removes some library.
 */
export function alwaysThere(status: string): string {
  const base = new Set([
    'libc6',
    'libgcc-s1',
    'gcc-12-base',
    'gcc-14-base',
    'libcrypt1',
    'debconf',
    'perl-base',
  ]);
  const kept = status.split(/\n\n+/).filter((stanza) => {
    const name = /^Package: (\S+)$/m.exec(stanza)?.[1] ?? '';
    return base.has(name) || /^(Essential: yes|Priority: required)$/m.test(stanza);
  });
  const relations = /^(Pre-Depends|Depends|Recommends|Conflicts|Breaks):.*\n?/gm; // on packages that were left out
  return `${kept.map((stanza) => stanza.replace(relations, '')).join('\n\n')}\n`;
}

async function configuration(directory: string): Promise<string> {
  const dump = await mustRun('apt-config', ['dump']);
  const inherited = dump
    .split('\n')
    .filter((line) => /^Acquire::(https?|ftp|socks|ForceIPv4|Retries|Check-Valid)/i.test(line));
  const own = {
    'Dir::Etc::SourceList': join(directory, 'sources.list'),
    'Dir::Etc::SourceParts': '/dev/null',
    'Dir::Etc::Parts': '/dev/null',
    'Dir::Etc::Main': '/dev/null',
    'Dir::Etc::Preferences': '/dev/null',
    'Dir::Etc::PreferencesParts': '/dev/null',
    'Dir::State::Lists': join(directory, 'lists'),
    'Dir::State::status': join(directory, 'status'),
    'Dir::Cache': directory,
    'APT::Install-Recommends': 'false',
    'APT::Sandbox::User': '',
    'Acquire::Languages': 'none',
    'Acquire::Retries': '2',
  };
  return [...inherited, ...Object.entries(own).map(([key, value]) => `${key} "${value}";`), ''].join('\n');
}

function withSignal(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}

function lastLine(text: string): string {
  const lines = text.trim().split('\n');
  return lines.find((line) => line.startsWith('E:')) ?? lines.at(-1) ?? 'no message';
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
