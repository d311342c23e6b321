import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Checked, checkedBranch } from '../support/checking.js';
import { type Home, openHome } from '../support/cli.js';
import { makeRepo } from '../support/repo.js';
import { SHOP } from '../support/shop.js';

const CART = `${(SHOP['cart.js'] as string).replace('let i = 1', 'let i = 0')}\nexport function first(items, most) {\n  if (items.length > most) throw new Error('too many');\n  return items[0];\n}\n`;
const FILES = {
  ...SHOP, 'cart.js': CART, 'index.js': "export { first, total } from './cart.js';\n", 'package.json': (SHOP['package.json'] as string).replace('{', '{"main":"index.js",'),
  'cart.test.js': `${SHOP['cart.test.js']}import { first } from './index.js';\ntest('the first', () => assert.equal(first([1], 2), 1));\n`,
};

describe('a refactor', () => {
  let home: Home;
  let repo: string;
  beforeAll(() => {
    home = openHome();
    repo = join(home.folder, 'shop');
    makeRepo(repo, FILES);
  });
  afterAll(() => home[Symbol.asyncDispose]());

  const checked = (branch: string, files: Readonly<Record<string, string>>): Promise<Checked> => checkedBranch(home, repo, branch, files, '--kind', 'refactor');

  it('that moves code and offers one thing more passes, and what is new is shown', async () => {
    const { verdict, evidence, text, open } = await checked('moved', { 'cart.js': CART.replace(/\nexport function first[\s\S]*$/, ''), 'first.js': `export const one = 1;\nexport ${CART.slice(CART.indexOf('function first'))}`, 'index.js': "export * from './first.js';\nexport { total } from './cart.js';\n", 'cart.test.js': FILES['cart.test.js'] });
    expect({ verdict, open, interface: evidence.interface }).toEqual({
      verdict: 'passed', open: [],
      interface: { entries: 1, names: 3, counts: { removed: 0, changed: 0, added: 1 }, changes: [{ state: 'added', entry: 'main', name: 'one', before: null, after: 'value', path: 'index.js' }], unclear: [] },
    });
    expect(text).toContain('### Public interface\n\n- added: `one of main: value`');
  });

  it('by which a name is gone, another takes other parameters, and a check is gone is left to a person', async () => {
    const { verdict, evidence, open } = await checked('narrower', { 'cart.js': CART.replace("  if (items.length > most) throw new Error('too many');\n", '').replace('first(items, most)', 'first(items)'), 'index.js': "export { first } from './cart.js';\n" });
    expect({ verdict, open }).toEqual({ verdict: 'unverified', open: ['proof.guards_kept=unknown', 'proof.interface_kept=unknown'] });
    expect(evidence.conditions.find((one) => one.id === 'proof.interface_kept')?.detail).toBe('Of what the package offers to others 1 name is gone and 1 changed; a person has to say whether that was meant: total of main: was function (items); first of main: was function (items, most), is function (items).');
  });
});
