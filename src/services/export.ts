// export: what keeps an accepted verdict's policy in charge after a reboot, without us: the runner, the policy, a systemd unit, and a page for whoever installs it.
// It writes files and installs nothing (docs/protocol.md, "Keeping").

import type { z } from 'zod';
import { digestOf } from '../core/canonical.ts';
import { type ExportedFile, exportedFiles } from '../deployment/manifest.ts';
import type { Refusal } from '../deployment/refusal.ts';
import { type Granted, grantBehind, quarantine } from './deploy/permission.ts';
import { agentExportInput, exportInput, exportOutput } from './export-schemas.ts';
import { type Call, type Reply, service } from './service.ts';
import { visible } from './text.ts';
import type { World } from './world.ts';

type Input = z.infer<typeof exportInput>;
type Output = z.infer<typeof exportOutput>;

const shared = {
  name: 'export',
  effect: 'run',
  summary:
    'Write what keeps an accepted verdict’s policy at boot, without SchedCP: runner, policy, unit, README.',
  description:
    'Takes an accepted verdict of real kernels whose winner is a policy, and writes a directory that a person installs in three lines (its README.md). The service in it loads the policy only on the ' +
    'kernels that were measured, only while every byte is as exported, and never over another scheduler; it is taken out when the kernel ejects it three times, and is not loaded again ' +
    'when the machine went down with it, until a person says so. Nothing of this machine changes. Settings of the default scheduler are no policy and are not exported. Where nothing is written, ' +
    'the findings say why.',
  output: exportOutput,
} as const;

export const exportPolicy = (world: World) =>
  service<Input, Output>({
    ...shared,
    input: exportInput,
    cli: {
      positional: ['verdict', 'directory'],
      notes: 'Exit 1: nothing was written.',
      examples: ['schedcp export 4f2a91 ./keep', 'schedcp export 4f2a91 ./keep --covers series --json'],
    },
    forAgents: service<z.infer<typeof agentExportInput>, Output>({
      ...shared,
      input: agentExportInput,
      cli: { positional: [], examples: [] },
      run: (input, call) => runExport(world, input, call),
    }),
    run: (input, call) => runExport(world, input, call),
  });

async function runExport(world: World, input: Input, call: Call): Promise<Reply<Output>> {
  const grant = await grantBehind(world, input.verdict);
  if ('refused' in grant) return refused(null, [grant.refused]);
  const findings = [...grant.findings, ...(await quarantine(world, grant, 'host'))];
  if (findings.length > 0) return refused(grant, findings);
  const { policy, verdict, releases } = grant;
  const parts = await world.keepParts(policy, call);
  const told = { covers: input.covers, nowMs: world.keeping.latestMs() };
  const { files, manifest } = exportedFiles(grant, parts, told);
  const directory = await world.fillDirectory(input.directory, files);
  const { agent } = input;
  await world.keeping.audit.append({
    who: agent === undefined ? { kind: 'person', name: world.person() } : { kind: 'agent', name: agent },
    what: 'policy-exported',
    why: 'to be kept at boot',
    from: [verdict],
    about: { policy: policy.name, identity: manifest.policy.identity, covers: input.covers, directory },
  });
  const output: Output = {
    ...{ exported: true, policy: policy.name, directory, verdict, findings: [] },
    files: files.map(row),
    kernels: releases.map((release) => (input.covers === 'series' ? `${release} and its series` : release)),
  };
  return { output, exit: 0, text: text(output) };
}

const row = ({ name, bytes }: ExportedFile): Output['files'][number] => ({
  name,
  bytes: bytes.length,
  digest: digestOf(bytes),
});

function refused(grant: Granted | null, findings: readonly Refusal[]): Reply<Output> {
  const lines = findings.map(({ message, next }) => `nothing was written: ${message}\n  → ${next}\n`);
  const output: Output = {
    ...{ exported: false, directory: null, files: [], kernels: [] },
    ...{ policy: grant?.policy.name ?? null, verdict: grant?.verdict ?? null, findings: [...findings] },
  };
  return { output, exit: 1, text: lines.join('') };
}

function text({ policy, directory, kernels, files }: Output): string {
  return [
    `${visible(policy ?? '')} is in ${visible(directory ?? '')}, for the kernel ${kernels.join(', ')}:`,
    ...files.map(({ name, bytes }) => `  ${name.padEnd(22)} ${bytes} bytes`),
    '→ README.md there says how to install, look at and remove it: three lines each',
    '',
  ].join('\n');
}
