import { readLineReport } from './lines.js';
import type { Runner } from './runner.js';

/** What `python3 -m unittest ARGS` runs, started by our program (../inside/unittest_cases.py). */
export const UNITTEST: Runner = {
  reportsTo: 'stdout',
  canaries: true,
  argv: (args) => ['python3', '/opt/sallyport/unittest_cases.py', ...args],
  parse: (output) => readLineReport(output),
};
