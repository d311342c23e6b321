import type { NamedPackage } from '../../egress/lockfile.js';
import { type BerryLock, parseBerryLock } from '../../egress/locks/yarn-berry.js';
import { isClassicLock, parseClassicLock } from '../../egress/locks/yarn-classic.js';
import { npmFront, tarballUrl } from '../../egress/npm-front.js';
import { lockedRules, withTool } from '../../egress/rules.js';
import { YARN_LAYOUT } from '../dependencies.js';
import { INSIDE_URL } from '../npm-client.js';
import { clientOf, type FetchedClient, type PackageManager } from './package-manager.js';
import type { Command, FetchPlan } from './plan.js';

const CLASSIC = '1.22.22';
/** By the version of the lockfile's form, where package.json pins none: another release would want to write the lockfile anew. */
const BERRY: readonly (readonly [number, string])[] = [[9, '4.18.1'], [7, '4.9.2'], [5, '3.8.6'], [0, '2.4.1']];
const WHAT = 'yarn could not fetch the dependencies';

/** A project that yarn locked, of whatever generation. */
export function yarnPlan(lockfile: string, manager: PackageManager | null): FetchPlan {
  return isClassicLock(lockfile) ? classicPlan(lockfile, manager) : berryPlan(lockfile, manager);
}

function classicPlan(lockfile: string, manager: PackageManager | null): FetchPlan {
  const lock = parseClassicLock(lockfile);
  const client = classicClient(manager);
  const files = new Map([['yarn.lock', lock.relocated((name, version) => tarballUrl(INSIDE_URL, name, version))]]);
  return plan(client, lock.packages, files, [client.install(['--frozen-lockfile'], WHAT)]);
}

/** A yarn, and how it is called wherever it is. Its commands fetch and check it; `install` is one after them. */
export interface YarnClient extends FetchedClient {
  readonly install: (flags: readonly string[], what: string) => Command;
}

export function classicClient(manager: PackageManager | null): YarnClient {
  const pinned = manager?.client === 'yarn' && manager.version.startsWith('1.') ? manager : null;
  const client = clientOf('yarn', pinned?.version ?? CLASSIC, 'bin/yarn.js', pinned?.digest ?? null);
  const flags = ['--ignore-scripts', '--non-interactive', '--no-progress', '--no-default-rc', '--registry', INSIDE_URL, '--cache-folder', '/scratch/yarn', '--disable-pnp', '--production=false', '--network-timeout', '60000'];
  return { ...client, install: (more, what) => ({ argv: ['node', client.program, 'install', ...more, ...flags], env: { YARN_IGNORE_PATH: '1' }, what }) };
}

/** The node-modules linker is forced (in YARN_LAYOUT): the map of Plug'n'Play lies outside of node_modules and would not survive. */
const BERRY_SETTINGS = {
  YARN_NPM_REGISTRY_SERVER: INSIDE_URL, YARN_UNSAFE_HTTP_WHITELIST: '127.0.0.1', ...YARN_LAYOUT, YARN_NM_MODE: 'classic', YARN_ENABLE_SCRIPTS: '0', 
  YARN_GLOBAL_FOLDER: '/scratch/yarn', YARN_CACHE_FOLDER: '/scratch/yarn/cache', YARN_ENABLE_GLOBAL_CACHE: '0', YARN_ENABLE_MIRROR: '0', YARN_CHECKSUM_BEHAVIOR: 'throw', YARN_ENABLE_HARDENED_MODE: '0', YARN_HTTP_RETRY: '1',
};

function berryPlan(lockfile: string, manager: PackageManager | null): FetchPlan {
  const lock = parseBerryLock(lockfile);
  const client = berryClient(lock, manager);
  return plan(client, lock.packages, new Map(), [client.install(['--immutable', client.version.startsWith('2.') ? '--skip-builds' : '--mode=skip-build'], WHAT)]);
}

export function berryClient(lock: BerryLock, manager: PackageManager | null): YarnClient & { readonly version: string } {
  const pinned = manager?.client === 'yarn' && !manager.version.startsWith('1.') ? manager : null;
  const version = pinned?.version ?? (BERRY.find(([from]) => lock.version >= from)?.[1] as string);
  const client = clientOf('@yarnpkg/cli-dist', version, 'bin/yarn.js', null);
  const env = supported(version);
  return { ...client, version, commands: [...client.commands, ...programCheck(client, pinned)], install: (flags, what) => ({ argv: ['node', client.program, 'install', ...flags], env, what }) };
}

/** Yarn ends at a setting that its release does not know. */
function supported(version: string): Readonly<Record<string, string>> {
  const { YARN_ENABLE_HARDENED_MODE: hardened, YARN_NM_MODE: mode, YARN_CHECKSUM_BEHAVIOR: checksum, ...all } = BERRY_SETTINGS;
  const major = Number(version.split('.')[0]);
  return { ...all, YARN_CHECKSUM_BEHAVIOR: checksum, ...(major >= 3 ? { YARN_NM_MODE: mode } : {}), ...(major >= 4 ? { YARN_ENABLE_HARDENED_MODE: hardened } : {}) };
}

/** Here the digest of `packageManager` is that of the program alone, which the registry has inside a tarball: compared before it first runs. */
function programCheck({ program }: FetchedClient, pinned: PackageManager | null): Command[] {
  if (pinned?.digest === null || pinned === null) return [];
  const { algorithm, hex } = pinned.digest;
  return [{ argv: ['/bin/sh', '-c', 'echo "$2  $3" | "$1" --check --status -', 'check', `${algorithm}sum`, hex, program], what: `yarn ${pinned.version} of the registry does not have the digest that packageManager in package.json pins` }];
}

function plan(client: FetchedClient, packages: readonly NamedPackage[], files: ReadonlyMap<string, string>, commands: readonly Command[]): FetchPlan {
  return {
    ecosystem: 'npm', dependencies: ['tools'], locked: packages, files, commands: [...client.commands, ...commands],
    front: (registry) => npmFront({ registry, rules: client.tools.reduce(withTool, lockedRules(packages)), insideUrl: INSIDE_URL }),
  };
}
