import { readLineReport } from './lines.js';
import type { Runner } from './runner.js';

/**
 * The project's own vitest, once, with our reporter (../inside/vitest-main.ts), which is there before the project's configuration, and without coverage: a threshold would fail a run in which every test passes.
 */
export const VITEST: Runner = {
  reportsTo: 'file',
  canaries: true,
  argv: (args) => [
    'node', '--require=/opt/sallyport/vitest-main.cjs', '/workspace/node_modules/vitest/vitest.mjs', 'run', '--reporter=default', '--reporter=/opt/sallyport/vitest-reporter.mjs', '--coverage.enabled=false', '--passWithNoTests', ...args,
  ],
  parse: (output) => readLineReport(output),
};
