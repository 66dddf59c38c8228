// What a source may read while it is compiled. Needs the fetched clang, but for the makefile's rule.

import { copyFileSync, cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { faultOf, temporaryDirectory } from '../../test/linux/support.ts';
import { root } from '../../test/support/paths.ts';
import { openCache } from './cache.ts';
import { compilePolicy } from './clang.ts';
import { dependenciesIn } from './clang-reads.ts';
import { hasTools, tools } from './tools.ts';

it('a rule of a makefile names its files', () => {
  expect(dependenciesIn('a.o: /x/b.c \\\n  /x/with\\ blank.h /x/c\\#.h \\\n  /x/$$d.h\n')).toEqual([
    ...['/x/b.c', '/x/with blank.h', '/x/c#.h', '/x/$d.h'],
  ]);
});

describe.skipIf(!hasTools(openCache(), 'clang'))('a source', () => {
  const place = temporaryDirectory('schedcp-clang-');
  const [own, other] = [join(place, 'own'), join(place, 'other')];
  for (const path of [own, other]) mkdirSync(path);
  writeFileSync(join(other, 'secret.h'), 'TOPSECRET hunter2;\n');
  writeFileSync(join(other, 'shared.h'), '#define SLICE 1000000\n');
  writeFileSync(join(own, 'mine.h'), '#define SLICE 1000000\n');
  symlinkSync(join(other, 'secret.h'), join(own, 'linked.h'));
  const policy = (body: string): string =>
    `#include "policy.h"\nconst volatile u64 slice_ns = 1000000;\n${body}\n`;
  const compile = async (text: string, include: readonly string[] = [], mostBytes?: number) => {
    const file = join(own, 'a.bpf.c');
    writeFileSync(file, text);
    const clang = await tools(openCache(), 'clang');
    const paths = [...include, join(root, 'policies/include')];
    return compilePolicy(clang, file, { include: paths, ...(mostBytes === undefined ? {} : { mostBytes }) });
  };

  it('reads what lies beside it, and below the include directories', async () => {
    expect((await compile(policy('#include "mine.h"'))).length).toBeGreaterThan(100);
    expect((await compile(policy('#include "shared.h"'), [other])).length).toBeGreaterThan(100);
  });

  it.each([
    ['a path', '#include "../other/secret.h"'],
    ['a link', '#include "linked.h"'],
    ['#embed', policy('static const char data[] = {\n#embed "../other/secret.h"\n};')],
    ['a path, and a header that is not there', '#include "../other/secret.h"\n#include "nope.h"'],
    ['a path, and too many errors', `#include "../other/secret.h"\n${'x y;\n'.repeat(50)}`],
  ])('reads nothing else: %s', async (_, text) => {
    const fault = await faultOf(() => compile(text));
    expect([fault.code, fault.message]).toEqual([
      'malformed',
      expect.stringMatching(/ reads .*(secret|linked)\.h/),
    ]);
    expect(JSON.stringify([fault.message, fault.next, String(fault.cause)])).not.toMatch(/TOPSECRET|hunter2/);
  });

  const secret = join(other, 'secret.h');
  const composed = '.macro put a b\\n.\\\\a\\\\b';
  it.each([
    ['a directive', `__asm__(".incbin \\"${secret}\\"");`],
    ['a word in two parts', `__asm__(".inc" "bin \\"${secret}\\"");`],
    ['numbers of characters', `__asm__("\\x2eincbin \\42${secret}\\42");`],
    ['.include, whose errors would quote it', `__asm__(".INCLUDE \\"${secret}\\"");`],
    ['a macro of the assembler', `__asm__("${composed} \\"${secret}\\"\\n.endm\\nput inc bin");`],
    ['a macro of the preprocessor', `#define A(as, m, x) as##m(#x)\nA(__as, m__, .incbin "${secret}");`],
    ['a dialect', `void f(void) { asm volatile("{.incbin|nop} \\"${secret}\\""); }`],
    ['an operand', `int s asm("${secret}");\nvoid f(void) { asm volatile(".incbin %0" :: "i"(&s)); }`],
    [
      'an operand that ends its name',
      `int s asm("a\\n.incbin \\"${secret}\\"");\nvoid f(void) { asm volatile("r1 = %0 ll" :: "i"(&s)); }`,
    ],
    [
      'only now and then',
      `void f(void) { if (__TIME__[7] != '0' || __TIME__[6] != '0') asm volatile(".incbin \\"${secret}\\""); }`,
    ],
  ])('has no assembler read for it: %s', async (what, body) => {
    const compiled = compile(policy(body));
    if (what === 'only now and then')
      return expect(Buffer.from(await compiled).includes('hunter2')).toBe(false);
    const fault = await faultOf(() => compiled);
    expect([fault.code, fault.message]).toEqual([
      'malformed',
      expect.stringMatching(/ has (inline assembly with|a symbol whose name is) .* told of files by it$/),
    ]);
    expect(JSON.stringify([fault.next, String(fault.cause)])).not.toMatch(/TOPSECRET|hunter2/);
  });

  it.each([
    ['instructions', 'u64 f(u64 x) { asm volatile("%0 += 1" : "+r"(x) :: "memory"); return x; }'],
    [
      'bytes, and a jump',
      'int f(int x) { asm volatile goto(".byte 5; 1: .long (%l[out] - 1b)" :::: out); out: return x; }',
    ],
    ['a name of its own', 'u64 sum asm("the_sum");\nu64 f(void) { return sum; }'],
    [
      'strings that are no assembly',
      'const char text[] = "asm \\"a\\\\\\" ; .incbin";\nSEC("a/b \\"c") int s;',
    ],
  ])('may have %s', async (_, body) => {
    expect((await compile(policy(body))).length).toBeGreaterThan(100);
  });

  it.each([
    'asm volatile(".incbin /etc/hostname");',
    'asm volatile(".altmacro\\n.macro put a\\n.incbin \\\\a\\n.endm\\nput </etc/hostname>");',
    'asm volatile(".incbin \'/etc/hostname\'");',
  ])('is refused by the assembler, which wants quotation marks around a file: %s', async (line) => {
    const fault = await faultOf(() => compile(policy(`void f(void) { ${line} }`)));
    expect(fault.message).toMatch(/expected string in '\.incbin' directive/);
  });

  it('is told of a header that is not there, as before', async () => {
    expect((await faultOf(() => compile('#include "nope.h"'))).message).toMatch(/'nope.h' file not found/);
  });

  it('becomes the same object wherever it lies', async () => {
    writeFileSync(join(other, 'far.h'), 'static inline u64 far(u64 one) {\n  return one * one;\n}\n');
    const text = policy(
      '#include "mine.h"\n#include "far.h"\nu64 sum(u64 one) {\n  return far(one) + SLICE;\n}',
    );
    const first = await compile(text, [other]);
    const elsewhere = join(place, 'elsewhere');
    mkdirSync(elsewhere);
    for (const name of ['a.bpf.c', 'mine.h']) copyFileSync(join(own, name), join(elsewhere, name));
    const include = [join(place, 'far'), join(place, 'include')] as const;
    cpSync(other, include[0], { recursive: true });
    cpSync(join(root, 'policies/include'), include[1], { recursive: true });
    const clang = await tools(openCache(), 'clang');
    const second = await compilePolicy(clang, join(elsewhere, 'a.bpf.c'), { include });
    expect(Buffer.from(second).equals(first)).toBe(true);
    expect(Buffer.from(second).includes(place)).toBe(false);
  });

  it('becomes an object of so many bytes at most', async () => {
    const text = policy('char room[2 << 20] = { 1 };');
    const fault = await faultOf(() => compile(text, [], 1 << 20));
    expect([fault.code, fault.message]).toEqual([
      'malformed',
      expect.stringContaining('1048576 is the limit'),
    ]);
    expect((await compile(text, [], 4 << 20)).length).toBeGreaterThan(2 << 20);
  });

  const doubled = Array.from({ length: 40 }, (_, i) => `#define A${i + 1}(x) A${i}(x x)`).join('\n');
  it.each([
    ['memory', `#define A0(x) x\n${doubled}\nint f(int a) { A40(a++;) return a; }`],
    ['a file', 'const struct { char c[1 << 20]; } table[1 << 11] = { [2047] = { { 1 } } };'],
  ])('has a limit: %s', async (_, text) => {
    const fault = await faultOf(() => compile(policy(text), [], 1 << 20));
    expect([fault.code, fault.message]).toEqual([
      'malformed',
      expect.stringMatching(/clang gives up on .*: it may have 2 GiB of memory, 4 MiB of an object/),
    ]);
  });
});
