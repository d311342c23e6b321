import { describe, expect, it } from 'vitest';
import { changedDefinitions } from '../../src/gate/definitions.js';
import { CheckSpec } from '../../src/protocol/environment.js';

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

describe('runners that give their cases', () => {
  const changed = ['package.json', 'jest.config.js', 'vitest.config.mts', 'vite.config.ts', '.mocharc.yml', 'babel.config.js', 'tests/conftest.py', 'pyproject.toml', 'sitecustomize.py', 'go.mod', 'eslint.config.js', 'Makefile', 'src/a.js'];
  it.each<[CheckSpec['runner'], string[]]>([
    ['node-test', []],
    ['go', []],
    ['unittest', ['sitecustomize.py']],
    ['pytest', ['pyproject.toml', 'sitecustomize.py', 'tests/conftest.py']],
    ['vitest', ['babel.config.js', 'vite.config.ts', 'vitest.config.mts']],
    ['jest', ['babel.config.js', 'jest.config.js', 'package.json (babel)', 'package.json (jest)']],
    ['mocha', ['.mocharc.yml', 'babel.config.js', 'package.json (mocha)']],
  ])('have their own configuration and no other: %s', (runner, expected) => {
    const head = JSON.stringify({ scripts: { test: 'true' }, jest: { testMatch: [] }, babel: { plugins: ['./x'] }, mocha: { require: './x' } });
    expect(changedDefinitions({ checks: { test: CheckSpec.parse({ runner }) }, changed, packageJson: { base: BASE, head } })).toEqual(expected);
  });

  it('have the files that their options name, and not the tests that they are to run', () => {
    const checks = { test: CheckSpec.parse({ runner: 'mocha', args: ['test/a.js', '--require', './hooks/start', '--config=conf/mine.yml', 'test/b.js'] }) };
    expect(changedDefinitions({ checks, changed: ['test/a.js', 'test/b.js', 'hooks/start.js', 'conf/mine.yml'], packageJson: { base: null, head: null } })).toEqual(['conf/mine.yml', 'hooks/start.js']);
  });

  it('are redefined by what is laid among installed packages', () => {
    const laid = ['node_modules/mocha/lib/mocha.cjs', 'packages/a/node_modules/.bin/x', '.venv/lib/python3.11/site-packages/pytest.py', 'x.pth'];
    for (const runner of ['node-test', 'mocha', 'unittest', 'go'] as const) expect(changedDefinitions({ checks: { test: CheckSpec.parse({ runner }) }, changed: [...laid, 'src/node_modules.js'], packageJson: { base: null, head: null } })).toEqual([...laid].sort());
    expect(changedDefinitions({ checks: { test: CheckSpec.parse({ runner: 'pytest' }) }, changed: ['evil.egg-info/entry_points.txt', 'src/entry_points.txt'], packageJson: { base: null, head: null } })).toEqual(['evil.egg-info/entry_points.txt']);
    expect(changedDefinitions({ checks: COMMAND, changed: ['.npmrc'], packageJson: { base: BASE, head: BASE } })).toEqual(['.npmrc']);
  });

  it('are not redefined by another order of keys', () => {
    expect(changedDefinitions({ checks: { test: CheckSpec.parse({ runner: 'jest' }) }, changed: ['package.json'], packageJson: { base: '{"jest":{"a":{"x":1,"y":2},"b":1}}', head: '{"jest":{"b":1,"a":{"y":2,"x":1}}}' } })).toEqual([]);
  });
});
