import { readFileSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { Duration } from '../protocol/environment.js';
import { SallyportError } from '../protocol/errors.js';
import { Guarantee } from '../protocol/guarantee.js';
import type { Price } from '../gateway/meter.js';
import { DEFAULT_CACHE_GIB } from '../workflow/garbage.js';
import type { GoVariables } from './registry.js';

type Variables = Readonly<Record<string, string | undefined>>;

/** Everything that is read from the environment, once, at the start (docs/configuration.md lists it). */
export interface Config {
  readonly home: string;
  readonly databaseUrl: string | null;
  readonly model: { readonly name: string; readonly url: string } | null;
  readonly modelKey: string | null;
  readonly price: Price | null;
  readonly allowHosts: readonly string[];
  /** A folder of OSV records, or the URL of a mirror's file. Null = none. */
  readonly advisories: string | null;
  /** Address of the index of Python packages where a variable of pip or uv names it. It may hold a credential. */
  readonly pythonIndex: string | null;
  /** How long a measured base is taken again. */
  readonly baselineHours: number;
  /** File of the policy; null = the shipped one. */
  readonly policy: string | null;
  /** Where modules of Go come from, as far as variables of go say it. */
  readonly go: GoVariables;
  /** Where crates come from: an address, and the folder of cargo's own configuration. */
  readonly cargo: { readonly registry: string | null; readonly home: string };
  /** How long a version of a package must have been public before it is fetched, whatever an environment says. */
  readonly minimumAge: Duration;
  /** GiB that frozen setups and laid-out trees may take together. */
  readonly cacheGib: number;
  readonly sandbox: SandboxChoice;
  readonly user: string;
  readonly path: string;
  readonly userHome: string;
  /** Values that must never be seen anywhere. */
  readonly secrets: readonly string[];
}

/** Which driver makes sandboxes, and what every sandbox must enforce beyond what is always demanded. */
export interface SandboxChoice {
  readonly driver: 'bwrap' | 'podman' | 'docker';
  readonly runtime: 'runc' | 'crun' | 'runsc';
  /** Absolute folder of a root file system, or the name of an image that podman or docker has; null = the host's /usr. */
  readonly image: string | null;
  readonly demanded: readonly Guarantee[];
}

export function readConfig(env: Variables, uid: number, user: string): Config {
  const userHome = env['HOME'] ?? '/';
  const modelKey = env['SALLYPORT_MODEL_KEY'] ?? null;
  const databaseUrl = env['DATABASE_URL'] ?? null;
  return {
    home: stateDirectory(env, uid, userHome), databaseUrl, model: defaultModel(env), modelKey, price: readPrice(env['SALLYPORT_MODEL_PRICE']),
    allowHosts: (env['SALLYPORT_ALLOW_HOSTS'] ?? '').split(',').map((h) => h.trim()).filter((h) => h !== ''),
    advisories: placeOf(env['SALLYPORT_ADVISORIES']),
    pythonIndex: [env['PIP_INDEX_URL'], env['UV_DEFAULT_INDEX'], env['UV_INDEX_URL']].find((url) => url !== undefined && url !== '') ?? null,
    go: Object.fromEntries(Object.entries({ GOPROXY: textOf(env['GOPROXY']), GONOPROXY: textOf(env['GONOPROXY']), GOPRIVATE: textOf(env['GOPRIVATE']) }).filter(([, value]) => value !== null)),
    cargo: { registry: textOf(env['SALLYPORT_CARGO_REGISTRY']), home: textOf(env['CARGO_HOME']) ?? join(userHome, '.cargo') },
    sandbox: readSandbox(env), minimumAge: readAge(env['SALLYPORT_MINIMUM_AGE']),
    policy: readPolicyFile(env['SALLYPORT_POLICY']),
    baselineHours: readHours(env['SALLYPORT_BASELINE_HOURS']),
    cacheGib: readCache(env['SALLYPORT_CACHE_GIB']), user: env['SALLYPORT_USER'] ?? user, path: env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin', userHome,
    secrets: [modelKey, passwordOf(databaseUrl)].filter((s): s is string => s !== null && s !== ''),
  };
}

function textOf(value: string | undefined): string | null {
  return value === undefined || value === '' ? null : value;
}

/** SALLYPORT_HOME, else XDG_DATA_HOME/sallyport, else /var/lib/sallyport for root and ~/.local/share/sallyport for a user. */
function stateDirectory(env: Variables, uid: number, userHome: string): string {
  const own = env['SALLYPORT_HOME'];
  if (own !== undefined && own !== '') {
    if (!isAbsolute(own)) throw new SallyportError('input.invalid', `SALLYPORT_HOME must be an absolute path, it is "${own}"`);
    return resolve(own);
  }
  const xdg = env['XDG_DATA_HOME'];
  if (xdg !== undefined && isAbsolute(xdg)) return join(xdg, 'sallyport');
  // Root's own home is closed to the users that run sandboxes and the database.
  return uid === 0 ? '/var/lib/sallyport' : join(userHome, '.local/share/sallyport');
}

function defaultModel(env: Variables): Config['model'] {
  const [name, url] = [env['SALLYPORT_MODEL'], env['SALLYPORT_MODEL_URL']];
  if (name === undefined || name === '') return null;
  if (/^scripted(\+\w+)?:/.test(name)) return { name, url: '' };
  if (url === undefined || url === '') throw new SallyportError('input.invalid', 'SALLYPORT_MODEL is set and SALLYPORT_MODEL_URL is not', { hint: 'Set it to the base URL of a Chat Completions endpoint, e.g. http://127.0.0.1:11434/v1' });
  return { name, url };
}

/** A URL, or a folder as an absolute path: a detached worker starts elsewhere. */
function placeOf(text: string | undefined): string | null {
  if (text === undefined || text === '') return null;
  return /^https?:/i.test(text) ? text : resolve(text);
}

/** Absolute, for a detached worker starts elsewhere. Whether it loads is seen when the state is opened. */
function readPolicyFile(text: string | undefined): string | null {
  if (text === undefined || text === '') return null;
  if (!isAbsolute(text) || !text.endsWith('.cedar')) throw new SallyportError('input.invalid', `SALLYPORT_POLICY is "${text}", expected an absolute path to a file NAME.cedar, with NAME.examples.json beside it`);
  return text;
}

/** Hours; 0 = every run measures its base. */
function readHours(text: string | undefined): number {
  if (text === undefined || text === '') return DEFAULT_BASELINE_HOURS;
  if (!/^\d{1,3}$/.test(text)) throw new SallyportError('input.invalid', `SALLYPORT_BASELINE_HOURS is "${text}", expected a number of hours from 0 to 999`);
  return Number(text);
}

const DEFAULT_BASELINE_HOURS = 24;

function readCache(text: string | undefined): number {
  if (text === undefined || text === '') return DEFAULT_CACHE_GIB;
  if (!/^\d{1,6}(\.\d{1,3})?$/.test(text)) throw new SallyportError('input.invalid', `SALLYPORT_CACHE_GIB is "${text}", expected a number of GiB, e.g. 20`);
  return Number(text);
}

function readAge(text: string | undefined): Duration {
  const parsed = Duration.safeParse(text === undefined || text === '' ? 0 : text);
  if (!parsed.success) throw new SallyportError('input.invalid', `SALLYPORT_MINIMUM_AGE is "${text}", expected 0, or hours, days or weeks such as 36h, 3d or 2w`);
  return parsed.data;
}

function readSandbox(env: Variables): SandboxChoice {
  const one = <T extends string>(name: string, value: string | undefined, all: readonly [T, ...T[]]): T => {
    if (value === undefined || value === '') return all[0];
    const found = all.find((known) => known === value);
    if (found === undefined) throw new SallyportError('input.invalid', `${name} is "${value}", expected one of ${all.join(', ')}`);
    return found;
  };
  const demanded = (env['SALLYPORT_SANDBOX_DEMANDS'] ?? '').split(',').map((g) => g.trim()).filter((g) => g !== '').map((name) => {
    const known = Guarantee.safeParse(name);
    if (!known.success) throw new SallyportError('input.invalid', `SALLYPORT_SANDBOX_DEMANDS names "${name}", which is no guarantee; there are ${Guarantee.options.join(', ')}`);
    return known.data;
  });
  const image = env['SALLYPORT_SANDBOX_IMAGE'];
  return { driver: one('SALLYPORT_SANDBOX', env['SALLYPORT_SANDBOX'], ['bwrap', 'podman', 'docker']), runtime: one('SALLYPORT_SANDBOX_RUNTIME', env['SALLYPORT_SANDBOX_RUNTIME'], ['runc', 'crun', 'runsc']), image: image === undefined || image === '' ? null : image, demanded };
}

function readPrice(text: string | undefined): Price | null {
  if (text === undefined || text === '') return null;
  const match = /^(\d+(?:\.\d+)?)\/(\d+(?:\.\d+)?)$/.exec(text);
  if (match === null) throw new SallyportError('input.invalid', `SALLYPORT_MODEL_PRICE is "${text}", expected INPUT/OUTPUT in US dollars for a million tokens, e.g. 2.5/10`);
  return { input: Number(match[1]), output: Number(match[2]) };
}

function passwordOf(url: string | null): string | null {
  try {
    return url === null ? null : decodeURIComponent(new URL(url).password);
  } catch {
    return null;
  }
}

/** uid and gid of a system user, from /etc/passwd. Null when there is none. */
export function systemUser(name: string): { readonly uid: number; readonly gid: number } | null {
  const line = readFileSync('/etc/passwd', 'utf8').split('\n').find((l) => l.startsWith(`${name}:`));
  const [, , uid, gid] = line?.split(':') ?? [];
  return uid === undefined || gid === undefined ? null : { uid: Number(uid), gid: Number(gid) };
}
