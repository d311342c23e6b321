import { CARGO } from './cargo.js';
import { GO } from './go.js';
import { JEST } from './jest.js';
import { MOCHA } from './mocha.js';
import { NODE_TEST } from './node-test.js';
import { PYTEST } from './pytest.js';
import type { Runner, RunnerName } from './runner.js';
import { TAP } from './tap.js';
import { UNITTEST } from './unittest.js';
import { VITEST } from './vitest.js';

/** Every runner that tells its cases. */
export const RUNNERS: Readonly<Record<RunnerName, Runner>> = {
  'node-test': NODE_TEST, vitest: VITEST, jest: JEST, mocha: MOCHA, pytest: PYTEST, unittest: UNITTEST, go: GO, cargo: CARGO, tap: TAP,
};
