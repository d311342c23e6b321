import type { TomlTable } from '../toml.js';
import type { LockedProject } from '../pypi-rules.js';
import { bounded, notFetched, unreadable } from './entry.js';
import { isTestGroup, listOf, lockedProject, type PythonLock, readToml, requirementLine, tableOf, textOf } from './python.js';

const FILE = 'uv.lock';

/**
 * The packages that uv.lock names, and what the packages of the tree ask for: their dependencies, and their groups and extras for tests. What else is
 * needed pip finds by itself: in the index that it sees there is nothing but what is locked.
 */
export function parseUvLock(text: string): PythonLock {
  const packages = bounded(FILE, listOf(readToml(FILE, text)['package'])).map(tableOf);
  if (packages.length === 0) throw unreadable(FILE, 'it names no package');
  const locked: LockedProject[] = [];
  const requirements = new Set<string>();
  for (const entry of packages) {
    const source = tableOf(entry['source']);
    if (['editable', 'virtual', 'directory'].some((kind) => source[kind] !== undefined)) {
      for (const one of wantedBy(entry)) requirements.add(lineOf(one));
    } else {
      if (source['registry'] === undefined) throw notFetched(FILE, textOf(entry['name']) ?? '', 'it does not come from an index');
      locked.push(lockedProject(FILE, entry['name'], entry['version'], [entry['sdist'], ...listOf(entry['wheels'])].map((file) => tableOf(file)['hash'])));
    }
  }
  const known = new Set(locked.map((l) => l.name));
  // Packages of the tree that ask for one another need no fetch.
  return { locked, requirements: [...requirements].filter((line) => known.has(line.split(/[[=\s;]/)[0] as string)) };
}

function wantedBy(entry: TomlTable): TomlTable[] {
  const groups = [...Object.entries(tableOf(entry['dev-dependencies'])), ...Object.entries(tableOf(entry['optional-dependencies']))].filter(([name]) => isTestGroup(name));
  // Markers with `extra ==` tell sets apart that exclude each other: uv's own, which pip cannot read.
  return [entry['dependencies'], ...groups.map(([, group]) => group)].flatMap((list) => listOf(list).map(tableOf)).filter((one) => !/\bextra\s*==/.test(textOf(one['marker']) ?? ''));
}

function lineOf(one: TomlTable): string {
  const [name, marker, version] = [textOf(one['name']) ?? '', textOf(one['marker']), textOf(one['version'])];
  return requirementLine(FILE, name, { extras: listOf(one['extra']).map(String), ...(version === undefined ? {} : { version }), ...(marker === undefined ? {} : { marker }) });
}
