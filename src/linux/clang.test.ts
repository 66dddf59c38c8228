// What a source may read while it is compiled. Needs the fetched clang, and a kernel with Landlock.

import { copyFileSync, cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { faultOf, temporaryDirectory } from '../../test/linux/support.ts';
import { root } from '../../test/support/paths.ts';
import { policyCompiler } from '../../test/support/policy-compiler.ts';
import type { Fault } from '../core/errors.ts';
import type { CompilerRefusal } from '../core/gate.ts';
import { openCache } from './cache.ts';
import { compilePolicy } from './clang.ts';
import { hasTools } from './tools.ts';

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
    const compiler = await policyCompiler();
    const paths = [...include, join(root, 'policies/include')];
    return compilePolicy(compiler, file, {
      include: paths,
      ...(mostBytes === undefined ? {} : { mostBytes }),
    });
  };

  it('reads what lies beside it, and below the include directories', async () => {
    expect((await compile(policy('#include "mine.h"'))).length).toBeGreaterThan(100);
    expect((await compile(policy('#include "shared.h"'), [other])).length).toBeGreaterThan(100);
    const near = relative(process.cwd(), other);
    expect((await compile(policy('#include "shared.h"'), [near])).length).toBeGreaterThan(100);
  });

  const secret = join(other, 'secret.h');
  const section = (text: string): string => `__asm__(".pushsection .data.x\\n${text}\\n.popsection");`;
  const attacks: [string, string][] = [
    ['a path', `#include "${secret}"`],
    ['a way there', '#include "../other/secret.h"'],
    ['a link', '#include "linked.h"'],
    ['a name that ends in the middle', `#include "${secret}\0x"`],
    ['by another name of its root', `#include "/proc/self/root${secret}"`],
    ['#embed', `const char data[] = {\n#embed "${secret}"\n};`],
    ['beside a header that is not there', `#include "${secret}"\n#include "nope.h"`],
    [
      'in a branch that only a parser takes',
      `#pragma clang fp eval_method(double)\nint x;\n#if __FLT_EVAL_METHOD__ == 1\n#include "${secret}"\n#endif`,
    ],
    ['.incbin', section(`.incbin \\"${secret}\\"`)],
    ['.include, whose errors quote it', section(`.include \\"${secret}\\"`)],
    [
      'a macro of the assembler',
      section(`.macro put a b\\n.\\\\a\\\\b \\"${secret}\\"\\n.endm\\nput inc bin`),
    ],
    [
      'a macro of the preprocessor',
      `#define A(as, m, x) as##m(#x)\nA(__as, m__, .pushsection .data.x; .incbin "${secret}"; .popsection);`,
    ],
    [
      'a symbol’s name',
      `int s asm("${secret}");\nSEC("x") void f(void) { asm volatile(".incbin %c0" :: "i"(&s)); }`,
    ],
    [
      'source lines of debugging information',
      `u64 counter;\nSEC("syscall") int f(void *c) {\n#line 1 "/proc/self/root${secret}"\ncounter += 7; return 0; }`,
    ],
  ];
  /** Whether anything of the secret is in the object, or in what is said. */
  const leaks = async (text: string, include: readonly string[] = []): Promise<boolean> => {
    const seen = await compile(policy(text), include).then(
      (object) => Buffer.from(object).toString('latin1'),
      ({ message, next, cause }: Fault) =>
        JSON.stringify([message, next, (cause as CompilerRefusal | undefined)?.diagnostics]),
    );
    return /TOPSECRET|hunter2/.test(seen);
  };
  it.each(attacks)('cannot open anything else: %s', async (_, text) => {
    expect(await leaks(text)).toBe(false);
    expect(await leaks(text, [other]), 'nor would it if it could').toBe(true);
  });

  it('says why', async () => {
    const fault = await faultOf(() => compile(`#include "${secret}"`));
    expect(fault).toMatchObject({
      code: 'malformed',
      message: expect.stringMatching(/cannot open file '.*secret\.h': Permission denied/),
      next: 'what it reads has to lie beside it, or in a directory that --include names',
    });
  });

  it('is not compiled where the kernel keeps nobody from files', async () => {
    const { clang } = await policyCompiler();
    const file = join(place, 'runner');
    writeFileSync(file, '#!/bin/sh\necho "confine: Landlock: Operation not supported" >&2\nexit 125\n', {
      mode: 0o755,
    });
    const compiled = compilePolicy({ clang, runner: { file, digest: '' } }, join(own, 'a.bpf.c'), {
      include: [],
    });
    expect(await faultOf(() => compiled)).toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/Landlock: Operation not supported$/),
      next: expect.stringMatching(/give the object/),
    });
  });

  it('is not compiled by a runner that knows nothing of it', async () => {
    const { clang } = await policyCompiler();
    const file = join(place, 'old-runner');
    writeFileSync(file, '#!/bin/sh\necho "usage: schedcp-runner run" >&2\nexit 2\n', { mode: 0o755 });
    const source = join(own, 'a.bpf.c');
    const fault = await faultOf(() =>
      compilePolicy({ clang, runner: { file, digest: '' } }, source, { include: [] }),
    );
    expect(fault).toMatchObject({ code: 'unavailable', next: expect.stringMatching(/SCHEDCP_RUNNER/) });
  });

  it('is a file', async () => {
    const compiler = await policyCompiler();
    const fault = await faultOf(() => compilePolicy(compiler, '/dev/null', { include: [] }));
    expect([fault.code, fault.message]).toEqual(['malformed', '/dev/null is no file']);
  });

  it('is the file that the kernel would open', async () => {
    mkdirSync(join(other, 'deep'));
    symlinkSync(join(other, 'deep'), join(own, 'deep'));
    writeFileSync(join(other, 'up.bpf.c'), policy('int above;'));
    writeFileSync(join(own, 'up.bpf.c'), policy('#error another one'));
    const compiler = await policyCompiler();
    const include = [join(root, 'policies/include')];
    const object = await compilePolicy(compiler, `${own}/deep/../up.bpf.c`, { include });
    expect(Buffer.from(object).includes('above')).toBe(true);
  });

  it('may be a link to another place', async () => {
    writeFileSync(join(other, 'linked.bpf.c'), policy('int linked;'));
    symlinkSync(join(other, 'linked.bpf.c'), join(own, 'linked.bpf.c'));
    const compiler = await policyCompiler();
    const include = [join(root, 'policies/include')];
    expect((await compilePolicy(compiler, join(own, 'linked.bpf.c'), { include })).length).toBeGreaterThan(
      100,
    );
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
    const compiler = await policyCompiler();
    const second = await compilePolicy(compiler, join(elsewhere, 'a.bpf.c'), { include });
    expect(Buffer.from(second).equals(first)).toBe(true);
    expect(Buffer.from(second).includes(place)).toBe(false);
  });

  it('is compiled where the temporary directory is a relative one', async () => {
    vi.stubEnv('TMPDIR', relative(process.cwd(), other));
    try {
      expect((await compile(policy(''))).length).toBeGreaterThan(100);
    } finally {
      vi.unstubAllEnvs();
    }
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
