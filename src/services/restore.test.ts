// status, restore and stop, as persons and agents meet them: deployments of this process and of another one, and a kernel of pretence.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { faultOf } from '../../test/linux/support.ts';
import { fixedWorld } from '../../test/services/fixed-world.ts';
import { Fault } from '../core/errors.ts';
import { serviceTable } from './table.ts';
import type { Charge } from './world.ts';

type Whose = Awaited<ReturnType<Charge['whose']>>;

/** A machine on which a policy is in charge, as told, and `did` what was done to it. `stuck`: nothing ends it but SysRq. */
function machine(told: { whose?: Whose; holders?: string[]; isRoot?: boolean; stuck?: boolean } = {}) {
  const { isRoot = true, stuck = false } = told;
  let whose = told.whose ?? 'nobody';
  let holders = told.holders ?? [];
  const did: string[] = [];
  const charge: Charge = {
    now: () => ({
      ...{ state: whose === 'nobody' ? 'disabled' : 'enabled', ops: whose === 'nobody' ? '' : 'fifo' },
      enableSeq: 3,
    }),
    whose: async () => (isRoot || whose === 'nobody' ? whose : 'unknown'),
    async holders() {
      if (isRoot) return holders;
      throw new Fault('not-permitted', 'cannot see which policies are held', { next: 'run it as root' });
    },
    async release(address) {
      did.push(`release ${address}`);
      holders = holders.filter((one) => one !== address);
      if (!stuck && holders.length === 0 && whose === 'ours') whose = 'nobody';
      if (stuck && whose === 'ours') whose = 'unknown'; // who held it is gone
      return 'detached';
    },
    async leave() {
      did.push('leave');
      whose = 'nobody';
      return true;
    },
    async startAgain({ ops }) {
      did.push(`start ${ops}`);
      return `${ops} is in charge again`;
    },
  };
  const fixed = fixedWorld({ charge });
  const { running, keeping } = fixed.world;
  const about = { policy: 'fifo', object: 'd', on: 'host', sinceMs: 5 } as const;
  return {
    ...fixed,
    did,
    /** A deployment of this process that ends when it is asked to; `deaf`: it does not. */
    enter(other: { by?: string; kind?: 'person' | 'agent'; on?: 'host' | 'guest'; deaf?: boolean } = {}) {
      const { deaf = false, ...mine } = other;
      const one = running.enter({ ...about, by: 'claude', kind: 'agent', ...mine });
      one.ended.addEventListener('abort', () => {
        did.push(`ended ${mine.by ?? 'claude'}`);
        if (!deaf) setTimeout(one.leave, 5);
      });
      return one;
    },
    /** The deployment is now one of that process. */
    asIfOf(id: string, pid: number, other: object = {}) {
      const file = join(fixed.directory, 'running', `${id}.json`);
      const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
        .replace(/^.*\) /s, '')
        .split(' ');
      const entry = { ...JSON.parse(readFileSync(file, 'utf8')), pid, started: stat[19], ...other };
      writeFileSync(file, JSON.stringify(entry));
    },
    async agent(name: string, input: object = {}) {
      const one = serviceTable(fixed.world).find((service) => service.name === name)!.forAgents!;
      const call = { progress: () => {}, signal: new AbortController().signal };
      const reply = await one.run(one.input.parse({ agent: 'claude', ...input }), call);
      return { ...reply, output: one.output.parse(reply.output) as typeof reply.output };
    },
    async audited(): Promise<{ who: object; what: string; why: string; about: object }[]> {
      return (await fixed.call('audit', { limit: 100 })).output.lines;
    },
    isByHand: async () => (await keeping.history()).isByHand,
  };
}
const ours = { whose: 'ours', holders: ['/run/a'] } as const;
const loaded = () => ({ whose: ours.whose, holders: [...ours.holders] });

describe('restore', () => {
  it('nothing is deployed: harmless', async () => {
    for (const name of ['restore', 'stop'])
      expect(await machine().call(name)).toMatchObject({ exit: 0, output: { ended: [], verified: true } });
  });

  it('ends a deployment of its own process, that one alone', async () => {
    const here = machine();
    const { id } = here.enter();
    const other = here.enter({ by: 'other' });
    const { output, exit } = await here.agent('restore', { id });
    expect([exit, output]).toMatchObject([0, { ended: [{ what: `fifo (${id})`, how: 'ended in order' }] }]);
    expect(here.did).toEqual(['ended claude']);
    expect(here.world.running.list().map((one) => one.id)).toEqual([other.id]);
  });

  it('an agent names itself, and the audit names it; it ends its own, unless it says stop', async () => {
    const here = machine(loaded());
    const offered = serviceTable(here.world).flatMap(({ name, forAgents }) =>
      name === 'restore' || name === 'stop' ? [forAgents!] : [],
    );
    expect(offered.map(({ input }) => input.safeParse({}).success)).toEqual([false, false]);
    const other = here.enter({ by: 'other' });
    const person = here.enter({ by: 'claude', kind: 'person' });
    here.enter();
    for (const { id } of [other, person])
      expect(await faultOf(() => here.agent('restore', { id }))).toMatchObject({ code: 'not-permitted' });
    await here.agent('restore', { why: 'done' });
    expect(here.did).toEqual(['ended claude']);
    const agent = { kind: 'agent', name: 'claude' };
    expect(await here.audited()).toMatchObject([{ who: agent, what: 'restored', why: 'done' }]);
    expect((await here.agent('restore')).text).toMatch(/^Nothing of yours is deployed/);
    expect((await here.agent('stop')).exit).toBe(0);
    expect(here.world.running.list()).toEqual([]);
    expect((await here.audited()).at(-1)).toMatchObject({ who: agent, what: 'stopped' });
    expect(await here.isByHand()).toBe(false);
  });

  it('no such deployment: that is no success', async () => {
    const here = machine(loaded());
    expect(await faultOf(() => here.call('restore', { id: 'ffff' }))).toMatchObject({ code: 'not-found' });
  });

  it('without root it does not say that nothing is deployed', async () => {
    for (const whose of ['ours', 'nobody'] as const)
      for (const [name, input] of [['restore'], ['stop'], ['stop', { now: true }]] as const) {
        const here = machine({ whose, isRoot: false });
        expect(await faultOf(() => here.call(name, input))).toMatchObject({
          ...{ code: 'not-permitted', next: 'run it as root' },
        });
      }
  });

  it('without root: what could be ended was, the rest is said', async () => {
    for (const [name, input] of [['restore'], ['stop'], ['stop', { now: true }]] as const) {
      const here = machine({ isRoot: false });
      here.enter({ on: 'guest' });
      const { output, exit, text } = await here.call(name, input);
      expect([exit, output.verified]).toEqual([1, false]);
      expect(text).toContain('run it as root');
      expect(text).toContain('ended in order');
    }
  });

  it('what is in charge is back only when it is the default, or known to be somebody else’s', async () => {
    const verified = async (whose: Whose) => (await machine({ whose }).call('restore')).output.verified;
    expect(await Promise.all((['nobody', 'foreign', 'unknown', 'ours'] as const).map(verified))).toEqual([
      ...[true, true, false, false],
    ]);
  });

  it('a process that does not answer is ended, its policy taken away, and the loss noted', async () => {
    const here = machine(loaded());
    const child = spawn('/bin/sleep', ['60']);
    const exit = once(child, 'exit');
    const { id } = here.enter({ deaf: true });
    here.asIfOf(id, child.pid!);
    here.world.running.end = async () => false; // it would take 15 s
    const { output } = await here.call('restore', { id });
    expect(await exit).toEqual([null, 'SIGTERM']);
    expect(output.ended.map(({ how }: { how: string }) => how)).toEqual(['did not answer', 'detached']);
    const lost = (await here.audited()).find(({ what }) => what === 'deployment-lost');
    expect(lost).toMatchObject({
      ...{ who: { kind: 'program' }, about: { id, policy: 'fifo', by: 'claude' } },
    });
  });
});

describe('stop --now', () => {
  it('asks, lets go at once, and leaves time for the record', async () => {
    const here = machine(loaded());
    here.enter();
    const { output, exit } = await here.call('stop', { now: true });
    expect(here.did).toEqual(['release /run/a', 'ended claude']);
    expect(output.ended.at(-1)).toMatchObject({ how: 'ended in order' });
    expect([exit, output.verified]).toEqual([0, true]);
  });

  it('a holder that is frozen keeps no other waiting', async () => {
    const here = machine({ whose: 'ours', holders: ['/run/a', '/run/b'] });
    const { release } = here.world.charge;
    let thaw = (): void => {};
    const frozen = new Promise<void>((resolve) => {
      thaw = resolve;
    });
    Object.assign(here.world.charge, {
      async release(address: string, limitMs: number) {
        if (address === '/run/a') await frozen;
        else thaw();
        return await release(address, limitMs);
      },
    });
    expect((await here.call('stop', { now: true })).output.verified).toBe(true);
  });

  it('makes the kernel leave sched_ext when it is still in it: to a person whoever is in charge', async () => {
    for (const told of [{ ...loaded(), stuck: true }, { whose: 'foreign' }, { whose: 'unknown' }] as const) {
      const here = machine({ ...told, holders: [...('holders' in told ? told.holders : [])] });
      const { output, exit } = await here.call('stop', { now: true });
      expect(here.did.at(-1)).toBe('leave');
      expect([exit, output.verified, output.findings]).toEqual([0, true, []]);
      expect((await here.audited()).map(({ what }) => what)).toEqual(['stopped']);
    }
  });

  it('of an agent ends what is ours, by SysRq too, and nothing else: a finding names who may', async () => {
    const stuck = machine({ ...loaded(), stuck: true });
    expect((await stuck.agent('stop', { now: true })).exit).toBe(0);
    expect(stuck.did).toEqual(['release /run/a', 'leave']);
    for (const whose of ['foreign', 'unknown'] as const) {
      const here = machine({ whose });
      const { output } = await here.agent('stop', { now: true });
      expect(here.did).toEqual([]);
      expect(output).toMatchObject({
        ...{ ended: [], verified: whose === 'foreign' },
        findings: [{ code: 'foreign-scheduler', next: expect.stringContaining('person') }],
      });
    }
  });

  it('when the kernel does not leave it, or may not be told, that is said, and the exit is 1', async () => {
    for (const leave of [async () => false, () => Promise.reject(new Fault('not-permitted', 'no root'))]) {
      const here = machine({ whose: 'foreign' });
      Object.assign(here.world.charge, { leave });
      const { output, exit, text } = await here.call('stop', { now: true });
      expect([exit, output.verified]).toEqual([1, false]);
      expect(text).toContain('still in charge');
    }
  });
});

describe('a person ends an agent’s deployment', () => {
  it.each([
    ['restore', {}],
    ['stop', {}],
    ['stop', { now: true }],
  ])('by %s %o: agents wait from then on, until a person lets them go on', async (name, input) => {
    const here = machine(loaded());
    here.enter();
    const { text } = await here.call(name, input);
    expect(await here.isByHand()).toBe(true);
    expect(text).toContain('schedcp approve --go-on');
    expect((await here.audited())[0]).toMatchObject({
      ...{ what: 'changed-by-hand', why: 'a person has ended the deployment of claude' },
      about: { ops: 'fifo', enableSeq: 3 },
    });
  });

  it('in the person’s words; in a guest, or a person’s own, nobody waits', async () => {
    const here = machine();
    here.enter({ on: 'guest' });
    here.enter({ by: 'someone (1000)', kind: 'person' });
    await here.call('restore', { why: 'lunch' });
    expect(await here.isByHand()).toBe(false);
    here.enter();
    await here.call('restore', { why: 'a release is due' });
    expect((await here.audited()).at(-2)).toMatchObject({
      what: 'changed-by-hand',
      why: 'a release is due',
    });
  });
});

describe('status', () => {
  it('says whose scheduler is in charge, and that only root sees what is held', async () => {
    const text = async (told: Parameters<typeof machine>[0]) => (await machine(told).call('status')).text;
    expect(await text({ whose: 'foreign' })).toContain('fifo is in charge, and it is none of ours\n');
    expect(await text(loaded())).toBe('sched_ext enabled: fifo is in charge, and it is ours\nheld: /run/a\n');
    const { text: said, output } = await machine({ ...loaded(), isRoot: false }).call('status');
    expect(said).toContain('cannot be seen without root');
    expect(said).not.toContain('none of ours');
    expect(output).toMatchObject({ whose: 'unknown', holders: null });
  });

  it('a deployment whose process is gone is noted once; one that owes the machine to somebody is left for restore', async () => {
    const here = machine();
    const [one, owing] = [here.enter(), here.enter()];
    here.asIfOf(one.id, process.pid, { started: '1' });
    here.asIfOf(owing.id, process.pid, {
      ...{ started: '1', replaced: { ops: 'scx_lavd', enableSeq: 2, unit: 'scx.service' } },
    });
    for (let n = 0; n < 2; n++) expect((await here.call('status')).output.running).toEqual([]);
    const lost = async () => (await here.audited()).filter(({ what }) => what === 'deployment-lost');
    expect(await lost()).toMatchObject([{ about: { id: one.id } }]);
    const { output } = await here.call('restore');
    expect(here.did).toEqual(['start scx_lavd']);
    expect(output.ended).toEqual([{ what: 'scx_lavd', how: 'scx_lavd is in charge again' }]);
    expect((await lost())[1]).toMatchObject({
      about: { id: owing.id, back: 'scx_lavd is in charge again' },
    });
  });

  it('such a debt stays while a policy of ours is in charge, or may be soon; and is none when somebody else is', async () => {
    for (const [told, busy, left] of [
      [{ whose: 'ours', holders: [] }, false, true],
      [{ whose: 'nobody' }, true, true],
      [{ whose: 'nobody' }, false, false],
      [{ whose: 'foreign' }, false, false],
    ] as const) {
      const here = machine(told as Parameters<typeof machine>[0]);
      const owing = here.enter();
      here.asIfOf(owing.id, process.pid, {
        ...{ started: '1', replaced: { ops: 'scx_lavd', enableSeq: 2, unit: 'scx.service' } },
      });
      if (busy) here.enter({ by: 'other' });
      await here.agent('restore');
      const isNoted = (await here.audited()).some(({ what }) => what === 'deployment-lost');
      expect([isNoted, here.did.includes('start scx_lavd')]).toEqual([
        !left,
        told.whose === 'nobody' && !left,
      ]);
    }
  });
});

it('a guest that does not answer takes no policy of this machine with it', async () => {
  const here = machine(loaded());
  const one = here.enter({ on: 'guest' });
  mkdirSync(join(here.directory, 'running', `${one.id}.end.new`)); // it cannot be asked
  const { output } = await here.agent('restore', { id: one.id });
  expect(output).toMatchObject({ ended: [{ how: 'did not answer' }] });
  expect(here.did.filter((did) => did.startsWith('release'))).toEqual([]);
});

it('a disk that is full keeps nobody from letting go', async () => {
  for (const [name, input] of [
    ['restore', {}],
    ['stop', {}],
    ['stop', { now: true }],
  ] as const) {
    const here = machine(loaded());
    const one = here.enter({ kind: 'person', by: 'ann' });
    mkdirSync(join(here.directory, 'running', `${one.id}.end.new`)); // its request cannot be written
    const { output } = await here.call(name, input);
    expect(here.did).toContain('release /run/a');
    expect(output.verified).toBe(true);
  }
});
