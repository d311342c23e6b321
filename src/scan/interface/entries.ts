import { posix } from 'node:path';
import { isTestFile } from '../test-files.js';

/** A way into a package, before it was looked into. `path` null: what it names is not in the tree. */
export interface Door {
  readonly entry: string;
  readonly path: string | null;
  /** Where it is declared. */
  readonly by: string;
  /** `code` is looked into; a program or another file is offered as it is. */
  readonly what: 'code' | 'program' | 'file';
}

const CODE = /\.(?:[cm]?[jt]s|[jt]sx)$/;
const ENDINGS: readonly string[] = ['', '.ts', '.tsx', '.mts', '.cts', '.js', '.mjs', '.cjs', '.jsx', '/index.ts', '/index.tsx', '/index.mts', '/index.js', '/index.mjs', '/index.cjs', '/index.jsx'];
/** Folders that a build writes, by the names of which its sources stand in src. */
const BUILT = /^(?:dist|lib|build|out|esm|cjs|es|types|dist-\w+)\/(?:(?:src|esm|cjs|es|types|lib|node|browser)\/)?/;
const MOST_PATTERN = 100;

/** The file that a path without its ending, or with that of what a compiler makes of it, means. `types`: to a file that only declares. */
export function moduleFile(path: string, files: ReadonlySet<string>, types = false): string | null {
  const compiled = /^(.*)\.([cm]?)jsx?$/.exec(path);
  const declared = [...['.d.ts', '.d.mts', '.d.cts', '/index.d.ts', '/index.d.mts'].map((ending) => path + ending), ...(compiled === null ? [] : [`${compiled[1]}.d.${compiled[2]}ts`])];
  const code = [...ENDINGS.map((ending) => path + ending), ...(compiled === null ? [] : [`${compiled[1]}.${compiled[2]}ts`, `${compiled[1]}.tsx`])];
  const tried = types ? [...declared, ...code] : [...code, ...declared];
  return tried.find((one) => files.has(one)) ?? null;
}

/** The ways into the package of a `package.json`, in its own order; an index at its root or in src where it names none that is there. */
export function packageDoors(manifest: string, text: string | null, files: ReadonlySet<string>): readonly Door[] | 'unreadable' {
  const value = read(text);
  if (value === null) return 'unreadable';
  const root = posix.dirname(manifest) === '.' ? '' : `${posix.dirname(manifest)}/`;
  const named = [...fields(value), ...exportsOf(value['exports'])].flatMap(([entry, target]) => doorsOf(root, entry, target, files));
  const doors = [...named, ...programs(value)].map((door) => ({ ...door, entry: root === '' ? door.entry : `${root}: ${door.entry}`, by: manifest }));
  if (doors.some((door) => door.path !== null)) return doors;
  const index = [moduleFile(`${root}index`, files), moduleFile(`${root}src/index`, files)].filter((path) => path !== null);
  return index.length === 0 ? doors : index.map((path) => ({ entry: path.replace(/\.\w+$/, ''), path, by: manifest, what: 'code' as const }));

  function programs(of: Readonly<Record<string, unknown>>): Omit<Door, 'by'>[] {
    const bin = of['bin'];
    const names = typeof bin === 'string' ? [''] : Object.keys(isRecord(bin) ? bin : {});
    return names.slice(0, 200).map((name) => ({ entry: `bin ${name}`.trim().slice(0, 200), path: manifest, what: 'program' as const }));
  }
}

function fields(value: Readonly<Record<string, unknown>>): (readonly [string, string])[] {
  return ['main', 'module', 'types', 'typings'].flatMap((name) => (typeof value[name] === 'string' ? [[name, value[name]] as const] : []));
}

/** Every file that `exports` names, with the conditions on the way to it (https://nodejs.org/api/packages.html#exports). */
function exportsOf(value: unknown, way = 'exports', depth = 0): (readonly [string, string])[] {
  if (typeof value === 'string') return [[way, value]];
  if (Array.isArray(value)) return value.slice(0, 1).flatMap((one) => exportsOf(one, way, depth + 1));
  if (!isRecord(value) || depth > 10) return [];
  return Object.entries(value).slice(0, 200).flatMap(([key, one]) => exportsOf(one, `${way} ${key.slice(0, 100)}`.slice(0, 250), depth + 1));
}

function doorsOf(root: string, entry: string, target: string, files: ReadonlySet<string>): Omit<Door, 'by'>[] {
  const path = posix.normalize(target.slice(0, 500));
  if (path.startsWith('..') || path.startsWith('/')) return [{ entry, path: null, what: 'code' }];
  if (path.includes('*')) return patternDoors(root, entry, path, files);
  const found = within(root, path, files);
  if (found === null && /\.\w+$/.test(path) && !CODE.test(path)) return files.has(root + path) ? [{ entry, path: root + path, what: 'file' }] : [{ entry, path: null, what: 'file' }];
  return [{ entry, path: found, what: found === null || CODE.test(found) ? 'code' : 'file' }];
}

/** As it stands, or where the source of what a build makes stands. */
function within(root: string, path: string, files: ReadonlySet<string>): string | null {
  const source = path.replace(/\.d\.([cm]?)ts$/, '.$1ts').replace(BUILT, 'src/');
  return moduleFile(root + path, files) ?? (BUILT.test(path) ? (moduleFile(root + source, files) ?? moduleFile(root + source.replace(/\.[cm]?[jt]sx?$/, ''), files)) : null);
}

function patternDoors(root: string, entry: string, path: string, files: ReadonlySet<string>): Omit<Door, 'by'>[] {
  const [before = '', after = ''] = path.split('*');
  const froms = [...new Set([before, before.replace(BUILT, 'src/')])];
  const found = [...files].filter((file) => CODE.test(file) && !isTestFile(file) && froms.some((from) => file.startsWith(root + from)) && (after === '' || file.replace(/\.[cm]?[jt]sx?$/, '').endsWith(after.replace(/(?:\.d)?\.[cm]?[jt]sx?$/, '')))).sort();
  if (found.length === 0 && [...files].some((file) => file.startsWith(root + before) && !CODE.test(file))) return [{ entry, path: [...files].find((file) => file.startsWith(root + before)) ?? null, what: 'file' }];
  const doors = found.slice(0, MOST_PATTERN).map((file) => ({ entry: `${entry}: ${file.slice(root.length)}`.slice(0, 400), path: file, what: 'code' as const }));
  return found.length > MOST_PATTERN || found.length === 0 ? [...doors, { entry, path: null, what: 'code' }] : doors;
}

const NO_PACKAGES: ReadonlySet<string> = new Set(['tests', 'test', 'testing', 'docs', 'doc', 'examples', 'example', 'scripts', 'tools', 'benchmarks', 'bench', 'setup', 'conftest', 'noxfile', 'tasks', 'manage']);

/** Packages of Python at the root or in src, and modules there beside a file that says how they are packed. */
export function pythonPackages(files: ReadonlySet<string>): readonly { readonly name: string; readonly path: string; readonly folder: string | null }[] {
  const packed = ['pyproject.toml', 'setup.py', 'setup.cfg'].some((name) => files.has(name));
  return [...files].sort().flatMap((path) => {
    const [, at = '', name = '', rest] = /^(src\/)?([A-Za-z]\w*)(\/__init__)?\.py$/.exec(path) ?? [];
    if (name === '' || NO_PACKAGES.has(name) || isTestFile(path) || (rest === undefined && !packed)) return [];
    return [{ name, path, folder: rest === undefined ? null : `${at}${name}/` }];
  });
}

/** Modules below a package that no underscore hides. */
export function publicModules(folder: string, files: ReadonlySet<string>): { readonly name: string; readonly path: string }[] {
  return [...files].filter((path) => path.startsWith(folder) && path.endsWith('.py') && !isTestFile(path)).sort().flatMap((path) => {
    const parts = path.slice(folder.length, -3).split('/');
    const shown = parts.at(-1) === '__init__' ? parts.slice(0, -1) : parts;
    return shown.length === 0 || shown.some((part) => part.startsWith('_')) ? [] : [{ name: shown.join('.'), path }];
  });
}

function read(text: string | null): Record<string, unknown> | null {
  try {
    const value: unknown = text === null ? null : JSON.parse(text);
    return isRecord(value) ? value : null;
  } catch {
    return null;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
