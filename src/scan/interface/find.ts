import { posix } from 'node:path';
import { parse } from '@ast-grep/napi';
import { type Entry, MOST_ENTRIES } from '../../sarif/interface/model.js';
import { PYTHON } from '../grammars.js';
import { grammarOf } from '../shapes.js';
import { isTestFile } from '../test-files.js';
import { type Door, moduleFile, packageDoors, publicModules, pythonPackages } from './entries.js';
import { javascriptNames } from './javascript.js';
import { pythonNames } from './python.js';
import { type Modules, Resolver } from './resolve.js';
import { type ModuleNames, nameText } from './thing.js';

/** Manifests, and files that are parsed: only entries and what they pass on. */
const MOST_MANIFESTS = 60;
const MOST_PARSED = 800;
/** Names of all entries together: a report has a length too. */
const MOST_ALL = 20_000;

/** What the packages of a tree offer to others. `files` = all that may be read, `read` gives their text, null where it is none. `late` = the time is up. */
export function interfaceOf(files: ReadonlySet<string>, read: (path: string) => string | null, late: () => boolean): readonly Entry[] {
  const tree = new Tree(files, read, late);
  const manifests = [...files].filter((path) => posix.basename(path) === 'package.json' && !isTestFile(path)).sort();
  const entries = manifests.slice(0, MOST_MANIFESTS).flatMap((manifest) => {
    const doors = packageDoors(manifest, read(manifest), files);
    return doors === 'unreadable' ? [{ entry: nameText(manifest), path: manifest, offered: [], unclear: 'cannot be read as JSON' }] : doors.map((door) => opened(door, tree));
  });
  const left = (path: string): Entry => ({ entry: 'more', path, offered: [], unclear: 'more ways into packages than are compared' });
  const all = [...entries, ...pythonEntries(tree), ...(manifests.length > MOST_MANIFESTS ? [left(manifests[MOST_MANIFESTS] ?? 'package.json')] : [])];
  return bounded(all, left);
}

function bounded(all: readonly Entry[], left: (path: string) => Entry): readonly Entry[] {
  let names = 0;
  const kept = all.slice(0, MOST_ENTRIES).filter((one) => (names += one.offered.length) <= MOST_ALL);
  return kept.length === all.length ? all : [...kept, left(all[kept.length]?.path ?? 'package.json')];
}

function opened({ entry, path, by, what }: Door, tree: Tree): Entry {
  const name = nameText(entry);
  if (path === null) return { entry: name, path: by, offered: [], unclear: 'names a file that is not in the tree' };
  if (what !== 'code') return { entry: name, path, offered: [{ name: '', kind: what, parameters: null }], unclear: null };
  return { entry: name, path, ...new Resolver(tree).offered(path) };
}

/** With `__all__` a package says itself what it offers; without it its public modules are reached too. */
function pythonEntries(tree: Tree): Entry[] {
  const entry = (name: string, path: string): Entry => ({ entry: nameText(`module ${name}`), path, ...new Resolver(tree).offered(path) });
  return pythonPackages(tree.files).flatMap(({ name, path, folder }) => {
    if (tree.names(path) === null && !tree.hasPython(path)) return [];
    const inner = folder === null || tree.saysAll(path) ? [] : publicModules(folder, tree.files).slice(0, MOST_ENTRIES);
    return [entry(name, path), ...inner.map((one) => entry(`${name}.${one.name}`, one.path))];
  });
}

class Tree implements Modules {
  readonly files: ReadonlySet<string>;
  readonly #read: (path: string) => string | null;
  readonly #late: () => boolean;
  readonly #known = new Map<string, ModuleNames | null>();
  readonly #all = new Set<string>();
  readonly resolved: Modules['resolved'] = new Map();

  constructor(files: ReadonlySet<string>, read: (path: string) => string | null, late: () => boolean) {
    this.files = files;
    this.#read = read;
    this.#late = late;
  }

  names(path: string): ModuleNames | null {
    const known = this.#known.get(path);
    if (known !== undefined) return known;
    const names = this.#known.size >= MOST_PARSED || this.#late() ? null : this.#parsed(path);
    this.#known.set(path, names);
    return names;
  }

  saysAll(path: string): boolean {
    return this.names(path) !== null && this.#all.has(path);
  }

  /** False where this machine has no grammar, so that nothing can be said of any module. */
  hasPython(path: string): boolean {
    return grammarOf(path, '') === PYTHON;
  }

  find(from: string, specifier: string): string | null | 'unknown' {
    return from.endsWith('.py') ? this.#pythonFile(from, specifier) : this.#file(from, specifier);
  }

  #parsed(path: string): ModuleNames | null {
    const text = this.#read(path);
    const language = text === null ? null : grammarOf(path, text);
    if (text === null || language === null) return null;
    const root = parse(language, text).root();
    if (language !== PYTHON) return javascriptNames(root, text);
    if (/^__all__\b/m.test(text)) this.#all.add(path);
    return pythonNames(root, { isPackage: path.endsWith('/__init__.py'), isOwn: (from) => this.#pythonFile(path, from) !== null, hasModule: (name) => this.#submodule(path, name) });
  }

  #file(from: string, specifier: string): string | null | 'unknown' {
    if (!/^\.\.?(?:\/|$)/.test(specifier)) return null;
    const path = posix.normalize(posix.join(posix.dirname(from), specifier)).replace(/\/$/, '');
    return path.startsWith('..') ? 'unknown' : (moduleFile(path === '.' ? 'index' : path, this.files, /\.d\.[cm]?ts$/.test(from)) ?? 'unknown');
  }

  /** `.a.b` from the folder of the file, `shop.a` from where the package stands. */
  #pythonFile(from: string, specifier: string): string | null | 'unknown' {
    const [, dots = '', rest = ''] = /^(\.*)(.*)$/.exec(specifier) ?? [];
    const parts = rest === '' ? [] : rest.split('.');
    const own = from.split('/').slice(0, -1);
    const base = dots === '' ? (own[0] === 'src' ? ['src'] : []) : own.slice(0, own.length - dots.length + 1);
    const path = [...base, ...parts].join('/');
    const found = [`${path}.py`, `${path}/__init__.py`].find((one) => this.files.has(one.replace(/^\//, '')));
    return found?.replace(/^\//, '') ?? (dots === '' && !this.files.has(`${[...base, parts[0] ?? ''].join('/')}/__init__.py`) ? null : 'unknown');
  }

  #submodule(path: string, name: string): boolean {
    const folder = posix.dirname(path);
    return path.endsWith('/__init__.py') && [`${folder}/${name}.py`, `${folder}/${name}/__init__.py`].some((one) => this.files.has(one));
  }
}
