// The simulator knows no policy: nothing that an object of the library calls its own stands in the code. The names come from the objects.

import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readObject } from '../../src/bpf/object.ts';
import { openPolicies } from '../../src/knowledge/policies.ts';
import { policyFile, root } from '../support/paths.ts';

const cards = (await openPolicies(`${root}/policies`).list()).map(({ card }) => card);

/** Code without comments, by file. */
const code = new Map(
  ['src/simulator', 'src/jit'].flatMap((place) =>
    filesOf(place).map((file) => [
      file,
      readFileSync(`${root}/${file}`, 'utf8').replace(/\/\*[\s\S]*?\*\/|(?<!:)\/\/.*$/gm, ''),
    ]),
  ),
);

function filesOf(place: string): string[] {
  return readdirSync(`${root}/${place}`, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map((name) => `${place}/${name}`);
}

function places(pattern: RegExp): string[] {
  return [...code].filter(([, text]) => pattern.test(text)).map(([file]) => file);
}

test('there are policies and there is code to look at', () => {
  expect(cards.length).toBeGreaterThan(5);
  expect(code.size).toBeGreaterThan(100);
});

/** Parameters that policies have named with the kernel's own words. */
const kernelWords = new Set(['preempt']);

test.each(cards.map(({ name }) => name))('%s: its functions, maps, variables and parameters', (name) => {
  const object = readObject(readFileSync(policyFile(name)));
  const card = cards.find((one) => one.name === name)!;
  const own = [
    ...object.programs.map((program) => program.name),
    ...object.maps.filter(({ section }) => section === '.maps').map((map) => map.name),
    ...object.structOps.map(({ variable }) => variable),
    ...card.parameters.map((parameter) => parameter.name),
  ];
  expect(own.length).toBeGreaterThan(5);
  for (const word of own.filter((one) => !kernelWords.has(one)))
    expect(places(new RegExp(`\\b${word}\\b`)), word).toEqual([]);
});

/** Names of policies that mean something else, and where. */
const homonyms: Readonly<Record<string, RegExp>> = {
  fifo: /^src\/simulator\/(fuzz|player|settings)/, // SCHED_FIFO
  llc: /^src\/simulator\/model\/fair\//, // a last-level cache
};

test.each(cards.map(({ name }) => name))('%s: its name', (name) => {
  const found = places(new RegExp(`['"\`]${name}['"\`]`));
  expect(found.filter((file) => homonyms[name]?.test(file) !== true)).toEqual([]);
});
