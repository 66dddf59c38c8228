import { describe, expect, it } from 'vitest';
import { problemOf, resultOf, tryScript } from '../../test/sandbox/support.ts';
import { globals } from './prelude.ts';

describe('what a script can do', () => {
  it('computes with its input and returns JSON', async () => {
    const source =
      'const { values } = input;\nreturn { sum: values.reduce((a, b) => a + b, 0), last: values.at(-1) };';
    expect(await resultOf(source, { input: { values: [1, 2, 4] } })).toEqual({ sum: 7, last: 4 });
    expect(await resultOf('return null')).toBe(null);
    expect(await resultOf('return "\\u0000ü\\u2028"')).toBe('\u0000ü\u2028');
  });

  it('observes: one after the other, together, and with errors that it can catch', async () => {
    const source = `
      const first = await observe('echo', { pid: 1 });
      const [second, third] = await Promise.all([observe('echo', first.input), observe('topology')]);
      try { await observe('fail') } catch (error) { return [second, third.name, error.name, error.message, error instanceof Error] }`;
    const { end, asked } = await tryScript(source);
    expect(end).toEqual({
      json: '[{"name":"echo","input":{"pid":1}},"topology","not-found","no process 7",true]',
    });
    expect(asked).toEqual([
      ['echo', '{"pid":1}'],
      ['echo', '{"pid":1}'],
      ['topology', '{}'],
      ['fail', '{}'],
    ]);
  });

  it('gets answers in the order in which they come', async () => {
    const source = `const order = [];
      await Promise.all(['slow', 'quick'].map(async (name) => { await observe(name); order.push(name) }));
      return order`;
    const observe = async (name: string) => {
      await new Promise((resolve) => setTimeout(resolve, name === 'slow' ? 20 : 0));
      return { ok: true, json: '1' };
    };
    expect(await resultOf(source, { observe })).toEqual(['quick', 'slow']);
  });

  it('writes lines of any values', async () => {
    const { logs } = await tryScript(
      'console.log("a", { b: [1] }, undefined, () => 1, Symbol("s"), 1n); console.error("e"); const c = {}; c.c = c; console.log(c); return 0',
    );
    expect(logs).toEqual(['a {"b":[1]} undefined () => 1 Symbol(s) 1', 'e', '[object Object]']);
  });

  it('has time for observations: only its own counts', async () => {
    const observe = async () => {
      await new Promise((resolve) => setTimeout(resolve, 60));
      return { ok: true, json: '1' };
    };
    const source = 'let n = 0; for (let i = 0; i < 3; i++) n += await observe("slow"); return n';
    expect(await resultOf(source, { observe, limits: { computeMs: 100 } })).toBe(3);
  });
});

describe('what it does not find', () => {
  it('only the globals that are listed', async () => {
    const found = (await resultOf('return Object.getOwnPropertyNames(globalThis)')) as string[];
    expect([...found].sort()).toEqual([...globals].sort());
  });

  it('no clock and no chance: the same input gives the same answer', async () => {
    const source = `const seen = [];
      for (const [name, value] of Object.entries(Object.getOwnPropertyDescriptors(Math)))
        try { seen.push(name, String(value.value(0.3, 0.7))) } catch (error) { seen.push(name, String(error)) }
      for (const at of [Error, Symbol, String, Number, Function.prototype, RegExp.prototype, Promise])
        seen.push(...Reflectish(at));
      function Reflectish(at) { return Object.getOwnPropertyNames(at).map(String) }
      const map = new Map(); for (let i = 0; i < 100; i++) map.set({ i }, i);
      return [seen, [...map.values()], Object.keys({ b: 1, 2: 1, a: 1 }), new Error('x').stack]`;
    const first = await tryScript(source);
    expect('json' in first.end).toBe(true);
    for (let i = 0; i < 3; i++) expect(await tryScript(source)).toEqual(first);
  });

  it.each([
    ['new Date()', 'there is no clock'],
    ['Math.random()', 'there is no clock and no chance'],
    ['setTimeout(() => 1, 1)', 'there are no timers'],
    ['require("fs")', 'there are no files'],
    ['fetch("http://localhost")', 'there are no files, network'],
    ['await import("fs")', 'there are no files'],
    ['process.exit()', 'there are no files'],
  ])('%s: says what there is instead', async (source, next) => {
    expect((await problemOf(`return ${source}`)).next).toContain(next);
  });
});

describe('what it is told of its mistakes', () => {
  it('line and column of a text that does not parse', async () => {
    expect(await problemOf('let x = 1;\nlet y = ;')).toMatchObject({ code: 'syntax', line: 2, column: 9 });
    expect(await problemOf('let x = ;')).toMatchObject({ code: 'syntax', line: 1, column: 9 });
    expect(await problemOf('import fs from "fs";')).toMatchObject({ code: 'syntax', line: 1 });
    expect((await problemOf('return "abc')).code).toBe('syntax');
  });

  it('line and column of an error', async () => {
    expect(await problemOf('\n\n  foo.bar()')).toMatchObject({
      code: 'threw',
      message: 'ReferenceError: foo is not defined',
      line: 3,
      column: 3,
    });
    expect(await problemOf('await 1;\n const a = null;\n return a.b')).toMatchObject({ line: 3 });
    const late = 'const x = 1;\nawait observe("fail");';
    expect(await problemOf(late)).toMatchObject({ message: 'not-found: no process 7', line: 2 });
  });

  it('errors that are none', async () => {
    expect(await problemOf('throw "text"')).toMatchObject({ code: 'threw', message: 'text' });
    expect(await problemOf('throw null')).toMatchObject({ code: 'threw', message: 'null' });
    expect(await problemOf('throw { message: "own" }')).toMatchObject({ message: 'own' });
    expect(await problemOf('throw new Error("x".repeat(1e6))')).toMatchObject({ code: 'threw' });
    expect((await problemOf('throw new Error("\\\\\\n".repeat(1e5))')).message.length).toBeLessThan(2_001);
  });

  it('results that are none', async () => {
    expect((await problemOf('1 + 1')).message).toBe('it returned no JSON value but undefined');
    expect((await problemOf('return () => 1')).message).toBe('it returned no JSON value but function');
    expect(await problemOf('const a = {}; a.a = a; return a')).toMatchObject({
      code: 'threw',
      message: expect.stringContaining('circular'),
    });
    expect((await problemOf('return 1n')).message).toContain('BigInt');
    expect(await problemOf('return "x".repeat(70_000)')).toMatchObject({ code: 'result' });
    expect(await problemOf('return "ü".repeat(40_000)')).toMatchObject({ code: 'result' });
    const nested = 'let a = 1; for (let i = 0; i < 33; i++) a = [a]; return a';
    expect((await problemOf(nested)).message).toContain('nested too deep');
    expect(await resultOf(nested.replace('33', '32'))).toBeTruthy();
  });

  it('braces that close what is not theirs', async () => {
    for (const source of ['})', '}); (() => {', '})(), (async () => {', '}); while (true) {} (async () => {'])
      expect(['syntax', 'threw', 'time', 'result']).toContain((await problemOf(source)).code);
  });
});

describe('limits', () => {
  it('of time, with the place', async () => {
    const problem = await problemOf('let i = 0;\nfunction f() {\n  while (true) i++;\n}\nf();');
    expect(problem).toMatchObject({ code: 'time', message: 'it computed for more than 150 ms' });
    expect([2, 3]).toContain(problem.line);
  });

  it('of time in all its pieces together', async () => {
    const source = 'for (;;) { for (let i = 0; i < 1e5; i++); await observe("echo") }';
    expect(await problemOf(source, { limits: { calls: 1e6, callBytes: 1e9 } })).toMatchObject({
      code: 'time',
    });
  });

  it('of memory', async () => {
    expect(await problemOf('const all = []; for (;;) all.push(new Array(1000).fill(1))')).toMatchObject({
      code: 'memory',
      line: 1,
      next: expect.stringContaining('keep less'),
    });
  });

  it('of depth, which it can also catch', async () => {
    expect(await problemOf('const f = () => f();\nf()')).toMatchObject({ code: 'stack' });
    expect(await resultOf('const f = () => f(); try { f() } catch { return "caught" }')).toBe('caught');
  });

  it('of observations: their number, and the bytes of their answers', async () => {
    const source =
      'let n = 0; try { for (;;) { await observe("echo"); n++ } } catch (error) { return [n, error.message] }';
    expect(await resultOf(source)).toEqual([64, 'observe(): more than 64 observations in one script']);
    const answers = async () => ({ ok: true, json: JSON.stringify('x'.repeat(998)) });
    expect(await resultOf(source, { observe: answers, limits: { callBytes: 5_000 } })).toEqual([
      5,
      'observe(): the answers have more than 5000 bytes in all',
    ]);
    const huge = async () => ({ ok: true, json: JSON.stringify('x'.repeat(6_000)) });
    expect(await resultOf(source, { observe: huge, limits: { callBytes: 5_000 } })).toEqual([
      0,
      'the answers have more than 5000 bytes in all',
    ]);
  });

  it('of lines and of their length', async () => {
    const { logs } = await tryScript('for (let i = 0; i < 1000; i++) console.log("x".repeat(1e5)); return 1');
    expect(logs).toHaveLength(101);
    expect(Math.max(...logs.map((line) => line.length))).toBe(501);
    expect(logs.at(-1)).toBe('… (only the first 100 lines are kept)');
  });
});
