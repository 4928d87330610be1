import { defineConfig } from 'vitest/config';
import { splitTests } from './test/split-tests.ts';

const { unit, integration } = splitTests(import.meta.dirname);

/** `npx vitest run --project unit` takes seconds: it holds every test that reaches no server, found by its imports. */
export default defineConfig({
  test: {
    environment: 'node',
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    teardownTimeout: 30_000,
    exclude: ['**/node_modules/**', '**/dist/**', '**/dist-bench/**', '**/.holdpoint/**'],
    projects: [
      { extends: true, test: { name: 'unit', include: unit } },
      { extends: true, test: { name: 'integration', include: integration, globalSetup: './test/global-setup.ts' } },
    ],
  },
});
