// The first gate of verify: what can be said of a policy before a guest is started, in findings and in words. Source that does not compile ends here, too.

import type { z } from 'zod';
import type { BpfObject } from '../bpf/object.ts';
import { Fault } from '../core/errors.ts';
import { type CallbackFacts, CompilerRefusal, type GateFinding } from '../core/gate.ts';
import { sourceGate } from '../gates/source-gate.ts';
import { staticGate } from '../gates/static-gate.ts';
import { decodeText } from '../lib/bytes.ts';
import type { staticGateSchema } from './verify-schemas.ts';
import type { World } from './world.ts';

export type StaticAnswer = z.infer<typeof staticGateSchema>;

/** What is wrong with source that clang has refused. Other faults go on. */
export async function findingsOfRefusal(world: World, file: string, fault: unknown): Promise<GateFinding[]> {
  if (!(fault instanceof Fault) || !(fault.cause instanceof CompilerRefusal)) throw fault;
  return sourceGate(decodeText(await world.readFile(file)), fault.cause.diagnostics);
}

/** `kernels`: as the user names them; a path means any. */
export function passStaticGate(object: BpfObject, kernels: readonly string[]): StaticAnswer {
  const versions = kernels.filter((kernel) => /^\d+\.\d+/.test(kernel));
  const { findings, facts } = staticGate(object, { kernels: versions });
  return { findings: [...findings], callbacks: [...facts] };
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
