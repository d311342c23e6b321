import { parsePoetryLock, standardRequirements } from '../../egress/locks/poetry.js';
import { parsePylock } from '../../egress/locks/pylock.js';
import { type PythonLock, readToml } from '../../egress/locks/python.js';
import { linesOf, lockOfRequirements, readRequirements, type RequirementFiles } from '../../egress/locks/requirements.js';
import { parseUvLock } from '../../egress/locks/uv.js';
import { pypiFront } from '../../egress/pypi-front.js';
import { lockedPypiRules, openPypiRules } from '../../egress/pypi-rules.js';
import { PYTHON } from '../dependencies.js';
import { insideUrl } from '../fetch-sandbox.js';
import type { Command, FetchPlan } from './plan.js';

const INSIDE_URL = insideUrl('pypi');
/** What pip is asked for, written by us. */
const LINES = '.sallyport/requirements.txt';
/** Files that name what a project and its tests need, by the names that are usual. */
const FILES = [
  'requirements.txt', 'requirements-dev.txt', 'requirements_dev.txt', 'requirements-test.txt', 'requirements_test.txt', 'dev-requirements.txt', 'test-requirements.txt',
  'requirements/base.txt', 'requirements/dev.txt', 'requirements/test.txt',
];

type Texts = (path: string) => string | null;

/** What a tree pins its packages of Python by. */
export type PythonClient = 'uv' | 'poetry' | 'pylock' | 'pip';

/** The lockfile of Python packages that counts, or where none is the first of the requirements files; null where there is neither. */
export function pythonLockOf(manifests: ReadonlyMap<string, Buffer>): { readonly path: string; readonly client: PythonClient } | null {
  const locks = [['uv.lock', 'uv'], ['poetry.lock', 'poetry'], ['pylock.toml', 'pylock']] as const;
  const [path, client] = locks.find(([name]) => manifests.has(name)) ?? [FILES.find((name) => manifests.has(name)), 'pip' as const];
  return path === undefined ? null : { path, client };
}

/** All that the requirements files of a tree name, with those that they include. */
export function requirementsOf(manifests: ReadonlyMap<string, Buffer>): RequirementFiles {
  return readRequirements(FILES.filter((path) => manifests.has(path)), (path) => manifests.get(path)?.toString('utf8') ?? null);
}

/** Packages of Python, by the lockfile that is there. Null where nothing is named. */
export function planPython(manifests: ReadonlyMap<string, Buffer>, resolve: boolean): FetchPlan | null {
  const read: Texts = (path) => manifests.get(path)?.toString('utf8') ?? null;
  const lock = lockOf(read);
  if (lock !== null) return lock.requirements.length === 0 ? null : plan(lock.requirements, lock);
  const found = requirementsOf(manifests);
  if (found.requirements.length > 0) {
    if (found.locked || !resolve) {
      const locked = lockOfRequirements(found);
      return plan(locked.requirements, locked);
    }
    return plan(linesOf(found.requirements, false), null);
  }
  // What a package needs when it is installed somewhere says nothing of how it is tested: fetched where resolution is allowed, and nothing that is missing otherwise.
  const pyproject = resolve ? read('pyproject.toml') : null;
  const lines = pyproject === null ? [] : standardRequirements(readToml('pyproject.toml', pyproject));
  return lines.length === 0 ? null : plan(lines, null);
}

function lockOf(read: Texts): PythonLock | null {
  const [uv, poetry, pylock] = [read('uv.lock'), read('poetry.lock'), read('pylock.toml')];
  if (uv !== null) return parseUvLock(uv);
  if (poetry !== null) return parsePoetryLock(poetry, read('pyproject.toml'));
  return pylock === null ? null : parsePylock(pylock);
}

function plan(lines: readonly string[], lock: PythonLock | null): FetchPlan {
  return {
    ecosystem: 'pypi', dependencies: ['python'], locked: lock?.locked ?? [], files: new Map([[LINES, lines.map((line) => `${line}\n`).join('')]]), commands: COMMANDS,
    front: (registry) => pypiFront({ registry, rules: lock === null ? openPypiRules() : lockedPypiRules(lock.locked), insideUrl: INSIDE_URL }),
  };
}

/**
 * pip of the machine's Python, in a virtual environment that also sees what the machine has: a project that locks no pytest keeps finding that
 * below /usr. `--ignore-installed`, since what is locked is meant even where the machine has the same. No build, so nothing of a package runs.
 */
const COMMANDS: readonly Command[] = [
  {
    argv: ['/bin/sh', '-c', 'python3 -c "import venv" && python3 -m pip --version >/dev/null'],
    what: 'Packages of Python need python3 with its modules venv and pip below /usr (Debian, Ubuntu: apt-get install python3 python3-pip)',
  },
  { argv: ['python3', '-m', 'venv', '--without-pip', '--system-site-packages', PYTHON], what: 'A place for packages of Python could not be made' },
  {
    argv: [
      `${PYTHON}/bin/python3`, '-m', 'pip', '--isolated', '--no-input', '--disable-pip-version-check', '--no-cache-dir', 'install', '--index-url', `${INSIDE_URL}/simple/`, '--only-binary', ':all:',
      '--ignore-installed', '--no-warn-script-location', '--progress-bar', 'off', '--retries', '1', '--timeout', '120', '--requirement', LINES,
    ],
    env: { TMPDIR: '/scratch' }, what: 'pip could not fetch the dependencies',
  },
];
