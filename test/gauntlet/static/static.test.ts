// The static gate on small policies that each break one rule, and on their near misses; on the library; and on damaged objects.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { rules } from '../../../src/gates/rules.ts';
import { staticGate } from '../../../src/gates/static-gate.ts';
import { policyFile, root } from '../../support/paths.ts';
import { cases } from './cases.ts';

const here = join(root, 'test/gauntlet/static');
const read = (name: string): Uint8Array => readFileSync(join(here, `${name}.bpf.o`));
const codes = (name: string, kernels: readonly string[] = ['6.18.15']) => {
  const { findings } = staticGate(read(name), { kernels });
  const of = (severity: string): string[] =>
    [...new Set(findings.filter((one) => one.severity === severity).map(({ code }) => code))].sort();
  return { rejects: of('reject'), warns: of('warn') };
};

describe('a small policy', () => {
  it.each(cases)('$object: $why', ({ object, rejects = [], warns = [], kernels }) => {
    expect(codes(object, kernels)).toEqual({ rejects: [...rejects].sort(), warns: [...warns].sort() });
  });

  it('is in the table for each object, and breaks each rule once', () => {
    const objects = readdirSync(here).filter((name) => name.endsWith('.bpf.o'));
    expect(new Set(cases.map(({ object }) => `${object}.bpf.o`))).toEqual(new Set(objects));
    const broken = new Set(cases.flatMap(({ rejects = [], warns = [] }) => [...rejects, ...warns]));
    expect(broken).toEqual(new Set(rules.flatMap((rule) => rule.codes)));
  });

  it('is judged at once, however often its functions call each other', () => {
    const object = read('bounds-fan');
    const from = performance.now();
    const { findings } = staticGate(object, { kernels: [] });
    expect(performance.now() - from).toBeLessThan(1000);
    expect(findings.map(({ code }) => code)).toEqual(['cost-too-high']);
  });

  it('may look its code up', () => {
    const page = readFileSync(join(root, 'docs/static-gate.md'), 'utf8');
    const listed = [...page.matchAll(/`([a-z]+(?:-[a-z]+)*)`/g)].map(([, code]) => code);
    expect(listed).toEqual(expect.arrayContaining(rules.flatMap((rule) => rule.codes)));
    for (const { about } of rules) expect(page.replaceAll('`', '')).toContain(`| ${about} |`);
  });

  it('is told where', () => {
    const [finding] = staticGate(read('cpus-constant'), { kernels: ['6.18'] }).findings;
    expect(finding).toMatchObject({
      gate: 'static',
      place: { program: 'small_enqueue', callback: 'enqueue', file: 'base.h', text: 'ENQUEUE;' },
    });
    const source = readFileSync(join(here, 'base.h'), 'utf8').split('\n');
    expect(source[finding!.place.line! - 1]!.trim()).toBe('ENQUEUE;');
  });

  it('is told of a function by its name, whatever objects of JavaScript inherit', () => {
    const { findings, facts } = staticGate(read('whitelist-constructor'), { kernels: [] });
    expect(findings[0]!.why).toMatch(/^No kernel that we know has constructor\(\);/);
    expect(facts.flatMap(({ kfuncs }) => kfuncs)).toContain('constructor');
  });

  it('is told what its callbacks take', () => {
    const { facts } = staticGate(read('bounds-numbers'), { kernels: [] });
    const running = facts.find(({ callback }) => callback === 'running')!;
    expect(running.loops).toMatchObject([{ by: 'numbers', bound: 100 }]);
    expect(running.costIsKnown).toBe(true);
    // a hundred rounds of a handful of instructions
    expect(running.cost).toBeGreaterThan(500);
    expect(running.cost).toBeLessThan(3000);
    expect(facts.find(({ callback }) => callback === 'enqueue')!.kfuncs).toEqual([
      'scx_bpf_dsq_insert',
      'scx_bpf_kick_cpu',
      'scx_bpf_pick_idle_cpu',
    ]);
  });
});

describe('the library', () => {
  const names = ['classes', 'deadline', 'fifo', 'layers', 'length', 'llc', 'vtime'];
  it.each(names)('%s passes without a word', (name) => {
    const { findings, facts } = staticGate(readFileSync(policyFile(name)), {
      kernels: ['6.16', '6.18', '7.3'],
    });
    expect(findings).toEqual([]);
    expect(facts.length).toBeGreaterThan(4);
  });
});
