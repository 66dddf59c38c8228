// analyse, scripts: small scripts of the reader over the atomic observations, run apart from everything (room sandbox), and kept under names. All that a
// script says is its author's text: data.

import { z } from 'zod';
import { digestOf } from '../core/canonical.ts';
import { Fault } from '../core/errors.ts';
import { type Limits, usualLimits } from '../sandbox/limits.ts';
import type { Answer, Ran } from '../sandbox/script.ts';
import { analyseInput, analyseOutput, scriptsInput, scriptsOutput } from './analyse-schemas.ts';
import { type Call, type Reply, type Service, service } from './service.ts';
import { table, visible } from './text.ts';
import type { World } from './world.ts';

type Input = z.infer<typeof analyseInput>;
type Output = z.infer<typeof analyseOutput>;

/** `observations`: what a script may ask; they only look. */
export const analyse = (world: World, observations: readonly Service[]) =>
  service<Input, Output>({
    name: 'analyse',
    effect: 'run',
    summary: 'Run a small script of yours over the atomic observations of this machine.',
    description: describe(observations),
    input: analyseInput,
    output: analyseOutput,
    cli: {
      positional: ['name'],
      examples: [
        `schedcp analyse --script 'return (await observe("processes", { sort: "delay" })).rows'`,
        'schedcp analyse busiest --input \'{"limit": 3}\'',
        'schedcp analyse',
      ],
    },
    run: (input, call) => run(world, observations, input, call),
  });

function describe(observations: readonly Service[]): string {
  const { computeMs, totalMs, memoryBytes, calls, resultBytes } = usualLimits;
  return `Many observations for the price of one answer: the script asks, computes, and returns only what matters. It is the body of an async \
function (JavaScript): \`input\` is your JSON, \`await observe(name, input)\` gives the structured output of an observation (${observations
    .map(({ name }) => name)
    .join(', ')}; the same inputs as the tools of those names, \`limit\` for more rows), \
console.log lines come back, and \`return\` gives the result as JSON. Example, how often the busiest are preempted:
const { rows } = await observe('processes', { sort: 'cpu', limit: input.limit ?? 5 });
const look = ({ pid }) => observe('process', { pid }).catch(() => null); // it may be gone
const seen = (await Promise.all(rows.map(look))).filter((one) => one !== null);
const share = (one) => one.involuntary / (one.voluntary + one.involuntary || 1);
console.log(seen.length, 'processes');
return seen.map((one) => ({ pid: one.pid, comm: one.comm, preempted: share(one) }));
There are no files, network, clock, timers and chance. Limits: ${computeMs / 1000} s of computing, ${totalMs / 1000} s with observations, ${
    memoryBytes >> 20
  } MiB, ${calls} observations, a result of ${resultBytes / 1024} KiB; return little, an answer over MCP is cut at 2,000 tokens. An error comes as a finding with line, column and \
what to do. \`save\` keeps a script that gave a result, \`name\` runs it again; without either the kept ones are listed.`;
}

async function run(
  world: World,
  observations: readonly Service[],
  input: Input,
  call: Call,
): Promise<Reply<Output>> {
  if (input.script === undefined && input.name === undefined) return listing(world);
  const { source, digest } =
    input.script === undefined
      ? await world.scripts.get(input.name!)
      : { source: input.script, digest: digestOf(input.script) };
  const json = JSON.stringify(input.input ?? {});
  const { inputBytes } = usualLimits;
  if (Buffer.byteLength(json) > inputBytes)
    throw new Fault('unsupported', `the input of a script is at most ${inputBytes} bytes of JSON`, {
      next: 'give it less, and let the script observe the rest',
    });
  const ran = await world.runScript({
    script: { source, input: json },
    limits: usualLimits,
    observe: (name, asked, signal) => observed(observations, name, asked, { ...call, signal }),
    signal: call.signal,
  });
  const isDone = 'json' in ran.end;
  if (isDone && input.save !== undefined) await world.scripts.save(input.save, source);
  const script = { digest, saved: isDone ? (input.save ?? null) : null };
  const output = { ...outputOf(ran, source), script };
  return { output, exit: isDone ? 0 : 1, text: textOf(output) };
}

function outputOf(ran: Ran, source: string): Omit<Output, 'script'> {
  const { end, logs, calls } = ran;
  const rest = { logs: [...logs], calls: [...calls], limits: { ...(usualLimits satisfies Limits) } };
  if ('json' in end) return { result: JSON.parse(end.json), finding: null, ...rest };
  const { problem } = end;
  const line = problem.line === undefined ? undefined : source.split('\n')[problem.line - 1];
  const finding = { ...problem, ...(line === undefined ? {} : { source: line.trim().slice(0, 160) }) };
  return { result: null, finding, ...rest };
}

/** What the script is told; a failure of an observation is an answer. */
async function observed(
  observations: readonly Service[],
  name: string,
  json: string,
  call: Call,
): Promise<Answer> {
  const no = (kind: string, message: string): Answer => ({
    ok: false,
    json: JSON.stringify({ name: kind, message: message.slice(0, 2_000) }),
  });
  // over MCP their names are spelled with _
  const one = observations.find((observation) => observation.name === name.replaceAll('_', '-'));
  if (one === undefined)
    return no('not-found', `no observation ${name}; there are ${observations.map((o) => o.name).join(', ')}`);
  const { input } = one;
  const parsed = (input instanceof z.ZodObject ? input.strict() : input).safeParse(JSON.parse(json));
  if (!parsed.success) return no('usage', `${name}: ${z.prettifyError(parsed.error)}`);
  try {
    call.progress({ text: `looking: ${one.name}` });
    const { output } = await one.run(parsed.data, call);
    return { ok: true, json: JSON.stringify(one.output.parse(output)) };
  } catch (thrown) {
    if (thrown instanceof Fault)
      return no(
        thrown.code,
        thrown.next === undefined ? thrown.message : `${thrown.message} (${thrown.next})`,
      );
    return no(call.signal.aborted ? 'interrupted' : 'bug', `${name}: ${(thrown as Error).message}`);
  }
}

function textOf({ result, finding, logs, calls, script }: Output): string {
  const parts: string[] = [];
  if (finding === null) parts.push(`${pretty(result).split('\n').map(visible).join('\n')}\n`);
  else {
    const { line, column, source } = finding;
    const place =
      line === undefined ? '' : ` in line ${line}${column === undefined ? '' : `, column ${column}`}`;
    parts.push(
      `${finding.code}${place}: ${visible(finding.message)}\n` +
        (source === undefined ? '' : `  ${visible(source)}\n`) +
        `→ ${finding.next}\n`,
    );
  }
  if (logs.length > 0) parts.push(`log\n${logs.map((line) => `  ${visible(line)}\n`).join('')}`);
  if (calls.length > 0) {
    const rows = calls.map((call) => [visible(call.name), String(call.ms), String(call.bytes)]);
    parts.push(table(['observed', 'ms', 'bytes'], rows));
  }
  if (script?.saved != null) parts.push(`kept: schedcp analyse ${script.saved}\n`);
  return parts.join('\n');
}

/** On several lines while that is short; a line end is never one of the script's. */
function pretty(value: unknown): string {
  const text = JSON.stringify(value, null, 2);
  return text.length <= 2_000 ? text : JSON.stringify(value);
}

async function listing(world: World): Promise<Reply<Output>> {
  const scripts = await world.scripts.list();
  const nothing = {
    result: null,
    finding: null,
    logs: [],
    calls: [],
    limits: { ...usualLimits },
    script: null,
  };
  return { output: { ...nothing, scripts }, exit: 0, text: keptText(scripts) };
}

function keptText(scripts: NonNullable<Output['scripts']>): string {
  if (scripts.length === 0)
    return 'No scripts are kept. Keep one with: schedcp analyse --script TEXT --save NAME\n';
  const rows = scripts.map((one) => [
    one.name,
    String(one.bytes),
    one.digest.slice(0, 12),
    visible(one.about),
  ]);
  return table(['script', 'bytes', 'digest', 'about'], rows);
}

export const scripts = (world: World) =>
  service<z.infer<typeof scriptsInput>, z.infer<typeof scriptsOutput>>({
    name: 'scripts',
    effect: 'remove',
    summary: 'List the scripts that are kept, or forget one.',
    description:
      'The text of a forgotten script stays in the store, under its digest, as long as the records do.',
    input: scriptsInput,
    output: scriptsOutput,
    cli: { positional: [], examples: ['schedcp scripts', 'schedcp scripts --remove busiest'] },
    async run({ remove }) {
      if (remove !== undefined) await world.scripts.remove(remove);
      const scripts = await world.scripts.list();
      const text = `${remove === undefined ? '' : `forgotten: ${remove}\n`}${keptText(scripts)}`;
      return { output: { scripts, removed: remove ?? null }, exit: 0, text };
    },
  });
