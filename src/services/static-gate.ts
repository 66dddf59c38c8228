// The first gate of verify: what can be said of a policy before a guest is started, in findings and in words. Source that does not compile ends here, too.

import type { z } from 'zod';
import type { BpfObject } from '../bpf/object.ts';
import { Fault } from '../core/errors.ts';
import { type CallbackFacts, CompilerRefusal, type GateFinding } from '../core/gate.ts';
import { sourceGate } from '../gates/source-gate.ts';
import { staticGate } from '../gates/static-gate.ts';
import { decodeText } from '../lib/bytes.ts';
import { readPolicyFile } from './arms.ts';
import type { staticGateSchema } from './schemas.ts';
import type { Call } from './service.ts';
import type { World } from './world.ts';

export type StaticAnswer = z.infer<typeof staticGateSchema>;

/** The object; or, of source that clang refuses, what is wrong with it. Other faults go on. */
export async function compiledOrFindings(
  world: World,
  file: string,
  include: readonly string[],
  call: Call,
): Promise<Uint8Array | GateFinding[]> {
  try {
    return await readPolicyFile(world, file, include, call);
  } catch (fault) {
    if (!(fault instanceof Fault) || !(fault.cause instanceof CompilerRefusal)) throw fault;
    return sourceGate(decodeText(await world.readFile(file)), fault.cause.diagnostics);
  }
}

/** `kernel`: as the user names it; a path or nothing means any. */
export function passStaticGate(object: BpfObject, kernel: string | undefined): StaticAnswer {
  const kernels = kernel !== undefined && /^\d+\.\d+/.test(kernel) ? [kernel] : [];
  const { findings, facts } = staticGate(object, { kernels });
  return { findings: [...findings], callbacks: [...facts] };
}

export function isRejected({ findings }: StaticAnswer): boolean {
  return findings.some(({ severity }) => severity === 'reject');
}

/** The findings, then a line for each callback. */
export function staticLines({ findings, callbacks }: StaticAnswer): string[] {
  return [
    ...findings.flatMap(findingText),
    ...(callbacks.length === 0 ? [] : ['callbacks:', ...callbackRows(callbacks)]),
  ];
}

function findingText({ code, severity, sure, place, why, instead }: GateFinding): string[] {
  const { file, line, program, callback, text } = place;
  const source = file === null ? '' : `${file}${line === null ? '' : `:${line}`}`;
  const where =
    program !== null && callback !== null && program !== callback ? `${program} (${callback})` : program;
  const places = [source, where].filter(Boolean).join(', in ');
  return [
    `  ${severity} ${code} (${sure})${places === '' ? '' : `: ${places}`}`,
    ...(text === null || text === '' ? [] : [`      | ${text}`]),
    `    ${why}`,
    `    → ${instead}`,
  ];
}

function callbackRows(callbacks: readonly CallbackFacts[]): string[] {
  return callbacks.map(({ callback, instructions, stackBytes, loops, cost, costIsKnown }) => {
    const rounds = loops.map(({ by, bound }) => (bound === null ? by : `${bound} rounds`)).join(', ');
    const worst = `worst path ${costIsKnown ? '' : 'over '}${Math.round(cost)}`;
    const cells = [
      callback.padEnd(14),
      `${instructions} instructions`.padEnd(18),
      `stack ${stackBytes}`.padEnd(10),
      worst.padEnd(18),
    ];
    return `  ${cells.join(' ')}${rounds === '' ? '' : ` loops: ${rounds}`}`.trimEnd();
  });
}
