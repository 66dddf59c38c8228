// The MCP server as a child process, spoken to by the official client in both eras of the protocol.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toolName } from '../../src/interfaces/mcp/reply.ts';
import { jsonBytes } from '../../src/interfaces/mcp/shrink.ts';
import { services } from './services.ts';

const script = new URL('./process.ts', import.meta.url).pathname;
const args = ['--import', 'tsx', script, 'mcp'];

interface Progress {
  readonly progress: number;
  readonly total?: number | undefined;
  readonly message?: string | undefined;
}

const textOf = (result: { content: readonly unknown[] }): string =>
  (result.content[0] as { text: string }).text;

describe.each([
  ['2026-07-28', 'auto'],
  ['2025', 'legacy'],
] as const)('MCP, %s', (_, mode) => {
  let client: Client;
  let transport: StdioClientTransport;
  let err = '';

  beforeAll(async () => {
    transport = new StdioClientTransport({ command: process.execPath, args, stderr: 'pipe' });
    transport.stderr?.on('data', (chunk) => (err += chunk));
    client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode } });
    await client.connect(transport);
  });
  afterAll(() => client.close());

  const call = (name: string, given: Record<string, unknown> = {}, options = {}) =>
    client.callTool({ name, arguments: given }, options);

  it('says how to work', () => {
    expect(client.getServerVersion()).toMatchObject({ name: 'schedcp', version: '1.2.3' });
    expect(client.getInstructions()).toMatch(/doctor.*workloads.*policies.*tune.*show/s);
    expect(jsonBytes(client.getInstructions())).toBeLessThan(1_500);
  });

  it('lists every service that removes nothing, with schemas and annotations', async () => {
    const { tools } = await client.listTools();
    const expected = services.filter((one) => one.effect !== 'remove').map(toolName);
    expect(tools.map((tool) => tool.name).sort()).toEqual([...expected].sort());
    for (const tool of tools) {
      const service = services.find((one) => toolName(one) === tool.name)!;
      expect(tool.description).toBe(`${service.summary} ${service.description}`);
      expect(tool.title).toBeTruthy();
      expect(tool.outputSchema?.type).toBe('object');
      expect(tool.annotations).toEqual({
        readOnlyHint: service.effect === 'read',
        destructiveHint: service.effect === 'start',
        idempotentHint: service.effect === 'read',
        openWorldHint: service.effect === 'start',
      });
    }
    const echo = tools.find((tool) => tool.name === 'echo')!;
    const size = { type: 'integer', minimum: 1, maximum: 50, default: 3, description: 'how many' };
    expect(echo.inputSchema).toMatchObject({ additionalProperties: false, properties: { size } });
    expect(echo.inputSchema.required).toBeUndefined();
  });

  it('names have no hyphens, also where they are told', async () => {
    const { tools } = await client.listTools();
    expect(tools.find((tool) => tool.name === 'long_words')).toMatchObject({ title: 'Long words' });
    expect(tools.some((tool) => tool.name.includes('-'))).toBe(false);
    expect(textOf(await call('long_words'))).toContain('call long_words again with page=2');
  });

  it('answers with text and structure', async () => {
    const result = await call('echo', { size: 5, env: { A: 'b' } });
    expect(result.isError).toBeFalsy();
    expect(result.structuredContent).toMatchObject({ given: { size: 5, env: { A: 'b' }, mode: 'fast' } });
    expect(textOf(result)).toContain('given size');
  });

  it.each([
    [
      'echo',
      { size: 51 },
      /^usage: size must be a whole number from 1 to 50, not 51\nnext: see what the input schema of echo takes$/,
    ],
    ['echo', { size: 'x' }, /^usage: size must be a whole number from 1 to 50, not "x"\n/],
    ['echo', { sise: 1 }, /^usage: no such field: sise; there are target, command, size, /],
    ['required', {}, /^usage: file is required: a file; level is required: a level\n/],
    ['fault', {}, /^not-found: no record starts with 12ab\nwhere: records\/\nnext: schedcp show lists them$/],
    ['fault', { long: true }, /^not-found: .*\nwhere: w+… \[cut\]\nnext: /],
    ['fault', { bug: true }, /^bug: SchedCP made a mistake, sorry: x is not a function\nwhere: TypeError/],
    ['unfit', {}, /^bug: .*unfit answered outside of its schema/],
  ] as const)('an error that an agent can act on: %s %j', async (name, given, expected) => {
    const result = await call(name, given);
    expect(result.isError).toBe(true);
    expect(textOf(result)).toMatch(expected);
    expect(jsonBytes(result)).toBeLessThan(8_000);
  });

  it('does not know what would remove', async () => {
    await expect(call('remove')).rejects.toThrow(/remove/);
  });

  it('cuts a long answer, and says which call gives the rest', async () => {
    const result = await call('long', { page: 2 });
    expect(jsonBytes(result)).toBeLessThanOrEqual(8_000);
    expect(jsonBytes(result)).toBeGreaterThan(6_000);
    const { text, rows } = result.structuredContent as { text: string; rows: unknown[] };
    expect(text).toMatch(/^line 0: .*… \[cut\]$/s);
    expect(rows.length).toBeGreaterThan(5);
    expect(textOf(result)).toMatch(
      /\[cut to fit 2000 tokens: .*rows 900 → [0-9]+ items.* again with page=3\]$/,
    );
  });

  it('refers to the record that was written; what libraries print is on stderr', async () => {
    const result = await call('noisy');
    expect(textOf(result)).toContain('call show with record=abababababababab and view=json');
    expect(result.structuredContent).toMatchObject({ records: [{ digest: 'ab'.repeat(32) }] });
    await expect.poll(() => err).toContain('not JSON-RPC');
  });

  it.each([true, false])('tells of progress, in growing numbers (counted: %s)', async (counted) => {
    const seen: Progress[] = [];
    const onprogress = (progress: Progress) => seen.push(progress);
    await call('slow', { steps: 30, stepMs: 20, counted }, { onprogress });
    expect(seen.length).toBeGreaterThan(3);
    expect(seen.length).toBeLessThan(20);
    expect(seen[0]?.message).toBe('step 1 of 30');
    expect(seen[0]?.total).toBe(counted ? 30 : undefined);
    const numbers = seen.map((one) => one.progress);
    expect(numbers.every((one, index) => index === 0 || one > numbers[index - 1]!)).toBe(true);
  });

  it('stops a call that is cancelled, which cleans up, and goes on', async () => {
    err = '';
    const controller = new AbortController();
    const onprogress = () => controller.abort('enough');
    await expect(call('slow', { steps: 1000 }, { signal: controller.signal, onprogress })).rejects.toThrow();
    await expect.poll(() => err).toContain('slow: cleaned up');
    expect((await call('slow', { steps: 1 })).structuredContent).toEqual({ steps: 1 });
  });
});

describe('on the wire', () => {
  const open = async (given: object) => {
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    const seen = { out: '', err: '' };
    child.stdout.on('data', (chunk) => {
      seen.out += chunk;
    });
    child.stderr.on('data', (chunk) => {
      seen.err += chunk;
    });
    const told = async (text: string) => {
      while (!seen.out.includes(text)) await once(child.stdout, 'data');
    };
    const say = (message: object) => child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
    const clientInfo = { name: 'raw', version: '1' };
    say({
      id: 1,
      method: 'initialize',
      params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo },
    });
    await told('"id":1');
    say({ method: 'notifications/initialized' });
    const params = { name: 'slow', arguments: given, _meta: { progressToken: 'p' } };
    say({ id: 2, method: 'tools/call', params });
    const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, ...seen }));
    return { child, ended, told };
  };
  const messages = (out: string) => {
    const all = out.trimEnd().split('\n');
    return all.map((line) => JSON.parse(line));
  };

  it.each(['end of input', 'SIGTERM'])('%s: running calls are aborted and awaited', async (how) => {
    const { child, ended, told } = await open({ steps: 1000 });
    await told('notifications/progress');
    if (how === 'SIGTERM') child.kill('SIGTERM');
    else child.stdin.end();
    const { code, out, err } = await ended;
    expect({ code, err }).toMatchObject({ code: 0, err: expect.stringContaining('slow: cleaned up') });
    for (const message of messages(out)) expect(message.jsonrpc).toBe('2.0');
  });

  it('the last progress comes before the answer', async () => {
    const { child, ended, told } = await open({ steps: 3 });
    await told('"id":2');
    child.stdin.end();
    const [progress, reply] = messages((await ended).out).slice(-2);
    expect(progress.params).toEqual({ progressToken: 'p', progress: 3, total: 3, message: 'done' });
    expect(reply).toMatchObject({ id: 2, result: { structuredContent: { steps: 3 } } });
  });
});
