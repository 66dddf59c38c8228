// Who is put where it may not run, and who is not: by a table, on two CPUs of which the task may use CPU 1.

import { expect, it } from 'vitest';
import { classNumber } from '../../model/flags.ts';
import type { Watched } from '../checker.ts';
import { affinity } from './affinity.ts';

const told = (
  cpu: number,
  more: { schedClass?: number; pinned?: number; online?: readonly number[] } = {},
): string[] => {
  const { schedClass = classNumber.ext, pinned = 0, online = [1, 1] } = more;
  const allows = (_task: number, one: number): boolean => one === 1;
  const core = {
    now: 0,
    tasks: { schedClass: [schedClass], migrationDisabled: [pinned], allows },
    cpus: { online },
    topology: { cpus: 2 },
    mayUse: (task: number, one: number) => online[one] === 1 && allows(task, one),
  };
  const messages: string[] = [];
  const watched = { core, nameOf: () => 'it', runs: [-1, -1] } as unknown as Watched;
  affinity(watched, (message) => void messages.push(message)).ran!(0, cpu, 0);
  return messages;
};

it.each([
  ['where it may', 1, {}, 0],
  ['where it may not', 0, {}, 1],
  ['where it may not, with its migration disabled', 0, { pinned: 1 }, 0],
  ['where it may not, as a task of another class', 0, { schedClass: classNumber.rt }, 0],
  ['anywhere, when its CPUs are all off', 0, { online: [1, 0] }, 0],
] as const)('%s', (_, cpu, more, count) => {
  const messages = told(cpu, more);
  expect(messages).toEqual(count === 0 ? [] : ['it was put on CPU 0, which it may not use']);
});
