// The command line over fake services: what goes to which stream, what every kind of flag means, how it exits.

import { PassThrough, Writable } from 'node:stream';
import { beforeEach, describe, expect, it } from 'vitest';
import { Fault } from '../../src/core/errors.ts';
import { runCli } from '../../src/interfaces/cli.ts';
import { errorOutput } from '../../src/services/schemas.ts';
import { cleanedUp, services } from './services.ts';

interface Run {
  readonly exit: number;
  readonly out: string;
  readonly err: string;
}

interface Circumstances {
  readonly isTTY?: boolean;
  readonly signal?: AbortSignal;
  readonly now?: () => number;
  readonly brokenBy?: string;
}

class Memory extends Writable {
  text = '';
  private readonly brokenBy: string | undefined;

  constructor(brokenBy?: string) {
    super();
    this.brokenBy = brokenBy;
    this.on('error', () => {});
  }

  override _write(chunk: Buffer, _: string, done: (error?: Error) => void): void {
    const { brokenBy } = this;
    if (brokenBy === undefined) this.text += chunk.toString();
    done(brokenBy === undefined ? undefined : Object.assign(new Error(brokenBy), { code: brokenBy }));
  }
}

async function schedcp(argv: readonly string[], circumstances: Circumstances = {}): Promise<Run> {
  const { isTTY = false, signal = new AbortController().signal, now, brokenBy } = circumstances;
  const [stdout, stderr] = [new Memory(brokenBy), new Memory()];
  const io = { stdin: new PassThrough(), stdout, stderr, isTTY, columns: 100, signal };
  const served = {
    name: 'mcp',
    summary: 'Serve the same over MCP.',
    examples: ['schedcp mcp'],
    run: async () => 0,
  };
  const exit = await runCli(services, argv, io, {
    version: '1.2.3',
    about: 'SchedCP, over services that do nothing.',
    extra: [served],
    groups: [['First of all', ['echo', 'slow']]],
    ...(now ? { now } : {}),
  });
  return { exit, out: stdout.text, err: stderr.text };
}

const json = (run: Run) => {
  expect(run.out).toMatch(/^\{.*\}\n$/);
  return JSON.parse(run.out);
};

const given = async (...argv: string[]) => json(await schedcp(['echo', '--json', ...argv])).given;

describe('help', () => {
  it.each([
    ['overview', ['--help']],
    ['echo', ['echo', '--help']],
    ['required', ['help', 'required']],
    ['mcp', ['mcp', '-h']],
  ])('%s', async (name, argv) => {
    const run = await schedcp(argv);
    expect(run).toMatchObject({ exit: 0, err: '' });
    await expect(run.out).toMatchFileSnapshot(`golden/help-${name}.txt`);
  });

  it('is on stderr, with 2, when nothing was asked for', async () => {
    const run = await schedcp([]);
    expect(run).toMatchObject({ exit: 2, out: '' });
    expect(run.err).toContain('schedcp echo --size 5');
  });

  it('gives the version', async () => {
    expect(await schedcp(['--version'])).toEqual({ exit: 0, out: '1.2.3\n', err: '' });
  });

  it('gives the schemas, also where a required argument is missing', async () => {
    const run = await schedcp(['required', '--schema']);
    expect(run.exit).toBe(0);
    const { input, output, error } = JSON.parse(run.out);
    expect(input.required).toEqual(['file', 'level']);
    expect(output.properties).toHaveProperty('file');
    expect(error.properties).toHaveProperty('error');
  });
});

describe('flags', () => {
  it('leave the defaults to the schema', async () => {
    const defaults = { size: 3, mode: 'fast', with: [], env: {}, harm: true, probe: false, exit: 0 };
    expect(await given()).toEqual(defaults);
  });

  it.each([
    [['--size', '50'], { size: 50 }],
    [['--margin', '0.25'], { margin: 0.25 }],
    [['--mode', 'slow'], { mode: 'slow' }],
    [['--with', 'a', '--with=b'], { with: ['a', 'b'] }],
    [['--weights', '-1', '--weights', '2.5'], { weights: [-1, 2.5] }],
    [['--env', 'A=b=c', '--env', 'B='], { env: { A: 'b=c', B: '' } }],
    [['--limits', 'x=3'], { limits: { x: 3 } }],
    [['--settings', 'slice-long', '--settings', '{"nice":3}'], { settings: ['slice-long', { nice: 3 }] }],
    [['--either', '5'], { either: 5 }],
    [['--either', 'five'], { either: 'five' }],
    [['--maybe', '5'], { maybe: 5 }],
    [['--no-harm'], { harm: false }],
    [['--probe'], { probe: true }],
    [['--tri'], { tri: true }],
    [['--no-tri'], { tri: false }],
    [['--cpu-weight', '7'], { cpuWeight: 7 }],
    [['here'], { target: 'here' }],
    [['--', 'make', '--json', '--', '-j2'], { command: ['make', '--json', '--', '-j2'] }],
    [['here', '--size', '1', '--', 'x'], { target: 'here', size: 1, command: ['x'] }],
  ])('%j', async (argv, expected) => {
    expect(await given(...argv)).toMatchObject(expected);
  });

  it.each([
    [['echo', '--size', '51'], '--size must be a whole number from 1 to 50, not 51'],
    [['echo', '--size', 'many'], '--size must be a whole number from 1 to 50, not "many"'],
    [['echo', '--size', '2.5'], '--size must be a whole number from 1 to 50, not "2.5"'],
    [['echo', '--size', ''], '--size must be a whole number from 1 to 50, not ""'],
    [['echo', '--margin', '0.6'], '--margin must be a number from 0 to 0.5, not 0.6'],
    [['echo', '--cpu-weight', '0'], '--cpu-weight must be a whole number at least 1, not 0'],
    [['echo', '--mode', 'medium'], '--mode must be one of fast, slow, not "medium"'],
    [['echo', '--maybe', '0'], '--maybe must be a whole number at least 1, not 0'],
    [['echo', '--weights', 'x'], '--weights must be a number, not "x"'],
    [['echo', '--env', 'A'], '--env takes NAME=VALUE, not "A"'],
    [['echo', '--limits', 'a=b'], '--limits a= must be a number, not "b"'],
    [['echo', '--settings', '{"nice":"x"}'], '--settings (0.nice): expected number, got "x"'],
    [['echo', '--settings', '{}'], '--settings (0.nice) is missing: expected number'],
    [['echo', '--mode', '--probe'], '--mode needs a value, and --probe is a flag'],
    [['echo', '--mode'], "option '--mode <fast|slow>' argument missing"],
    [['echo', '--', ...[]], 'nothing follows --'],
    [['echo', '--sise', '1'], "unknown option '--sise'", 'Did you mean --size?'],
    [['echo', 'make', '-j2'], "unknown option '-j2'", 'goes after --'],
    [['echo', 'make', 'all'], 'too many arguments', 'goes after --'],
    [['ecko'], "unknown command 'ecko'", 'Did you mean echo?'],
    [['help', 'nope'], "unknown command 'nope'", 'schedcp --help'],
    [['required', '--level', '1'], 'FILE is required: a file', 'schedcp required --help'],
    [['required', 'a.o'], '--level is required: a level', 'schedcp required --help'],
    [['required', 'ab', '--level', '1'], 'FILE: Too small'],
    [['mcp', 'now'], 'too many arguments'],
  ])('refused with 2: %j', async (argv, message, next = 'schedcp') => {
    const run = await schedcp(argv);
    expect(run).toMatchObject({ exit: 2, out: '' });
    const [first, last] = [run.err.split('\n')[0], run.err.trimEnd().split('\n').at(-1)];
    expect(first).toContain(`error: ${message}`);
    expect(last).toMatch(/^→ /);
    expect(last).toContain(next);
  });

  it('refused as one JSON object with --json', async () => {
    const run = await schedcp(['echo', '--json', '--size', '51']);
    expect(run).toMatchObject({ exit: 2, err: '' });
    expect(errorOutput.strict().parse(json(run)).error).toMatchObject({
      code: 'usage',
      next: 'schedcp echo --help',
    });
  });

  it('of the measured command are not read as ours', async () => {
    const run = await schedcp(['echo', '--', 'x', '--json']);
    expect(run.out).toBe('given command size mode with env harm probe exit\n');
  });
});

describe('exit codes and streams', () => {
  it.each([0, 1, 3])('%i as the reply says', async (exit) => {
    expect(await schedcp(['echo', '--exit', `${exit}`])).toMatchObject({ exit, err: '' });
  });

  it('every answer keeps to its schema: what is not documented does not get out', async () => {
    expect(Object.keys(json(await schedcp(['echo', '--json'])))).toEqual(['given']);
  });

  it('3 for a fault, with where and next', async () => {
    const run = await schedcp(['fault']);
    expect(run).toEqual({
      exit: 3,
      out: '',
      err: 'error: no record starts with 12ab\n  records/\n→ schedcp show lists them\n',
    });
  });

  it('3 for a fault, as JSON on stdout', async () => {
    const run = await schedcp(['fault', '--json']);
    expect(run).toMatchObject({ exit: 3, err: '' });
    const expected = {
      code: 'not-found',
      message: 'no record starts with 12ab',
      where: 'records/',
      next: 'schedcp show lists them',
    };
    expect(errorOutput.strict().parse(json(run))).toEqual({ error: expected });
  });

  it('what a fault says is shown, not obeyed by a terminal', async () => {
    const run = await schedcp(['\x1b[2J\x9bx']);
    expect(run.exit).toBe(2);
    expect(run.err).toContain("'\\u001b[2J\\u009bx'");
    expect(run.err).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/);
  });

  it('3 for a bug, with an apology and the stack', async () => {
    const run = await schedcp(['fault', '--bug']);
    expect(run).toMatchObject({ exit: 3, out: '' });
    expect(run.err).toMatch(
      /^error: SchedCP made a mistake, sorry: x is not a function\n {2}TypeError[\s\S]*services\.ts:[0-9]+/,
    );
    expect(json(await schedcp(['unfit', '--json'])).error).toMatchObject({ code: 'bug' });
  });

  it('a reader who has left is no error, a full disk is', async () => {
    expect(await schedcp(['echo'], { brokenBy: 'EPIPE' })).toMatchObject({ exit: 0, err: '' });
    const full = await schedcp(['echo'], { brokenBy: 'ENOSPC' });
    expect(full.exit).toBe(3);
    expect(full.err).toContain('cannot write the answer: ENOSPC');
  });

  it('an extra command has the streams for itself', async () => {
    expect(await schedcp(['mcp'])).toEqual({ exit: 0, out: '', err: '' });
  });
});

describe('progress', () => {
  const clock = () => {
    let ms = 0;
    return () => (ms += 10);
  };
  const argv = ['slow', '--steps', '100', '--step-ms', '0'];

  it('is plain lines on stderr without a terminal, one every few percent', async () => {
    const run = await schedcp([...argv, '--json'], { now: clock() });
    expect(json(run)).toEqual({ steps: 100 });
    const lines = run.err.trimEnd().split('\n');
    expect(lines[0]).toBe('  0 %  step 1 of 100');
    expect(lines.at(-1)).toBe('100 %  done');
    expect(lines.length).toBeGreaterThan(10);
    expect(lines.length).toBeLessThan(25);
    expect(run.err).not.toMatch(/[\r\x1b]/);
  });

  it('breaks a long silence, of about half a minute', async () => {
    let ms = 0;
    const run = await schedcp(['slow', '--steps', '1000', '--step-ms', '0'], { now: () => (ms += 8_000) });
    const lines = run.err.trimEnd().split('\n').length;
    expect(lines).toBeGreaterThan(150);
    expect(lines).toBeLessThan(400);
  });

  it('is one rewritten line on a terminal, gone in the end', async () => {
    const run = await schedcp(['slow', '--steps', '3', '--step-ms', '0'], { isTTY: true });
    expect(run.out).toBe('3 steps\n');
    expect(run.err).not.toContain('\n');
    expect(run.err.split('\r\x1b[2K')).toEqual([
      '',
      '  0 %  step 1 of 3',
      ' 33 %  step 2 of 3',
      ' 66 %  step 3 of 3',
      '100 %  done',
      '',
    ]);
  });

  it.each([true, false])('is none with --quiet (terminal: %s)', async (isTTY) => {
    expect(await schedcp([...argv, '-q'], { isTTY })).toMatchObject({ exit: 0, err: '' });
  });
});

describe('an interruption', () => {
  beforeEach(() => {
    cleanedUp.length = 0;
  });

  it('waits for the clean-up and exits with 3', async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(new Fault('interrupted', 'interrupted by SIGINT')), 100);
    const run = await schedcp(['slow', '--json', '--quiet', '--steps', '1000'], {
      signal: controller.signal,
    });
    expect(cleanedUp).toEqual(['slow']);
    expect(run.exit).toBe(3);
    expect(json(run)).toEqual({ error: { code: 'interrupted', message: 'interrupted by SIGINT' } });
  });
});
