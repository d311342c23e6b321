import { expect, it } from 'vitest';
import { toolDefinitions } from '../../../src/gate/tools/definitions.js';

const scripts = (lint: string) => JSON.stringify({ scripts: { lint } });
const said = (command: string, ...changed: readonly string[]) => toolDefinitions({ command }, { changed, packageJson: { base: scripts('eslint .'), head: scripts('true') } });

it('a change says how a tool runs by its configuration, what it passes over, its program and files that its command names', () => {
  expect(said('eslint --config tools/lint.js . && sh ./check.sh', 'src/a.ts', 'eslint.config.mjs', 'tsconfig.base.json', 'sub/.gitignore', '.prettierignore', 'node_modules/eslint/index.js', 'tools/lint.js', 'check.sh', 'README.md'))
    .toEqual(['.prettierignore', 'check.sh', 'eslint.config.mjs', 'node_modules/eslint/index.js', 'sub/.gitignore', 'tools/lint.js', 'tsconfig.base.json']);
});

it('scripts of package.json say so only where the command calls one', () => {
  expect([said('npm run --silent lint', 'package.json'), said('node_modules/.bin/eslint .', 'package.json'), said('eslint .')]).toEqual([['package.json (scripts)'], [], []]);
});
