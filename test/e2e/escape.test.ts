import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ROOT } from '../support/sandbox.js';
import type { Summary } from './escape/table.js';

const DRIVER = process.getuid?.() === 0 ? 'bwrap-root' : 'bwrap-user';

// Whole runs through the gate are left to `npm run test:escape`: test/e2e/hostile.test.ts does the same here.
it('nothing gets out of a sandbox of the first driver, and every row has a control that worked', { timeout: 600_000 }, () => {
  let output: string;
  try {
    output = execFileSync(process.execPath, [join(ROOT, 'scripts/escape.mjs'), '--driver', DRIVER, '--json', '--skip', 'gate'], { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024, stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    output = (error as { stdout: string }).stdout; // it ends with 1 when a row does not hold: the rows say which
    if (output === '') throw error;
  }
  const { driver, rows, escapes, void: voids, passed } = JSON.parse(output) as Summary;
  expect({ driver, escapes, voids, passed, wrong: rows.filter((r) => r.verdict !== 'held') }).toEqual({ driver: DRIVER, escapes: 0, voids: 0, passed: true, wrong: [] });
  expect(rows.length).toBeGreaterThan(400);
});
