import { z } from 'zod';
import type { CheckSpec } from '../protocol/environment.js';
import { type Scripts, splitTestScript } from './scripts.js';

/** The protected base, as far as detection looks: texts and names of files, never a program of it. */
export interface BaseFiles {
  /** Text of a file by its path; null where there is none. */
  read(path: string): Promise<string | null>;
  /** Every path. */
  list(): Promise<readonly string[]>;
}

type Checks = Record<string, CheckSpec>;
const TIMEOUT = 600;
const MAX_LOOKED_AT = 20;
const Package = z.object({ scripts: z.record(z.string(), z.string()).optional() });

/**
 * The checks that a base declares, by its own files. The first is called `test`, those of other languages beside it by their runner. A
 * runner that gives cases is used where what the project declares is understood whole; otherwise its command is taken as it stands.
 */
export async function detectChecks(base: BaseFiles): Promise<Checks> {
  const checks: Checks = npmChecks(await base.read('package.json'));
  for (const check of [await pythonCheck(base, checks['test'] !== undefined), await goCheck(base), await cargoCheck(base)]) {
    if (check !== null) checks[checks['test'] === undefined ? 'test' : check.runner] = check;
  }
  return checks;
}

/** `npm test` as the project declares it. */
function npmChecks(packageJson: string | null): Checks {
  const scripts = scriptsOf(packageJson);
  const script = scripts['test'];
  if (script === undefined || /no test specified/.test(script) || script.trim() === '') return {};
  const parts = splitTestScript(scripts);
  if (parts === null) return { test: { runner: 'command', command: 'npm test', timeout: TIMEOUT } };
  const checks: Checks = { test: { ...parts.test, timeout: TIMEOUT } };
  // A linter of the project is found where npm would find it.
  if (parts.rest !== null) checks['lint'] = { runner: 'command', command: `PATH="$PWD/node_modules/.bin:$PATH"; ${parts.rest}`, timeout: TIMEOUT };
  return checks;
}

function scriptsOf(packageJson: string | null): Scripts {
  if (packageJson === null) return {};
  try {
    return Package.parse(JSON.parse(packageJson)).scripts ?? {};
  } catch {
    return {}; // not a package.json: nothing is known, so nothing is claimed; the run will be `unverified`
  }
}

/** Files that configure pytest, with what shows that they do (https://docs.pytest.org/en/stable/reference/customize.html). */
const PYTEST_FILES: readonly (readonly [string, RegExp])[] = [
  ['pytest.ini', /^/], ['pyproject.toml', /^\s*\[tool\.pytest(\.ini_options)?\]/m], ['tox.ini', /^\s*\[pytest\]/m], ['setup.cfg', /^\s*\[tool:pytest\]/m],
];

/**
 * pytest where it is configured. Where it is not, test files decide: unittest when every one of those that are looked at is written for it,
 * pytest otherwise; but beside a check of another language stray files of Python are none.
 */
async function pythonCheck(base: BaseFiles, beside: boolean): Promise<CheckSpec | null> {
  for (const [path, shows] of PYTEST_FILES) {
    const text = await base.read(path);
    if (text !== null && shows.test(text)) return { runner: 'pytest', args: [], timeout: TIMEOUT };
  }
  if (beside) return null;
  const paths = await base.list();
  const tests = paths.filter((path) => /^([^/]+\/)*test_[^/]*\.py$/.test(path));
  if (tests.length === 0) return null;
  const texts = await Promise.all(tests.slice(0, MAX_LOOKED_AT).map((path) => base.read(path)));
  const unittest = !paths.includes('conftest.py') && texts.every((text) => text !== null && /\bunittest\b/.test(text) && !/^\s*(import|from) pytest\b/m.test(text));
  if (!unittest) return { runner: 'pytest', args: [], timeout: TIMEOUT };
  const folder = startFolder(tests, new Set(paths));
  return { runner: 'unittest', args: folder === null ? [] : ['discover', '-s', folder], timeout: TIMEOUT };
}

/** unittest looks below the root only into packages: the one folder that holds all tests and is none must be named to it. */
function startFolder(tests: readonly string[], paths: ReadonlySet<string>): string | null {
  const [folder, ...others] = new Set(tests.map((path) => path.split('/').slice(0, -1)[0] ?? ''));
  if (folder === undefined || folder === '' || others.length > 0 || !/^[\w.-]+$/.test(folder)) return null;
  return paths.has(`${folder}/__init__.py`) ? null : folder;
}

async function goCheck(base: BaseFiles): Promise<CheckSpec | null> {
  if ((await base.read('go.mod')) === null) return null;
  return (await base.list()).some((path) => path.endsWith('_test.go')) ? { runner: 'go', args: [], timeout: TIMEOUT } : null;
}

/** Tests of Rust stand beside its code, so any file of it may hold them. */
async function cargoCheck(base: BaseFiles): Promise<CheckSpec | null> {
  if ((await base.read('Cargo.toml')) === null) return null;
  return (await base.list()).some((path) => path.endsWith('.rs')) ? { runner: 'cargo', args: [], timeout: TIMEOUT } : null;
}
