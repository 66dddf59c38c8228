// observe: run or find a workload, and say what it is, what it waits for and what to try.

import type { z } from 'zod';
import { shortened } from '../lib/printable.ts';
import { pagesOf } from '../profiles/pages.ts';
import { perfettoOf } from '../traces/perfetto.ts';
import { observeInput, observeOutput } from './observe-schemas.ts';
import { observeTarget, policyWords, type Seen } from './observing.ts';
import { checkPlace } from './places.ts';
import { type Call, type Reply, service } from './service.ts';
import { visible } from './text.ts';
import type { World } from './world.ts';

type Input = z.infer<typeof observeInput>;
type Output = z.infer<typeof observeOutput>;

export const observe = (world: World) =>
  service<Input, Output>({
    name: 'observe',
    effect: 'start',
    summary: 'Say what a workload is: its class, what it waits for, what it seems to want, and what to try.',
    description:
      'Starts a command and observes it to its end, or looks at what runs already (pid, cgroup, all) for some seconds, without changing how it is scheduled. ' +
      'Answers a profile: class with confidence, goal, where the time goes, run, wait and delay lengths, who wakes whom, fingerprint. With `record` the trace is written to a file that ' +
      'simulate and tune take as a workload: "what would have happened under another policy". Costs as long as the command runs.',
    input: observeInput,
    output: observeOutput,
    cli: {
      positional: [],
      rest: 'command',
      examples: [
        'schedcp observe -- make -j4',
        'schedcp observe --record build.trace -- make -j4',
        'schedcp observe --pid 4711 --seconds 10 --tier detailed',
        'schedcp observe --machine micro-vm --with gcc --with . -- make -j2',
      ],
    },
    run: (input, call) => runObserve(world, input, call),
  });

async function runObserve(world: World, input: Input, call: Call): Promise<Reply<Output>> {
  for (const file of [input.record, input.perfetto]) if (file !== undefined) checkPlace(world, file);
  const seen = await observeTarget(world, input, call);
  const { profile, digest, counters, trace, output } = seen;
  if (input.record !== undefined && trace !== undefined) await world.writeFile(input.record, trace.bytes);
  if (input.perfetto !== undefined && trace !== undefined)
    await world.writeFile(input.perfetto, perfettoOf(trace.trace));
  const pages = pagesOf({ profile, counters, policies: await policyWords(world) });
  const text = pages.page({ tier: input.tier, tokens: Number.MAX_SAFE_INTEGER }).text;
  return {
    output: {
      profile,
      record: digest,
      trace: trace === undefined ? null : traceOf(seen, input.record),
      ended: output?.exit ?? null,
      stdout: output?.stdout ?? '',
      stderr: output?.stderr ?? '',
      tokens: pages.tokens,
      next: nextOf(seen, input.record),
    },
    exit: 0,
    text: `${endText(output)}${text}\n${tailText(seen, input.record)}${perfettoLine(seen, input.perfetto)}`,
  };
}

function traceOf({ trace }: Seen, file: string | undefined): Output['trace'] {
  const { count, lost } = trace!.trace;
  return { digest: trace!.digest, events: count, lost, file: file ?? null };
}

function nextOf({ digest, trace }: Seen, file: string | undefined): string[] {
  return [
    `schedcp profile-workload ${digest.slice(0, 12)} --tier detailed`,
    ...(trace === undefined ? [] : [`schedcp tune --workload ${file ?? digest.slice(0, 12)}`]),
  ];
}

/** Of a line that the command wrote; characters. */
const mostShown = 200;

/** A command that failed was perhaps not the workload that was meant. */
function endText(output: Seen['output']): string {
  if (output === undefined || output.exit === 'exit code 0') return '';
  const lines = output.stderr.trim().split(/\r?\n/).slice(-5);
  const said = lines.map((line) => shortened(visible(line), mostShown)).join('\n');
  return `The command ended with ${output.exit}${said === '' ? '' : `:\n${said}`}\n\n`;
}

function perfettoLine({ trace }: Seen, file: string | undefined): string {
  return trace === undefined || file === undefined ? '' : `${file}: for ui.perfetto.dev\n`;
}

function tailText({ digest, trace, profile }: Seen, file: string | undefined): string {
  const lines = [`record ${digest.slice(0, 12)}   schedcp show ${digest.slice(0, 12)}`];
  if (trace !== undefined) {
    const { count, lost } = trace.trace;
    const loss = lost === 0 ? '' : `, ${lost} lost`;
    const where = file === undefined ? `trace ${trace.digest.slice(0, 12)}` : `trace ${file}`;
    lines.push(`${where}: ${count} events${loss}, ${(trace.bytes.length / 1e6).toFixed(2)} MB`);
    lines.push(
      `what would another scheduler have done? schedcp tune --workload ${file ?? digest.slice(0, 12)}`,
    );
  } else if (profile.by === 'procfs') lines.push('without probes: root, or --machine micro-vm, tells more');
  return `${lines.join('\n')}\n`;
}
