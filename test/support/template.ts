import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../fixtures/database.js';
import { CLI, processesOf } from './cli.js';
import { remove } from './sandbox.js';

/** Where the homes of tests find a database that was made once, with all its tables, by the program itself. */
export const TEMPLATE = 'SALLYPORT_TEST_TEMPLATE';

/** Before all tests: a state directory that the real command line made, stopped again. Each test's home begins with a copy of its database; tests of first use make their own. */
export async function setup(): Promise<() => Promise<void>> {
  if (!existsSync(CLI)) return async () => undefined;
  const folder = mkdtempSync(join(tmpdir(), 'sptpl-'));
  chmodSync(folder, 0o755);
  mkdirSync(join(folder, 'person'));
  const home = join(folder, 'home');
  const made = spawnSync(process.execPath, [CLI, 'tasks', '--json'], { env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', HOME: join(folder, 'person'), SALLYPORT_HOME: home, SALLYPORT_USER: 'tester' }, encoding: 'utf8', timeout: 120_000 });
  await until(() => processesOf(folder).length === 0, 'the template\'s database has stopped');
  if (made.status === 0) process.env[TEMPLATE] = join(home, 'db'); // else every test makes its own, and says what is wrong
  return () => remove(folder);
}
