import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { rulesPage } from '../../scripts/docs.mjs';
import { RULES } from '../../src/scan/tree.js';

it('docs/rules.md is what `npm run docs` makes of the rules', () => {
  expect(readFileSync(join(import.meta.dirname, '../../docs/rules.md'), 'utf8')).toBe(rulesPage(RULES));
});
