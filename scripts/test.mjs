// npm test: types, lint and the whole default suite. Ends with one line that says how many cases passed, failed and were skipped.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = mkdtempSync(join(tmpdir(), 'sallyport-test-report-'));
const report = join(folder, 'report.json');
const node = (...args) => spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' }).status;

let failed = 0;
try {
  if (process.argv.length === 2) {
    if (node('node_modules/typescript/bin/tsc', '--noEmit') !== 0) failed++;
    if (node('scripts/lint.mjs', '--reporter=summary', '.') !== 0) failed++;
  }
  const status = node('node_modules/vitest/vitest.mjs', 'run', '--reporter=dot', '--reporter=json', `--outputFile.json=${report}`, ...process.argv.slice(2));
  const result = JSON.parse(readFileSync(report, 'utf8'));
  const skipped = result.testResults.flatMap((f) => f.assertionResults.filter((a) => a.status === 'skipped' || a.status === 'pending').map((a) => `${a.fullName}${a.meta?.reason ? ` (${a.meta.reason})` : ''}`));
  for (const name of skipped) process.stdout.write(`skipped: ${name}\n`);
  failed += Math.max(result.numFailedTests, status === 0 ? 0 : 1);
  process.stdout.write(`\n${result.numPassedTests} passed, ${failed} failed, ${skipped.length} skipped\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exit(failed === 0 ? 0 : 1);
