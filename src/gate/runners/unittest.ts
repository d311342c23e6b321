import { readLineReport } from './lines.js';
import { REPORT_FILE } from './report-file.js';
import type { Runner } from './runner.js';

/** What `python3 -m unittest ARGS` runs, started by our program (../inside/unittest_cases.py). */
export const UNITTEST: Runner = {
  reportsTo: 'file',
  argv: (args) => ['python3', '/opt/sallyport/unittest_cases.py', REPORT_FILE, ...args],
  parse: (output) => readLineReport(output),
};
