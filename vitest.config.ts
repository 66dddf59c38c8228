import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

// Suffixes say what a test needs: .vm.test.ts boots guests whose clock counts instructions, or does not look at a clock: several run at once. .alone.test.ts boots guests that go by this machine's
// time, and .root.test.ts needs root and BTF on this very machine (and is skipped elsewhere): one at a time, when all others are over. The rest needs nothing.
const neither = ['**/*.{vm,alone,root}.test.ts', 'node_modules/**'];
const guests = { globalSetup: ['test/support/setup.ts'], testTimeout: 240_000, hookTimeout: 240_000 };

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
          exclude: neither,
          setupFiles: ['test/support/seed.ts'],
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'vm',
          include: ['**/*.vm.test.ts'],
          exclude: ['node_modules/**'],
          ...guests,
          maxWorkers: Math.max(1, Math.min(3, availableParallelism() - 1)),
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'root',
          include: ['**/*.root.test.ts'],
          exclude: ['node_modules/**'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'alone',
          include: ['**/*.alone.test.ts'],
          exclude: ['node_modules/**'],
          ...guests,
          fileParallelism: false,
        },
      },
    ],
  },
});
