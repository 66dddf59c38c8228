// verify over a world that is fixed.

import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { faultOf } from '../../test/linux/support.ts';
import { fixedWorld, root } from '../../test/services/fixed-world.ts';

describe('verify', () => {
  const file = join(root, 'policies/fifo/fifo.bpf.o');

  it('says what the object is, and that it holds', async () => {
    const fixed = fixedWorld();
    const { output, exit, text } = await fixed.call('verify', { file, kernel: '6.18' });
    expect(exit).toBe(0);
    expect(output).toMatchObject({ accepted: true, policy: 'fifo', kernel: '6.18.0-test', finding: null });
    expect(output.parameters).toContainEqual({
      name: 'slice_ns',
      type: expect.any(String),
      default: 20_000_000,
    });
    expect(output.programs.length).toBeGreaterThan(2);
    expect(fixed.asked).toContain('machine 6.18');
    expect(fixed.machine.ran.map((e) => e.workload?.name)).toEqual(['hog-latency']);
    expect(text).toContain('slice_ns');
    const shown = await fixed.call('show', { record: output.records[0].digest });
    expect(shown.text).toContain('fifo × hog-latency');
  });

  it('says no with the reason', async () => {
    const finding = () =>
      ({ code: 'stalled', message: 'it stalled', next: 'mend it', detail: 'a\nb' }) as const;
    const { output, exit, text } = await fixedWorld({ finding }).call('verify', { file });
    expect([exit, output.accepted, output.finding.code]).toEqual([1, false, 'stalled']);
    expect(text).toContain('  stalled: it stalled\n  → mend it\n    a\n    b\n');
  });

  it('shows the beginning of a dump', async () => {
    const dump = Array.from({ length: 50 }, (_, i) => `line ${i}`).join('\n');
    const finding = () => ({ code: 'ejected', message: 'it was wrong', detail: dump }) as const;
    const { text, output } = await fixedWorld({ finding }).call('verify', { file });
    expect(text).toContain('    line 39\n    [10 more lines: --json has them]\n');
    expect(text).not.toContain('line 40');
    expect(output.finding.detail).toBe(dump);
  });

  it.each([
    ['./nope.bpf.o', 'not-found'],
    ['./nope.bpf.c', 'malformed'],
    [join(root, 'README.md'), 'malformed'],
  ])('%s is a fault', async (path, code) => {
    const fixed = fixedWorld();
    expect((await faultOf(() => fixed.call('verify', { file: path }))).code).toBe(code);
    expect(fixed.asked.filter((item) => item.startsWith('machine'))).toEqual([]);
  });
});
