import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { faultOf, temporaryDirectory } from '../../test/linux/support.ts';
import { digestOf } from '../core/canonical.ts';
import { openScripts } from './scripts.ts';
import { openStore } from './store.ts';

const fresh = () => {
  const store = openStore(join(temporaryDirectory(), 'store'));
  return { store, scripts: openScripts(store) };
};

it('keeps texts under names, lists and removes them', async () => {
  const { scripts } = fresh();
  expect(await scripts.list()).toEqual([]);
  const text = '// the busiest “process”\nreturn 1';
  const digest = await scripts.save('busiest', text);
  expect(digest).toBe(digestOf(text));
  await scripts.save('a-2', 'return 2');
  expect(await scripts.get('busiest')).toEqual({ digest, source: text });
  expect(await scripts.list()).toEqual([
    { name: 'a-2', digest: digestOf('return 2'), about: '', bytes: 8 },
    { name: 'busiest', digest, about: 'the busiest “process”', bytes: Buffer.byteLength(text) },
  ]);
  await scripts.remove('a-2');
  expect((await scripts.list()).map(({ name }) => name)).toEqual(['busiest']);
});

it('a name that is saved again has the new text; the old one stays under its digest', async () => {
  const { store, scripts } = fresh();
  const old = await scripts.save('one', 'return 1');
  await scripts.save('one', 'return 2');
  expect((await scripts.get('one')).source).toBe('return 2');
  expect(Buffer.from(await store.blobs.get(old)).toString()).toBe('return 1');
});

it.each([
  '',
  '../up',
  'a/b',
  'A',
  '.hidden',
  'a.json',
  '-a',
  'a'.repeat(41),
  'a\0b',
  'a\nb',
  '__proto__',
  '1',
])('refuses the name %j, and touches nothing', async (name) => {
  const { store, scripts } = fresh();
  for (const act of [() => scripts.save(name, 'x'), () => scripts.get(name), () => scripts.remove(name)])
    expect(await faultOf(act)).toMatchObject({ code: 'malformed' });
  expect(existsSync(join(store.root, 'scripts'))).toBe(false);
});

it('says what there is when a name is not known', async () => {
  const { scripts } = fresh();
  expect((await faultOf(() => scripts.get('one'))).next).toBe('none are kept: save one');
  await scripts.save('two', 'x');
  expect(await faultOf(() => scripts.get('one'))).toMatchObject({
    code: 'not-found',
    next: 'there are: two',
  });
  expect(await faultOf(() => scripts.remove('one'))).toMatchObject({ code: 'not-found' });
});

it('damage is told, and hides no other script', async () => {
  const { store, scripts } = fresh();
  await scripts.save('whole', 'return 1');
  await scripts.save('torn', 'return 2');
  const file = join(store.root, 'scripts', 'torn.json');
  for (const text of ['', '{"digest":', '{"digest":"../../etc/passwd","about":"","bytes":1}']) {
    writeFileSync(file, text);
    expect(await faultOf(() => scripts.get('torn'))).toMatchObject({ code: 'malformed', where: file });
    expect((await scripts.list()).map(({ name }) => name)).toEqual(['whole']);
  }
  writeFileSync(join(store.root, 'scripts', 'Not a name.json'), '{}');
  expect(await scripts.list()).toHaveLength(1);
});

it('a store that cannot be written is a fault', async () => {
  const directory = temporaryDirectory();
  writeFileSync(join(directory, 'file'), '');
  const store = openStore(join(directory, 'store'));
  const scripts = openScripts({ root: join(directory, 'file'), blobs: store.blobs });
  expect(await faultOf(() => scripts.save('one', 'x'))).toMatchObject({ code: 'unavailable' });
});

it('leaves no temporary files, and goes with the records', async () => {
  const { store, scripts } = fresh();
  await Promise.all([1, 2, 3, 3, 3].map((n) => scripts.save(`s${n}`, `return ${n}`)));
  expect(readdirSync(join(store.root, 'scripts')).sort()).toEqual(['s1.json', 's2.json', 's3.json']);
  await store.remove();
  expect(await scripts.list()).toEqual([]);
});
