import { defineConfig } from 'vitest/config';

// biome-ignore lint/style/noDefaultExport: vitest reads the default export
export default defineConfig({
  test: { include: ['test/**/*.test.ts'], exclude: ['test/faults/**', 'test/oci/**'], testTimeout: 120_000, hookTimeout: 120_000, globalSetup: ['test/support/template.ts'], pool: 'forks', maxWorkers: 2, reporters: ['default'] },
});
