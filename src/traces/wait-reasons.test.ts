import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { noSystemCall, type Wait, waitReason, wakeCause } from './wait-reasons.ts';

const asleep: Wait = {
  state: 1,
  inIoWait: false,
  isKernel: false,
  call: noSystemCall,
  fileKind: 0,
  inFault: false,
};
const deep = { state: 2 };
const killable = { state: 0x102 };
const freezable = { state: 0x2001 };

it.each<[string, Partial<Wait>, string]>([
  ['nanosleep', { call: 35, ...freezable }, 'sleep'],
  ['clock_nanosleep', { call: 230, ...freezable }, 'sleep'],
  ['a lock of pthreads', { call: 202, ...freezable }, 'futex'],
  ['read of a pipe', { call: 0, fileKind: 1 }, 'pipe'],
  ['writev to a full pipe', { call: 20, fileKind: 1 }, 'pipe'],
  ['read of a socket', { call: 0, fileKind: 2 }, 'socket'],
  ['read of an eventfd or timerfd', { call: 0, fileKind: 4 }, 'other'],
  ['read of a terminal', { call: 0, fileKind: 5 }, 'other'],
  ['read of who knows what', { call: 0 }, 'unknown'],
  ['recvmsg', { call: 47 }, 'socket'],
  ['accept4', { call: 288 }, 'socket'],
  ['epoll_wait', { call: 232, ...freezable }, 'poll'],
  ['ppoll', { call: 271 }, 'poll'],
  ['wait4', { call: 61 }, 'child'],
  ['vfork, until the child executes', { call: 58, state: 0x2102 }, 'child'],
  ['pause', { call: 34 }, 'other'],
  ['rt_sigtimedwait', { call: 128 }, 'other'],
  ['block I/O below read', { call: 0, fileKind: 3, inIoWait: true, ...deep }, 'disk'],
  ['block I/O below a page fault', { inFault: true, inIoWait: true, ...deep }, 'disk'],
  ['fsync, for the journal', { call: 74, ...deep }, 'disk'],
  ['a page, locked by another', { inFault: true, ...killable }, 'fault'],
  ['mmap, for the lock of the address space', { call: 9, ...deep }, 'kernel'],
  ['a directory’s lock below read', { call: 0, fileKind: 3, ...killable }, 'kernel'],
  ['stopped by a signal', { call: 0, fileKind: 1, state: 4 }, 'other'],
  ['nowhere', {}, 'unknown'],
  ['a kernel thread at rest', { isKernel: true }, 'idle'],
  ['a kworker at rest', { isKernel: true, state: 0x402 }, 'idle'],
  ['a kernel thread for a lock', { isKernel: true, ...deep }, 'kernel'],
  ['a kernel thread for the disk', { isKernel: true, inIoWait: true, ...deep }, 'disk'],
  ['a worker of io_uring', { state: 0x402 }, 'idle'],
])('%s', (_what, wait, reason) => {
  expect(waitReason({ ...asleep, ...wait })).toBe(reason);
});

it.runIf(process.platform === 'linux' && process.arch === 'x64')(
  'calls have the numbers of this system',
  () => {
    const file = '/usr/include/x86_64-linux-gnu/asm/unistd_64.h';
    let header: string;
    try {
      header = readFileSync(file, 'latin1');
    } catch {
      return; // no headers here: the table above stands
    }
    const number = (name: string): number => Number(new RegExp(`__NR_${name} (\\d+)`).exec(header)?.[1]);
    const reasons = (names: string): string[] =>
      names.split(' ').map((name) => waitReason({ ...asleep, call: number(name), fileKind: 1 }));
    expect(
      new Set(
        reasons(
          'read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 sendfile splice tee vmsplice',
        ),
      ),
    ).toEqual(new Set(['pipe']));
    expect(
      new Set(reasons('connect accept accept4 sendto recvfrom sendmsg recvmsg sendmmsg recvmmsg')),
    ).toEqual(new Set(['socket']));
    expect(
      new Set(
        reasons(
          'poll select ppoll pselect6 epoll_wait epoll_pwait epoll_pwait2 io_getevents io_pgetevents io_uring_enter',
        ),
      ),
    ).toEqual(new Set(['poll']));
    expect(new Set(reasons('wait4 waitid clone clone3 fork vfork'))).toEqual(new Set(['child']));
    expect(new Set(reasons('nanosleep clock_nanosleep'))).toEqual(new Set(['sleep']));
    expect(new Set(reasons('futex futex_waitv'))).toEqual(new Set(['futex']));
    expect(new Set(reasons('pause rt_sigsuspend rt_sigtimedwait semop msgrcv flock'))).toEqual(
      new Set(['other']),
    );
    const deepReasons = 'fsync fdatasync sync syncfs sync_file_range msync'
      .split(' ')
      .map((name) => waitReason({ ...asleep, ...deep, call: number(name) }));
    expect(new Set(deepReasons)).toEqual(new Set(['disk']));
  },
);

const hard = { inHardIrq: true, inSoftIrq: false, hasCurrent: true, areTogether: true };
const soft = { inHardIrq: false, inSoftIrq: true, hasCurrent: true, areTogether: false };
const plain = { inHardIrq: false, inSoftIrq: false, hasCurrent: true, areTogether: false };

it('who wakes: tasks, timers, devices', () => {
  expect(wakeCause({ ...plain, waitsFor: 'futex' })).toBe('task');
  expect(wakeCause({ ...plain, waitsFor: undefined })).toBe('task');
  expect(wakeCause({ ...plain, hasCurrent: false, waitsFor: 'poll' })).toBe('interrupt');
  for (const waitsFor of ['sleep', 'futex', 'poll', 'other'] as const)
    expect(wakeCause({ ...hard, waitsFor })).toBe('timer');
  for (const waitsFor of ['disk', 'socket', 'idle', 'kernel', undefined] as const)
    expect(wakeCause({ ...hard, waitsFor })).toBe('interrupt');
  expect(wakeCause({ ...soft, waitsFor: 'sleep' })).toBe('timer');
  for (const waitsFor of ['disk', 'socket', 'poll', 'kernel'] as const)
    expect(wakeCause({ ...soft, waitsFor })).toBe('interrupt');
});

it('bytes over loopback come from who sends them', () => {
  const together = { ...soft, areTogether: true };
  expect(wakeCause({ ...together, waitsFor: 'socket' })).toBe('task');
  expect(wakeCause({ ...together, waitsFor: 'poll' })).toBe('task');
  expect(wakeCause({ ...together, waitsFor: 'disk' })).toBe('interrupt');
});
