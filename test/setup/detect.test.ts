import { describe, expect, it } from 'vitest';
import { detectChecks } from '../../src/setup/detect.js';

const npmTest = { test: { runner: 'command', command: 'npm test', timeout: 600 } };
const cases = (runner: string, ...args: string[]) => ({ test: { runner, args, timeout: 600 } });
const withLint = (command: string, runner: string, ...args: string[]) => ({ ...cases(runner, ...args), lint: { runner: 'command', command: `PATH="$PWD/node_modules/.bin:$PATH"; ${command}`, timeout: 600 } });
const detect = (files: Readonly<Record<string, string>>) => detectChecks({ read: async (path) => files[path] ?? null, list: async () => Object.keys(files) });
const scripts = (all: object): Record<string, string> => ({ 'package.json': JSON.stringify({ scripts: all }) });

describe('the test script of package.json', () => {
  it.each<[string | null, object]>([
    ['node --test', cases('node-test')],
    ['  node  --test   test/*.js "test/**/*.test.js" ', cases('node-test', 'test/*.js', 'test/**/*.test.js')],
    ['node --test --test-reporter=spec', npmTest],
    ['node --test && touch x', npmTest],
    ['node --test $(id)', npmTest],
    ['node --import=x --test', npmTest],
    ['vitest', cases('vitest')],
    ['vitest run', cases('vitest')],
    ['vitest --run src/a --coverage', cases('vitest', 'src/a')],
    ['npx vitest run', cases('vitest')],
    ['vitest watch', npmTest],
    ['vitest bench', npmTest],
    ['vitest run --reporter=verbose', cases('vitest')],
    ['vitest run "src/**"', npmTest],
    ['jest', cases('jest')],
    ['jest --ci --coverage --config jest.unit.js', cases('jest', '--ci', '--config', 'jest.unit.js')],
    ['jest --watch', npmTest],
    ['./node_modules/.bin/jest', cases('jest')],
    ['node --experimental-vm-modules node_modules/jest/bin/jest.js', npmTest],
    ['NODE_ENV=test jest', npmTest],
    ['mocha', cases('mocha')],
    ["mocha --recursive 'test/**/*.spec.js'", cases('mocha', '--recursive', 'test/**/*.spec.js')],
    ['mocha --reporter dot', cases('mocha')],
    ['mocha -R dot', cases('mocha')],
    ['mocha -R spec test/*.js', cases('mocha', 'test/*.js')],
    ['mocha --reporter ./own.js', npmTest],
    ['c8 --reporter=text mocha', cases('mocha')],
    ['nyc mocha', cases('mocha')],
    ['nyc --check-coverage=true mocha', npmTest],
    ['mocha test/a && mocha test/b', npmTest],
    ['eslint . && vitest run', withLint('eslint .', 'vitest')],
    ['mocha && tsc -p . --noEmit', withLint('tsc -p . --noEmit', 'mocha')],
    ['eslint . --fix && jest', npmTest],
    ['tsc && mocha dist', npmTest],
    ['eslint . || jest', npmTest],
    ['eslint . ; jest', npmTest],
    ['jest; rm -rf x', npmTest],
    ['jest > out.txt', npmTest],
    ['jest `id`', npmTest],
    ['jest "two words"', npmTest],
    ['tap', npmTest],
    ['echo "Error: no test specified" && exit 1', {}],
    ['   ', {}],
    [null, {}],
  ])('%j', async (script, expected) => {
    expect(await detect(scripts(script === null ? {} : { test: script }))).toEqual(expected);
  });

  it.each<[string, object, object]>([
    ['scripts that it calls', { test: 'npm run lint && npm run -s unit', lint: 'eslint "src/**/*.js"', unit: 'jest --ci' }, withLint('eslint "src/**/*.js"', 'jest', '--ci')],
    ['what npm runs before and after', { pretest: 'npm run lint', test: 'mocha', posttest: 'knip', lint: 'biome check .' }, withLint('biome check . && knip', 'mocha')],
    ['a build before the tests', { pretest: 'npm run build', test: 'mocha', build: 'tsc' }, npmTest],
    ['a script that is not there', { test: 'npm run unit' }, npmTest],
    ['a script with arguments', { test: 'npm run unit -- --x', unit: 'jest' }, npmTest],
    ['scripts that call each other', { test: 'npm run a', a: 'npm test' }, npmTest],
    ['only linters', { test: 'eslint .' }, npmTest],
  ])('follows %s', async (_what, all, expected) => {
    expect(await detect(scripts(all))).toEqual(expected);
  });

  it.each(['', '{', 'null', '[]', '{"scripts":1}', '{"scripts":{"test":1}}'])('claims nothing of the package.json %j', async (text) => {
    expect(await detect({ 'package.json': text })).toEqual({});
  });
});

describe('Python', () => {
  const unittest = 'import unittest\n';
  it.each<[string, Record<string, string>, object]>([
    ['pytest.ini', { 'pytest.ini': '[pytest]\n' }, cases('pytest')],
    ['a table of pyproject.toml', { 'pyproject.toml': '[tool.black]\n[tool.pytest.ini_options]\ntestpaths = ["x"]\n' }, cases('pytest')],
    ['a section of setup.cfg', { 'setup.cfg': '[tool:pytest]\n' }, cases('pytest')],
    ['a pyproject.toml without tests', { 'pyproject.toml': '[project]\nname = "x"\n', 'a.py': '' }, {}],
    ['tests written for unittest, in a folder that is no package', { 'tests/test_a.py': unittest, 'tests/sub/test_b.py': unittest }, cases('unittest', 'discover', '-s', 'tests')],
    ['tests written for unittest, in a package', { 'tests/__init__.py': '', 'tests/test_a.py': unittest }, cases('unittest')],
    ['tests written for unittest, at the root', { 'test_a.py': unittest }, cases('unittest')],
    ['one test that is plain', { 'test_a.py': unittest, 'test_b.py': 'def test_x():\n    assert 1\n' }, cases('pytest')],
    ['one test that imports pytest', { 'test_a.py': `${unittest}import pytest\n` }, cases('pytest')],
    ['stray files beside npm', { ...scripts({ test: 'jest' }), 'tools/test_a.py': unittest }, cases('jest')],
    ['a configuration beside npm', { ...scripts({ test: 'jest' }), 'pytest.ini': '' }, { ...cases('jest'), pytest: cases('pytest').test }],
  ])('%s', async (_what, files, expected) => {
    expect(await detect(files)).toEqual(expected);
  });
});

it('finds Go by its module, when it has tests', async () => {
  expect(await detect({ 'go.mod': 'module m\n', 'a/a_test.go': '' })).toEqual(cases('go'));
  expect(await detect({ 'go.mod': 'module m\n', 'a.go': '' })).toEqual({});
  expect(await detect({ 'Cargo.toml': '[package]\n', 'src/lib.rs': '' })).toEqual(cases('cargo'));
  expect(await detect({ 'Cargo.toml': '[package]\n' })).toEqual({});
  expect(await detect({ 'a_test.go': '' })).toEqual({});
});
