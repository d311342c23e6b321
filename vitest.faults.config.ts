import { defineConfig } from 'vitest/config';

// biome-ignore lint/style/noDefaultExport: vitest reads the default export
export default defineConfig({
  test: { include: ['test/faults/**/*.test.ts'], testTimeout: 180_000, hookTimeout: 120_000, pool: 'forks', maxConcurrency: 3, reporters: ['verbose'] },
});
