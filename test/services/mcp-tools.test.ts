// What an agent meets: the tools that look, observe and run scripts, with their annotations, and a round of questions over the protocol.

import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { serveMcp } from '../../src/interfaces/mcp.ts';
import type { Service } from '../../src/services/service.ts';
import { serviceTable } from '../../src/services/table.ts';
import * as examples from '../profiles/examples.ts';
import { fixedWorld } from './fixed-world.ts';

interface Message {
  readonly id?: number;
  // biome-ignore lint/suspicious/noExplicitAny: results of many tools
  readonly result?: any;
}

/** A session over the line protocol, of the 2025 era. */
function session(alter: (services: Service[]) => Service[] = (services) => services) {
  const machine = { name: 'host', kernel: '6.18', cpus: 4 } as const;
  const { world } = fixedWorld({ observation: { counters: examples.server, machine } });
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const waiting = new Map<number, (message: Message) => void>();
  let rest = '';
  stdout.on('data', (chunk: Buffer) => {
    const lines = `${rest}${chunk}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const message = JSON.parse(line) as Message;
      waiting.get(message.id ?? -1)?.(message);
    }
  });
  const io = { stdin, stdout, stderr, isTTY: false, columns: 100, signal: new AbortController().signal };
  const served = serveMcp(alter(serviceTable(world)), io, { version: '1' });
  let last = 0;
  const ask = async (method: string, params: object) => {
    const id = ++last;
    const answered = new Promise<Message>((resolve) => waiting.set(id, resolve));
    stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`);
    return (await answered).result;
  };
  const open = () =>
    ask('initialize', {
      protocolVersion: '2025-06-18',
      capabilities: {},
      clientInfo: { name: 't', version: '1' },
    });
  const call = (name: string, args: object) => ask('tools/call', { name, arguments: args });
  const close = () => {
    stdin.end();
    return served;
  };
  return { open, ask, call, close, world };
}

it('the tools are there, with the annotations of what they do', async () => {
  const { open, ask, close } = session();
  await open();
  const { tools } = await ask('tools/list', {});
  const hints = Object.fromEntries(
    tools.map((tool: { name: string; annotations: object }) => [tool.name, tool.annotations]),
  );
  const looks = { readOnlyHint: true, idempotentHint: true, destructiveHint: false, openWorldHint: false };
  const writes = { ...looks, readOnlyHint: false, idempotentHint: false };
  const starts = { ...writes, destructiveHint: true, openWorldHint: true };
  expect(hints).toMatchObject({
    cpus: looks,
    workload_file: looks,
    sched_ext: looks,
    audit: looks,
    approve: looks,
    observe: starts,
    profile_workload: starts,
    tune: writes,
    analyse: writes,
  });
  expect(Object.keys(hints)).not.toContain('scripts');
  for (const tool of tools) {
    if (tool.name !== 'analyse' && tool.name !== 'profile_workload') continue;
    expect(tool.inputSchema.additionalProperties).toBe(false);
    expect(JSON.stringify(tool).length).toBeLessThan(9_000);
  }
  expect(await close()).toBe(0);
});

it('what tools say of themselves is for agents too: fields, no flags', async () => {
  const { open, ask, close } = session();
  await open();
  const { tools } = await ask('tools/list', {});
  const flags = (tool: object) =>
    JSON.stringify(tool).match(
      /.{0,40}( --[a-z]|Ctrl-C|[Ee]xit [0-9]|schedcp [a-z]+ (--|[A-Z])| after --).{0,20}/,
    );
  for (const tool of tools) expect(flags(tool), tool.name).toBeNull();
  await close();
});

it('an agent observes, pays for more, and asks a question of its own', async () => {
  const { open, call, close } = session();
  await open();
  const { structuredContent: summary } = await call('profile_workload', { pid: 812 });
  expect(summary).toMatchObject({
    tier: 'summary',
    subject: { name: 'process 812' },
    tokens: { detailed: expect.any(Number) },
  });
  const more = await call('profile_workload', { profile: summary.record, tier: 'detailed', page: 2 });
  expect(more.structuredContent).toMatchObject({ record: summary.record, tier: 'detailed', page: 2 });
  const script = 'const { count } = await observe("cpus", { intervalMs: 0 }); return count >= 1';
  expect(await call('analyse', { script, save: 'some' })).toMatchObject({
    structuredContent: { result: true },
  });
  const again = await call('analyse', { name: 'some' });
  expect(again.structuredContent).toMatchObject({ result: true, calls: [{ name: 'cpus' }] });
  const mistaken = await call('analyse', { script: 'return nothing' });
  expect(mistaken).toMatchObject({ structuredContent: { finding: { code: 'threw', line: 1, column: 8 } } });
  expect(await call('profile_workload', { profile: 'abcdef' })).toMatchObject({ isError: true });
  expect(await close()).toBe(0);
});

it('a large result of a script is cut for an agent, and says so', async () => {
  const { open, call, close } = session();
  await open();
  const script = 'return Array.from({ length: 5000 }, (_, i) => i)';
  const { content, structuredContent } = await call('analyse', { script });
  expect(content[0].text).toMatch(/\[cut to fit 2000 tokens: result 5000 → \d+ items/);
  expect(structuredContent.result.slice(0, 3)).toEqual([0, 1, 2]);
  await close();
});

it('pages of policies and workloads are not cut, and say how many there are', async () => {
  const { open, call, close, world } = session();
  await open();
  const whole = async (name: string, input: object) => {
    const { content, structuredContent } = await call(name, input);
    expect(content[0].text, `${name} ${JSON.stringify(input)}`).not.toContain('[cut to fit');
    return structuredContent;
  };
  for (const name of ['policies', 'workloads']) {
    const { pages } = await whole(name, {});
    for (let page = 1; page <= pages; page++)
      expect(await whole(name, { page })).toMatchObject({ page, pages });
  }
  for (const { card } of await world.policies.list()) await whole('policies', { name: card.name });
  await close();
});

it('an agent ends a deployment of the very server that it asks; the server answers, and goes on', async () => {
  const { open, call, close, world } = session();
  await open();
  const about = { policy: 'fifo', object: 'd', on: 'guest', by: 'me', kind: 'agent', sinceMs: 5 } as const;
  const [one, other] = [world.running.enter(about), world.running.enter(about)];
  one.ended.addEventListener('abort', one.leave);
  expect(await call('restore', { id: one.id, agent: 'me' })).toMatchObject({
    structuredContent: { ended: [{ what: `fifo (${one.id})`, how: 'ended in order' }] },
  });
  expect(await call('restore', { id: other.id })).toMatchObject({ isError: true });
  const { running } = (await call('status', {})).structuredContent;
  expect(running).toMatchObject([{ id: other.id }]);
  expect((await call('audit', {})).structuredContent.lines).toMatchObject([
    { what: 'restored', who: { kind: 'agent', name: 'me' } },
  ]);
  other.leave();
  expect(await close()).toBe(0);
});

it('an agent sees what waits for a person, and cannot answer it', async () => {
  const { open, ask, call, close, world } = session();
  await open();
  const operation = { what: 'deploy', agent: 'me', summary: 's', reasons: [], scope: 'all' };
  const [machine, policy, verdict] = ['a', 'b', 'c'].map((digit) => digit.repeat(64)) as [
    string,
    string,
    string,
  ];
  const { id } = await world.keeping.ask(
    { ...operation, machine, policy, verdict, plan: verdict },
    3_600_000,
  );
  const { tools } = await ask('tools/list', {});
  const tool = tools.find(({ name }: { name: string }) => name === 'approve');
  expect(Object.keys(tool.inputSchema.properties)).toEqual(['all']);
  expect(await call('approve', {})).toMatchObject({
    structuredContent: { approvals: [{ id, state: 'pending' }] },
  });
  for (const tried of [{ id }, { id, refuse: false }, { all: true, why: 'please' }])
    expect(await call('approve', tried)).toMatchObject({ isError: true });
  expect(world.keeping.approvals.get(id, 0).state).toBe('pending');
  expect(await call('audit', { action: 'verify' })).toMatchObject({
    structuredContent: { verified: { ok: true, lines: 1 } },
  });
  await close();
});

it('what decides in a person’s name is no tool, unless agents get something else under its name', async () => {
  const { open, ask, close } = session((services) =>
    services.map(({ forAgents, ...one }) => one).filter(({ name }) => name !== 'tune'),
  );
  await open();
  const { tools } = await ask('tools/list', {});
  const names = tools.map(({ name }: { name: string }) => name);
  expect(names).toContain('audit');
  expect(names).not.toContain('approve');
  await close();
});
