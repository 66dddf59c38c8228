// A service as a commander command: flags and positional arguments from its input schema, help from its descriptions.

import { Argument, Command, CommanderError, Option } from 'commander';
import { z } from 'zod';
import { assert } from '../../lib/assert.ts';
import { errorOutput } from '../../services/schemas.ts';
import type { Service } from '../../services/service.ts';
import { type Field, fieldsOf } from '../common/fields.ts';
import { UsageError } from '../common/problem.ts';
import { parseTyped } from './values.ts';

export interface Chosen {
  readonly name: string;
  /** Fields of the input that were given, by name, of the right types but not yet checked. */
  readonly raw: Record<string, unknown>;
  readonly json: boolean;
  readonly quiet: boolean;
}

/** Builds the command; `choose` is called when it was asked for in a form that parses. */
export function commandOf(service: Service, choose: (chosen: Chosen) => void): Command {
  const fields = fieldsOf(service.input);
  const positional = service.cli.positional.map((name) => named(fields, name));
  const { rest } = service.cli;
  const flags = fields.filter((field) => !positional.includes(field) && field.name !== rest);

  const command = new Command(service.name).summary(service.summary);
  const { notes } = service.cli;
  command.description(
    `${service.summary}\n\n${service.description}${notes === undefined ? '' : ` ${notes}`}`,
  );
  command.usage(
    [...positional.map(argumentSpelling), '[flags]', ...(rest ? [restSpelling(rest)] : [])].join(' '),
  );
  for (const field of positional) command.addArgument(argumentOf(field));
  if (rest !== undefined) {
    command.addHelpText('after', `\n${restSpelling(rest)}  ${named(fields, rest).description}`);
  }
  const options = flags.map((field) => ({ field, options: optionsOf(field, () => command.options) }));
  for (const option of options.flatMap((entry) => entry.options)) command.addOption(option);
  addCommonFlags(command, service);

  command.action((...parsed: unknown[]) => {
    const raw: Record<string, unknown> = {};
    positional.forEach((field, index) => {
      if (parsed[index] !== undefined) raw[field.name] = parsed[index];
    });
    for (const { field, options: own } of options) {
      const value: unknown = command.getOptionValue(own[0]!.attributeName());
      if (value !== undefined) raw[field.name] = value;
    }
    const { json, quiet } = command.opts();
    choose({ name: service.name, raw, json: json === true, quiet: quiet === true });
  });
  return command;
}

/** How the CLI spells a field, for messages. */
export function spelling(service: Service): (field: string) => string {
  return (name) => {
    if (service.cli.positional.includes(name)) return name.toUpperCase();
    return name === service.cli.rest ? `-- ${name.toUpperCase()}` : `--${kebab(name)}`;
  };
}

function addCommonFlags(command: Command, service: Service): void {
  for (const option of command.options) {
    assert(
      !['--json', '--quiet', '--schema', '--help'].includes(option.long ?? ''),
      `${service.name}: a field is named like a flag of every command: ${option.long}`,
    );
  }
  command.option('--json', 'print one JSON object and nothing else (its schema: --schema)');
  command.option('-q, --quiet', 'no progress');
  command.option('--schema', 'print the JSON schemas of input, output and error');
  command.helpOption('-h, --help', 'print this');
  command.on('option:schema', () => {
    command.configureOutput().writeOut?.(`${schemasText(service)}\n`);
    throw new CommanderError(0, 'schedcp.schema', '');
  });
  addExamples(command, service.cli.examples);
}

export function addExamples(command: Command, examples: readonly string[]): void {
  if (examples.length === 0) return;
  command.addHelpText('after', `\nExamples:\n${examples.map((example) => `  $ ${example}`).join('\n')}`);
}

function schemasText(service: Service): string {
  const input = z.toJSONSchema(service.input, { io: 'input' });
  const output = z.toJSONSchema(service.output);
  return JSON.stringify({ input, output, error: z.toJSONSchema(errorOutput) }, null, 2);
}

function named(fields: readonly Field[], name: string): Field {
  const field = fields.find((candidate) => candidate.name === name);
  assert(field !== undefined, `cli names a field that the input does not have: ${name}`);
  return field;
}

const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

const restSpelling = (rest: string): string => `[-- ${rest.toUpperCase()}...]`;

function argumentSpelling(field: Field): string {
  const name = `${field.name.toUpperCase()}${field.shape === 'many' ? '...' : ''}`;
  return field.required ? name : `[${name}]`;
}

function argumentOf(field: Field): Argument {
  const name = `${field.name.toUpperCase()}${field.shape === 'many' ? '...' : ''}`;
  // Never required for commander: the schema's own refusal says what is missing.
  const argument = new Argument(`[${name}]`, field.description);
  return argument.argParser((typed, previous) =>
    parseTyped(field, field.name.toUpperCase(), typed, previous),
  );
}

function optionsOf(field: Field, all: () => readonly Option[]): readonly Option[] {
  const flag = kebab(field.name);
  if (field.shape === 'one' && field.kinds.length === 1 && field.kinds[0] === 'boolean') {
    const yes = new Option(`--${flag}`, describe(field));
    const no = new Option(
      `--no-${flag}`,
      field.default === true ? `do not: ${field.description}` : describe(field),
    );
    if (field.default === true) return [no];
    return field.default === false ? [yes] : [yes, no];
  }
  const option = new Option(`--${flag} <${placeholder(field)}>`, describe(field));
  option.argParser((typed: string, previous: unknown) => {
    if (all().some((other) => other.long === typed)) {
      throw new UsageError(`--${flag} needs a value, and ${typed} is a flag`);
    }
    return parseTyped(field, `--${flag}`, typed, previous);
  });
  return [option];
}

function placeholder(field: Field): string {
  const kinds = field.kinds.join('|');
  const choices = field.choices.join('|');
  const value = choices !== '' && choices.length <= 40 ? choices : kinds === 'integer' ? 'number' : kinds;
  return field.shape === 'map' ? `name=${value}` : value;
}

function describe(field: Field): string {
  const notes = [
    field.required ? 'required' : '',
    field.choices.join('|').length > 40 ? `one of ${field.choices.join(', ')}` : '',
    field.range,
    field.shape === 'one' ? '' : 'repeatable',
    defaultText(field.default),
  ].filter((note) => note !== '');
  return `${field.description}${notes.length > 0 ? ` (${notes.join('; ')})` : ''}`.trim();
}

function defaultText(value: unknown): string {
  if (value === undefined || typeof value === 'boolean') return '';
  if (typeof value === 'object' && value !== null && Object.keys(value).length === 0) return '';
  return `default: ${typeof value === 'string' ? value : JSON.stringify(value)}`;
}
