import { readLineReport } from './lines.js';
import type { Runner } from './runner.js';

/**
 * `node --test` with our reporter (../inside/reporter.ts) from its read-only mount: what tests print goes elsewhere, so the report has
 * standard output for itself. bash expands patterns, which Node 20 does not do itself.
 */
export const NODE_TEST: Runner = {
  reportsTo: 'stdout',
  canaries: true,
  leavesOut: (args) => args.some((arg) => /^--test-(?:name|skip)-pattern\b/.test(arg)),
  argv(args) {
    const words = args.map((a) => (/^[\w./*@-]+$/.test(a) ? a : `'${a.replaceAll("'", "'\\''")}'`));
    return ['/bin/bash', '-O', 'globstar', '-c', `exec node --require=/opt/sallyport/hold.cjs --test --test-reporter=/opt/sallyport/reporter.mjs --test-reporter-destination=stdout ${words.join(' ')}`];
  },
  parse: (output) => readLineReport(output),
};
