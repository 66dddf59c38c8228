// Random scripts, made of pieces that hurt and of pieces of text: whatever they are, a run ends in time with a result that is JSON or a problem in words, and
// the same script ends the same way again. SCHEDCP_SCRIPTS and SCHEDCP_SCRIPTS_SEED ask for more.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { problemCodes } from '../../src/sandbox/script.ts';
import { resultOf, testLimits, tryScript } from './support.ts';

const numRuns = Number(process.env.SCHEDCP_SCRIPTS ?? 150);
const seed = Number(process.env.SCHEDCP_SCRIPTS_SEED ?? 4);

const atoms = [
  ...[
    'input',
    'observe',
    'console.log',
    'globalThis',
    'Object.prototype',
    'Promise.prototype',
    'JSON',
    'Symbol()',
    '1n',
    'NaN',
  ],
  ...[
    'null',
    '[]',
    '{}',
    '"\\u{1F600}\\ud800"',
    '/(a*)*b/',
    'new Map([[1, 2]])',
    'new Uint8Array(9)',
    'new Error("e")',
    '(() => 1)',
  ],
  ...[
    '2 ** 31',
    '"x".repeat(1000)',
    'Array(1000)',
    'observe("echo", { a: 1 })',
    'observe("fail")',
    'new Promise(() => {})',
  ],
  ...[
    '{ then(r) { r(1) } }',
    '{ toJSON() { return this } }',
    '{ get a() { throw 1 } }',
    '{ valueOf() { return {} } }',
  ],
];
const value = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.constantFrom(...atoms).map((text) => `(${text})`),
    fc
      .tuple(
        tie('value'),
        fc.constantFrom('constructor', '__proto__', 'then', 'length', 'prototype', 'stack', '0'),
      )
      .map(([of, name]) => `${of}?.${name}`),
    fc.tuple(tie('value'), tie('value')).map(([f, a]) => `${f}(${a})`),
    fc
      .tuple(tie('value'), fc.constantFrom('+', '==', 'in', 'instanceof', ','), tie('value'))
      .map(([a, op, b]) => `(${a} ${op} ${b})`),
    tie('value').map((of) => `(await ${of})`),
    tie('value').map((of) => `[...${of}]`),
    tie('value').map((of) => `(async () => ${of})()`),
    tie('value').map((of) => `JSON.stringify(${of})`),
  ),
})).value;
const statement = fc.oneof(
  { weight: 4, arbitrary: value.map((of) => `try { ${of} } catch (error) { console.log(error) }`) },
  { weight: 3, arbitrary: value.map((of) => `console.log(${of})`) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(value, fc.constantFrom('a', 'then', 'toJSON', 'constructor', '__proto__', 'name', '0'), value)
      .map(([at, name, of]) => `try { (${at}).${name} = ${of} } catch {}`),
  },
  { weight: 1, arbitrary: value.map((of) => `throw ${of}`) },
  { weight: 1, arbitrary: value.map((of) => `for (let i = 0; i < 50; i++) { ${of} }`) },
  {
    weight: 1,
    arbitrary: value.map(
      (of) =>
        `Object.defineProperty(Object.prototype, 'p', { get() { return ${of.replaceAll('await', '')} }, configurable: true })`,
    ),
  },
);
const script = fc
  .tuple(fc.array(statement, { maxLength: 6 }), value)
  .map(([lines, last]) => `${lines.join(';\n')};\nreturn ${last}`);

/** Pieces cut out and put elsewhere: mostly texts that do not parse. */
const torn = fc
  .tuple(
    script,
    fc.array(fc.tuple(fc.nat(), fc.string({ unit: 'binary', maxLength: 4 })), { minLength: 1, maxLength: 4 }),
  )
  .map(([text, cuts]) =>
    cuts.reduce(
      (at, [where, what]) =>
        `${at.slice(0, where % (at.length + 1))}${what}${at.slice((where % (at.length + 1)) + 2)}`,
      text,
    ),
  );

it.each([
  ['made of pieces', script],
  ['torn', torn],
  ['any text', fc.string({ unit: 'binary', maxLength: 60 })],
] as const)(
  'random scripts end well: %s',
  async (_, scripts) => {
    await fc.assert(
      fc.asyncProperty(scripts, async (source) => {
        const ran = await tryScript(source);
        expect(ran.logs.length).toBeLessThanOrEqual(testLimits.logLines + 1);
        expect(ran.logs.every((line) => line.length <= testLimits.logLineChars + 1)).toBe(true);
        expect(ran.asked.length).toBeLessThanOrEqual(testLimits.calls);
        if ('json' in ran.end)
          expect(JSON.stringify(JSON.parse(ran.end.json)).length).toBeLessThanOrEqual(testLimits.resultBytes);
        else {
          const { problem } = ran.end;
          expect(problemCodes).toContain(problem.code);
          expect(problem.code).not.toBe('engine');
          expect(problem.line ?? 1).toBeLessThanOrEqual(source.split('\n').length);
          expect(problem.next).not.toBe('');
          if (problem.code === 'time') return;
        }
        expect(await tryScript(source)).toEqual(ran);
      }),
      { numRuns, seed },
    );
    expect(({} as Record<string, unknown>).p).toBe(undefined);
    expect(await resultOf('return 1')).toBe(1);
  },
  120_000,
);
