import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { faultOf, temporaryDirectory } from '../../test/linux/support.ts';
import { digestOf } from '../core/canonical.ts';
import { openPolicies, policyCardSchema } from './policies.ts';
import { openWorkloads, programSchema } from './workloads.ts';

const base = temporaryDirectory();
const card = {
  name: 'p',
  summary: 's',
  goodFor: [],
  badFor: [],
  hints: false,
  kernel: { min: '6.16' },
  parameters: [{ name: 'a', unit: 'ns', min: 0, max: '18446744073709551615', default: 1, description: 'd' }],
};

describe('policies', () => {
  const place = (name: string, json: object): void => {
    mkdirSync(join(base, 'policies', name), { recursive: true });
    writeFileSync(join(base, 'policies', name, 'policy.json'), JSON.stringify(json));
    writeFileSync(join(base, 'policies', name, `${name}.bpf.o`), name);
  };

  it('are directories with a card and an object, in the order of their names', async () => {
    place('b', { ...card, name: 'b' });
    place('a', { ...card, name: 'a' });
    mkdirSync(join(base, 'policies', 'include'));
    writeFileSync(join(base, 'policies', 'build'), '');
    const library = openPolicies(join(base, 'policies'));
    expect(
      (await library.list()).map((item) => [item.card.name, Buffer.from(item.object).toString()]),
    ).toEqual([
      ['a', 'a'],
      ['b', 'b'],
    ]);
    expect((await library.cardOf(digestOf(Buffer.from('b'))))?.name).toBe('b');
    expect(await library.cardOf(digestOf(Buffer.from('c')))).toBeUndefined();
    expect((await library.get('b')).card.parameters[0]?.max).toBe('18446744073709551615');
    expect(await faultOf(() => library.get('c'))).toMatchObject({
      code: 'not-found',
      next: expect.stringContaining('there are: a, b;'),
    });
  });

  it.each<[string, object]>([
    ['a field too many', { ...card, extra: 1 }],
    ['no bounds', { ...card, parameters: [{ name: 'a' }] }],
    ['a fraction', { ...card, parameters: [{ ...card.parameters[0], default: 0.5 }] }],
    ['a name with a path in it', { ...card, name: '../p' }],
  ])('with %s are refused', (_, json) => {
    expect(policyCardSchema.safeParse(card).success).toBe(true);
    expect(policyCardSchema.safeParse(json).success).toBe(false);
  });
});

describe('workloads', () => {
  const program = {
    kind: 'program',
    name: 'make',
    description: 'd',
    goal: { metric: 'elapsedNs', direction: 'lower' },
    tools: [],
    argv: ['make'],
  };

  it('are files, declared ones and programs', async () => {
    const directory = join(base, 'workloads');
    mkdirSync(join(directory, 'programs'), { recursive: true });
    writeFileSync(join(directory, 'z.json'), 'not read yet');
    writeFileSync(join(directory, 'a.json'), '{}');
    writeFileSync(join(directory, 'notes.md'), '');
    writeFileSync(join(directory, 'programs', 'make.json'), JSON.stringify(program));
    const library = openWorkloads(directory);
    expect((await library.list()).map((item) => `${item.kind} ${item.name}`)).toEqual([
      'declared a',
      'declared z',
      'program make',
    ]);
    expect(await library.get('z')).toEqual({ kind: 'declared', name: 'z', text: 'not read yet' });
    expect(await library.get('make')).toMatchObject({
      program: { cwd: '/tmp', runs: 1, with: [], env: {}, patterns: {} },
    });
    expect(await faultOf(() => library.get('../z'))).toMatchObject({
      code: 'not-found',
      next: expect.stringContaining('there are: a, z, make;'),
    });
    mkdirSync(join(directory, 'gauntlet'));
    writeFileSync(join(directory, 'gauntlet', 'storm.json'), '{}');
    writeFileSync(
      join(directory, 'gauntlet', 'stress.json'),
      JSON.stringify({ ...program, name: 'stress' }, null, 1),
    );
    expect(await library.get('storm')).toEqual({ kind: 'declared', name: 'storm', text: '{}' });
    expect((await library.get('stress')).kind).toBe('program');
    expect(await library.list(), 'loads of the gauntlet measure nothing').toHaveLength(3);
    rmSync(join(directory, 'programs'), { recursive: true });
    expect(await openWorkloads(directory).list()).toHaveLength(2);
  });

  it.each([
    { argv: [] },
    { tools: ['rm'] },
    { runs: 0 },
    { shell: true },
    { goal: { metric: 'x', direction: 'up' } },
  ])('with %j are refused', (change) => {
    expect(programSchema.safeParse(program).success).toBe(true);
    expect(programSchema.safeParse({ ...program, ...change }).success).toBe(false);
  });
});
