// Where a deployment happens, as services see it, and the words in which its parts are named.

import type { z } from 'zod';
import type { AttachScope } from '../../core/attachment.ts';
import { Fault } from '../../core/errors.ts';
import type { KpiSpec } from '../../core/kpi.ts';
import { partProblem } from '../../deployment/scope.ts';
import type { Site } from '../../stages/deploy.ts';
import { deployKpiSchema } from '../deploy-schemas.ts';

export interface SiteWish {
  readonly on: 'host' | 'guest';
  readonly kernel: string | undefined;
  readonly cpus: number | undefined;
  /** What runs on in a guest. */
  readonly command: {
    readonly argv: readonly string[];
    readonly with: readonly string[];
    readonly env: Readonly<Record<string, string>>;
    readonly cwd: string;
  };
}

export interface DeploymentSite extends Omit<Site, 'hear'> {
  /** uname -r. */
  readonly release: string;
  /** What runs in the guest; undefined on a host. */
  readonly work: AttachScope | undefined;
  /** A file with what it prints. */
  readonly output: string | undefined;
  /** Why nothing can be attached here, whatever the policy. */
  problem(): Fault | undefined;
  /** Whose turn it is to deploy here: one at a time. `heldBy`: the process that does. */
  claim(): { release(): void } | { readonly heldBy: string };
  close(): Promise<void>;
}

/** As deployInput spells it. Throws Fault('malformed') for what is no part of a machine. */
export function attachScopeOf(text: string, work: AttachScope | undefined): AttachScope {
  const scope = spelt(text, work);
  const problem = partProblem(scope);
  if (problem !== undefined) throw new Fault('malformed', problem.message, { next: problem.next });
  return scope;
}

function spelt(text: string, work: AttachScope | undefined): AttachScope {
  if (text === 'whole') return { part: 'whole' };
  if (text.startsWith('cgroup:')) return { part: 'cgroups', paths: [text.slice('cgroup:'.length)] };
  if (text.startsWith('pid:'))
    return { part: 'processes', pids: text.slice('pid:'.length).split(',').map(Number) };
  if (work !== undefined) return work;
  throw new Fault('malformed', 'work is what runs in a guest', {
    next: 'on a host name a cgroup or processes: --scope cgroup:/system.slice/my.service',
  });
}

/** From JSON text or an object; `output` is the file behind a KPI of what the command prints. */
export function kpiOf(given: string | z.infer<typeof deployKpiSchema>, output: string | undefined): KpiSpec {
  const kpi = typeof given === 'string' ? parsed(given) : given;
  const { source } = kpi;
  if (source.from !== 'output') return { ...kpi, source };
  if (output === undefined)
    throw new Fault('malformed', `${kpi.name}: only a command in a guest has an output to read`, {
      next: 'use "source":{"from":"log","file":…,"line":…}',
    });
  return { ...kpi, source: { from: 'log', file: output, line: source.line } };
}

const example =
  '{"name":"rate","direction":"higher","source":{"from":"log","file":"/var/log/app.log","line":"served {number} req/s"}}';

function parsed(text: string): z.infer<typeof deployKpiSchema> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new Fault('malformed', `a KPI is JSON, and ${JSON.stringify(text.slice(0, 60))} is none`, {
      next: `write it like ${example}`,
    });
  }
  const read = deployKpiSchema.safeParse(json);
  if (read.success) return read.data;
  const { path, message } = read.error.issues[0]!;
  throw new Fault('malformed', `a KPI is wrong at ${path.join('.') || 'its top'}: ${message}`, {
    next: `write it like ${example}`,
  });
}
