// Held against llvm-strip. Needs the fetched clang.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Elf, type ElfSymbol, readElf } from '../../src/bpf/elf.ts';
import { withoutDebug } from '../../src/lib/elf-debug.ts';
import { openCache } from '../../src/linux/cache.ts';
import { hasTools, tools } from '../../src/linux/tools.ts';
import { temporaryDirectory } from '../linux/support.ts';
import { root } from '../support/paths.ts';

/** What an object says, without the numbers of sections and symbols. */
function saying(elf: Elf) {
  const nameOf = (symbol: ElfSymbol) => symbol.name || elf.sections[symbol.section]?.name || '';
  const isContent = ({ name, type }: { name: string; type: number }) =>
    type !== 0 && !/^(\.strtab|\.symtab|\.llvm_addrsig|\.rel.*)$/.test(name);
  return {
    sections: elf.sections.filter(isContent).map(({ name, type, flags, size, data }) => {
      return { name, type, flags, size, data: Buffer.from(data).toString('hex') };
    }),
    symbols: elf.symbols
      .filter((symbol) => nameOf(symbol) !== '')
      .map((symbol) => ({
        ...symbol,
        index: 0,
        name: nameOf(symbol),
        section: elf.sections[symbol.section]?.name,
      }))
      .sort((a, b) => (`${a.name} ${a.section}` < `${b.name} ${b.section}` ? -1 : 1)),
    relocations: [...elf.relocations].map(([section, list]) => [
      elf.sections[section]?.name,
      list.map(({ offset, type, symbol }) => `${offset} ${type} ${nameOf(symbol)} ${symbol.value}`),
    ]),
  };
}

describe.skipIf(!hasTools(openCache(), 'clang'))('an object', () => {
  const place = temporaryDirectory('schedcp-debug-');
  const [object, stripped] = [join(place, 'a.o'), join(place, 'b.o')];
  const compile = async (source: string) => {
    const clang = await tools(openCache(), 'clang');
    const options = { env: { ...process.env, ...clang.env } };
    const include = [join(root, 'policies/include'), join(clang.root, 'usr/include')];
    const flags = ['-target', 'bpf', '-mcpu=v3', '-O2', '-g', '-fdebug-compilation-dir=.'];
    const paths = include.flatMap((path) => ['-I', path]);
    execFileSync(clang.program('clang'), [...flags, ...paths, '-c', '-o', object, source], options);
    execFileSync(clang.program('llvm-strip'), ['-g', '-o', stripped, object], options);
    return { mine: withoutDebug(readFileSync(object)), theirs: readFileSync(stripped) };
  };

  it.each([
    'policies/vtime/vtime.bpf.c',
    'policies/layers/layers.bpf.c',
    'test/bpf/fixtures/unusual.bpf.c',
    'test/simulator/link/core.bpf.c',
  ])('says what llvm-strip leaves: %s', async (source) => {
    const { mine, theirs } = await compile(join(root, source));
    expect(saying(readElf(mine))).toEqual(saying(readElf(theirs)));
    expect(Buffer.from(mine).toString('latin1')).not.toContain('.debug');
    expect(mine.length).toBeLessThan(theirs.length + 2048);
  });

  it('without debugging information stays what it is, but for where things lie', async () => {
    const { mine } = await compile(join(root, 'policies/vtime/vtime.bpf.c'));
    expect(withoutDebug(mine)).toEqual(mine);
  });
});
