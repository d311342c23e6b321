import { parsePnpmLock, type PnpmLock } from '../../egress/locks/pnpm.js';
import { npmFront } from '../../egress/npm-front.js';
import { lockedRules, withTool } from '../../egress/rules.js';
import { INSIDE_URL } from '../npm-client.js';
import { clientOf, type FetchedClient, type PackageManager } from './package-manager.js';
import type { Command, FetchPlan } from './plan.js';
import { siftWorkspace } from './pnpm-workspace.js';

/** Where package.json pins none: the last release that reads and keeps the form, and runs on every Node since 18. */
const DEFAULTS: Readonly<Record<PnpmLock['version'], string>> = { 5: '7.33.7', 6: '8.15.9', 9: '10.34.8' };

const FLAGS = [
  '--ignore-scripts', '--ignore-pnpmfile', '--registry', INSIDE_URL, '--store-dir', '/scratch/pnpm',
  // A link into the store would lead nowhere once the scratch folder is gone.
  '--package-import-method=copy', '--reporter=append-only',
];
/** Said in both spellings: pnpm 11 reads other names than its forerunners. All turn off what asks elsewhere, or keeps things elsewhere. */
const SETTINGS = {
  userconfig: '/dev/null', manage_package_manager_versions: 'false', pm_on_fail: 'ignore', update_notifier: 'false', minimum_release_age: '0', strict_dep_builds: 'false', enable_global_virtual_store: 'false', confirm_modules_purge: 'false', fetch_retries: '1',
};

/** A project that pnpm locked. */
export function pnpmPlan(lockfile: string, manager: PackageManager | null, workspace: string | undefined): FetchPlan {
  const lock = parsePnpmLock(lockfile);
  const client = pnpmClient(lock, manager);
  return {
    ecosystem: 'npm', dependencies: ['tools'], locked: lock.packages, files: new Map([['pnpm-lock.yaml', lock.text], ...(workspace === undefined ? [] : [['pnpm-workspace.yaml', siftWorkspace(workspace)] as const])]),
    commands: [...client.commands, client.install(['--frozen-lockfile'], 'pnpm could not fetch the dependencies')],
    front: (registry) => npmFront({ registry, rules: client.tools.reduce(withTool, lockedRules(lock.packages)), insideUrl: INSIDE_URL }),
  };
}

/** The pnpm of a lockfile, and how it is called wherever it is. */
export function pnpmClient(lock: PnpmLock, manager: PackageManager | null): FetchedClient & { readonly major: number; readonly install: (flags: readonly string[], what: string) => Command } {
  const client = clientFor(lock, manager);
  const env = { ...Object.fromEntries(Object.entries(SETTINGS).flatMap(([key, value]) => [[`npm_config_${key}`, value], [`pnpm_config_${key}`, value]])), XDG_CACHE_HOME: '/scratch/cache', XDG_STATE_HOME: '/scratch/state', XDG_DATA_HOME: '/scratch/data', XDG_CONFIG_HOME: '/scratch/config' };
  return { ...client, install: (flags, what) => ({ argv: ['node', client.program, 'install', ...flags, ...FLAGS], env, what }) };
}

function clientFor(lock: PnpmLock, manager: PackageManager | null): FetchedClient & { readonly major: number } {
  const pinned = manager?.client === 'pnpm' ? manager : null;
  const version = pinned?.version ?? DEFAULTS[lock.version];
  const major = Number(version.split('.')[0]);
  const client = clientOf('pnpm', version, major >= 11 ? 'bin/pnpm.mjs' : 'bin/pnpm.cjs', pinned?.digest ?? null);
  // From 12 on the program itself lies in an optional package for each platform.
  const platforms = major < 12 ? [] : ['linux-x64', 'linux-arm64'].map((platform) => ({ name: `@pnpm/exe.${platform}`, version }));
  return { ...client, major, tools: [...client.tools, ...platforms] };
}
