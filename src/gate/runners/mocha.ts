import { readLineReport } from './lines.js';
import type { Runner } from './runner.js';

/** The project's own mocha with our reporter (../inside/mocha.ts). mocha ends with the number of failures, at most 255, or with 1. */
export const MOCHA: Runner = {
  reportsTo: 'file',
  canaries: true,
  argv: (args) => ['/workspace/node_modules/.bin/mocha', '--no-parallel', '--no-watch', '--require=/opt/sallyport/hold.cjs', '--reporter=/opt/sallyport/mocha.cjs', ...args],
  parse: (output) => readLineReport(output, { known: (exit) => exit > 0 && exit <= 255, without: (exit) => exit - 1 }),
};
