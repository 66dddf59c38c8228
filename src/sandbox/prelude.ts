// What a script finds inside the engine: `observe` and `console`, made of three functions of ours that take and give texts; and what it does not find: the
// names that could tell two runs apart (clock, chance, collector) or that would only puzzle. ECMA-262 names.

/** Globals that stay. Others that an engine brings (queueMicrotask, Iterator, …) are removed, so that a newer engine brings nothing new. */
export const globals = [
  ...['Object', 'Function', 'Array', 'String', 'Number', 'Boolean', 'Symbol', 'BigInt', 'Math', 'JSON'],
  ...['Map', 'Set', 'WeakMap', 'WeakSet', 'Promise', 'RegExp', 'globalThis', 'Infinity', 'NaN', 'undefined'],
  ...['Error', 'EvalError', 'RangeError', 'ReferenceError', 'SyntaxError', 'TypeError', 'URIError'],
  ...['AggregateError', 'InternalError', 'eval', 'parseInt', 'parseFloat', 'isNaN', 'isFinite'],
  ...['encodeURI', 'encodeURIComponent', 'decodeURI', 'decodeURIComponent', 'escape', 'unescape'],
  ...['ArrayBuffer', 'DataView', 'Int8Array', 'Uint8Array', 'Uint8ClampedArray', 'Int16Array', 'Uint16Array'],
  ...['Int32Array', 'Uint32Array', 'BigInt64Array', 'BigUint64Array', 'Float32Array', 'Float64Array'],
] as const;

/**
 * Evaluates to a function of (ask, log, end) that gives { start(main, inputJson), answer(id, ok, json) }:
 *   ask(name, inputJson) → a number, or a text that says why not
 *   end('result', json) | end('nothing', why) | end('threw', json of { name, message, stack })
 * It keeps its own references to what it uses: a script that changes the built-in objects changes them for itself. Nothing relies on that: the host holds
 * each text that comes through for the script's own.
 */
export const prelude = `(() => {
  'use strict';
  const kept = new Set(${JSON.stringify(globals)});
  for (const name of Object.getOwnPropertyNames(globalThis)) if (!kept.has(name)) delete globalThis[name];
  Math.random = () => { throw new Error('Math.random: there is no chance here'); };
  const { parse, stringify } = JSON;
  const { defineProperty } = Object;
  const Failure = Error, Wrong = TypeError, Pledge = Promise, Text = String;
  const own = (method) => Function.prototype.call.bind(method);
  const then = own(Promise.prototype.then), slice = own(String.prototype.slice);
  const take = own(Map.prototype.get), put = own(Map.prototype.set), drop = own(Map.prototype.delete);
  const part = (value, name) => {
    try {
      const found = value[name];
      return found === undefined ? '' : slice(Text(found), 0, 4000);
    } catch { return ''; }
  };
  const described = (thrown) => {
    let shown = '';
    try { shown = slice(Text(thrown), 0, 4000); } catch {}
    if ((typeof thrown !== 'object' && typeof thrown !== 'function') || thrown === null)
      return stringify({ name: '', message: shown, stack: '' });
    const message = part(thrown, 'message');
    return stringify({
      name: part(thrown, 'name'),
      message: message === '' ? shown : message,
      stack: part(thrown, 'stack'),
    });
  };
  const lineOf = (value) => {
    if (typeof value === 'string') return value;
    try { return stringify(value) ?? Text(value); } catch {}
    try { return Text(value); } catch { return '(a value without a text)'; }
  };
  return (ask, log, end) => {
    const waiting = new Map();
    const observe = (name, input) => new Pledge((resolve, reject) => {
      if (typeof name !== 'string') throw new Wrong('observe(name, input): the name is a string');
      const json = stringify(input === undefined ? {} : input);
      if (json === undefined) throw new Wrong('observe(name, input): the input is JSON');
      const asked = ask(name, json);
      if (typeof asked === 'string') throw new Failure(asked);
      put(waiting, asked, { resolve, reject, failure: new Failure('') }); // made here: it knows the place
    });
    const write = (...values) => {
      let line = '';
      for (let i = 0; i < values.length && line.length < 2000; i++)
        line += (i === 0 ? '' : ' ') + slice(lineOf(values[i]), 0, 2000);
      log(line);
    };
    const console = { log: write, info: write, warn: write, error: write, debug: write };
    const fail = (thrown) => end('threw', described(thrown));
    const finish = (value) => {
      try {
        const json = stringify(value);
        if (typeof json === 'string') end('result', json);
        else end('nothing', typeof value);
      } catch (thrown) { fail(thrown); }
    };
    return {
      start(main, input) {
        try {
          const running = typeof main === 'function' ? main(parse(input), observe, console) : undefined;
          if (!(running instanceof Pledge)) throw new Wrong('a brace of the script is closed that it did not open');
          then(running, finish, fail);
        } catch (thrown) { fail(thrown); }
      },
      answer(id, ok, json) {
        const { resolve, reject, failure } = take(waiting, id);
        drop(waiting, id);
        const value = parse(json);
        if (ok) return resolve(value);
        for (const name of ['name', 'message'])
          defineProperty(failure, name, { value: value[name], configurable: true, writable: true });
        reject(failure);
      },
    };
  };
})()`;
