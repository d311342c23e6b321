import { posix } from 'node:path';
import { SallyportError } from '../../protocol/errors.js';
import { bounded, unreadable } from './entry.js';
import { type Origin, registryOrigin } from './origin.js';

/** One version of a module. */
export interface GoModule {
  readonly path: string;
  readonly version: string;
}

/** What go.sum pins. Key = `shownModule`, value = the `h1:` digest. */
export interface GoSums {
  /** Of all files of a module. */
  readonly zips: ReadonlyMap<string, string>;
  /** Of its go.mod alone. */
  readonly mods: ReadonlyMap<string, string>;
}

export interface GoMod {
  /** Minor number of the language version `1.N`; modules without one are of 1.16 (https://go.dev/ref/mod#go-mod-file-go). */
  readonly minor: number;
  readonly requires: readonly GoModule[];
  /** What stands in for a module, at one version or at all: another module, or null for a folder of the tree. */
  readonly replaces: readonly { readonly path: string; readonly version: string | null; readonly by: GoModule | null }[];
}

const FILE = 'go.mod';
const DEFAULT_MINOR = 16;
const WITHOUT_VERSION_MAX = 500;

/** https://go.dev/ref/mod#go-mod-file-ident, as far as a proxy is asked for it: the first part is a name of a host. */
export function isModulePath(text: string): boolean {
  return text.length <= WITHOUT_VERSION_MAX && /^[A-Za-z0-9][A-Za-z0-9.-]*\.[A-Za-z0-9.-]*(?:\/[\w.~+-]+)*$/.test(text) && text.split('/').every((part) => !/^\.+$/.test(part));
}

/** A canonical version: what a client asks a proxy for by file. */
export function isModuleVersion(text: string): boolean {
  return text.length <= 256 && /^v\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/.test(text);
}

export function shownModule({ path, version }: GoModule): string {
  return `${path}@${version}`;
}

/** Lines `MODULE VERSION[/go.mod] h1:DIGEST` (https://go.dev/ref/mod#go-sum-files). Digests of other algorithms pin nothing here. */
export function parseGoSum(text: string): GoSums {
  const [zips, mods] = [new Map<string, string>(), new Map<string, string>()];
  for (const [index, line] of bounded('go.sum', text.split('\n')).entries()) {
    const words = line.trim().split(/\s+/);
    if (words[0] === '') continue;
    const [path = '', written = '', digest = ''] = words;
    const alone = written.endsWith('/go.mod');
    const version = alone ? written.slice(0, -'/go.mod'.length) : written;
    if (words.length !== 3 || !isModulePath(path) || !isModuleVersion(version)) throw unreadable('go.sum', `line ${index + 1} is not a module with its version and digest`);
    if (!digest.startsWith('h1:')) continue;
    if (!/^h1:[A-Za-z0-9+/]{43}=$/.test(digest)) throw unreadable('go.sum', `line ${index + 1} has a digest that is none`);
    const known = alone ? mods : zips;
    const key = shownModule({ path, version });
    if ((known.get(key) ?? digest) !== digest) throw unreadable('go.sum', `it has two digests of ${key}`);
    known.set(key, digest);
  }
  return { zips, mods };
}

/** `require` and `replace` of go.mod (https://go.dev/ref/mod#go-mod-file). Other directives say nothing of what is fetched. */
export function parseGoMod(text: string): GoMod {
  let minor = DEFAULT_MINOR;
  const requires: GoModule[] = [];
  const replaces: GoMod['replaces'][number][] = [];
  let block: string | null = null;
  for (const [index, line] of bounded(FILE, text.split('\n')).entries()) {
    const words = wordsOf(line);
    const wrong = (what: string): SallyportError => unreadable(FILE, `line ${index + 1} is not ${what}`);
    if (words === null) throw wrong('of quoted and plain words');
    if (words.length === 0) continue;
    if (block !== null && words.length === 1 && words[0] === ')') {
      block = null;
      continue;
    }
    const [verb, ...rest]: readonly (string | undefined)[] = block === null ? words : [block, ...words];
    if (block === null && rest.length === 1 && rest[0] === '(') {
      block = verb ?? '';
      continue;
    }
    if (verb === 'go') {
      const [, major, said] = /^(\d{1,3})\.(\d{1,4})(?:\.\d+)?(?:[a-z]+\d+)?$/.exec(rest[0] ?? '') ?? [];
      if (said === undefined) throw wrong('a version of the language');
      minor = major === '1' ? Number(said) : Number.POSITIVE_INFINITY;
    } else if (verb === 'require') {
      const [path = '', version = ''] = rest;
      if (rest.length !== 2 || !isModulePath(path) || !isModuleVersion(version)) throw wrong('a module with an exact version');
      requires.push({ path, version });
    } else if (verb === 'replace') {
      replaces.push(replaceOf(rest as readonly string[]) ?? raise(wrong('a replacement of a module')));
    }
  }
  if (block !== null) throw unreadable(FILE, `"${block} (" is not closed`);
  return { minor, requires, replaces };
}

function raise(error: Error): never {
  throw error;
}

function replaceOf(words: readonly string[]): GoMod['replaces'][number] | null {
  const arrow = words.indexOf('=>');
  const [left, right] = [words.slice(0, arrow === -1 ? 0 : arrow), words.slice(arrow + 1)];
  const [path = '', version = null] = left;
  const [target = '', at] = right;
  if (left.length > 2 || right.length > 2 || !isModulePath(path) || (version !== null && !isModuleVersion(version))) return null;
  if (at === undefined) {
    if (!/^\.{0,2}\//.test(target) && target !== '.' && target !== '..') return null;
    const inside = posix.normalize(target);
    if (inside.startsWith('/') || inside === '..' || inside.startsWith('../')) {
      throw new SallyportError('setup.fetch_failed', `Cannot fetch the modules of Go: go.mod replaces ${path} by the folder ${target.slice(0, 200)}, which is outside of the tree`, { hint: 'Sandboxes see the tree alone: replace it by a folder inside, or by a version.' });
    }
    return { path, version, by: null };
  }
  return isModulePath(target) && isModuleVersion(at) ? { path, version, by: { path: target, version: at } } : null;
}

/** The words of a line, without its comment; null where a quote stays open. */
function wordsOf(line: string): string[] | null {
  const words: string[] = [];
  const next = /[ \t\r]*(?:(\/\/.*$)|"([^"\\]*)"|`([^`]*)`|([()])|((?:(?!\/\/)[^\s"`()])+))/y;
  const end = line.trimEnd().length;
  while (next.lastIndex < end) {
    const found = next.exec(line);
    if (found === null) return null;
    const [, comment, quoted, raw, bracket, word] = found;
    if (comment !== undefined) break;
    words.push((quoted ?? raw ?? bracket ?? word) as string);
  }
  return words;
}

/** What a module is fetched as: itself, or what replaces it. Null: a folder of the tree. */
export function fetchedAs({ replaces }: GoMod, module: GoModule): GoModule | null {
  const exact = replaces.find((r) => r.path === module.path && r.version === module.version) ?? replaces.find((r) => r.path === module.path && r.version === null);
  return exact === undefined ? module : exact.by;
}

/**
 * What `go mod download` is asked for: every module of the build, and what go.sum does not know at all, so that its refusal says so. From Go 1.17 on go.mod names all that a build
 * needs; for older ones go.sum is the nearest list. What has a digest of its go.mod alone is needed by no package.
 */
export function wantedModules(mod: GoMod, sums: GoSums): GoModule[] {
  const wanted = new Map<string, GoModule>();
  for (const module of mod.requires) {
    const as = fetchedAs(mod, module);
    if (as === null) continue;
    const key = shownModule(as);
    if (sums.zips.has(key) || !sums.mods.has(key)) wanted.set(key, as);
  }
  if (mod.minor < 17) for (const key of sums.zips.keys()) wanted.set(key, { path: key.slice(0, key.lastIndexOf('@')), version: key.slice(key.lastIndexOf('@') + 1) });
  return [...wanted.values()];
}

/** What go.mod and go.sum say of every module of a build. There are no addresses: a module is where its path says. */
export function goOrigins(mod: GoMod, sums: GoSums): Origin[] {
  return wantedModules(mod, sums).flatMap((module) => {
    const digest = sums.zips.get(shownModule(module));
    return [registryOrigin({ name: module.path, version: module.version.replace(/^v/, '') }, { digests: digest === undefined ? [] : [digest], scripts: false })];
  });
}
