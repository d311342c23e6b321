import { defineConfig } from 'vitest/config';

// biome-ignore lint/style/noDefaultExport: vitest reads the default export
export default defineConfig({
  test: { include: ['test/oci/**/*.test.ts'], testTimeout: 180_000, hookTimeout: 120_000, pool: 'forks', maxConcurrency: 1, reporters: ['verbose'] },
});
