import { readLineReport } from './lines.js';
import { REPORT_FILE } from './report-file.js';
import type { Runner } from './runner.js';

/** pytest of the `python3` on the PATH, started by our program (../inside/pytest_cases.py). */
export const PYTEST: Runner = {
  reportsTo: 'file',
  argv: (args) => ['python3', '/opt/sallyport/pytest_cases.py', REPORT_FILE, ...args],
  parse: (output) => readLineReport(output),
};
