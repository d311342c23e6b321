import semver from 'semver';
import { SallyportError } from '../protocol/errors.js';
import type { Journal } from '../protocol/event.js';
import { PACKAGE_NAME } from './lockfile.js';
import { ACCEPT, isDeprecated, type Packument, readPackument } from './packument.js';
import { getBounded, MAX_METADATA, Refusal, registryUrl, type Upstream } from './upstream.js';

/** A version that the registry has. */
export interface ReleasedVersion {
  readonly version: string;
  /** True, or left out. */
  readonly deprecated?: boolean;
}

export interface VersionsOptions extends Upstream {
  readonly journal: Journal;
  readonly signal: AbortSignal;
}

/**
 * The versions of a package that the registry has, smallest first. Asked by the host itself, in place of a sandbox, so the event names `host`;
 * it is on the log before the answer is used. Null when the registry does not know the package. Throws `setup.fetch_failed` otherwise.
 */
export async function readVersions(name: string, options: VersionsOptions): Promise<ReleasedVersion[] | null> {
  const known = await readMetadata(name, options);
  if (known === null) return null;
  return Object.entries(known.versions).filter(([version]) => semver.valid(version) !== null)
    .map(([version, manifest]) => (isDeprecated(manifest) ? { version, deprecated: true } : { version })).sort((a, b) => semver.compare(a.version, b.version));
}

/** What versions of a package ask for, by version and name: ranges as their publisher wrote them. Versions that the registry does not have are left out. */
export async function readNeeds(name: string, options: VersionsOptions): Promise<ReadonlyMap<string, ReadonlyMap<string, string>>> {
  const known = await readMetadata(name, options);
  return new Map(Object.entries(known?.versions ?? {}).map(([version, { dependencies, optionalDependencies, peerDependencies }]) => [version, new Map(Object.entries({ ...peerDependencies, ...dependencies, ...optionalDependencies }))]));
}

async function readMetadata(name: string, options: VersionsOptions): Promise<Packument | null> {
  const target = `/npm/${name.replace('/', '%2f')}`;
  if (!PACKAGE_NAME.test(name) || name.length > 214) {
    await recordAsked(options, target, false, 'not-a-package', null, 0);
    throw new SallyportError('setup.fetch_failed', `Cannot ask the registry for "${name.slice(0, 200)}": not the name of a package`);
  }
  return await askRegistry(options, target, registryUrl(options.registry, name), ACCEPT.short, 'version-list', `the versions of "${name}"`, readPackument);
}

function recordAsked({ journal }: VersionsOptions, target: string, allow: boolean, rule: string, status: number | null, bytes: number): Promise<void> {
  return journal.record('egress.requested', { sandbox: 'host', method: 'GET', target: target.slice(0, 1000), verdict: allow ? 'allow' : 'deny', rule, status, bytes });
}

/** One question of the host to a registry, on the log before its answer is used. Null for what it does not know. `what` is for the error. */
export async function askRegistry<T>(options: VersionsOptions, target: string, url: string, accept: string, rule: string, what: string, read: (body: Buffer) => T): Promise<T | null> {
  try {
    const body = await getBounded(options, url, MAX_METADATA, accept, options.signal);
    const value = read(body);
    await recordAsked(options, target, true, rule, 200, body.length);
    return value;
  } catch (cause) {
    if (cause instanceof SallyportError) throw cause;
    const { rule: why, status } = cause instanceof Refusal ? cause : { rule: 'upstream-failed', status: 502 };
    await recordAsked(options, target, why === 'upstream-failed', why, status, 0);
    options.signal.throwIfAborted();
    if (status === 404) return null;
    throw new SallyportError('setup.fetch_failed', `Cannot read ${what}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}
