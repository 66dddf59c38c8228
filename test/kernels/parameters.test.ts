// policy.json and the built object say the same about each parameter, and every policy is what its card says.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readObject } from '../../src/bpf/object.ts';
import { type Parameter, parameters, patchParameters } from '../../src/bpf/parameters.ts';
import { openPolicies } from '../../src/knowledge/policies.ts';
import { root } from '../support/paths.ts';

const library = await openPolicies(`${root}/policies`).list();

it('there are at least seven policies', () => {
  expect(library.length).toBeGreaterThanOrEqual(7);
});

describe.each(library.map(({ card, object }) => ({ name: card.name, card, object })))(
  '$name',
  ({ card, object }) => {
    const read = readObject(object);
    const built = parameters(read);
    const own = (name: string): Parameter => {
      const found = built.find((parameter) => parameter.name === name);
      if (found === undefined) throw new Error(`the object has no parameter ${name}`);
      return found;
    };

    it('has the parameters of its card, with their defaults', () => {
      expect(built.map((parameter) => parameter.name).sort()).toEqual(
        card.parameters.map(({ name }) => name).sort(),
      );
      for (const { name, default: value } of card.parameters)
        expect([name, own(name).value]).toEqual([name, BigInt(value)]);
    });

    it('has bounds that hold the default and the values worth trying, and that the type can hold', () => {
      for (const { name, min, max, default: value, values = [] } of card.parameters) {
        for (const one of [value, ...values]) {
          expect(BigInt(one), name).toBeGreaterThanOrEqual(BigInt(min));
          expect(BigInt(one), name).toBeLessThanOrEqual(BigInt(max));
        }
        const exact = (one: typeof min) => (typeof one === 'string' ? BigInt(one) : one);
        for (const bound of [min, max]) {
          const patched = parameters(readObject(patchParameters(object, { [name]: exact(bound) })));
          expect(patched.find((parameter) => parameter.name === name)?.value).toBe(BigInt(bound));
        }
      }
    });

    it('carries its name, takes hints when its card says so, and leaves an exit record', () => {
      const [ops] = read.structOps;
      expect(String(ops?.values.get('name'))).toBe(card.name);
      expect(read.maps.some((map) => map.name === 'hints')).toBe(card.hints);
      const source = readFileSync(`${root}/policies/${card.name}/${card.name}.bpf.c`, 'utf8');
      expect(source).toMatch(/^.{2,3}SPDX-License-Identifier: GPL-2\.0/);
      expect(Buffer.from(object).includes('exit_record')).toBe(true);
    });
  },
);
