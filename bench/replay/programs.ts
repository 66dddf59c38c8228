// Real programs whose runs are recorded and replayed: builds, compressors, sorting, a database, hashing, message passing, servers with their clients, pipelines; one
// process, many, threads. Their inputs are written here, the same bytes each time.

import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRandom } from '../../src/lib/random.ts';
import type { Cache } from '../../src/linux/cache.ts';
import { sourceTree } from '../../src/linux/sources.ts';
import { type Group, tools } from '../../src/linux/tools.ts';

export interface RealProgram {
  readonly name: string;
  readonly argv: readonly string[];
  /** What a guest needs beside the first of argv. */
  readonly with: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Before each run on this host, where files stay. */
  prepare?(): void;
}

/** `scale`: how much work, 1 for emulated CPUs. */
export async function realPrograms(
  cache: Cache,
  scale: number,
): Promise<{ programs: RealProgram[]; clean(): void }> {
  const directory = mkdtempSync(join(tmpdir(), 'schedcp-replay-'));
  const roots: Record<string, string> = {};
  const libraries: Record<string, string> = {};
  const groups = [
    'perf',
    'programs',
    'compiler',
    'jobs',
    'servers',
    'stressors',
  ] as const satisfies readonly Group[];
  for (const group of groups) {
    const { root, env } = await tools(cache, group, {});
    roots[group] = root;
    libraries[group] = env.LD_LIBRARY_PATH ?? '';
  }
  const { perf = '', programs = '', compiler = '', jobs = '', servers = '', stressors = '' } = roots;
  const source = join(directory, 'source');
  const bzip2 = await sourceTree(cache, 'bzip2', {});
  const freshSource = (): void => {
    rmSync(source, { recursive: true, force: true });
    cpSync(bzip2, source, { recursive: true });
  };
  freshSource();
  const data = writeData(directory, scale);
  const shell = (name: string, text: string, needs: readonly string[]): RealProgram => ({
    ...{ name, argv: ['/bin/sh', '-c', text], with: [...needs, directory], cwd: directory },
    env: { LD_LIBRARY_PATH: libraries.jobs ?? '', PATH: `${jobs}/usr/bin:/usr/bin:/bin` },
  });
  const own = (group: string, name: string, argv: readonly string[]): RealProgram => ({
    ...{ name, argv, with: [], cwd: '/' },
    env: { LD_LIBRARY_PATH: libraries[group] ?? '', PATH: '/usr/bin:/bin' },
  });
  /** A server on the socket `s`, its client, and its end. */
  const served = (name: string, server: string, client: string, needs: readonly string[]): RealProgram => {
    const paths = needs.map(
      (file) => [`${servers}/usr/bin/${file}`, `${servers}/usr/sbin/${file}`].find(existsSync)!,
    );
    const text = `rm -f s; ${server} >/dev/null 2>&1 & until [ -S s ]; do sleep 0.01; done; ${client} >/dev/null; kill $!; wait`;
    return {
      ...{ name, argv: ['/bin/sh', '-c', text], with: [...paths, 'sleep', 'rm', directory], cwd: directory },
      env: {
        LD_LIBRARY_PATH: libraries.servers ?? '',
        PATH: `${servers}/usr/bin:${servers}/usr/sbin:/usr/bin:/bin`,
      },
    };
  };
  const objects = ['huffman.o', 'crctable.o', 'randtable.o', 'compress.o', 'bzlib.o'];
  const loops = (count: number): string => String(Math.round(count * scale));
  const using = (name: string): string => `${jobs}/usr/bin/${name}`;
  const list: RealProgram[] = [
    own('perf', 'perf-messaging', [
      ...[`${perf}/usr/bin/perf`, 'bench', 'sched', 'messaging', '-g', '2', '-l', loops(40)],
    ]),
    own('perf', 'perf-pipe', [`${perf}/usr/bin/perf`, 'bench', 'sched', 'pipe', '-l', loops(4000)]),
    own('programs', 'hackbench', [
      ...[`${programs}/usr/bin/hackbench`, '-g', '2', '-f', '10', '-l', loops(60)],
    ]),
    {
      name: 'make-j4',
      argv: [
        ...[`${compiler}/usr/bin/make`, '-s', '-C', source, '-j4', ...objects],
        ...[`CC=${compiler}/usr/bin/gcc --sysroot=${compiler}`, 'CFLAGS=-O0 -D_FILE_OFFSET_BITS=64'],
        ...[`AR=${compiler}/usr/bin/ar`, `RANLIB=${compiler}/usr/bin/ranlib`],
      ],
      with: [
        ...[source, `${compiler}/usr/bin/gcc`, `${compiler}/usr/bin/as`, `${compiler}/usr/bin/ar`],
        ...[`${compiler}/usr/bin/ranlib`, `${compiler}/usr/include`, 'cat', 'rm'],
      ],
      env: { PATH: `${compiler}/usr/bin:/usr/bin:/bin` },
      cwd: '/',
      prepare: freshSource,
    },
    shell('xz-xargs', `echo ${data.parts} | xargs -n1 -P4 xz -1 -k -c >/dev/null`, ['xargs', using('xz')]),
    shell('sha-xargs', `echo ${data.parts} | xargs -n1 -P3 openssl dgst -sha512 >/dev/null`, [
      ...['xargs', using('openssl')],
    ]),
    shell('pigz', `exec pigz -p4 -9 -c ${data.whole} >/dev/null`, [using('pigz')]),
    shell('pbzip2', `exec pbzip2 -p3 -b1 -k -c ${data.whole} >/dev/null`, [using('pbzip2')]),
    shell('zstd', `exec zstd -q -T4 -9 -B524288 -c ${data.whole} >/dev/null`, [using('zstd')]),
    shell('sort', `exec sort --parallel=4 -S 64M ${data.lines} >/dev/null`, ['sort']),
    shell('sqlite', `sqlite3 :memory: <${data.sql} | gzip -9 >/dev/null`, [using('sqlite3'), 'gzip']),
    shell('pipeline', `cat ${data.whole} | tr a-z b-za | gzip -1 | openssl dgst -sha256 >/dev/null`, [
      ...['cat', 'tr', 'gzip', using('openssl')],
    ]),
    shell(
      'report',
      `sed s/a/o/g ${data.lines} | gawk '{ print $2, ++n[$2] }' | tr a-z A-Z | gzip -1 >/dev/null`,
      [...['sed', using('gawk'), 'tr', 'gzip']],
    ),
    own('perf', 'perf-messaging-threads', [
      ...[`${perf}/usr/bin/perf`, 'bench', 'sched', 'messaging', '-p', '-t', '-g', '2', '-l', loops(40)],
    ]),
    own('stressors', 'sysbench-threads', [
      ...[
        `${stressors}/usr/bin/sysbench`,
        'threads',
        '--threads=6',
        '--thread-locks=2',
        '--thread-yields=20',
      ],
      ...['--time=0', `--events=${loops(300)}`, 'run'],
    ]),
    served(
      'redis',
      'redis-server --port 0 --unixsocket s --save ""',
      `redis-benchmark -s s -c 8 -n ${loops(2000)} -t get -q`,
      [...['redis-server', 'redis-benchmark']],
    ),
  ];
  return { programs: list, clean: () => rmSync(directory, { recursive: true, force: true }) };
}

/** Text that compresses about as text does; parts of very different sizes. */
function writeData(directory: string, scale: number) {
  const random = createRandom(1);
  const words = Array.from({ length: 4000 }, () =>
    Array.from({ length: 2 + random.below(9) }, () => String.fromCharCode(97 + random.below(26))).join(''),
  );
  const text = (bytes: number): string => {
    const parts: string[] = [];
    for (let length = 0; length < bytes; ) {
      const word = words[Math.floor(words.length * random.uniform() ** 3)]!;
      parts.push(word, random.below(9) === 0 ? '\n' : ' ');
      length += word.length + 1;
    }
    return parts.join('');
  };
  mkdirSync(join(directory, 'parts'));
  const sizes = [40, 300, 80, 20, 150, 60, 220, 30, 90, 45];
  const parts = sizes.map((kib, i) => {
    writeFileSync(join(directory, 'parts', `${i}`), text(kib * 1024 * scale));
    return `parts/${i}`;
  });
  writeFileSync(join(directory, 'whole'), text(1_500_000 * scale));
  const line = (): string => `${random.uint32().toString(36)} ${words[random.below(words.length)]}`;
  const rows = Array.from({ length: Math.round(30_000 * scale) }, line);
  writeFileSync(join(directory, 'lines'), `${rows.join('\n')}\n`);
  const inserts = rows.slice(0, 6000 * scale).map((row) => `insert into t values('${row}');`);
  const queries =
    'create index i on t(a); select * from t order by a; select substr(a,1,1), count(*) from t group by 1;';
  writeFileSync(
    join(directory, 'sql'),
    `create table t(a);begin;\n${inserts.join('\n')}\ncommit;${queries}\n`,
  );
  return { parts: parts.join(' '), whole: 'whole', lines: 'lines', sql: 'sql' };
}
