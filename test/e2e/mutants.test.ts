import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Checked, checkedBranch } from '../support/checking.js';
import { type Home, openHome } from '../support/cli.js';
import { makeRepo } from '../support/repo.js';
import { SHOP } from '../support/shop.js';

const CART = `${(SHOP['cart.js'] as string).replace('let i = 1', 'let i = 0')}
export function refund(items, most) {
  if (items.length > most) {
    throw new RangeError('too many');
  }
  return total(items) * -1;
}
`;
const FILES = { ...SHOP, 'cart.js': CART };
const HEAD = "import { test } from 'node:test';\nimport assert from 'node:assert';\nimport { refund } from './cart.js';\n";

describe('a change that adds tests', () => {
  let home: Home;
  let repo: string;
  beforeAll(() => {
    home = openHome();
    repo = join(home.folder, 'shop');
    makeRepo(repo, FILES);
  });
  afterAll(() => home[Symbol.asyncDispose]());

  const checked = (branch: string, files: Readonly<Record<string, string>>): Promise<Checked> => checkedBranch(home, repo, branch, files, '--kind', 'test');

  it('passes where they notice faults put into the code, a removed guard among them', async () => {
    const { verdict, evidence, open } = await checked('asserting', { 'refund.test.js': `${HEAD}test('gives back', () => assert.equal(refund([{ price: 2 }], 1), -2));\ntest('has a limit', () => assert.throws(() => refund([{}, {}], 1), RangeError));\n` });
    expect({ verdict, open, guard: evidence.mutants?.tried[0] }).toEqual({
      verdict: 'passed', open: [],
      guard: { check: 'test', path: 'cart.js', line: 10, operator: 'removed-guard', before: "if (items.length > most) { throw new RangeError('too many'); }", after: ';', outcome: 'killed', by: 'refund.test.js > has a limit' },
    });
    // Minus one times a number is the number divided by minus one: a fault that is none.
    expect(evidence.mutants?.tried.filter((one) => one.outcome === 'survived').map((one) => one.after)).toEqual(['(total(items)) / (-1)']);
  });

  it('is failed where they run the code and say nothing of it, beside older tests that would notice, with what was not noticed', async () => {
    const { verdict, evidence, text, open } = await checked('saying-nothing', { 'cart.test.js': `${SHOP['cart.test.js']}import { refund } from './cart.js';\ntest('gives back', () => {\n  refund([{ price: 2 }], 1);\n  assert.equal(typeof refund, 'function');\n});\n` });
    expect({ verdict, open, outcomes: [...new Set(evidence.mutants?.tried.map((one) => one.outcome))].sort() }).toEqual({ verdict: 'failed', open: ['mutants.killed=no'], outcomes: ['stopped', 'survived'] });
    expect(text).toContain("- survived: `cart.js:10 removed guard: if (items.length > most) { throw new RangeError('too many'); } → (nothing)`");
  });
});
