// Scripts that try to get out, to fool what reads their results, or to use up the process. After each one the objects of this process are as they were, and
// the next script works.

import { afterEach, describe, expect, it } from 'vitest';
import type { ProblemCode } from '../../src/sandbox/script.ts';
import { problemOf, resultOf, testLimits, tryScript } from './support.ts';

const prototypes = () =>
  [Object, Array, Function, Promise, Error, String, Map, JSON].map((owner) =>
    Object.getOwnPropertyNames(
      Object.getPrototypeOf(Object.create((owner as typeof Object).prototype ?? owner)) ?? {},
    ),
  );
const before = { prototypes: prototypes(), globals: Object.getOwnPropertyNames(globalThis) };

afterEach(async () => {
  expect(prototypes()).toEqual(before.prototypes);
  expect(Object.getOwnPropertyNames(globalThis)).toEqual(before.globals);
  expect(({} as Record<string, unknown>).polluted).toBe(undefined);
  expect(await resultOf('return (await observe("echo", { a: 1 })).input.a + 1')).toBe(2);
});

/** Names of a host's global object, and of ours. */
const hostNames = [
  'process',
  'require',
  'module',
  'global',
  'Buffer',
  'fetch',
  'setTimeout',
  'performance',
  'WebAssembly',
  'Deno',
  'navigator',
  'ask',
  'log',
  'end',
  'input',
];
const seen = `(at) => ${JSON.stringify(hostNames)}.filter((name) => { try { return name in at || at.eval('typeof ' + name) !== 'undefined' } catch { return false } })`;

describe('getting out', () => {
  it.each([
    ['the Function of a function', '(() => 1).constructor("return globalThis")()'],
    ['of an async function', 'await (async () => 1).constructor("return globalThis")()'],
    [
      'of a generator',
      '(function* () {}).constructor("return globalThis")().next().value ?? (function* () {}).constructor("yield globalThis")().next().value',
    ],
    ['of observe', 'observe.constructor("return globalThis")()'],
    ['of console.log', 'console.log.constructor("return globalThis")()'],
    [
      'of an answer',
      '(await observe("echo", { a: {} })).input.a.constructor.constructor("return globalThis")()',
    ],
    ['of the promise of an answer', 'observe("echo").constructor.constructor("return globalThis")()'],
    ['of the input', 'input.constructor.constructor("return globalThis")()'],
    [
      'of the error of an observation',
      'await observe("fail").catch((error) => error.constructor.constructor("return globalThis")())',
    ],
    [
      'of an error of the engine',
      '(() => { try { null.x } catch (error) { return error.constructor.constructor("return globalThis")() } })()',
    ],
    [
      'of stack overflow',
      '(() => { const f = () => f(); try { f() } catch (error) { return error.constructor.constructor("return globalThis")() } })()',
    ],
    ['indirect eval', '(0, eval)("globalThis")'],
    ['this of a sloppy function', 'Function("return this")()'],
    [
      'frames of the stack',
      `(() => {
      const found = [];
      Error.prepareStackTrace = (_, frames) => { for (const frame of frames) for (const name of ['getFunction', 'getThis']) try { found.push(frame[name]()) } catch {} };
      new Error('x').stack; [1].map(() => new Error('y').stack); observe('echo');
      Error.prepareStackTrace = undefined;
      for (const item of found) if (typeof item === 'function') { try { item.caller; item.arguments } catch {} }
      return globalThis;
    })()`,
    ],
  ])('by %s: the engine’s own global object is all there is', async (_, expression) => {
    const source = `const at = ${expression};\nif (at !== globalThis) return 'another global';\nreturn (${seen})(at)`;
    expect(await resultOf(source)).toEqual([]);
  });

  it('by import', async () => {
    for (const name of [
      'fs',
      'node:fs',
      './limits.ts',
      'std',
      'os',
      'qjs:std',
      'data:text/javascript,1',
      'sandbox',
      'script.js',
    ])
      expect((await problemOf(`return Object.keys(await import(${JSON.stringify(name)}))`)).code).toBe(
        'threw',
      );
  });

  it('by calling our functions with what they do not expect', async () => {
    // Stack frames give a script our functions inside the engine, in engines that have getFunction.
    const source = `const found = new Set();
      Error.prepareStackTrace = (_, frames) => { for (const frame of frames) { const f = frame.getFunction?.(); if (f) found.add(f) } return '' };
      const spy = { toJSON() { new Error('here').stack; return {} } };
      await observe('echo', spy); console.log(spy);
      for (const f of found) for (const args of [[], [{}, {}, {}], [Symbol(), 1], ['result', '1'], [1e9, true, '1'], ['threw', '{']])
        try { f(...args) } catch {}
      return found.size`;
    const { end } = await tryScript(source);
    expect('json' in end || end.problem.code === 'threw').toBe(true);
  });
});

describe('fooling the reader of results', () => {
  it.each([
    ['a key __proto__', 'return JSON.parse(\'{"__proto__":{"polluted":1}}\')', 'result'],
    [
      'the same, hidden in a list',
      'return [1, { a: Object.defineProperty({}, "__proto__", { value: 1, enumerable: true }) }]',
      'result',
    ],
    ['toJSON without end', 'return { toJSON() { for (;;); } }', 'time'],
    ['a getter without end', 'return { get a() { for (;;); } }', 'time'],
    ['toJSON of itself', 'const a = { toJSON() { return { a: { toJSON: a.toJSON } } } }; return a', 'stack'],
    ['a thenable that does not answer', 'return { then() {} }', 'unsettled'],
    ['a thenable that throws', 'return { get then() { throw new Error("then") } }', 'threw'],
    ['thenables without end', 'const a = { then(resolve) { resolve(a) } }; return a', 'time'],
    ['a list as long as lists can be', 'const a = []; a.length = 2 ** 32 - 1; return a', 'memory'],
    [
      'JSON.stringify that gives no JSON',
      'JSON.stringify = () => "}"; globalThis.JSON = null; return () => 1',
      'result',
    ],
    ['a symbol', 'return Symbol("a")', 'result'],
  ] as const)('with %s', async (_, source, code) => {
    const problem = await problemOf(source);
    // An engine may hit another of its limits first.
    const allowed: ProblemCode[] =
      code === 'stack' || code === 'memory' ? [code, 'time', 'memory', 'threw'] : [code];
    expect(allowed).toContain(problem.code);
  });

  it.each([
    [
      'Object.prototype',
      'Object.prototype.polluted = 1; Object.prototype.toJSON = () => "x"; Object.prototype.then = 1; return { a: 1 }',
    ],
    [
      'its setters',
      'for (const name of ["ok", "json", "name", "message", "value", "resolve", "0"]) Object.defineProperty(Object.prototype, name, { set() { throw 1 }, get() { return this }, configurable: true }); return (await observe("echo", { a: 1 })).input',
    ],
    [
      'Array.prototype',
      'for (const name of Object.getOwnPropertyNames(Array.prototype)) try { Array.prototype[name] = () => { throw 1 } } catch {} console.log([1]); return (await observe("echo")).name',
    ],
    [
      'Promise.prototype.then',
      'Promise.prototype.then = function () { throw 1 }; await observe("echo"); return 1',
    ],
    [
      'Promise and its species',
      'Promise.prototype.constructor = { [Symbol.species]: function () { throw 1 } }; globalThis.Promise = null; return 1',
    ],
    [
      'Map, String, Error, Object',
      'for (const owner of [Map, String, Error, Object, Function]) { for (const name of Object.getOwnPropertyNames(owner.prototype)) try { owner.prototype[name] = () => { throw 1 } } catch {} } for (const name of Object.getOwnPropertyNames(globalThis)) try { globalThis[name] = null } catch {} console.log({}); await observe("fail")',
    ],
    [
      'thenable answers',
      'Object.prototype.then = function (resolve) { delete Object.prototype.then; resolve("mine") }; return await observe("echo")',
    ],
    [
      'Symbol.hasInstance, toPrimitive, iterator',
      'for (const name of ["hasInstance", "toPrimitive", "iterator", "species"]) Object.defineProperty(Object.prototype, Symbol[name], { value() { throw 1 }, configurable: true }); console.log({}); return {}',
    ],
  ])('by changing %s: its own affair', async (_, source) => {
    const { end, logs } = await tryScript(source);
    if ('json' in end) expect(() => JSON.parse(end.json)).not.toThrow();
    else expect(['threw', 'unsettled', 'result']).toContain(end.problem.code);
    expect(logs.every((line) => typeof line === 'string')).toBe(true);
  });

  it.each([
    ['a message that never comes', 'throw { get message() { for (;;); } }'],
    [
      'a name that throws',
      'throw { get name() { throw 1 }, get stack() { throw 2 }, toString() { throw 3 } }',
    ],
    [
      'a name that is an object',
      'throw { name: { toString() { return {} } }, message: Symbol("m"), stack: [] }',
    ],
    ['an error of another shape', 'throw Object.create(null)'],
    ['a function', 'throw () => 1'],
    ['a symbol', 'throw Symbol("s")'],
    ['a BigInt', 'throw 1n'],
    [
      'the prototype’s getters',
      'for (const name of ["message", "name", "stack"]) Object.defineProperty(Error.prototype, name, { get() { for (;;); } }); null.x',
    ],
    [
      'a stack of its own',
      'const error = new Error("m"); error.stack = "at (script.js:99999:1)"; throw error',
    ],
    ['stacks made by a hook', 'Error.prepareStackTrace = () => { throw 1 }; null.x'],
    ['stacks made by a slow hook', 'Error.prepareStackTrace = () => { for (;;); }; null.x'],
    [
      'a huge one',
      'const error = new Error("x".repeat(5e6)); error.name = "y".repeat(5e6); error.stack = "z".repeat(5e6); throw error',
    ],
    [
      'a rejection that nobody sees',
      'Promise.reject(new Error("unseen")); for (const a of [1, 2]) (async () => { throw a })(); throw 1',
    ],
  ])('by throwing %s', async (_, source) => {
    const problem = await problemOf(source);
    expect(['threw', 'time', 'memory']).toContain(problem.code);
    expect(problem.message.length).toBeLessThanOrEqual(2_000);
    expect(problem.line ?? 1).toBe(1);
  });
});

describe('using up the process', () => {
  it.each<[ProblemCode[], string]>([
    [['time'], 'for (;;) try { for (;;); } catch {} finally { for (;;); }'],
    [['time'], 'label: try { for (;;); } finally { for (;;) continue; }'],
    [['time'], 'await (async () => { for (;;) await 1 })()'],
    [['time', 'memory'], 'const again = () => Promise.resolve().then(again); await again()'],
    [['time'], '(function again() { Promise.resolve().then(again) })(); await new Promise(() => {})'],
    [['time'], 'for (const a of (function* () { for (;;) yield 1 })());'],
    [['time'], 'return /^(a+)+$/.test("a".repeat(40) + "b")'],
    [
      ['time', 'threw', 'stack', 'memory'],
      'return new RegExp("(a*)*".repeat(20) + "b").test("a".repeat(30))',
    ],
    [['time'], 'Array.prototype.includes.call({ length: 2 ** 52 }, NaN); return 1'],
    [['time', 'memory'], 'const a = []; for (;;) try { a.push(new ArrayBuffer(1 << 20)) } catch {}'],
    [['time', 'memory'], 'return new Uint32Array(3e6).sort(() => { for (;;); }).length'],
    [['memory'], 'const a = []; for (;;) a.push("x".repeat(1e5) + a.length)'],
    [['memory'], 'let a = []; for (;;) a = [a]'],
    [['memory', 'threw'], 'let a = "x"; for (;;) a += a + "y"'],
    [['memory', 'threw'], 'return "a".repeat(2 ** 29).length'],
    [['memory', 'threw'], 'return new ArrayBuffer(2 ** 40).byteLength'],
    [['memory', 'threw'], 'return new Float64Array(2 ** 30).length'],
    [['memory', 'threw', 'time'], 'return (2n ** 100000n) ** 100n > 1n'],
    [['memory', 'threw', 'time'], 'return [].fill.call({ length: 1e9 }, 0)'],
    [['memory', 'time'], 'const map = new Map(); for (let i = 0; ; i++) map.set({}, i)'],
    [['memory', 'time'], 'for (let i = 0; ; i++) globalThis["x" + i] = Symbol("y" + i)'],
    [
      ['memory', 'time'],
      'const all = []; for (;;) all.push(async () => { await new Promise(() => {}) }), all.at(-1)()',
    ],
    [['stack', 'threw'], 'const f = () => [1].map(f); f()'],
    [['stack', 'threw'], 'return eval("(".repeat(1e5))'],
    [['stack', 'threw', 'memory'], 'return JSON.parse("[".repeat(1e6))'],
    [['stack', 'threw', 'memory'], 'let a = []; for (let i = 0; i < 1e5; i++) a = [a]; return a'],
    [['stack', 'threw', 'memory'], 'const a = []; a[0] = a; return a.flat(Infinity)'],
    [['stack', 'threw', 'memory'], 'let f = () => 1; for (let i = 0; i < 2e4; i++) f = f.bind(null); f()'],
    [['stack', 'threw', 'memory'], 'return new RegExp("(".repeat(1e5) + ")".repeat(1e5)).test("")'],
    [['stack', 'threw', 'memory'], 'class A { get x() { return this.x } } return new A().x'],
    [['unsettled'], 'await new Promise(() => {})'],
    [['unsettled'], 'await { then() {} }'],
    [
      ['unsettled'],
      'const { promise } = Promise.withResolvers?.() ?? { promise: new Promise(() => {}) }; await Promise.race([promise])',
    ],
  ])('%s: %s', async (allowed, source) => {
    const startMs = performance.now();
    const { code } = await problemOf(source);
    expect(allowed.includes('memory') ? [...allowed, 'time'] : allowed).toContain(code);
    expect(performance.now() - startMs).toBeLessThan(testLimits.computeMs + 20_000);
  });

  it('by what is cut down at the end of a long life', async () => {
    expect(await resultOf('let o = {}; for (let i = 0; i < 5e4; i++) o = { o }; o = null; return 1')).toBe(1);
  });
});

describe('abusing observations', () => {
  it('names and inputs of any kind', async () => {
    const source = `const told = [];
      for (const args of [[], [1], [{}], [Symbol('s')], [null], ['x'.repeat(200)], ['echo', () => 1], ['echo', 1n], ['echo', { toJSON() { throw new Error('mine') } }], ['echo', 'x'.repeat(3e5)]])
        try { await observe(...args); told.push('answered') } catch (error) { told.push(error.message) }
      return told`;
    const { end, asked } = await tryScript(source);
    expect(JSON.parse((end as { json: string }).json)).toEqual([
      ...Array(5).fill('observe(name, input): the name is a string'),
      'observe(): name or input is too long',
      'observe(name, input): the input is JSON',
      expect.stringContaining('BigInt'),
      'mine',
      'observe(): name or input is too long',
    ]);
    expect(asked).toEqual([]);
  });

  it('asking after the end, and not waiting for answers', async () => {
    const observe = () => new Promise<never>(() => {});
    expect(await resultOf('observe("never"); return 1', { observe })).toBe(1);
    const { asked } = await tryScript('Promise.resolve().then(() => observe("echo")); throw 1');
    expect(asked.length).toBeLessThanOrEqual(1);
  });

  it('a flood', async () => {
    const { end, asked } = await tryScript(
      'const all = []; for (let i = 0; i < 1e3; i++) all.push(observe("echo").catch(() => 0)); return (await Promise.all(all)).filter((one) => one !== 0).length',
    );
    expect(end).toEqual({ json: '64' });
    expect(asked).toHaveLength(64);
  });

  it('answers that fill the memory', async () => {
    const observe = async () => ({ ok: true, json: JSON.stringify(Array(1e5).fill({ a: 1 })) });
    const source = 'const all = []; for (;;) all.push(await observe("much"))';
    expect(['memory', 'time', 'threw']).toContain((await problemOf(source, { observe })).code);
  });
});
