// bin/schedcp mcp as an agent meets it: the official client lists the tools, reads the library, and verifies a policy on a real kernel.

import { spawnSync } from 'node:child_process';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { object, policyFile, root } from '../support/paths.ts';
import { openRoom, type Room } from '../support/room.ts';

let room: Room;
let client: Client;
beforeAll(async () => {
  room = openRoom();
  const environment = { ...process.env, ...room.env } as Record<string, string>;
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [`${root}/bin/schedcp`, 'mcp'],
    env: environment,
    stderr: 'inherit',
  });
  client = new Client({ name: 'test', version: '1' });
  await client.connect(transport);
});
afterAll(async () => {
  await client.close();
  room.close();
});

/** 2,000 tokens. */
const replyBytes = 8000;

async function call(name: string, args: Record<string, unknown> = {}) {
  const reply = await client.callTool({ name, arguments: args }, { timeout: 230_000 });
  expect(Buffer.byteLength(JSON.stringify(reply))).toBeLessThanOrEqual(replyBytes);
  // biome-ignore lint/suspicious/noExplicitAny: looked into
  return reply as any;
}

it('answers all, however slowly it is read, when the client has said its last word', () => {
  const clientInfo = { name: 'raw', version: '1' };
  const requests = [
    { id: 1, method: 'initialize', params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo } },
    { method: 'notifications/initialized' },
    { id: 2, method: 'tools/list' },
  ];
  // a pipe of the shell takes 64 KiB, Node's own more
  const line = ['-c', '"$0" "$1" mcp | { sleep 3; cat; }', process.execPath, `${root}/bin/schedcp`];
  const { stdout } = spawnSync('/bin/sh', line, {
    input: requests.map((one) => `${JSON.stringify({ jsonrpc: '2.0', ...one })}\n`).join(''),
    ...{ env: { ...process.env, ...room.env }, encoding: 'utf8', maxBuffer: 1 << 24, timeout: 60_000 },
  });
  expect(stdout.length, 'more than a pipe takes').toBeGreaterThan(65_536);
  const { id, result } = JSON.parse(stdout.trimEnd().split('\n').at(-1)!);
  expect(id).toBe(2);
  expect(result.tools.length).toBeGreaterThan(30);
});

it('lists the services that remove nothing', async () => {
  const { tools } = await client.listTools();
  expect(tools.map((tool) => tool.name).sort()).toEqual(
    [
      'analyse',
      'approve',
      'audit',
      'block',
      'capabilities',
      'cgroup',
      'compare',
      'cpus',
      'delays',
      'deploy',
      'diff',
      'doctor',
      'export',
      'frequency',
      'fuzz',
      'observe',
      'policies',
      'pressure',
      'process',
      'processes',
      'profile_workload',
      'queues',
      'replay',
      'restore',
      'sched_ext',
      'set_scheduler_param',
      'show',
      'simulate',
      'status',
      'stop',
      'switches',
      'tune',
      'verify',
      'workload_file',
      'workloads',
    ].sort(),
  );
});

it('tells of every policy and workload, page by page', async () => {
  const names: string[] = [];
  const { pages } = (await call('policies')).structuredContent;
  for (let page = 1; page <= pages; page++) {
    const { structuredContent } = await call('policies', { page });
    names.push(...structuredContent.policies.map((policy: { name: string }) => policy.name));
  }
  expect(names).toEqual(expect.arrayContaining(['deadline', 'fifo', 'length', 'vtime']));
  expect(new Set(names).size).toBe(names.length);
  const one = await call('policies', { name: 'length' });
  expect(one.structuredContent.policies).toHaveLength(1);
  const { structuredContent } = await call('workloads');
  expect(structuredContent).toMatchObject({ page: 1, pages: expect.any(Number) });
  expect(structuredContent.workloads.map((item: { name: string }) => item.name)).toContain('long-tail');
});

it('says what this machine can do', async () => {
  const { structuredContent } = await call('doctor');
  const checks = structuredContent.checks as { what: string; ok: unknown }[];
  expect(checks.find((check) => check.what === 'QEMU')?.ok).toBe(true);
});

it('verifies a good and a bad policy: a "no" is an answer, cut to size', async () => {
  const good = await call('verify', { file: policyFile('vtime') });
  expect(good.isError ?? false).toBe(false);
  expect(good.structuredContent).toMatchObject({ accepted: true, policy: 'vtime', gates: [{}, {}, {}, {}] });
  const gates = { gates: 'static,kernel', loads: 'provoke', allGates: true };
  const bad = await call('verify', { file: object('nullderef'), ...gates });
  expect(bad.isError ?? false).toBe(false);
  expect(bad.structuredContent).toMatchObject({ accepted: false, finding: { code: 'load-rejected' } });
  expect(JSON.stringify(bad.structuredContent)).toContain('nullderef.bpf.c');
  const shown = await call('show', { record: good.structuredContent.records[0].digest, view: 'json' });
  expect(shown.structuredContent.pages).toBeGreaterThan(1);
});

it('a fault is an error with code and next', async () => {
  const reply = await call('verify', { file: '/no/such.bpf.o' });
  expect(reply.isError).toBe(true);
  expect(JSON.stringify(reply.content)).toMatch(/not-found.*check the path/);
});

it('a call that is cancelled ends its guest', async () => {
  const stop = new AbortController();
  const running = client.callTool(
    {
      name: 'tune',
      arguments: { workload: 'long-tail', policies: ['fifo'], settings: ['none'], harm: false },
    },
    { signal: stop.signal, timeout: 120_000 },
  );
  const outcome = running.then(
    () => 'answered',
    () => 'cancelled',
  );
  const guests = () => room.processes().filter(({ command }) => command.includes('-incoming')).length;
  await expect.poll(guests, { timeout: 60_000 }).toBeGreaterThan(0);
  stop.abort();
  expect(await outcome).toBe('cancelled');
  const left = () => room.processes().map(({ command }) => command);
  await expect.poll(left, { timeout: 5000 }).toEqual([]);
  await expect.poll(() => room.leftovers(), { timeout: 5000 }).toEqual([]);
  expect((await call('workloads')).structuredContent.workloads.length).toBeGreaterThan(0);
});

it.skipIf(process.env.SCHEDCP_INSPECTOR !== '1')(
  'the official inspector lists and calls the tools (skipped without SCHEDCP_INSPECTOR=1: it fetches a Node and the inspector)',
  () => {
    const done = spawnSync('bash', ['scripts/inspector'], { cwd: root, encoding: 'utf8', timeout: 230_000 });
    expect(done.status, done.stderr).toBe(0);
    expect(done.stdout).toContain('"name": "tune"');
    expect(done.stdout).toContain('long-tail');
  },
);
