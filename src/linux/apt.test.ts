import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { faultOf, temporaryDirectory } from '../../test/linux/support.ts';
import {
  alwaysThere,
  debianCodename,
  hostSources,
  kernelSuite,
  mirrorOf,
  openApt,
  parseUris,
  unpack,
} from './apt.ts';

describe('debianCodename', () => {
  it.each([
    ['ID=debian\nVERSION_CODENAME=bookworm\n', 'bookworm'],
    ['PRETTY_NAME="Debian"\nID="debian"\nVERSION_CODENAME="trixie"\n', 'trixie'],
    ['ID=debian\n', undefined],
    ['ID=ubuntu\nID_LIKE=debian\nVERSION_CODENAME=noble\n', undefined],
    ['ID_LIKE=debian\nVERSION_CODENAME=bookworm\n', undefined],
    ['', undefined],
  ])('%j', (text, expected) => {
    expect(debianCodename(text)).toBe(expected);
  });
});

describe('mirrorOf', () => {
  const deb822 = (fields: string): string => `# comment\nTypes: deb\n${fields}Components: main\n`;
  it.each<[string, string, string[]]>([
    ['one line', 'http://m/debian', ['deb http://m/debian bookworm main\n']],
    ['several components', 'http://m/debian', ['deb http://m/debian bookworm contrib main non-free']],
    ['options', 'http://m/debian', ['deb [arch=amd64 signed-by=/k.gpg] http://m/debian bookworm main']],
    ['tabs and indent', 'http://m/debian', [' deb\thttp://m/debian\tbookworm\tmain']],
    ['suite with a slash', 'http://m/debian', ['deb http://m/debian bookworm/ main']],
    [
      'second line',
      'http://b/debian',
      ['deb http://a/debian bookworm-updates main\ndeb http://b/debian bookworm main'],
    ],
    ['second file', 'http://b/debian', ['', 'deb http://b/debian bookworm main']],
    [
      'after a comment',
      'http://b/debian',
      [
        '#deb http://a/debian bookworm main\n# deb http://c/debian bookworm main\ndeb http://b/debian bookworm main',
      ],
    ],
    [
      'not sources only',
      'http://b/debian',
      ['deb-src http://a/debian bookworm main\ndeb http://b/debian bookworm main'],
    ],
    [
      'not a disc',
      'http://b/debian',
      ['deb cdrom:[Debian GNU/Linux 12 _Bookworm_]/ bookworm main\ndeb http://b/debian bookworm main'],
    ],
    [
      'component behind a comment',
      'http://b/debian',
      ['deb http://a/debian bookworm contrib # main\ndeb http://b/debian bookworm main'],
    ],
    ['stanza', 'http://m/debian', [deb822('URIs: http://m/debian\nSuites: bookworm bookworm-updates\n')]],
    [
      'stanza, suite last',
      'http://m/debian',
      [deb822('URIs: http://m/debian/\nSuites: x bookworm\n')].map((s) => s.replace('debian/', 'debian')),
    ],
    [
      'stanza, two addresses',
      'http://m/debian',
      [deb822('URIs: http://m/debian http://n/debian\nSuites: bookworm\n')],
    ],
    [
      'stanza, comment inside',
      'http://m/debian',
      [deb822('# old\nURIs: http://m/debian\n#Suites: trixie\nSuites: bookworm\n')],
    ],
    [
      'stanza, folded lines',
      'http://m/debian',
      [deb822('URIs:\n http://m/debian\nSuites:\n bookworm-updates\n bookworm\n')],
    ],
    [
      'stanza, lower case',
      'http://m/debian',
      ['types: deb deb-src\nuris: http://m/debian\nsuites: bookworm\ncomponents: main'],
    ],
    [
      'second stanza',
      'http://b/debian',
      [
        `${deb822('URIs: http://a/debian\nSuites: trixie\n')}\n${deb822('URIs: http://b/debian\nSuites: bookworm\n')}`,
      ],
    ],
    [
      'not a stanza that is off',
      'http://b/debian',
      [
        `${deb822('URIs: http://a/debian\nSuites: bookworm\nEnabled: no\n')}\n${deb822('URIs: http://b/debian\nSuites: bookworm\n')}`,
      ],
    ],
    [
      'not a stanza of sources',
      'http://b/debian',
      [
        'Types: deb-src\nURIs: http://a/debian\nSuites: bookworm\nComponents: main\n\nTypes: deb\nURIs: http://b/debian\nSuites: bookworm\nComponents: main',
      ],
    ],
    [
      "not another vendor's stanza",
      'http://b/debian',
      [
        'Types: deb\nURIs: https://docker/linux/debian\nSuites: bookworm\nComponents: stable',
        'deb http://b/debian bookworm main',
      ],
    ],
    [
      "not another vendor's line that comes first",
      'http://b/debian',
      ['deb https://microsoft/repos/azure-cli/ bookworm main', 'deb http://b/debian bookworm main'],
    ],
    [
      'a mirror of another name when it is all there is',
      'http://m/mirror/deb',
      ['deb http://m/mirror/deb bookworm main'],
    ],
    [
      'an apt-mirror list',
      'mirror+file:///etc/apt/mirrors/debian.list',
      [deb822('URIs: mirror+file:///etc/apt/mirrors/debian.list\nSuites: bookworm\n')],
    ],
  ])('%s', (_, expected, sources) => {
    expect(mirrorOf('bookworm', sources, undefined)).toBe(expected);
  });

  it.each<[string, string[]]>([
    ['nothing', []],
    ['another release', ['deb http://a/debian trixie main']],
    ['a release whose name begins the same', ['deb http://a/debian bookworm-backports main']],
    ['no main', ['deb http://a/debian bookworm contrib']],
  ])('refuses %s', async (_, sources) => {
    const fault = await faultOf(() => mirrorOf('bookworm', sources, ''));
    expect(fault).toMatchObject({ code: 'unavailable', next: 'set SCHEDCP_MIRROR to the mirror to use' });
    expect(fault.message).toContain('bookworm');
  });

  it('takes the override before everything', () => {
    expect(mirrorOf('bookworm', ['deb http://a/debian bookworm main'], 'http://mine')).toBe('http://mine');
  });

  it('finds the mirror of this machine', () => {
    const codename = debianCodename();
    expect(mirrorOf(codename ?? '', hostSources(), undefined)).toMatch(/^[a-z+]+:\/\//);
  });
});

it('parseUris', () => {
  const text = [
    "'http://mirror.example/debian/pool/main/q/qemu/qemu-system-x86_10.0.2%2bds-2_amd64.deb' qemu-system-x86_1%3a10.0.2+ds-2%7ebpo12+1_amd64.deb 9876543 SHA256:00ff",
    "'http://m/all.deb' seabios_1.16.2-1_all.deb 155712 MD5Sum:1",
    'Reading package lists...',
    "'http://m/x.dsc' x_1.dsc 100 SHA256:1",
    "'http://m/none.deb' none_1_amd64.deb",
  ].join('\n');
  expect(parseUris(text)).toEqual([
    { name: 'qemu-system-x86', version: '1:10.0.2+ds-2~bpo12+1', bytes: 9_876_543 },
    { name: 'seabios', version: '1.16.2-1', bytes: 155_712 },
  ]);
  expect(parseUris('')).toEqual([]);
});

describe('alwaysThere', () => {
  const real = readFileSync('/var/lib/dpkg/status', 'utf8');
  const stanza = (name: string, fields: string): string =>
    `Package: ${name}\nStatus: install ok installed\n${fields}Version: 1`;

  it('keeps essential and required packages and their libraries, without relations', () => {
    const status = [
      stanza('bash', 'Essential: yes\nDepends: base-files (>= 2.1.12)\nPre-Depends: libc6, libtinfo6\n'),
      stanza('mount', 'Priority: required\nRecommends: x\nConflicts: y\nBreaks: z\nProvides: a\n'),
      stanza('libc6', 'Priority: optional\nDepends: libgcc-s1\n'),
      stanza('gcc', 'Priority: optional\nDepends: cpp\n'),
      stanza('notes', 'Priority: optional\nDescription: Package: bash\n says Essential: yes\n'),
    ].join('\n\n');
    const kept = alwaysThere(`${status}\n`);
    expect(kept.match(/^Package: .*/gm)).toEqual(['Package: bash', 'Package: mount', 'Package: libc6']);
    expect(kept).not.toMatch(/^(Pre-Depends|Depends|Recommends|Conflicts|Breaks):/m);
    expect(kept).toMatch(/^Provides: a$/m);
    expect(kept.endsWith('\n')).toBe(true);
    expect(alwaysThere('')).toBe('\n');
  });

  it('of this machine is a status file that dpkg reads', () => {
    const kept = alwaysThere(real);
    const directory = temporaryDirectory();
    mkdirSync(join(directory, 'updates'));
    mkdirSync(join(directory, 'info'));
    writeFileSync(join(directory, 'status'), kept);
    const listed = execFileSync('dpkg-query', [`--admindir=${directory}`, '-W', '-f', '\x24{Package}\\n'], {
      encoding: 'utf8',
    });
    const names = listed.trim().split('\n');
    expect(names).toEqual(expect.arrayContaining(['bash', 'dpkg', 'libc6', 'coreutils']));
    expect(names.length).toBeLessThan(real.match(/^Package: /gm)?.length ?? 0);
    expect(names).not.toContain('git');
  });
});

describe('a private apt root', () => {
  const before = process.env.SCHEDCP_MIRROR;
  beforeEach(() => {
    process.env.SCHEDCP_MIRROR = 'http://127.0.0.1:9/debian';
  });
  afterEach(() => {
    if (before === undefined) delete process.env.SCHEDCP_MIRROR;
    else process.env.SCHEDCP_MIRROR = before;
  });

  /** Path, time of change and size of everything below the host's own apt and dpkg directories. */
  const host = (): string[] =>
    ['/etc/apt', '/var/lib/apt', '/var/cache/apt', '/var/lib/dpkg', '/var/log/apt'].flatMap((root) =>
      existsSync(root)
        ? ['', ...(readdirSync(root, { recursive: true }) as string[])].map((name) => {
            const info = statSync(join(root, name), { throwIfNoEntry: false });
            return `${join(root, name)} ${info?.ctimeMs} ${info?.size}`;
          })
        : [],
    );

  it.runIf(debianCodename())(
    'leaves the one of the host alone, and says when the mirror cannot be reached',
    async () => {
      const directory = join(temporaryDirectory(), 'with a space');
      const was = host();
      expect(was.length).toBeGreaterThan(50);
      const apt = await openApt(directory, 'tools');
      const fault = await faultOf(() => apt.update());
      expect(fault).toMatchObject({ code: 'unavailable' });
      expect(fault.message).toMatch(/^cannot fetch package lists: .*127\.0\.0\.1/);
      expect(fault.next).toContain('SCHEDCP_MIRROR');
      expect(await faultOf(() => apt.plan(['gcc'], true))).toMatchObject({ code: 'unavailable' });
      expect(await apt.search('^linux-image-')).toEqual([]);
      expect(host()).toEqual(was);
    },
    60_000,
  );

  it.runIf(debianCodename())(
    'sees its own settings and none of the host, but for those of the network',
    async () => {
      const directory = temporaryDirectory();
      await openApt(directory, 'tools');
      const dump = execFileSync('apt-config', ['dump'], {
        env: { ...process.env, APT_CONFIG: join(directory, 'apt.conf') },
        encoding: 'utf8',
      });
      const value = (key: string): string | undefined => new RegExp(`^${key} "(.*)";$`, 'mi').exec(dump)?.[1];
      for (const key of ['Dir::Etc::SourceList', 'Dir::State::Lists', 'Dir::State::status'])
        expect(value(key)).toContain(directory);
      for (const key of ['Dir::Etc::SourceParts', 'Dir::Etc::Parts', 'Dir::Etc::PreferencesParts'])
        expect(value(key)).toBe('/dev/null');
      expect(value('Dir::Cache')).toBe(directory);
      expect(value('APT::Install-Recommends')).toBe('false');
      expect(dump).not.toMatch(/^APT::Update::Post-Invoke/m); // hooks of the host
    },
  );

  it.runIf(debianCodename() === 'bookworm')(
    'has the suites of its purpose, checked against the archive keyring',
    async () => {
      const suites = async (purpose: 'tools' | 'kernels' | 'sources'): Promise<string[]> => {
        const directory = temporaryDirectory();
        await openApt(directory, purpose);
        return readFileSync(join(directory, 'sources.list'), 'utf8').trimEnd().split('\n');
      };
      const signed = '[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://127.0.0.1:9/debian';
      expect(await suites('tools')).toEqual([
        `deb ${signed} bookworm main`,
        `deb ${signed} bookworm-backports main`,
      ]);
      expect(await suites('kernels')).toEqual([`deb ${signed} ${kernelSuite} main`]);
      expect(await suites('sources')).toEqual([
        `deb-src ${signed} bookworm main`,
        `deb-src ${signed} bookworm-backports main`,
      ]);
    },
  );
});

it('unpacks packages without installing them', async () => {
  const root = temporaryDirectory();
  const tree = join(root, 'tree');
  mkdirSync(join(tree, 'DEBIAN'), { recursive: true });
  mkdirSync(join(tree, 'usr/share/ours'), { recursive: true });
  writeFileSync(
    join(tree, 'DEBIAN/control'),
    'Package: ours\nVersion: 1\nArchitecture: all\nMaintainer: us <a@b.c>\nDescription: x\n',
  );
  writeFileSync(join(tree, 'DEBIAN/preinst'), `#!/bin/sh\ntouch ${root}/ran\n`, { mode: 0o755 });
  writeFileSync(join(tree, 'usr/share/ours/file'), 'content');
  mkdirSync(join(root, 'debs'));
  execFileSync('dpkg-deb', ['--build', tree, join(root, 'debs', 'ours_1_all.deb')], { stdio: 'ignore' });
  writeFileSync(join(root, 'debs', 'partial.deb.FAILED'), 'no package');
  await unpack(join(root, 'debs'), join(root, 'out'));
  expect(readFileSync(join(root, 'out/usr/share/ours/file'), 'utf8')).toBe('content');
  expect(existsSync(join(root, 'ran'))).toBe(false);
  writeFileSync(join(root, 'debs', 'broken.deb'), 'no package');
  expect((await faultOf(() => unpack(join(root, 'debs'), join(root, 'out')))).code).toBe('unavailable');
});
