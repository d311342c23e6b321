import { z } from 'zod';
import type { ToolSpec } from '../protocol/tools.js';
import type { BaseFiles } from './detect.js';

/** A tool as it would stand in sallyport.yaml. */
export type ProposedTool = Pick<ToolSpec, 'command' | 'report'>;

const Names = z.record(z.string(), z.unknown()).optional();
const Package = z.looseObject({ dependencies: Names, devDependencies: Names });
/** A tool of npm: the package it comes in, files and keys of package.json that configure it, and how it tells what it finds. */
const OF_NPM: readonly (readonly [name: string, packageName: string, files: RegExp, key: string | null, tool: ProposedTool])[] = [
  ['eslint', 'eslint', /^(?:eslint\.config\.[cm]?[jt]s|\.eslintrc(?:\.(?:js|cjs|json|ya?ml))?)$/, 'eslintConfig', { command: 'node_modules/.bin/eslint --format json .', report: 'eslint-json' }],
  ['tsc', 'typescript', /^tsconfig\.json$/, null, { command: 'node_modules/.bin/tsc --noEmit --pretty false', report: 'tsc' }],
  ['biome', '@biomejs/biome', /^biome\.jsonc?$/, null, { command: 'node_modules/.bin/biome check --reporter=github --max-diagnostics=none .', report: 'github' }],
  ['prettier', 'prettier', /^(?:\.prettierrc(?:\.(?:json5?|ya?ml|toml|[cm]?[jt]s))?|prettier\.config\.[cm]?[jt]s)$/, 'prettier', { command: 'node_modules/.bin/prettier --list-different .', report: 'files' }],
];
/** The same for Python: proposed where a file that pins packages names it, for only then setup brings it. */
const OF_PYTHON: readonly (readonly [name: string, files: readonly (readonly [path: string, shows: RegExp])[], tool: ProposedTool])[] = [
  ['ruff', [['ruff.toml', /^/], ['.ruff.toml', /^/], ['pyproject.toml', /^\s*\[tool\.ruff[\].]/m]], { command: 'ruff check --output-format json .', report: 'ruff-json' }],
  ['mypy', [['mypy.ini', /^/], ['.mypy.ini', /^/], ['setup.cfg', /^\s*\[mypy\]/m], ['pyproject.toml', /^\s*\[tool\.mypy\]/m]], { command: 'mypy --no-pretty --show-error-codes .', report: 'mypy' }],
];
const PINS = ['requirements.txt', 'requirements-dev.txt', 'dev-requirements.txt', 'uv.lock', 'poetry.lock', 'pylock.toml'];

/** Linters, formatters and type checkers that a base configures and brings along as packages. Reads files, runs nothing. */
export async function detectTools(base: BaseFiles): Promise<Record<string, ProposedTool>> {
  const found: Record<string, ProposedTool> = {};
  const atRoot = (await base.list()).filter((path) => !path.includes('/'));
  const manifest = packageOf(await base.read('package.json'));
  const packages = new Set([...Object.keys(manifest.dependencies ?? {}), ...Object.keys(manifest.devDependencies ?? {})]);
  for (const [name, packageName, files, key, tool] of OF_NPM) {
    if (packages.has(packageName) && (atRoot.some((path) => files.test(path)) || (key !== null && Object.hasOwn(manifest, key)))) found[name] = tool;
  }
  for (const [name, files, tool] of OF_PYTHON) {
    const named = await anyOf(base, PINS.map((path) => [path, new RegExp(`^(?:name = ")?${name}(?![\\w.-])`, 'm')] as const));
    if (named && (await anyOf(base, files))) found[name] = tool;
  }
  return found;
}

async function anyOf(base: BaseFiles, files: readonly (readonly [path: string, shows: RegExp])[]): Promise<boolean> {
  for (const [path, shows] of files) {
    const text = await base.read(path);
    if (text !== null && shows.test(text)) return true;
  }
  return false;
}

function packageOf(text: string | null): z.infer<typeof Package> {
  try {
    return Package.parse(JSON.parse(text ?? '{}'));
  } catch {
    return {}; // not a package.json: nothing is known of it
  }
}
