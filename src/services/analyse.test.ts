import { describe, expect, it } from 'vitest';
import { faultOf } from '../../test/linux/support.ts';
import { fixedWorld } from '../../test/services/fixed-world.ts';
import { digestOf } from '../core/canonical.ts';
import { usualLimits } from '../sandbox/limits.ts';
import { observations } from './observations.ts';
import { serviceTable } from './table.ts';

const golden = (name: string): string => `../../test/services/golden/analyse-${name}.txt`;
const withoutTimes = (text: string): string => text.replace(/^(cpus|queues) +\d+ +\d+$/gm, '$1  TIME  BYTES');

describe('analyse', () => {
  it('runs a script over observations and says what it asked', async () => {
    const script = `const { count, cpus } = await observe('cpus', { intervalMs: 0, limit: input.limit });
console.log('CPUs', cpus.length);
return { all: count > 0, shown: cpus.length };`;
    const { output, exit, text } = await fixedWorld().call('analyse', { script, input: { limit: 1 } });
    expect(exit).toBe(0);
    expect(output).toMatchObject({
      result: { all: true, shown: 1 },
      finding: null,
      logs: ['CPUs 1'],
      calls: [{ name: 'cpus', ms: expect.any(Number), bytes: expect.any(Number) }],
      limits: usualLimits,
      script: { digest: digestOf(script), saved: null },
    });
    await expect(withoutTimes(text)).toMatchFileSnapshot(golden('result'));
  });

  it('tells the script why an observation failed', async () => {
    const script = `const told = [];
      for (const [name, input] of [['cpus', { intervalMS: 0 }], ['cpus', { intervalMs: -1 }], ['process', { pid: 4194304 }], ['tune', { workload: 'long-tail' }], ['uninstall'], ['__proto__']])
        try { await observe(name, input); told.push('answered') } catch (error) { told.push(error.name + ': ' + error.message) }
      return told`;
    const { output } = await fixedWorld().call('analyse', { script });
    expect(output.result).toEqual([
      expect.stringMatching(/^usage: cpus: .*intervalMS/s),
      expect.stringMatching(/^usage: cpus: .*intervalMs/s),
      expect.stringMatching(/^not-found: /),
      ...Array(3).fill(expect.stringMatching(/^not-found: no observation .*; there are capabilities, cpus/)),
    ]);
  });

  it('observations are spelled as services or as tools', async () => {
    const script = `return [typeof await observe('sched-ext'), typeof await observe('sched_ext')]`;
    expect((await fixedWorld().call('analyse', { script })).output.result).toEqual(['object', 'object']);
  });

  it('a mistake is a finding with its place', async () => {
    const { output, exit, text } = await fixedWorld().call('analyse', {
      script: 'const seen = 1;\n  return sen + 1;',
      save: 'mistaken',
    });
    expect(exit).toBe(1);
    expect(output).toMatchObject({
      result: null,
      finding: { code: 'threw', line: 2, column: 10, source: 'return sen + 1;' },
      script: { saved: null },
    });
    await expect(text).toMatchFileSnapshot(golden('mistake'));
  });

  it('whatever a script says stays on its lines and obeys no terminal', async () => {
    const evil = '\\u001b[2J\\u202e\\n\\u2028\\u0007\\u009b1m\\ud800\\u200b\\u{e0041}';
    const { call } = fixedWorld();
    for (const script of [
      `console.log("${evil}"); return { "${evil}": "${evil}" }`,
      `throw new Error("${evil}")`,
      `return [1, "\u202e"].x.y`,
    ]) {
      const { text, output } = await call('analyse', { script });
      expect(text).not.toMatch(
        /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\ud800\u{e0000}-\u{e007f}]/u,
      );
      if (output.logs.length > 0) expect(text).toContain('log\n  \\u001b[2J\\u202e\\u000a\\u2028');
    }
  });

  it('keeps a script that gave a result, runs it by its name, lists and forgets', async () => {
    const { call } = fixedWorld();
    expect((await call('analyse')).text).toContain('No scripts are kept');
    const script = '// twice the input\nreturn 2 * input.n';
    expect((await call('analyse', { script, input: { n: 2 }, save: 'twice' })).output).toMatchObject({
      result: 4,
      script: { saved: 'twice' },
    });
    expect((await call('analyse', { name: 'twice', input: { n: 21 } })).output.result).toBe(42);
    const listed = await call('analyse');
    expect(listed.output.scripts).toEqual([
      { name: 'twice', about: 'twice the input', bytes: script.length, digest: digestOf(script) },
    ]);
    await expect(listed.text).toMatchFileSnapshot(golden('list'));
    expect((await call('scripts', { remove: 'twice' })).output).toEqual({ scripts: [], removed: 'twice' });
    expect(await faultOf(() => call('analyse', { name: 'twice' }))).toMatchObject({ code: 'not-found' });
    expect(await faultOf(() => call('scripts', { remove: 'twice' }))).toMatchObject({ code: 'not-found' });
  });

  it.each([
    [{ script: '1', name: 'a' }, 'not both'],
    [{ save: 'a' }, 'no script to save'],
    [{ name: '../a' }, 'a name starts with a-z'],
    [{ script: '1', save: 'a/b' }, 'a name starts with a-z'],
    [{ script: 'x'.repeat(65_537) }, '65536'],
  ])('refuses %j', async (input, words) => {
    await expect(fixedWorld().call('analyse', input)).rejects.toThrow(words);
  });

  it('an input that is too large', async () => {
    const input = { script: 'return 1', input: 'x'.repeat(usualLimits.inputBytes) };
    expect(await faultOf(() => fixedWorld().call('analyse', input))).toMatchObject({ code: 'unsupported' });
  });

  it('what scripts may ask only looks, and the description names all of it', () => {
    const services = serviceTable(fixedWorld().world);
    const { description } = services.find(({ name }) => name === 'analyse')!;
    for (const make of observations) {
      const { name, effect } = make(fixedWorld().world);
      expect(effect).toBe('read');
      expect(description).toContain(name);
    }
  });

  it('the example of the description runs', async () => {
    const { world, call } = fixedWorld();
    const { description } = serviceTable(world).find(({ name }) => name === 'analyse')!;
    const script = /preempted:\n(.*?)\nThere are no files/s.exec(description)?.[1] ?? '';
    expect(script.split('\n')).toHaveLength(6);
    const { output } = await call('analyse', { script, input: { limit: 2 } });
    expect(output.finding).toBe(null);
    expect(output.result.length).toBeGreaterThan(0);
    for (const { pid, preempted } of output.result) {
      expect(pid).toBeGreaterThan(0);
      expect(preempted >= 0 && preempted <= 1).toBe(true);
    }
  });
});
