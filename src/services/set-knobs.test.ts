// set-scheduler-param, as a person and as an agent meet it: a deployment of another process, here of this one, that answers.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { faultOf } from '../../test/linux/support.ts';
import { fixedWorld, root } from '../../test/services/fixed-world.ts';
import { digestOf } from '../core/canonical.ts';
import { serviceTable } from './table.ts';

const object = digestOf(readFileSync(join(root, 'policies/classes/classes.bpf.o')));
const about = { policy: 'classes', object, on: 'guest', by: 'ann', sinceMs: 5 } as const;

/** A deployment that does what it is asked, and says who asked. */
function deployed(options: Parameters<typeof fixedWorld>[0] = {}, mine: object = about) {
  const fixed = fixedWorld(options);
  const entered = fixed.world.running.enter({ ...about, ...mine });
  const asked: { who: object; values: object }[] = [];
  const timer = setInterval(() => {
    const wanted = entered.asked();
    if (wanted === undefined) return;
    asked.push({ who: wanted.who, values: wanted.values });
    wanted.answer(!('tail' in wanted.values), 'as the deployment says');
  }, 5);
  return {
    fixed,
    asked,
    id: entered.id,
    call: (input: object) => fixed.call('set-scheduler-param', input).finally(() => clearInterval(timer)),
    agent: (param: object) => {
      const service = serviceTable(fixed.world).find(({ name }) => name === 'set-scheduler-param')!
        .forAgents!;
      const call = { progress: () => {}, signal: new AbortController().signal };
      return service
        .run(service.input.parse({ param, agent: 'tuner' }), call)
        .finally(() => clearInterval(timer));
    },
  };
}

describe('set-scheduler-param', () => {
  const param = { normal_patience_ns: 50_000_000 };

  it('asks the process that deploys, in the name of who asked', async () => {
    const here = deployed();
    const { output, exit, text } = await here.call({ param });
    expect([exit, output.decision, output.deployment, output.findings]).toEqual([0, 'set', here.id, []]);
    expect(here.asked).toEqual([{ who: { kind: 'person', name: 'someone (1000)' }, values: param }]);
    expect(text).toBe(`classes (${here.id}): normal_patience_ns = 50000000\n`);
  });

  it('hands on why it was not done', async () => {
    const { output, exit, text } = await deployed().call({ param: { tail: 1 } });
    expect([exit, output.decision]).toEqual([1, 'refused']);
    expect(output.findings).toMatchObject([{ code: 'widened-knob', message: 'as the deployment says' }]);
    expect(text).toContain('nothing was set of classes');
  });

  it('a new agent moves within 20 % of the default, and no further', async () => {
    const near = deployed();
    expect((await near.agent({ normal_patience_ns: 120_000_000 })).exit).toBe(0);
    expect(near.asked).toEqual([
      { who: { kind: 'agent', name: 'tuner' }, values: { normal_patience_ns: 120_000_000 } },
    ]);
    const far = deployed();
    const { exit, output } = await far.agent({ normal_patience_ns: 120_000_001 });
    expect([exit, far.asked]).toEqual([1, []]);
    expect(output).toMatchObject({ decision: 'refused', findings: [{ code: 'not-trusted' }] });
  });

  it('of a policy that is not the library’s a new agent moves nothing, whatever it is called', async () => {
    const here = deployed({}, { object: 'a'.repeat(64) });
    const { output } = await here.agent({ normal_patience_ns: 100_000_000 });
    expect(output).toMatchObject({ decision: 'refused', findings: [{ code: 'not-trusted' }] });
    expect(here.asked).toEqual([]);
  });

  it('in advice mode no agent moves anything; a person does', async () => {
    const here = deployed({ mode: 'advice' });
    expect((await here.agent(param)).output).toMatchObject({
      findings: expect.arrayContaining([expect.objectContaining({ code: 'advice-mode' })]),
    });
    expect((await deployed({ mode: 'advice' }).call({ param })).exit).toBe(0);
  });

  it('says which deployments there are, and when there is none', async () => {
    const { call, fixed } = deployed();
    fixed.world.running.enter(about);
    expect(await faultOf(() => call({ param }))).toMatchObject({
      code: 'malformed',
      message: expect.stringContaining('several'),
    });
    expect((await faultOf(() => fixedWorld().call('set-scheduler-param', { param }))).code).toBe('not-found');
    expect((await faultOf(() => fixed.call('set-scheduler-param', {}))).code).toBe('malformed');
  });
});
