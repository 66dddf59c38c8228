// Expected offsets: the comments in values.bpf.c, which follow C's rules of layout.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readObject } from '../../bpf/object.ts';
import { valueFields } from './fields.ts';

const path = join(import.meta.dirname, '../../../test/simulator/fields/values.bpf.o');
const { btf, maps } = readObject(new Uint8Array(readFileSync(path)));
const fieldsOf = (name: string) => valueFields(btf, maps.find((map) => map.name === name)?.valueType);

it('finds what the kernel owns, through arrays, structs, typedefs and qualifiers', () => {
  expect(fieldsOf('owned')).toEqual([
    { kind: 'lock', offset: 4, bytes: 4 },
    { kind: 'timer', offset: 8, bytes: 16 },
    { kind: 'timer', offset: 24, bytes: 16 },
    { kind: 'kptr', offset: 56, bytes: 8 },
    { kind: 'kptr', offset: 72, bytes: 8 },
    { kind: 'other', offset: 80, bytes: 16 },
    { kind: 'kptr', offset: 96, bytes: 8 },
  ]);
  expect(fieldsOf('pointers')).toEqual([{ kind: 'kptr', offset: 0, bytes: 8 }]);
});

it('finds nothing where no type is declared', () => {
  expect(maps.map(({ name }) => name)).toContain('untyped');
  expect(fieldsOf('untyped')).toEqual([]);
});
