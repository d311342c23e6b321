import semver from 'semver';
import { SallyportError } from '../protocol/errors.js';
import type { Journal } from '../protocol/event.js';
import { PACKAGE_NAME } from './lockfile.js';
import { ACCEPT, isDeprecated, readPackument } from './packument.js';
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
  const target = `/npm/${name.replace('/', '%2f')}`;
  const record = (allow: boolean, rule: string, status: number | null, bytes: number): Promise<void> =>
    options.journal.record('egress.requested', { sandbox: 'host', method: 'GET', target: target.slice(0, 1000), verdict: allow ? 'allow' : 'deny', rule, status, bytes });
  if (!PACKAGE_NAME.test(name) || name.length > 214) {
    await record(false, 'not-a-package', null, 0);
    throw new SallyportError('setup.fetch_failed', `Cannot ask the registry for "${name.slice(0, 200)}": not the name of a package`);
  }
  try {
    const body = await getBounded(options, registryUrl(options.registry, name), MAX_METADATA, ACCEPT.short, options.signal);
    const { versions } = readPackument(body);
    await record(true, 'version-list', 200, body.length);
    return Object.entries(versions).filter(([version]) => semver.valid(version) !== null)
      .map(([version, manifest]) => (isDeprecated(manifest) ? { version, deprecated: true } : { version })).sort((a, b) => semver.compare(a.version, b.version));
  } catch (cause) {
    if (cause instanceof SallyportError) throw cause;
    const { rule, status } = cause instanceof Refusal ? cause : { rule: 'upstream-failed', status: 502 };
    await record(rule === 'upstream-failed', rule, status, 0);
    options.signal.throwIfAborted();
    if (status === 404) return null;
    throw new SallyportError('setup.fetch_failed', `Cannot read the versions of "${name}": ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}
