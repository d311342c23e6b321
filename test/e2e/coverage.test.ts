import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Checked, checkedBranch } from '../support/checking.js';
import { type Home, openHome } from '../support/cli.js';
import { makeRepo } from '../support/repo.js';
import { SHOP } from '../support/shop.js';

const CART = `${SHOP['cart.js']}\nexport function refund(items) {\n  return -items.length;\n}\n`;
const TEST = (expected: string) => `${SHOP['cart.test.js']}import rates from './rates.cjs';\ntest('the rate', () => assert.equal(rates.vat, ${expected}));\n`;
const FILES = { ...SHOP, 'cart.js': CART.replace('let i = 1', 'let i = 0'), 'rates.cjs': "module.exports = require('./rates.json');\n", 'rates.json': '{ "vat": 19 }\n', 'cart.test.js': TEST('20') };

describe('a fix', () => {
  let home: Home;
  let repo: string;
  beforeAll(() => {
    home = openHome();
    repo = join(home.folder, 'shop');
    makeRepo(repo, FILES);
  });
  afterAll(() => home[Symbol.asyncDispose]());

  const checked = (branch: string, files: Readonly<Record<string, string>>): Promise<Checked> => checkedBranch(home, repo, branch, files);

  it('whose changed line of code is never executed is unverified, though a case was red before and is green now', async () => {
    const { verdict, evidence, text, open } = await checked('idle', { 'rates.json': '{ "vat": 20 }\n', 'cart.js': FILES['cart.js'].replace('return -items.length', 'return items.length * -1') });
    expect({ verdict, open, fixed: evidence.cases.filter((one) => one.change === 'fixed').map((one) => [one.id, one.flaky]) }).toEqual({ verdict: 'unverified', open: ['change.executed=unknown'], fixed: [['cart.test.js > the rate', undefined]] });
    expect(evidence.coverage).toEqual({ checks: [{ check: 'test', by: 'v8', reason: null, problem: null }], files: [{ path: 'cart.js', changed: 1, executable: 1, executed: 0, unexecuted: [[10, 10]], reason: null }], more: 0 });
    expect(evidence.notChecked).toContain('1 of 1 changed line of code was not executed: cart.js:10');
    expect(text).toContain('- `cart.js: 0 of 1 changed line of code executed; not 10`');
  });

  it('whose changed line is executed passes, and what else was not is named', async () => {
    const cart = FILES['cart.js'].replace('let sum = 0;', 'let sum = Number(0);').replace('return -items.length', 'return items.length * -1');
    const { verdict, evidence, open } = await checked('executed', { 'rates.json': '{ "vat": 20 }\n', 'cart.js': cart });
    expect({ verdict, open, coverage: evidence.coverage?.files }).toEqual({ verdict: 'passed', open: [], coverage: [{ path: 'cart.js', changed: 2, executable: 2, executed: 1, unexecuted: [[10, 10]], reason: null }] });
    expect(evidence.notChecked).toContain('1 of 2 changed lines of code was not executed: cart.js:10');
    expect(evidence.checks.again?.map(({ side, covered, run }) => [side, covered, run.exit])).toEqual([['head', true, 0], ['base', false, 1]]);
  });

  it('by which a case passes in one run and fails in the next proves nothing, and the case is marked', async () => {
    // What decides by chance elsewhere is here what tells the two runs apart.
    const { verdict, evidence, text, open } = await checked('chance', { 'rates.cjs': 'module.exports = { vat: process.env.NODE_V8_COVERAGE === undefined ? 20 : 19 };\n' });
    expect({ verdict, open, flaky: evidence.cases.filter((one) => one.flaky === true).map((one) => [one.id, one.change]) }).toEqual({ verdict: 'unverified', open: ['proof.red_before=unknown'], flaky: [['cart.test.js > the rate', 'fixed']] });
    expect(text).toContain('- fixed (flaky) `cart.test.js > the rate`');
  });
});
