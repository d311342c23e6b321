import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Evidence } from '../../src/protocol/evidence.js';
import { type Home, openHome } from '../support/cli.js';
import { commitAll, makeRepo, personGit, write } from '../support/repo.js';
import { SHOP } from '../support/shop.js';

const GUARD = 'test/security.test.js';
const FILES = {
  ...SHOP,
  'AGENTS.md': 'Escape what users write.\n',
  'shown.js': "export const shown = (text) => text.replaceAll('<', '&lt;');\n",
  [GUARD]: "import { test } from 'node:test';\nimport assert from 'node:assert';\nimport { shown } from '../shown.js';\ntest('what users write is escaped', () => {\n  assert.equal(shown('<b>'), '&lt;b>');\n  assert.doesNotMatch(shown('<script>'), /</);\n});\n",
};
const MENDED = { 'cart.js': (SHOP['cart.js'] as string).replace('let i = 1', 'let i = 0') };

describe('a change that weakens what judges it', () => {
  let home: Home;
  let repo: string;
  beforeAll(() => {
    home = openHome();
    repo = join(home.folder, 'shop');
    makeRepo(repo, FILES);
  });
  afterAll(() => home[Symbol.asyncDispose]());

  /** What `check` says of a branch with these files over the base. */
  async function checked(branch: string, files: Readonly<Record<string, string>>): Promise<{ readonly verdict: string; readonly found: string[]; readonly conditions: string[]; readonly text: string }> {
    personGit(repo, 'checkout', '--quiet', '-B', branch, 'main');
    write(repo, files);
    commitAll(repo, branch);
    const ran = await home.sally(['check', '--repo', repo, '--base', 'main', '--head', branch, '--json']);
    const evidence = (await home.sally(['evidence', 'last', '--json'])).json as Evidence;
    return {
      verdict: (ran.json as { verdict: string }).verdict, text: (await home.sally(['evidence', 'last'])).stdout,
      found: evidence.scan.results.filter((one) => one.state === 'new').map((one) => `${one.level} ${one.rule} ${one.path}:${one.line}`),
      conditions: evidence.conditions.filter((one) => one.holds !== 'yes').map((one) => `${one.id}=${one.holds}`),
    };
  }

  it('is failed with every way named: a security test that says less, eslint-disable, a bidirectional control', async () => {
    const { verdict, found, conditions, text } = await checked('weaker', {
      'cart.js': `${MENDED['cart.js']}// eslint-disable-next-line no-eval\nexport const level = 'user\u202e';\n`,
      [GUARD]: FILES[GUARD].replace("  assert.equal(shown('<b>'), '&lt;b>');\n  assert.doesNotMatch(shown('<script>'), /</);\n", "  assert.ok(shown('<b>'));\n"),
    });
    expect({ verdict, found }).toEqual({ verdict: 'failed', found: ['warning tamper/suppression cart.js:8', 'error tamper/hidden-unicode cart.js:9', 'warning tamper/loosened-assertion test/security.test.js:4'] });
    expect(conditions).toEqual(['scan.none_new=no', 'tests.not_weakened=no']);
    expect(text).toContain('Security tests were weakened, which needs an approval of its own');
    expect(text).not.toContain('\u202e');
  });

  it('is taken on only by saying so of the security tests too, which stands on the log by itself', async () => {
    await checked('taken', { 'cart.js': MENDED['cart.js'], [GUARD]: FILES[GUARD].replace("  assert.doesNotMatch(shown('<script>'), /</);\n", '') });
    personGit(repo, 'checkout', '--quiet', 'main');
    const reasons = ['--accept', 'the cart is right', '--accept-security-tests', 'another test says so'];
    expect(await home.sally(['apply', 'last', ...reasons.slice(2)])).toMatchObject({ code: 3, stderr: expect.stringContaining('[apply.needs_accept]') });
    const refused = await home.sally(['apply', 'last', ...reasons.slice(0, 2), '--accept-security-tests', ' ']);
    expect(refused.code).toBe(3);
    expect(refused.stderr).toMatch(/takes something from security tests: .*tamper\/fewer-assertions at test\/security\.test\.js:4/);
    expect(refused.stderr).toMatch(/--accept "REASON" --accept-security-tests "REASON"/);
    expect(refused.stderr).toContain('[apply.needs_security_accept]');
    expect(personGit(repo, 'status', '--porcelain')).toBe('');
    expect(await home.sally(['apply', 'last', ...reasons])).toMatchObject({ code: 0 });
    const events = await home.events();
    const judged = events.flatMap((e) => (e.type === 'gate.judged' ? [e.data.evidence.digest] : []));
    const told = { by: 'tester', verdict: 'failed', evidence: judged.at(-1) };
    expect(events.flatMap((e) => (e.type === 'override.recorded' ? [e.data] : []))).toEqual([{ ...told, reason: 'the cart is right' }, { ...told, reason: 'another test says so', of: 'security_tests' }]);
    expect((await home.sally(['show', 'last'])).stdout).toMatch(/taken on +what is failed, by tester: the cart is right\n +what security tests lose, by tester: another test says so/);
    expect((await home.sally(['show', 'last', '--json'])).json).toMatchObject({ evidence: told.evidence, overrides: [{ by: 'tester', reason: 'the cart is right', of: 'verdict' }, { by: 'tester', reason: 'another test says so', of: 'security_tests' }] });
    personGit(repo, 'checkout', '--quiet', '--', '.');
  });

  it('is open where it touches a workflow or the script of the tests, and names both', async () => {
    const { verdict, found, conditions } = await checked('workflow', { ...MENDED, '.github/workflows/ci.yml': 'on: push\n', 'package.json': (SHOP['package.json'] as string).replace('node --test', 'true') });
    expect({ verdict, found, conditions }).toEqual({ verdict: 'unverified', found: ['note tamper/protected-file .github/workflows/ci.yml:1', 'note tamper/protected-file package.json:1'], conditions: ['files.protected=unknown'] });
  });

  it('is nothing where tests gain cases and assertions', async () => {
    const grown = `${FILES[GUARD].replace("  assert.doesNotMatch", "  assert.equal(shown(''), '');\n  assert.doesNotMatch")}test('plain text stays', () => assert.equal(shown('a'), 'a'));\n`;
    expect(await checked('grown', { ...MENDED, [GUARD]: grown })).toMatchObject({ verdict: 'passed', found: [], conditions: [] });
  });
});
