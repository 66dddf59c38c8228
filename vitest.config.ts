import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

// Suffixes say what a test needs. .vm.test.ts boots guests whose clock counts instructions, or does not look at a clock: several at once. .live.test.ts boots guests of two CPUs that go by
// this machine's time: as many as have CPUs of their own. .alone.test.ts measures in such guests, and .root.test.ts needs root and BTF on this very machine (and is skipped elsewhere): one at a time, when
// all others are over. The rest needs nothing.
const cpus = availableParallelism();
const others = ['**/*.{vm,live,alone,root}.test.ts', 'node_modules/**'];
/** This machine may stand still for a second now and then, which no promise covers; what fails twice fails. Three times where the kernel's accounts are held against clocks. Never where guests count instructions. */
const timed = { retry: 1 };
/** Against hanging only: on a busy machine a test may take several times as long. */
const limits = { testTimeout: 120_000, hookTimeout: 120_000 };
const guests = { globalSetup: ['test/support/setup.ts'], testTimeout: 480_000, hookTimeout: 480_000 };

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
          exclude: others,
          setupFiles: ['test/support/seed.ts'],
          ...limits,
          maxWorkers: cpus,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'vm',
          include: ['**/*.vm.test.ts'],
          exclude: ['node_modules/**'],
          ...guests,
          maxWorkers: Math.max(1, cpus - 1),
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: 'live',
          include: ['**/*.live.test.ts'],
          exclude: ['node_modules/**'],
          ...guests,
          ...timed,
          maxWorkers: Math.max(1, cpus >> 1),
          sequence: { groupOrder: 3 },
        },
      },
      {
        test: {
          name: 'root',
          include: ['**/*.root.test.ts'],
          exclude: ['node_modules/**'],
          setupFiles: ['test/support/quiet.ts'],
          ...limits,
          fileParallelism: false,
          retry: 2,
        },
      },
      {
        test: {
          name: 'alone',
          include: ['**/*.alone.test.ts'],
          exclude: ['node_modules/**'],
          ...guests,
          ...timed,
          fileParallelism: false,
        },
      },
    ],
  },
});
