import { readJestJson } from './jest-json.js';
import { REPORT_FILE } from './report-file.js';
import type { Runner } from './runner.js';

/** The project's own jest. Coverage is off: a threshold would fail a run in which every test passes. */
export const JEST: Runner = {
  reportsTo: 'file',
  canaries: false,
  argv: (args) => ['/workspace/node_modules/.bin/jest', '--json', `--outputFile=${REPORT_FILE}`, '--coverage=false', '--passWithNoTests', ...args],
  parse: readJestJson,
};
