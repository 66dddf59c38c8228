import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { faultOf, temporaryDirectory } from '../../test/linux/support.ts';
import { openCache } from './cache.ts';
import { broughtRunner, buildRunner, encodeJob, type Job, parseEvents, rawTrace } from './runner.ts';
import { toolsDirectory } from './tools.ts';

const bare: Job = {
  nuisance: { startOffsetNs: 137_000, pidOffset: 17 },
  wallLimitMs: 20_000,
  verifyBudgetMs: 5000,
  timeoutMs: 2000,
  outputLimit: 65_536,
};

/** A reader after docs/protocol.md, section 2: lines in order, each blob with its bytes. */
function parseJob(bytes: Uint8Array): [string, string][] {
  const found: [string, string][] = [];
  const text = Buffer.from(bytes).toString('latin1');
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf('\n', at);
    if (end < 0) throw new Error(`no end of line at ${at}`);
    const [word = '', ...rest] = text.slice(at, end).split(' ');
    at = end + 1;
    if (word !== 'blob') {
      found.push([word, rest.join(' ')]);
      continue;
    }
    const size = Number(rest[1]);
    if (text[at + size] !== '\n') throw new Error(`blob without its newline at ${at + size}`);
    found.push([`blob ${rest[0]}`, text.slice(at, at + size)]);
    at += size + 1;
  }
  return found;
}

describe('a runner that was brought', () => {
  it('is found from wherever it is started later', async () => {
    const file = join(temporaryDirectory(), 'runner');
    writeFileSync(file, 'of somebody else');
    const digest = createHash('sha256').update('of somebody else').digest('hex');
    expect(await broughtRunner(relative(process.cwd(), file))).toEqual({ file, digest });
  });

  it('has to be there', async () => {
    const fault = await faultOf(() => broughtRunner('/no/runner'));
    expect(fault).toMatchObject({ code: 'not-found', message: 'no runner at /no/runner (ENOENT)' });
    expect(fault.next).toMatch(/SCHEDCP_RUNNER/);
  });
});

const head: [string, string][] = [
  ['schedcp-job', '1'],
  ['wall-limit-ms', '20000'],
  ['verify-budget-ms', '5000'],
  ['timeout-ms', '2000'],
  ['start-offset-ns', '137000'],
  ['pid-offset', '17'],
];

describe('encodeJob', () => {
  it.each<[string, Partial<Job>, [string, string][]]>([
    ['nothing to do', {}, []],
    ['an object', { object: Buffer.from('ELF\n\0end\n') }, [['blob object', 'ELF\n\0end\n']]],
    ['an empty object', { object: new Uint8Array() }, [['blob object', '']]],
    ['a tracer', { tracer: Buffer.from('ELF') }, [['blob tracer', 'ELF']]],
    [
      'a recorder that follows a process',
      {
        recorder: { object: Buffer.from('ELF'), events: 5000 },
        follow: { kind: 'pid', pid: 12 },
      },
      [
        ['follow', 'pid 12'],
        ['record-events', '5000'],
        ['blob recorder', 'ELF'],
      ],
    ],
    [
      'a watcher that follows a cgroup',
      { watcher: Buffer.from('ELF'), follow: { kind: 'cgroup', path: '/a b/ü' } },
      [
        ['follow', 'cgroup /a b/Ã¼'],
        ['blob watcher', 'ELF'],
      ],
    ],
    ['everything', { follow: { kind: 'all' } }, [['follow', 'all']]],
    [
      'a watcher with a budget and room',
      { watcher: Buffer.from('ELF'), watchBudget: 0.0025, watchTasks: 300, watchWindows: 4 },
      [
        ['watch-tasks', '300'],
        ['watch-budget-ppm', '2500'],
        ['watch-windows', '4'],
        ['blob watcher', 'ELF'],
      ],
    ],
    ['an expansion', { expansion: Buffer.from('SCPWORK1') }, [['blob workload', 'SCPWORK1']]],
    [
      'every setting',
      {
        settings: {
          baseSliceNs: 3_000_000,
          nice: -5,
          sched: 'batch',
          cpuWeight: 200,
          features: ['NO_RUN_TO_PARITY', 'X_Y'],
        },
      },
      [
        ['base-slice-ns', '3000000'],
        ['feature', 'NO_RUN_TO_PARITY'],
        ['feature', 'X_Y'],
        ['nice', '-5'],
        ['sched', 'batch'],
        ['cpu-weight', '200'],
      ],
    ],
    ['settings of zero', { settings: { nice: 0 } }, [['nice', '0']]],
    [
      'maps',
      { maps: [{ name: 'hints', key: Buffer.from([0, 255]), value: Buffer.from([16]) }] },
      [['map', 'hints 00ff 10']],
    ],
    [
      'a command',
      {
        command: {
          argv: ['/bin/sh', '-c', 'a\nend\n', ''],
          env: { B: '2', A: 'ü=\n' },
          cwd: '/a b',
          runs: 3,
        },
      },
      [
        ['runs', '3'],
        ['output-limit', '65536'],
        ['blob arg', '/bin/sh'],
        ['blob arg', '-c'],
        ['blob arg', 'a\nend\n'],
        ['blob arg', ''],
        ['blob env', 'A=\xc3\xbc=\n'],
        ['blob env', 'B=2'],
        ['blob cwd', '/a b'],
      ],
    ],
  ])('%s', (_, parts, expected) => {
    expect(parseJob(encodeJob({ ...bare, ...parts }))).toEqual([...head, ...expected, ['end', '']]);
  });

  it.each(['', 'a/b', '/a\nend', '/a\0'])('no cgroup has the path %j', async (path) => {
    const fault = await faultOf(() => encodeJob({ ...bare, follow: { kind: 'cgroup', path } }));
    expect(fault).toMatchObject({ code: 'malformed', next: expect.stringContaining('slash') });
  });

  it('is these bytes', () => {
    const job = encodeJob({ ...bare, object: Buffer.from([0, 10, 255]), settings: { nice: 1 } });
    const text =
      'schedcp-job 1\nwall-limit-ms 20000\nverify-budget-ms 5000\ntimeout-ms 2000\nstart-offset-ns 137000\npid-offset 17\n' +
      'nice 1\nblob object 3\n\0\n\xff\nend\n';
    expect(Buffer.from(job).toString('latin1')).toBe(text);
  });

  it('reads back, whatever is in it', () => {
    const bytes = fc.uint8Array({ maxLength: 60 });
    const word = fc.string({ unit: 'binary', maxLength: 20 });
    fc.assert(
      fc.property(
        bytes,
        bytes,
        fc.array(word, { minLength: 1 }),
        fc.dictionary(word, word),
        word,
        (object, expansion, argv, env, cwd) => {
          const job = encodeJob({ ...bare, object, expansion, command: { argv, env, cwd, runs: 1 } });
          const raw = (text: string): string => Buffer.from(text).toString('latin1');
          const parsed = parseJob(job);
          const of = (name: string): string[] =>
            parsed.filter(([key]) => key === name).map(([, value]) => value);
          expect(of('blob object')).toEqual([Buffer.from(object).toString('latin1')]);
          expect(of('blob workload')).toEqual([Buffer.from(expansion).toString('latin1')]);
          expect(of('blob arg')).toEqual(argv.map(raw));
          expect(of('blob env').sort()).toEqual(
            Object.entries(env)
              .map(([name, value]) => raw(`${name}=${value}`))
              .sort(),
          );
          expect(of('blob cwd')).toEqual([raw(cwd)]);
          expect(parsed.at(-1)).toEqual(['end', '']);
        },
      ),
    );
  });
});

describe('parseEvents', () => {
  const ready = { event: 'ready', release: '6.18', cpus: 4, memoryKiB: 1, freeKiB: 1, schedExt: true };
  const line = (value: unknown): string => `${JSON.stringify(value)}\n`;

  it.each<[string, string, unknown[]]>([
    ['nothing', '', []],
    ['a line', line(ready), [ready]],
    ['fields that this side does not use', line({ ...ready, libbpf: '1.4' }), [ready]],
    ['empty lines', `\n${line(ready)}\n`, [ready]],
    ['a last line that is cut off', `${line(ready)}{"event":"rea`, [ready]],
    ['a last line without its newline', `${line(ready)}${JSON.stringify(ready)}`, [ready]],
    ['only half a line', '{"event', []],
    [
      'integers as text',
      line({ event: 'samples', series: 0, values: [1, '9007199254740993', '-5'] }),
      [{ event: 'samples', series: 0, values: [1, 9007199254740992, -5] }],
    ],
    [
      'a code as text',
      line({ event: 'exit', kind: 64, code: '9007199254740993', reason: '', message: '', dump: '' }),
      [{ event: 'exit', kind: 64, code: '9007199254740993', reason: '', message: '', dump: '' }],
    ],
  ])('%s', (_, text, expected) => {
    expect(parseEvents(text)).toEqual(expected);
  });

  it.each([
    ['no JSON', 'Kernel panic\n', /line 1/],
    ['half a line in the middle', `{"event":"rea\n${line(ready)}`, /line 1/],
    ['an event that it does not know', line(ready) + line({ event: 'party' }), /line 2/],
    ['a field that is missing', line({ event: 'load' }), /line 1: .*ok/],
    ['a field of another type', line({ ...ready, cpus: 'four' }), /cpus/],
    [
      'calls with other columns',
      line({ event: 'calls', first: 0, columns: ['ns', 'cpu'], rows: [] }),
      /other columns/,
    ],
    ['a number that is none', line({ event: 'samples', series: 0, values: ['1.5'] }), /values/],
    ['no object', line([]), /line 1/],
    ['null', 'null\n', /line 1/],
  ])('refuses %s', async (_, text, where) => {
    const fault = await faultOf(() => parseEvents(text));
    expect(fault).toMatchObject({ code: 'malformed', where: expect.stringMatching(where) });
    expect(fault.message).toMatch(/^the runner said something unknown: /);
  });

  it('quotes no more of a bad line than it must', async () => {
    expect((await faultOf(() => parseEvents(`${'x'.repeat(5000)}\n`))).message.length).toBeLessThan(300);
  });

  it('any text is events or a fault', () => {
    const piece = fc.oneof(fc.string(), fc.json(), fc.constantFrom(line(ready), '\n'));
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        try {
          for (const event of parseEvents(pieces.join('\n'))) expect(event.event).toBeTruthy();
        } catch (error) {
          expect(error).toMatchObject({ name: 'Fault', code: 'malformed' });
        }
      }),
    );
  });
});

describe('rawTrace', () => {
  it('puts the lines of a trace together', () => {
    const line = (bytes: string): string => `{"event":"trace","bytes":"${bytes}"}\n`;
    // RFC 4648, section 10: "foobar" and "fo"
    const events = parseEvents(`${line('Zm9vYmFy')}{"event":"callsLost","count":0}\n${line('Zm8=')}`);
    expect(Buffer.from(rawTrace(events)).toString()).toBe('foobarfo');
    expect(rawTrace([]).length).toBe(0);
  });
});

describe('buildRunner', () => {
  const base = temporaryDirectory();
  const sources = join(base, 'runner');
  mkdirSync(sources);
  const cache = openCache(join(base, 'cache'));

  it('builds once for the same sources and compiler, and anew for others', async () => {
    // A compiler in the cache, as it is after fetching; make(1) is a script that does what our Makefile is asked to.
    const root = join(toolsDirectory(cache, 'compiler'), 'root', 'usr/bin');
    mkdirSync(root, { recursive: true });
    writeFileSync(
      join(toolsDirectory(cache, 'compiler'), 'packages.json'),
      '[{"name":"gcc","version":"1","bytes":1}]',
    );
    writeFileSync(join(root, 'gcc'), '', { mode: 0o755 });
    const make = `#!/bin/sh\nfor arg; do case $arg in OUT=*) out=\${arg#OUT=};; esac; done\necho "$*" >> ${base}/log\ncat ${sources}/*.c > "$out"\n`;
    writeFileSync(join(root, 'make'), make, { mode: 0o755 });
    writeFileSync(join(sources, 'main.c'), 'one');
    writeFileSync(join(sources, 'notes.txt'), 'one');
    const said: string[] = [];
    const options = { announce: (text: string) => said.push(text) };
    const first = await buildRunner(cache, sources, options);
    writeFileSync(join(sources, 'notes.txt'), 'two'); // no source
    expect(await buildRunner(cache, sources, options)).toEqual(first);
    expect([readFileSync(first.file, 'utf8'), said]).toEqual(['one', ['building the runner']]);
    writeFileSync(join(sources, 'main.c'), 'two');
    const second = await buildRunner(cache, sources, options);
    expect(second.digest).not.toBe(first.digest);
    expect([readFileSync(second.file, 'utf8'), existsSync(first.file)]).toEqual(['two', true]);
    writeFileSync(
      join(toolsDirectory(cache, 'compiler'), 'packages.json'),
      '[{"name":"gcc","version":"2","bytes":1}]',
    );
    expect((await buildRunner(cache, sources, options)).digest).not.toBe(second.digest);
    expect(readFileSync(join(base, 'log'), 'utf8').split('\n')[0]).toMatch(
      /^-C .*runner -s OUT=.*staging.* SYSROOT=.*root CC=.*gcc$/,
    );
  });

  it('that fails leaves nothing, and tells why', async () => {
    const make = '#!/bin/sh\necho main.c:1: oops >&2\nexit 2\n';
    writeFileSync(join(toolsDirectory(cache, 'compiler'), 'root', 'usr/bin', 'make'), make, { mode: 0o755 });
    writeFileSync(join(sources, 'main.c'), 'three');
    const fault = await faultOf(() => buildRunner(cache, sources));
    expect(fault).toMatchObject({ code: 'unavailable', message: expect.stringContaining('main.c:1: oops') });
  });
});
