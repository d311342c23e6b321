/** A small repository whose one test is red, and scripts that a model follows in it. */
export const SHOP: Readonly<Record<string, string>> = {
  'package.json': JSON.stringify({ name: 'shop', version: '1.0.0', type: 'module', scripts: { test: 'node --test' } }),
  'cart.js': 'export function total(items) {\n  let sum = 0;\n  for (let i = 1; i < items.length; i++) sum += items[i].price;\n  return sum;\n}\n\nexport const name = () => "cart";\n',
  'cart.test.js': "import { test } from 'node:test';\nimport assert from 'node:assert';\nimport { name, total } from './cart.js';\ntest('every item counts', () => assert.equal(total([{ price: 2 }, { price: 3 }]), 5));\ntest('it has a name', () => assert.equal(name(), 'cart'));\n",
};

export const shell = (command: string, more: object = {}): object => ({ ...more, tools: [{ name: 'shell', args: { command } }] });
export const finish = (summary = 'done', more: object = {}): object => ({ ...more, tools: [{ name: 'finish', args: { summary } }] });

/** Mends the fault; done twice it does nothing more, so it does not matter which of two such turns a crash cut off. */
export const MEND = "sed -i 's/let i = 1/let i = 0/' cart.js";
/** Breaks the test that was green. */
export const BREAK = 'sed -i \'s/"cart"/"trolley"/\' cart.js';
