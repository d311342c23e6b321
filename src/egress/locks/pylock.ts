import { bounded, notFetched } from './entry.js';
import { digestOf } from '../pypi-digest.js';
import { listOf, lockedProject, type PythonLock, readToml, requirementLine, tableOf, textOf } from './python.js';

const FILE = 'pylock.toml';

/** The packages that a pylock.toml names (https://packaging.python.org/en/latest/specifications/pylock-toml/), which is all that is to be installed. */
export function parsePylock(text: string): PythonLock {
  const found = bounded(FILE, listOf(readToml(FILE, text)['packages'])).map(tableOf).flatMap((entry) => {
    const [name, version, marker] = [textOf(entry['name']) ?? '', textOf(entry['version']), textOf(entry['marker'])];
    if (entry['directory'] !== undefined) return []; // a folder of the tree
    if (entry['vcs'] !== undefined || entry['archive'] !== undefined) throw notFetched(FILE, name, 'it does not come from an index');
    const digests = [entry['sdist'], ...listOf(entry['wheels'])].map((file) => digestOf(Object.fromEntries(Object.entries(tableOf(tableOf(file)['hashes'])).flatMap(([key, value]) => (typeof value === 'string' ? [[key, value]] : [])))));
    const line = requirementLine(FILE, name, { ...(version === undefined ? {} : { version }), ...(marker === undefined ? {} : { marker }) });
    return [{ locked: lockedProject(FILE, name, version, digests), line }];
  });
  return { locked: found.map((f) => f.locked), requirements: found.map((f) => f.line) };
}
