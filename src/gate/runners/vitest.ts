import { readJestJson } from './jest-json.js';
import { REPORT_FILE } from './report-file.js';
import type { Runner } from './runner.js';

/** The project's own vitest, once, without coverage: a threshold would fail a run in which every test passes. */
export const VITEST: Runner = {
  reportsTo: 'file',
  canaries: false,
  argv: (args) => ['/workspace/node_modules/.bin/vitest', 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${REPORT_FILE}`, '--coverage.enabled=false', '--passWithNoTests', ...args],
  parse: readJestJson,
};
