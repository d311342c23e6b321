import { readLineReport } from './lines.js';
import type { Runner } from './runner.js';

/** pytest of the `python3` on the PATH, started by our program (../inside/pytest_cases.py). */
export const PYTEST: Runner = {
  reportsTo: 'stdout',
  canaries: true,
  // xdist runs the tests in other processes, and its own process, which reports, collects none.
  leavesOut: (args) => args.some((arg) => /^(?:-n\d*$|-nauto$|--numprocesses\b|--dist\b|--tx\b)/.test(arg)),
  argv: (args) => ['python3', '/opt/sallyport/pytest_cases.py', ...args],
  parse: (output) => readLineReport(output),
};
