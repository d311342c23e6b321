import { z } from 'zod';
import { cargoOrigins } from '../egress/locks/cargo.js';
import { goOrigins, parseGoMod, parseGoSum } from '../egress/locks/go-mod.js';
import { npmOrigins } from '../egress/locks/npm-origins.js';
import { type Origin, registryOrigin, sourceOf } from '../egress/locks/origin.js';
import { pnpmOrigins } from '../egress/locks/pnpm.js';
import { poetryOrigins, pylockOrigins, requirementsOrigins, uvOrigins } from '../egress/locks/python-origins.js';
import { readRequirements } from '../egress/locks/requirements.js';
import { berryOrigins } from '../egress/locks/yarn-berry.js';
import { classicOrigins, isClassicLock } from '../egress/locks/yarn-classic.js';
import type { Ecosystem } from '../protocol/ecosystem.js';
import { nodeLockOf } from './ecosystems/detect.js';
import { pythonLockOf, requirementsOf } from './ecosystems/python.js';

/** What one lockfile, or what manifests without one, say of the packages of a project. */
export interface Declared {
  readonly ecosystem: Ecosystem;
  /** The lockfile; of manifests alone the manifest. */
  readonly path: string;
  readonly origins: readonly Origin[];
  /** Names that the project itself asks for; empty where that stands in no file that is read. */
  readonly direct: ReadonlySet<string>;
}

const LOCKED = /(?:^|\/)(?:package-lock\.json|npm-shrinkwrap\.json|pnpm-lock\.yaml|yarn\.lock|uv\.lock|poetry\.lock|pylock\.toml|requirements[\w.-]*\.txt|go\.sum|Cargo\.lock)$/;

/** Requirements files of a folder, by whatever name. */
const REQUIREMENTS = /^(?:requirements\/)?[\w.-]+\.(?:txt|in)$/;

/** Folders with a project of their own, which has a lockfile there, in which a manifest changed; the root always is one. `present`: manifests of either side. */
export function projectFolders(changed: readonly string[], present: readonly string[]): string[] {
  const own = new Set(present.filter((path) => LOCKED.test(path)).map(folderOf));
  return [...new Set(['', ...changed.map(folderOf).filter((folder) => own.has(folder))])];
}

/** Lockfiles that changed and that no client of their folder goes by: two of one ecosystem, or one without its manifest. What they say is not looked at. */
export function unreadLockfiles(changed: readonly string[], declared: readonly Declared[]): string[] {
  const read = new Set(declared.map((d) => d.path));
  return changed.filter((path) => LOCKED.test(path) && !path.endsWith('.txt') && !read.has(path));
}

/**
 * What the lockfiles and manifests of one folder say, each that a client would use there; and requirements files that changed, whoever uses them. Throws `setup.fetch_failed` for one that
 * cannot be read.
 */
export function declaredIn(manifests: ReadonlyMap<string, Buffer>, folder: string, changed: readonly string[] = []): Declared[] {
  const here = below(manifests, folder);
  const inside = changed.flatMap((path) => (folder === '' ? [path] : path.startsWith(`${folder}/`) ? [path.slice(folder.length + 1)] : []));
  const found = [node(here, manifests), python(here, inside.filter((path) => REQUIREMENTS.test(path) && here.has(path))), go(here), cargo(here)].filter((d) => d !== null);
  return found.map((d) => ({ ...d, path: folder === '' ? d.path : `${folder}/${d.path}` }));
}

type Files = ReadonlyMap<string, Buffer>;
const textAt = (files: Files, path: string): string | null => files.get(path)?.toString('utf8') ?? null;

function folderOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '';
}

function below(manifests: Files, folder: string): Files {
  return folder === '' ? manifests : new Map([...manifests].flatMap(([path, body]) => (path.startsWith(`${folder}/`) ? [[path.slice(folder.length + 1), body] as const] : [])));
}

const Asked = z.record(z.string(), z.string()).nullish().catch(null);
const Manifest = z.object({ name: z.string().nullish().catch(null), dependencies: Asked, devDependencies: Asked, optionalDependencies: Asked });

/** Packages of npm. Every package.json below asks: those of workspaces have no lockfile of their own. */
function node(files: Files, all: Files): Declared | null {
  const lock = nodeLockOf(files);
  const asked = [...files].filter(([path]) => /(?:^|\/)package\.json$/.test(path) && (path === 'package.json' || !hasLock(all, path))).flatMap(([, body]) => askedBy(body.toString('utf8')));
  if (lock === null && asked.length === 0) return null;
  const text = lock === null ? '' : (textAt(files, lock.path) ?? '');
  const locked = lock === null ? [] : lock.client === 'npm' ? npmOrigins(lock.path, text) : lock.client === 'pnpm' ? pnpmOrigins(text) : isClassicLock(text) ? classicOrigins(text) : berryOrigins(text);
  // Packages of the tree ask for one another.
  const known = new Set([...locked.map((o) => o.name), ...[...all].flatMap(([path, body]) => (/(?:^|\/)package\.json$/.test(path) ? (nameIn(body.toString('utf8')) ?? []) : []))]);
  const missing = asked.filter(({ name }) => !known.has(name)).map(({ name, spec }) => registryOrigin({ name, version: spec }, unlocked(spec)));
  return { ecosystem: 'npm', path: lock?.path ?? 'package.json', origins: [...locked, ...missing], direct: new Set(asked.map((a) => a.name)) };
}

/** A package.json in a folder with a lockfile of its own belongs to another project. */
function hasLock(all: Files, path: string): boolean {
  const folder = folderOf(path);
  return ['package-lock.json', 'npm-shrinkwrap.json', 'pnpm-lock.yaml', 'yarn.lock'].some((name) => all.has(`${folder}/${name}`));
}

/** What cannot be read asks for nothing: the client says what is wrong with it. */
function readManifest(text: string): z.infer<typeof Manifest> {
  try {
    return Manifest.parse(JSON.parse(text));
  } catch {
    return Manifest.parse({});
  }
}

function nameIn(text: string): string | null {
  return readManifest(text).name ?? null;
}

function askedBy(text: string): { readonly name: string; readonly spec: string }[] {
  const { dependencies, devDependencies, optionalDependencies } = readManifest(text);
  return [dependencies, devDependencies, optionalDependencies].flatMap((group) => Object.entries(group ?? {})).flatMap(([as, spec]) => {
    // Folders of the tree, and what a catalogue of the workspace says.
    if (/^(?:file|link|portal|workspace|catalog):|^\.{1,2}\//.test(spec)) return [];
    const alias = /^npm:((?:@[^/]+\/)?[^@]+)(?:@(.*))?$/.exec(spec);
    return [{ name: alias?.[1] ?? as, spec: alias === null ? spec : (alias[2] ?? '*') }];
  });
}

function unlocked(spec: string): Partial<Origin> {
  const source = sourceOf(spec);
  return { source: source === 'registry' ? 'unlocked' : source, address: source === 'registry' ? null : spec, pinned: false };
}

function python(files: Files, changed: readonly string[]): Declared | null {
  const lock = pythonLockOf(files);
  if (lock === null && changed.length === 0) return null;
  const read = (path: string): string | null => textAt(files, path);
  const text = lock === null ? '' : (read(lock.path) ?? '');
  const locked = lock === null ? [] : lock.client === 'uv' ? uvOrigins(text) : lock.client === 'poetry' ? poetryOrigins(text) : lock.client === 'pylock' ? pylockOrigins(text) : requirementsOrigins(requirementsOf(files));
  const known = new Set(locked.map((o) => o.name));
  const others = changed.length === 0 ? [] : requirementsOrigins(readRequirements(changed, read)).filter((o) => o.source !== 'unlocked' || !known.has(o.name));
  return { ecosystem: 'pypi', path: lock?.path ?? (changed[0] as string), origins: [...locked, ...others], direct: new Set(lock === null || lock.client === 'pip' ? [...locked, ...others].map((o) => o.name) : []) };
}

function go(files: Files): Declared | null {
  const [mod, sums] = [textAt(files, 'go.mod'), textAt(files, 'go.sum')];
  if (mod === null) return null;
  const parsed = parseGoMod(mod);
  return { ecosystem: 'go', path: sums === null ? 'go.mod' : 'go.sum', origins: goOrigins(parsed, parseGoSum(sums ?? '')), direct: new Set(parsed.requires.map((r) => r.path)) };
}

function cargo(files: Files): Declared | null {
  const text = textAt(files, 'Cargo.lock');
  return text === null ? null : { ecosystem: 'cargo', path: 'Cargo.lock', origins: cargoOrigins(text), direct: new Set() };
}
