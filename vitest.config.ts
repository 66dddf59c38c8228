import { defineConfig } from 'vitest/config';

// Suffixes say what a test needs: .vm.test.ts boots guests; .root.test.ts needs root and BTF on this very machine, and is skipped elsewhere; the rest needs
// nothing.
const unit = {
  include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
  exclude: ['**/*.vm.test.ts', '**/*.root.test.ts', 'node_modules/**'],
};

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', ...unit, setupFiles: ['test/support/seed.ts'], testTimeout: 30_000 } },
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
          name: 'vm',
          include: ['**/*.vm.test.ts'],
          exclude: ['node_modules/**'],
          globalSetup: ['test/support/setup.ts'],
          testTimeout: 240_000,
          hookTimeout: 240_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
