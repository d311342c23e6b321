import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Evidence } from '../../src/protocol/evidence.js';
import { type Home, openHome } from '../support/cli.js';
import { commitAll, makeRepo, personGit, write } from '../support/repo.js';

let home: Home;
let repo: string;
let base: string;
beforeEach(() => {
  home = openHome();
  repo = join(home.folder, 'repo');
  base = makeRepo(repo, {
    'package.json': JSON.stringify({ name: 'x', version: '1.0.0', scripts: { test: 'node --test' } }), 'src/add.js': 'exports.add = (a, b) => a - b;\n',
    'test/add.test.js': "const { test } = require('node:test');\nconst assert = require('node:assert');\nconst { add } = require('../src/add.js');\ntest('adds', () => assert.strictEqual(add(1, 2), 3));\n",
  });
  write(repo, { 'src/add.js': 'exports.add = (a, b) => a + b;\n' });
  commitAll(repo, 'mend');
});
afterEach(() => home[Symbol.asyncDispose]());

const check = (env: Readonly<Record<string, string>> = {}, ...more: readonly string[]) => home.sally(['check', '--repo', repo, '--base', base, ...more], { env });
/** What this run measured of the base itself. */
async function measured(): Promise<{ readonly checks: number; readonly scans: number; readonly reused: number }> {
  const events = await home.events();
  const count = (type: string, side?: string): number => events.filter((e) => e.type === type && (side === undefined || (e.data as { side?: string }).side === side)).length;
  return { checks: count('check.ended', 'base'), scans: count('scan.ended', 'base'), reused: count('baseline.reused') };
}
const ANEW = { checks: 1, scans: 1, reused: 0 };
const AGAIN = { checks: 0, scans: 0, reused: 1 };

describe('a base that was measured before', () => {
  it('is taken again with the same inputs, and the result says so; other inputs measure it', { timeout: 180_000 }, async () => {
    expect([(await check()).code, await measured()]).toEqual([0, ANEW]);
    const first = (await home.events()).find((e) => e.type === 'run.started')?.run;
    const ran = await check();
    expect([ran.code, await measured(), ran.stderr]).toEqual([0, AGAIN, expect.stringMatching(/verify +base: as measured at 20/)]);
    const found = JSON.parse((await home.sally(['evidence', 'last', '--json'])).stdout) as Evidence;
    expect([found.verdict, found.baseline?.run, found.cases.map((c) => c.change)]).toEqual(['passed', first, ['fixed']]);
    expect((await home.sally(['evidence', 'last'])).stdout).toMatch(new RegExp(`- base: \`${base}\`, measured at .* UTC by \`${first}\``));
    const environment = join(home.folder, 'env.yaml');
    writeFileSync(environment, 'version: 1\nchecks:\n  unit: { runner: node-test, args: [] }\n');
    expect([(await check({}, '--env', environment)).code, await measured()]).toEqual([0, ANEW]);
    expect([(await check({ SALLYPORT_BASELINE_HOURS: '0' })).code, await measured()]).toEqual([0, ANEW]);
  });

  it('does not count when somebody touched its record, or laid another one in its place', { timeout: 120_000 }, async () => {
    await check();
    const folder = join(home.home, 'baselines');
    const file = join(folder, readdirSync(folder)[0] ?? '');
    const envelope = JSON.parse(readFileSync(file, 'utf8')) as { payload: string };
    const record = JSON.parse(Buffer.from(envelope.payload, 'base64').toString('utf8')) as { run: string };
    writeFileSync(file, JSON.stringify({ ...envelope, payload: Buffer.from(JSON.stringify({ ...record, run: 'run_forged' })).toString('base64') }));
    expect([(await check()).code, await measured()]).toEqual([0, ANEW]);
    writeFileSync(file, 'no record');
    expect([(await check()).code, await measured()]).toEqual([0, ANEW]);
    personGit(repo, 'checkout', '--quiet', base);
    write(repo, { 'src/more.js': '// another base\n' });
    const other = commitAll(repo, 'other');
    writeFileSync(join(home.folder, 'kept.json'), readFileSync(file));
    expect(await home.sally(['check', '--repo', repo, '--base', other, '--head', base])).toMatchObject({ code: expect.any(Number) });
    for (const name of readdirSync(folder)) writeFileSync(join(folder, name), readFileSync(join(home.folder, 'kept.json'))); // one base's record under the other's name
    await home.sally(['check', '--repo', repo, '--base', other, '--head', base]);
    expect(await measured()).toEqual(ANEW);
  });

  it('is not kept where it cannot be believed', { timeout: 120_000 }, async () => {
    write(repo, { 'test/add.test.js': 'process.kill(process.ppid, "SIGKILL");\n' });
    base = commitAll(repo, 'ends its runner');
    write(repo, { 'src/more.js': '// more\n' });
    commitAll(repo, 'more');
    await check();
    await check();
    expect(await measured()).toEqual(ANEW);
  });
});
