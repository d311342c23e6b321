import { expect, it } from 'vitest';
import { changedDefinitions } from '../../src/gate/definitions.js';
import type { CheckSpec } from '../../src/protocol/environment.js';

const COMMAND: Readonly<Record<string, CheckSpec>> = { test: { runner: 'command', command: 'npm test', timeout: 60 } };
const BASE = JSON.stringify({ name: 'x', scripts: { test: 'node ./run-tests.js --all', lint: 'eslint .' } });

it.each<[string, string[], string, string[]]>([
  ['code only', ['src/a.js', 'README.md'], BASE, []],
  ['a dependency in package.json', ['package.json'], JSON.stringify({ dependencies: { a: '1' }, scripts: { lint: 'eslint .', test: 'node ./run-tests.js --all' } }), []],
  ['the script itself', ['package.json'], BASE.replace('node ./run-tests.js --all', 'true'), ['package.json (scripts)']],
  ['no scripts any more', ['package.json'], '{}', ['package.json (scripts)']],
  ['a package.json that is none', ['package.json'], 'x', ['package.json (scripts)']],
  ['the file that the script names', ['run-tests.js'], BASE, ['run-tests.js']],
  ['the configuration of a runner', ['jest.config.js', 'packages/a/vitest.config.ts', '.mocharc.yml', 'conftest.py', 'Makefile'], BASE, ['.mocharc.yml', 'Makefile', 'conftest.py', 'jest.config.js', 'packages/a/vitest.config.ts']],
])('knows what of a change says how a check by exit code runs: %s', (_name, changed, head, expected) => {
  expect(changedDefinitions({ checks: COMMAND, changed, packageJson: { base: BASE, head } })).toEqual(expected);
});

it('has nothing to say where our own reporter gives the cases', () => {
  expect(changedDefinitions({ checks: { test: { runner: 'node-test', args: [], timeout: 60 } }, changed: ['package.json', 'jest.config.js'], packageJson: { base: BASE, head: '{}' } })).toEqual([]);
});
