// The corpus itself, without a compiler: it is as large as it must be, its labels fit what lies there and what real kernels said, and each class of fault has reasons that are right for it.

import { describe, expect, it } from 'vitest';
import { openPolicies } from '../../src/knowledge/policies.ts';
import { root } from '../support/paths.ts';
import { rightCheckers, rightCodes } from './classes.ts';
import { entries, gates, type Label, labels } from './corpus.ts';

const all = labels();
const faulty = all.filter((label) => label.faulty);
const sound = all.filter((label) => !label.faulty);
const from = (list: readonly Label[], origin: Label['origin']): number =>
  list.filter((label) => label.origin === origin).length;
const noticed = ({ kernels }: Label): boolean =>
  Object.values(kernels).some(({ answer, under }) => answer !== 'never noticed' || under !== undefined);

describe('the corpus', () => {
  it('is as large as it must be: 60 faulty, half of them mutants and a quarter a stranger’s, and 30 sound', () => {
    expect(faulty.length).toBeGreaterThanOrEqual(60);
    expect(sound.length).toBeGreaterThanOrEqual(30);
    expect(from(faulty, 'mutant')).toBeGreaterThanOrEqual(faulty.length / 2);
    expect(from(faulty, 'stranger')).toBeGreaterThanOrEqual(faulty.length / 4);
  });

  it('has a label for everything that there is, and for nothing else', async () => {
    const names = entries().map(({ name, origin }) => `${origin} ${name}`);
    expect(all.map(({ name, origin }) => `${origin} ${name}`).sort()).toEqual(names.sort());
    const library = await openPolicies(`${root}/policies`).list();
    expect(from(sound, 'library')).toBe(library.length);
  });

  it('was labelled by two kernels, each under both loads unless it threw the policy out', () => {
    for (const { name, kernels } of all) {
      expect(
        Object.keys(kernels).map((release) => /^\d+\.\d+/.exec(release)?.[0]),
        name,
      ).toEqual(['7.3', '6.18']);
      for (const { answer, measured, under } of Object.values(kernels))
        if (answer === 'never noticed' && under === undefined)
          expect(Object.keys(measured ?? {}), name).toEqual(expect.arrayContaining(['provoke', 'crowd']));
    }
  });

  it('calls nothing sound that a kernel threw out', () => {
    expect(sound.filter(noticed).map(({ name }) => name)).toEqual([]);
  });

  it('names class, fault, gate and reason of each faulty policy, and of no sound one', () => {
    for (const label of all) {
      const told = [label.class, label.fault, label.gate, label.why];
      const lacking = told.filter((value) => value === null || value === '').length;
      expect(lacking, label.name).toBe(label.faulty ? 0 : told.length);
    }
  });

  it('what no kernel noticed is a matter of the gates before it, or of harm', () => {
    const late = faulty.filter((label) => label.gate === 'kernel' && !noticed(label));
    expect(late.map(({ name }) => name)).toEqual([]);
  });

  it('what does not compile is the first gate’s', () => {
    for (const { name, gate, kernels } of faulty) {
      const never = Object.values(kernels).some(({ answer }) => answer === 'does not compile');
      expect(gate === 'source', name).toBe(never);
    }
  });

  it('has a right reason for each class at the gate that is the earliest for it', () => {
    for (const { name, gate, class: fault } of faulty) {
      const reasons =
        gate === 'source' || gate === 'object'
          ? rightCodes[fault!]
          : gate === 'simulator'
            ? rightCheckers[fault!]
            : ['what the kernel said'];
      expect(reasons.length, `${name}: ${fault} at ${gate}`).toBeGreaterThan(0);
    }
  });

  it('has every class of fault that there is a name for, at every gate something', () => {
    const classes = new Set(faulty.map((label) => label.class));
    expect(Object.keys(rightCodes).filter((name) => !classes.has(name as keyof typeof rightCodes))).toEqual(
      [],
    );
    expect(new Set(faulty.map((label) => label.gate)).size).toBeGreaterThanOrEqual(gates.length - 1);
  });
});
