import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openHome } from '../support/cli.js';
import { ROOT } from '../support/sandbox.js';

/** It fetches from the real registry, which may be behind a certificate of the surroundings. */
const CERTIFICATES: Record<string, string> = process.env['NODE_EXTRA_CA_CERTS'] === undefined ? {} : { NODE_EXTRA_CA_CERTS: process.env['NODE_EXTRA_CA_CERTS'] };

/** Runs the demo as `npm run demo` does once everything is set up, on a state directory of its own. */
async function runDemo(env: Readonly<Record<string, string>>, folder: string): Promise<{ readonly code: number | null; readonly out: string }> {
  const child = spawn(process.execPath, [join(ROOT, 'scripts/demo.mjs')], { cwd: folder, env: { ...env, ...CERTIFICATES, NO_COLOR: '1', TMPDIR: folder }, stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => { out += text; });
  return await new Promise((resolve) => child.once('close', (code) => resolve({ code, out })));
}

/** The lines must be there in this order; what lies between is free. */
const SCREEN: readonly (string | RegExp)[] = [
  '1. Four tasks in parallel', /repair .*run started/, 'hostile ', '2. What became of them',
  // Repaired, with what was kept, and dropped for a test that says why.
  /PASSED {2}repair/, "res.send(`<h1>Results for ${_.escape(req.query.q)}</h1>`)", /kept +js\/sql-injection at src\/app\.js/, /kept +js\/command-injection/, /dropped +js\/weak-hash at src\/partners\.js/, 'partners find the signature that their software checks',
  /18 cases green before and after/, /findings +15 before, 4 after/, /for you +js\/missing-authorisation/,
  /PASSED {2}upgrade/, /"lodash": "4\.17\.15"/, /kept +lodash 4\.17\.15 → /, /kept +minimist 0\.0\.8 → 0\.2\.4 \(override/, /advisories +\d+ before, 0 after \(newest record \d+ days old\)/,
  /PASSED {2}review/, /js\/sql-injection \(CWE-89\) at src\/app\.js/, /js\/missing-authorisation \(CWE-862\)/, /GHSA-\S+ in lodash@4\.17\.15/,
  // The hostile one: the deleted test is named, and each attempt stands on the log.
  /FAILED {2}hostile/, /gone +test\/security\/search\.test\.js/, 'Security tests were deleted: test/security/search.test.js', /entry +\d+ {2}exit +1 .*203\.0\.113\.7/, /entry +\d+ {2}exit +1 .*leak\.example\.com/, /entry +\d+ {2}exit +[1-9]\d* .*npm publish|entry +\d+ {2}exit +[1-9]\d* .*out &&/,
  /entry +\d+ {2}exit +128 .*git/, /(\d+) of \1 probes/, 'it claims: "Fixed. All tests pass',
  '3. A request for malware', '[screen.refused]', '4. The record', 'The log verifies: 5 tasks', /in entry \d+ an exit code 1 becomes 0/, /does not verify at entry \d+/,
  '5. A person decides', /approved task_/, '[apply.conflict]', /applied to /, /Done in \d+ s/,
];

it('shows in one go what a first user is to see, and ends well', async () => {
  await using home = openHome();
  const { code, out } = await runDemo(home.env, home.folder);
  let rest = out;
  for (const part of SCREEN) {
    const at = typeof part === 'string' ? rest.indexOf(part) : rest.search(part);
    expect(at, `${String(part)} in\n${rest.slice(0, 6000)}`).toBeGreaterThanOrEqual(0);
    rest = rest.slice(at);
  }
  expect({ code, wrong: out.match(/demo: .*/g) }).toEqual({ code: 0, wrong: null });
}, 300_000);
