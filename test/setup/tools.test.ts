import { expect, it } from 'vitest';
import { ToolSpec } from '../../src/protocol/tools.js';
import { detectTools } from '../../src/setup/tools.js';

const found = (files: Readonly<Record<string, string>>) => detectTools({ read: async (path) => files[path] ?? null, list: async () => Object.keys(files) });
const packages = (...names: readonly string[]) => JSON.stringify({ devDependencies: Object.fromEntries(names.map((name) => [name, '1'])) });

it('proposes what is configured and among the packages', async () => {
  const tools = await found({ 'package.json': packages('eslint', 'typescript', 'prettier', '@biomejs/biome'), 'eslint.config.mjs': '', 'tsconfig.json': '{}', '.prettierrc.json': '{}', 'biome.json': '{}', 'pyproject.toml': '[tool.ruff]\nx = 1\n[tool.mypy]\n', 'uv.lock': 'name = "ruff"\nname = "mypy"\n' });
  expect(Object.entries(tools).map(([name, tool]) => [name, tool.report, ToolSpec.safeParse(tool).success])).toEqual([['eslint', 'eslint-json', true], ['tsc', 'tsc', true], ['biome', 'github', true], ['prettier', 'files', true], ['ruff', 'ruff-json', true], ['mypy', 'mypy', true]]);
});

it('takes configuration out of package.json, and pins out of requirements', async () => {
  expect(Object.keys(await found({ 'package.json': JSON.stringify({ dependencies: { eslint: '1', prettier: '1' }, eslintConfig: {}, prettier: {} }) }))).toEqual(['eslint', 'prettier']);
  expect(Object.keys(await found({ 'mypy.ini': '', 'requirements-dev.txt': 'mypy==1.0 --hash=x\nmypy-extensions==1\n', 'ruff.toml': '' }))).toEqual(['mypy']);
});

it('proposes nothing that is only one of the two, or that lies deeper', async () => {
  expect(await found({ 'package.json': packages('eslint', 'typescript'), 'sub/eslint.config.js': '', 'sub/tsconfig.json': '' })).toEqual({});
  expect(await found({ 'package.json': '{"devDependencies": 1}', 'eslint.config.js': '', 'tsconfig.json': '{}', 'ruff.toml': '' })).toEqual({});
});
