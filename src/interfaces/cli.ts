// The command line: a loop over the table of services. What it prints where, and how it exits, is decided here once for all of them:
// the answer on stdout, everything else on stderr; 0, 1 or 3 as the reply says, 2 for usage, 3 for a fault.

import { Command, CommanderError, Help } from 'commander';
import type { Service } from '../services/service.ts';
import { visible } from '../services/text.ts';
import { addExamples, type Chosen, commandOf, spelling } from './cli/command.ts';
import { type Entry, type Groups, overview } from './cli/help.ts';
import { statusOn } from './cli/status.ts';
import { answer, parseInput } from './common/call.ts';
import { type Problem, problemOf, UsageError } from './common/problem.ts';
import { type Io, write } from './terminal.ts';

export type { Groups };

/** A command that is no service, such as the server of another skin. It takes no flags and owns the streams. */
export interface ExtraCommand extends Entry {
  run(io: Io): Promise<number>;
}

export interface CliOptions {
  readonly version: string;
  /** First paragraph of the help. */
  readonly about: string;
  readonly extra?: readonly ExtraCommand[];
  readonly groups?: Groups;
  /** Milliseconds, monotonic. */
  readonly now?: () => number;
}

/** Runs one command and gives the exit code: 0 accepted or done, 1 rejected or inconclusive, 2 usage, 3 fault or invalid. */
export async function runCli(
  services: readonly Service[],
  argv: readonly string[],
  io: Io,
  options: CliOptions,
): Promise<number> {
  const service = services.find((one) => one.name === argv[0]);
  const { own, rest } = split(argv, service);
  const json = own.includes('--json');
  const page = service === undefined ? 'schedcp --help' : `schedcp ${service.name} --help`;
  try {
    if (rest?.length === 0) throw new UsageError('nothing follows --');
    const parsed = parse(services, own, io, options);
    await write(io.stdout, parsed.out);
    await write(io.stderr, parsed.err);
    if (parsed.exit !== undefined) return parsed.exit;
    const extra = options.extra?.find((one) => one.name === parsed.chosen?.name);
    if (extra !== undefined) return await extra.run(io);
    const raw = { ...parsed.chosen!.raw, ...(rest === undefined ? {} : { [service!.cli.rest!]: rest }) };
    return await run(service!, { ...parsed.chosen!, raw }, io, options.now ?? (() => performance.now()));
  } catch (thrown) {
    const problem = problemOf(thrown, io.signal);
    return await report(
      problem.code === 'usage' ? { ...problem, next: problem.next ?? page } : problem,
      json,
      io,
    );
  }
}

/** What follows `--` belongs to the command that is measured, if the service takes one: none of it is ours to read. */
function split(
  argv: readonly string[],
  service: Service | undefined,
): { own: readonly string[]; rest?: string[] } {
  const at = argv.indexOf('--');
  if (at < 0 || service?.cli.rest === undefined) return { own: argv };
  return { own: argv.slice(0, at), rest: argv.slice(at + 1) };
}

interface Parsed {
  readonly out: string;
  readonly err: string;
  readonly chosen?: Chosen;
  /** Set when there is nothing more to do: help, version or schema was printed. */
  readonly exit?: 0 | 2;
}

function parse(services: readonly Service[], argv: readonly string[], io: Io, options: CliOptions): Parsed {
  let out = '';
  let err = '';
  let chosen: Chosen | undefined;
  const choose = (choice: Chosen) => {
    chosen = choice;
  };
  const extra = options.extra ?? [];
  const page = overview(options.about, services, extra, options.groups ?? []);
  const program = new Command('schedcp').version(options.version, '-V, --version');
  const commands = [
    ...services.map((one) => commandOf(one, choose)),
    ...extra.map((one) => bare(one, choose)),
  ];
  for (const command of [program, ...commands]) {
    command.exitOverride();
    command.configureOutput({
      writeOut: (text) => {
        out += text;
      },
      writeErr: (text) => {
        err += text;
      },
      outputError: () => {},
      getOutHelpWidth: () => io.columns,
      getErrHelpWidth: () => io.columns,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    });
    if (command !== program) program.addCommand(command);
  }
  program.configureHelp({
    formatHelp: (command, help) =>
      command === program ? page : Help.prototype.formatHelp.call(help, command, help),
  });
  if (argv.length === 0) return { out, err: page, exit: 2 };
  try {
    program.parse(argv, { from: 'user' });
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    if (thrown.exitCode === 0) return { out, err, exit: 0 };
    throw usage(thrown, argv, services);
  }
  return chosen === undefined ? { out, err: page, exit: 2 } : { out, err, chosen };
}

function bare(extra: ExtraCommand, choose: (chosen: Chosen) => void): Command {
  const command = new Command(extra.name).description(extra.summary).usage('[--help]');
  command.helpOption('-h, --help', 'print this');
  addExamples(command, extra.examples);
  return command.action(() => choose({ name: extra.name, raw: {}, json: false, quiet: false }));
}

/** Commander's complaint in our form, with its suggestion. */
function usage(error: CommanderError, argv: readonly string[], services: readonly Service[]): UsageError {
  const [, text = '', suggestion] = /^(?:error: )?(.*?)(?:\n\((.*)\))?$/s.exec(error.message) ?? [];
  const service = services.find((one) => one.name === argv[0]);
  if (error.code === 'commander.help') return new UsageError(`unknown command '${argv[1]}'`);
  const stray = error.code === 'commander.excessArguments' || /^unknown option '-[^-]/.test(text);
  if (stray && service?.cli.rest !== undefined) {
    return new UsageError(text, {
      next: `a command to run goes after --: schedcp ${service.name} [flags] -- COMMAND`,
    });
  }
  return new UsageError(text, suggestion === undefined ? {} : { next: suggestion });
}

async function run(service: Service, chosen: Chosen, io: Io, now: () => number): Promise<number> {
  const input = parseInput(service, chosen.raw, spelling(service));
  const status = statusOn(io, chosen.quiet, now);
  try {
    const reply = await answer(service, input, { progress: status.show, signal: io.signal });
    status.clear();
    await write(
      io.stdout,
      `${chosen.json ? JSON.stringify(reply.output) : reply.text.replace(/\n+$/, '')}\n`,
    );
    return reply.exit;
  } finally {
    status.clear();
  }
}

async function report(problem: Problem, json: boolean, io: Io): Promise<2 | 3> {
  const { message, where, next } = problem;
  const text = [`error: ${message}`, ...(where === undefined ? [] : [where.replace(/^(?! )/gm, '  ')])].join(
    '\n',
  );
  const sink = json ? io.stdout : io.stderr;
  // What faults say may be names and texts from anywhere; lines and tabs are ours.
  const shown = `${text}${next === undefined ? '' : `\n→ ${next}`}`.replace(/[^\n\t]+/g, visible);
  const body = json ? JSON.stringify({ error: problem }) : shown;
  // Nothing is left to say when even this cannot be written.
  await write(sink, `${body}\n`).catch(() => {});
  return problem.code === 'usage' ? 2 : 3;
}
