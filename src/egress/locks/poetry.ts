import type { LockedProject } from '../pypi-rules.js';
import { projectName } from '../pypi-names.js';
import type { TomlTable } from '../toml.js';
import { bounded, notFetched } from './entry.js';
import { isTestGroup, listOf, lockedProject, type PythonLock, readToml, requirementLine, tableOf, textOf } from './python.js';

const FILE = 'poetry.lock';

/**
 * The packages that poetry.lock names. What is asked for stands in pyproject.toml alone: its dependencies and its groups for tests, by name, since the
 * index that pip sees has nothing but what is locked. Without a pyproject.toml that says so, all that is not optional.
 */
export function parsePoetryLock(text: string, pyproject: string | null): PythonLock {
  const lock = readToml(FILE, text);
  const old = tableOf(tableOf(lock['metadata'])['files']); // before poetry 1.3
  const locked: LockedProject[] = [];
  const needed: string[] = [];
  for (const entry of bounded(FILE, listOf(lock['package'])).map(tableOf)) {
    const name = textOf(entry['name']) ?? '';
    const kind = textOf(tableOf(entry['source'])['type']);
    if (kind !== undefined && kind !== 'legacy') throw notFetched(FILE, name, 'it does not come from an index');
    const files = listOf(entry['files'] ?? old[name]).map((file) => tableOf(file)['hash']);
    locked.push(lockedProject(FILE, name, entry['version'], files));
    if (entry['optional'] !== true) needed.push(requirementLine(FILE, name, markerOf(entry)));
  }
  const known = new Set(locked.map((l) => l.name));
  const asked = pyproject === null ? [] : askedBy(readToml('pyproject.toml', pyproject)).filter((line) => known.has(projectName(line.split('[')[0] as string) ?? ''));
  return { locked, requirements: asked.length === 0 ? needed : asked };
}

function markerOf(entry: TomlTable): { readonly marker?: string } {
  const marker = textOf(entry['markers']);
  return marker === undefined ? {} : { marker };
}

/** Names, with extras, of what a pyproject.toml of poetry or of the standard asks for. */
function askedBy(pyproject: TomlTable): string[] {
  const poetry = tableOf(tableOf(pyproject['tool'])['poetry']);
  const groups = Object.entries(tableOf(poetry['group'])).filter(([name, group]) => isTestGroup(name) || tableOf(group)['optional'] !== true);
  const tables = [poetry['dependencies'], poetry['dev-dependencies'], ...groups.map(([, group]) => tableOf(group)['dependencies'])].map(tableOf);
  const own = tables.flatMap((table) => Object.entries(table)).filter(([name, value]) => name !== 'python' && tableOf(value)['optional'] !== true);
  return [...own.map(([name, value]) => requirementLine('pyproject.toml', name, { extras: listOf(tableOf(value)['extras']).map(String) })), ...standardRequirements(pyproject)];
}

/** Names, with extras, of [project] and of [dependency-groups] (PEP 621, PEP 735). */
export function standardRequirements(pyproject: TomlTable): string[] {
  const project = tableOf(pyproject['project']);
  const groups = [...Object.entries(tableOf(pyproject['dependency-groups'])), ...Object.entries(tableOf(project['optional-dependencies']))].filter(([name]) => isTestGroup(name));
  return [project['dependencies'], ...groups.map(([, group]) => group)].flatMap((list) => listOf(list).flatMap((line) => {
    const match = /^\s*([A-Za-z0-9][\w.-]*)\s*(?:\[([\w\s.,-]*)\])?/.exec(typeof line === 'string' ? line : '');
    return match === null ? [] : [requirementLine('pyproject.toml', match[1] as string, { extras: (match[2] ?? '').split(',').map((e) => e.trim()).filter((e) => e !== '') })];
  }));
}
