import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { faultOf, isRunning, script, sleep, temporaryDirectory, until } from '../../test/linux/support.ts';
import {
  type GuestSpec,
  jobBytes,
  type Mode,
  qemuArguments,
  resumeGuest,
  saveGuest,
  startGuest,
} from './qemu.ts';
import { openTools } from './tools.ts';

const base = temporaryDirectory();
let count = 0;

describe('arguments', () => {
  const root = join(base, 'root');
  mkdirSync(join(root, 'usr/share/seabios'), { recursive: true });
  const spec = (mode: Mode): GuestSpec => ({
    kernel: '/k/vmlinuz',
    initramfs: '/i',
    cpus: 4,
    memoryMiB: 384,
    mode,
  });
  const common = {
    before: ['-L', join(root, 'usr/share/seabios')],
    after: [
      ...[
        '-M',
        'pc',
        '-smp',
        '4',
        '-m',
        '384',
        '-nodefaults',
        '-no-user-config',
        '-display',
        'none',
        '-no-reboot',
      ],
      ...['-kernel', '/k/vmlinuz', '-initrd', '/i', '-append'],
    ],
    end: [
      ...['-chardev', 'stdio,id=qmp,signal=off', '-mon', 'chardev=qmp,mode=control'],
      ...['-chardev', 'file,id=console,path=/run/console', '-serial', 'chardev:console'],
      ...['-device', 'virtio-serial-pci,ioeventfd=off', '-chardev', 'file,id=out,path=/run/output'],
      ...['-device', 'virtserialport,chardev=out,name=org.schedcp.out'],
      ...['-device', 'isa-debug-exit,iobase=0x501,iosize=4'],
      ...['-fw_cfg', 'name=opt/schedcp/job,file=/run/job'],
    ],
  };
  const line =
    'console=ttyS0 quiet loglevel=4 panic=-1 sysrq_always_enabled cryptomgr.notests damon_stat.enabled=N';
  it.each<[Mode, string[], string]>([
    [
      'deterministic',
      [
        '-accel',
        'tcg,thread=single',
        '-icount',
        'shift=1,sleep=off',
        '-rtc',
        'base=2026-01-01,clock=vm',
        '-cpu',
        'max,-rdrand,-rdseed',
        '-seed',
        '1',
      ],
      `${line} nokaslr norandmaps tsc=reliable no_timer_check`,
    ],
    ['fast', ['-accel', 'tcg,thread=multi', '-cpu', 'max'], `${line} tsc=reliable no_timer_check`],
    ['kvm', ['-accel', 'kvm', '-cpu', 'host'], line],
  ])('of mode %s', (mode, accelerator, append) => {
    expect(qemuArguments(spec(mode), openTools(root), '/run')).toEqual([
      ...common.before,
      ...accelerator,
      ...common.after,
      append,
      ...common.end,
    ]);
  });

  it('double the commas of paths where QEMU splits at them, and nowhere else', () => {
    const args = qemuArguments(
      { ...spec('kvm'), kernel: '/a,b/vmlinuz', initramfs: '/a,b/i' },
      openTools(root),
      '/x,y',
    );
    expect(args.filter((arg) => arg.includes('x,'))).toEqual([
      'file,id=console,path=/x,,y/console',
      'file,id=out,path=/x,,y/output',
      'name=opt/schedcp/job,file=/x,,y/job',
    ]);
    expect(args).toEqual(expect.arrayContaining(['/a,b/vmlinuz', '/a,b/i']));
  });
});

/** A scripted QEMU: `handle(name, reply, all)` answers QMP commands; it says `pid` on the console. */
function scriptedQemu(lines: string) {
  const root = join(base, `qemu${count++}`);
  mkdirSync(join(root, 'usr/bin'), { recursive: true });
  const body = `#!${process.execPath}
    const fs = require('fs');
    const file = (id) => process.argv.find((arg) => arg.startsWith('file,id=' + id)).split('path=')[1];
    fs.writeFileSync(file('console'), String(process.pid));
    const say = (value) => process.stdout.write(JSON.stringify(value) + '\\n');
    let handle = (name, args) => say({ return: { name, args } });
    say({ QMP: { version: {} } });
    require('readline').createInterface({ input: process.stdin }).on('line', (line) => {
      const { execute, arguments: args } = JSON.parse(line);
      if (execute === 'qmp_capabilities') say({ return: {} });
      else handle(execute, args);
    });
    setTimeout(() => {}, 60000);
    ${lines}`;
  writeFileSync(join(root, 'usr/bin/qemu-system-x86_64'), body, { mode: 0o755 });
  return openTools(root);
}

const spec: GuestSpec = { kernel: '/k', initramfs: '/i', cpus: 1, memoryMiB: 128, mode: 'fast' };
async function start(
  lines: string,
  rest: { limitMs?: number; signal?: AbortSignal; job?: Uint8Array; incoming?: string } = {},
) {
  const directory = join(base, `run${count++}`);
  mkdirSync(directory);
  const guest = await startGuest(scriptedQemu(lines), spec, {
    directory,
    job: new Uint8Array(),
    limitMs: 10_000,
    ...rest,
  });
  const pid = async (): Promise<number> => {
    await until(() => readFileSync(join(directory, 'console'), 'utf8') !== '');
    return Number(await guest.console());
  };
  return { guest, directory, pid };
}

describe('a guest', () => {
  it('answers commands in order and passes events over', async () => {
    const { guest } = await start(
      `handle = (name, args) => { say({ event: 'STOP' }); say({ return: { name, args } }); };`,
    );
    const answers = await Promise.all([guest.command('one'), guest.command('two', { a: 1 })]);
    expect(answers).toEqual([{ name: 'one' }, { name: 'two', args: { a: 1 } }]);
    guest.kill();
    expect(await guest.end).toMatchObject({ how: 'failed' });
  });

  it('has its job in a file of fixed size, and says what it writes', async () => {
    const job = Buffer.from('schedcp-job 1\n');
    const { guest, directory } = await start(`fs.writeFileSync(file('out'), 'hello\\n'); process.exit(1)`, {
      job,
    });
    expect(await guest.end).toEqual({ how: 'ended', detail: '', status: 1 });
    expect(await guest.output()).toBe('hello\n');
    const written = readFileSync(join(directory, 'job'));
    expect([written.length, written.subarray(0, 15).toString('latin1')]).toEqual([
      jobBytes,
      'schedcp-job 1\n\0',
    ]);
  });

  it('refuses a job that is too large, before it starts', async () => {
    expect(await faultOf(() => start('', { job: new Uint8Array(jobBytes + 1) }))).toMatchObject({
      code: 'unsupported',
    });
    const { guest } = await start('process.exit(0)', { job: new Uint8Array(jobBytes) });
    expect((await guest.end).how).toBe('ended');
  });

  it.each([
    ['process.exit(0)', { how: 'ended', detail: '', status: 0 }],
    ['process.exit(1)', { how: 'ended', detail: '', status: 1 }],
    ['process.exit(3)', { how: 'ended', detail: '', status: 3 }],
    ['process.exit(2)', { how: 'failed', detail: '', status: 2 }],
    [
      "console.error('qemu: no such option'); process.exitCode = 1; process.exit()",
      { how: 'failed', detail: 'qemu: no such option' },
    ],
    ["process.kill(process.pid, 'SIGSEGV')", { how: 'failed' }],
    [
      "console.error('x'.repeat(9000)); process.exit(2)",
      { how: 'failed', detail: expect.stringMatching(/^x{3999}$/) },
    ],
  ])('that does %s ended %j', async (lines, expected) => {
    const { guest } = await start(lines);
    expect(await guest.end).toMatchObject(expected);
  });

  it('is killed at its limit', async () => {
    const { guest, pid } = await start('', { limitMs: 400 });
    const id = await pid();
    expect(await guest.end).toMatchObject({ how: 'limit' });
    expect(await until(() => !isRunning(id))).toBe(true);
  });

  it('is killed by the signal, also by one that came before', async () => {
    const controller = new AbortController();
    const { guest, pid } = await start('', { signal: controller.signal });
    const id = await pid();
    controller.abort();
    expect(await guest.end).toMatchObject({ how: 'aborted' });
    expect(await until(() => !isRunning(id))).toBe(true);
    expect(await (await start('', { signal: AbortSignal.abort() })).guest.end).toMatchObject({
      how: 'aborted',
    });
  });

  it('that ends before it answers is a fault, and so is a refusal', async () => {
    const { guest } = await start(`handle = () => { console.error('no memory'); process.exit(2); };`);
    const fault = await faultOf(() => guest.command('cont'));
    expect(fault).toMatchObject({
      code: 'unavailable',
      message: 'QEMU ended (failed) before it answered cont: no memory',
    });
    expect((await faultOf(() => guest.command('cont'))).code).toBe('unavailable'); // later too
    const other = await start(
      `handle = () => say({ error: { class: 'GenericError', desc: 'no such command' } });`,
    );
    expect((await faultOf(() => other.guest.command('nonsense'))).message).toBe(
      'QEMU refused a command: no such command',
    );
    other.guest.kill();
    await other.guest.end;
  });

  it('that is killed in the middle of a line does not take us with it', async () => {
    const { guest } = await start(
      `process.stdout.write('{"return": {"sta', () => process.kill(process.pid, 'SIGKILL'));`,
    );
    expect(await guest.end).toMatchObject({ how: 'failed' });
    await sleep(20);
  });

  it('dies with its owner', async () => {
    const tools = scriptedQemu('');
    const directory = join(base, `run${count++}`);
    mkdirSync(directory);
    const owner = script(
      `const { startGuest } = await room('linux/qemu.ts');
       const { openTools } = await room('linux/tools.ts');
       const { readFileSync } = await import('node:fs');
       await startGuest(openTools(args[0]), { kernel: '/k', initramfs: '/i', cpus: 1, memoryMiB: 128, mode: 'fast' }, { directory: args[1], job: new Uint8Array(), limitMs: 60000 });
       const look = setInterval(() => { const pid = readFileSync(args[1] + '/console', 'utf8'); if (pid !== '') { console.log('guest ' + pid + ' runs'); clearInterval(look); } }, 20);
       setInterval(() => {}, 1000);`,
      [tools.root, directory],
    );
    await owner.says(' runs');
    owner.child.kill('SIGKILL');
    const id = Number(/guest (\d+)/.exec((await owner.end).out)?.[1]);
    expect(id).toBeGreaterThan(1);
    expect(await until(() => !isRunning(id))).toBe(true);
  });

  it('without QEMU is a fault', async () => {
    const directory = join(base, `run${count++}`);
    mkdirSync(directory);
    const options = { directory, job: new Uint8Array(), limitMs: 1000 };
    expect((await faultOf(() => startGuest(openTools(directory), spec, options))).code).toBe('not-found');
  });
});

describe('saving and going on', () => {
  const log = `const log = []; const note = (name, args) => { log.push([name, args]); fs.writeFileSync(file('out'), JSON.stringify(log)); };`;

  it('stops first, waits until all is written, and ends the guest', async () => {
    const { guest, pid } = await start(
      `${log} let left = 3;
       handle = (name, args) => { note(name, args); say({ return: name === 'query-migrate' ? { status: left-- > 0 ? 'active' : 'completed' } : {} }); };`,
    );
    const id = await pid();
    await saveGuest(guest, '/x,y/state', 5000);
    expect(await until(() => !isRunning(id))).toBe(true);
    const commands = JSON.parse(await guest.output()) as [string, object?][];
    expect(commands.map(([name]) => name)).toEqual([
      'stop',
      'migrate-set-parameters',
      'migrate',
      ...Array(4).fill('query-migrate'),
    ]);
    expect(commands[2]?.[1]).toEqual({ uri: 'file:/x,y/state' });
  });

  it.each([
    ["{ status: 'failed', 'error-desc': 'No space left on device' }", /cannot save the guest: No space left/],
    ["{ status: 'active' }", /not done within 200 ms/],
  ])('that answers %s is a fault and ends the guest', async (answer, message) => {
    const { guest } = await start(
      `handle = (name) => say({ return: name === 'query-migrate' ? ${answer} : {} });`,
    );
    expect(await faultOf(() => saveGuest(guest, '/x', 200))).toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(message),
    });
    expect(await guest.end).toMatchObject({ how: 'failed' });
  });

  it('goes on when the state is loaded', async () => {
    const { guest } = await start(
      `${log} let left = 2;
       handle = (name, args) => { note(name, args); say({ return: name === 'query-status' ? { status: left-- > 0 ? 'inmigrate' : 'paused' } : {} }); };`,
      { incoming: '/saved' },
    );
    await resumeGuest(guest);
    const commands = JSON.parse(await guest.output()) as [string][];
    expect(commands.map(([name]) => name)).toEqual(['query-status', 'query-status', 'query-status', 'cont']);
    guest.kill();
    await guest.end;
  });
});
