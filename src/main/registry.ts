import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readToml, tableOf, textOf } from '../egress/locks/python.js';
import type { TomlTable } from '../egress/toml.js';
import type { Registry } from '../egress/upstream.js';
import { run } from '../process/spawn.js';
import { SallyportError } from '../protocol/errors.js';

/** Asks the npm client of this machine for its registry, once, and only when a run fetches. No host name is built in. */
export function npmRegistry(userHome: string, path: string, onCredential: (value: string) => void): () => Promise<Registry> {
  let known: Promise<Registry> | undefined;
  return () => (known ??= ask(userHome, path, onCredential));
}

async function ask(userHome: string, path: string, onCredential: (value: string) => void): Promise<Registry> {
  const result = await run(['npm', 'config', 'get', 'registry'], { cwd: '/', env: { HOME: userHome, PATH: path, npm_config_update_notifier: 'false' }, timeout: 30_000 });
  const text = result.stdout.toString('utf8').trim();
  if (result.exit !== 0 || !/^https?:\/\//.test(text)) throw new SallyportError('setup.fetch_failed', `npm does not say which registry it uses: ${text || result.stderr.toString('utf8').slice(0, 300)}`, { hint: 'npm config set registry URL' });
  const token = await tokenFor(new URL(text), join(userHome, '.npmrc'));
  if (token !== null) onCredential(token);
  return { url: text, authorization: token === null ? null : `Bearer ${token}` };
}

/** `//host/path/:_authToken=…` of the user's own configuration. It is added outside and never seen in a sandbox. */
async function tokenFor(registry: URL, file: string): Promise<string | null> {
  const text = await readFile(file, 'utf8').catch(() => '');
  const prefix = `//${registry.host}${registry.pathname.replace(/\/?$/, '/')}:_authToken=`;
  const line = text.split(/\r?\n/).map((l) => l.trim()).find((l) => l.startsWith(prefix));
  return line === undefined ? null : line.slice(prefix.length).replace(/^"|"$/g, '');
}

/** What a person may do where no client says it. */
const PYTHON_HINT = 'pip config set global.index-url URL, or PIP_INDEX_URL; no address is built in. A second index (extra-index-url) is never asked: which of two answers for a name would be a guess.';

/**
 * Asks pip of this machine for its index, once, and only when a run fetches packages of Python. `given`: what a variable of pip or uv says, which
 * is stronger. A credential in the address is taken out of it, told to `onCredential`, and added outside of every sandbox.
 */
export function pythonIndex(userHome: string, path: string, given: string | null, onCredential: (value: string) => void): () => Promise<Registry> {
  let known: Promise<Registry> | undefined;
  return () => (known ??= askPip(userHome, path, given).then((url) => withoutCredential(url, 'The index of Python packages', PYTHON_HINT, onCredential)));
}

async function askPip(userHome: string, path: string, given: string | null): Promise<string> {
  if (given !== null) return given;
  const result = await run(['pip3', 'config', 'get', 'global.index-url'], { cwd: '/', env: { HOME: userHome, PATH: path, PIP_DISABLE_PIP_VERSION_CHECK: '1' }, timeout: 30_000 }).catch((error: unknown) => {
    if (error instanceof SallyportError && error.code === 'tool.missing') return null;
    throw error;
  });
  const url = result === null || result.exit !== 0 ? '' : result.stdout.toString('utf8').trim();
  if (url === '') throw new SallyportError('setup.fetch_failed', 'Packages of Python are named, and no index to fetch them from is configured', { hint: PYTHON_HINT });
  return url;
}

function withoutCredential(text: string, what: string, hint: string, onCredential: (value: string) => void): Registry {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !['http:', 'https:'].includes(url.protocol)) throw new SallyportError('setup.fetch_failed', `${what} that is configured is not an address of http or https`, { hint });
  const [user, password] = [decodeURIComponent(url.username), decodeURIComponent(url.password)];
  url.username = '';
  url.password = '';
  if (user === '' && password === '') return { url: url.href, authorization: null };
  const basic = Buffer.from(`${user}:${password}`).toString('base64');
  // A token may stand in either place, and as it was written.
  for (const secret of new Set([password === '' ? user : password, /:\/\/[^/@]*?:([^/@]+)@/.exec(text)?.[1] ?? '', basic])) if (secret !== '') onCredential(secret);
  return { url: url.href, authorization: `Basic ${basic}` };
}

/** Variables of Go that say where modules come from, as this process has them. They are stronger than go's own files. */
export type GoVariables = Readonly<Partial<Record<'GOPROXY' | 'GONOPROXY' | 'GOPRIVATE', string>>>;

const GO_HINT = 'go env -w GOPROXY=URL, or the variable GOPROXY; of its entries the first with http or https is asked, and no version control.';

/**
 * Asks go of this machine for its module proxy, once, and only when a run fetches modules; what GOPRIVATE and GONOPROXY name is asked of no proxy. Without go the variables alone
 * count. A credential in the address is handled as one of an index of Python.
 */
export function goProxy(userHome: string, path: string, given: GoVariables, onCredential: (value: string) => void): () => Promise<Registry> {
  let known: Promise<Registry> | undefined;
  return () => (known ??= askGo(userHome, path, given).then(({ proxy, withheld }) => {
    const url = proxy.split(/[,|]/).map((entry) => entry.trim()).find((entry) => /^https?:/.test(entry));
    if (url === undefined) throw new SallyportError('setup.fetch_failed', 'Modules of Go are named, and no module proxy to fetch them from is configured', { hint: GO_HINT });
    const patterns = withheld === 'none' ? [] : withheld.split(',').map((pattern) => pattern.trim()).filter((pattern) => pattern !== '');
    if (patterns.some((pattern) => /[[\]\\]/.test(pattern))) throw new SallyportError('setup.fetch_failed', 'Cannot read GONOPROXY or GOPRIVATE: of patterns, * and ? are understood', { hint: 'go env GONOPROXY GOPRIVATE' });
    return { ...withoutCredential(url, 'The module proxy of Go', GO_HINT, onCredential), withheld: patterns };
  }));
}

async function askGo(userHome: string, path: string, given: GoVariables): Promise<{ readonly proxy: string; readonly withheld: string }> {
  const result = await run(['go', 'env', 'GOPROXY', 'GONOPROXY'], { cwd: '/', env: { HOME: userHome, PATH: path, GOTOOLCHAIN: 'local', ...given }, timeout: 30_000 }).catch((error: unknown) => {
    if (error instanceof SallyportError && error.code === 'tool.missing') return null;
    throw error;
  });
  if (result === null) return { proxy: given.GOPROXY ?? '', withheld: given.GONOPROXY ?? given.GOPRIVATE ?? '' };
  // What is private may stand in its own files alone: without its answer no proxy is asked for anything.
  if (result.exit !== 0) throw new SallyportError('setup.fetch_failed', `Cannot ask go for its module proxy: it ended with ${result.exit ?? 'a signal'}: ${result.stderr.toString('utf8').trim().slice(0, 300)}`, { hint: 'go env GOPROXY GONOPROXY' });
  const [proxy = '', withheld = ''] = result.stdout.toString('utf8').split('\n');
  return { proxy, withheld };
}

const CARGO_HINT = 'SALLYPORT_CARGO_REGISTRY=URL of a sparse registry, or in config.toml of cargo: [source.crates-io] replace-with = NAME, and [source.NAME] registry = "sparse+URL"; no address is built in.';
/** Replacements that lead from one to the next. */
const MAX_REPLACEMENTS = 10;

/**
 * The registry of crates: what `given` says, otherwise what stands in for crates-io in cargo's own configuration. Read, and once, when a run fetches crates; cargo itself prints no
 * configuration. A token of cargo, or a credential in the address, is told to `onCredential` and added outside of every sandbox.
 */
export function cargoRegistry(cargoHome: string, given: string | null, onCredential: (value: string) => void): () => Promise<Registry> {
  let known: Promise<Registry> | undefined;
  return () => (known ??= readCargo(cargoHome, given).then(({ url, token }) => {
    const registry = withoutCredential(url.replace(/^sparse\+/, ''), 'The registry of crates', CARGO_HINT, onCredential);
    if (token === undefined || registry.authorization !== null) return registry;
    onCredential(token);
    return { ...registry, authorization: token };
  }));
}

async function readCargo(cargoHome: string, given: string | null): Promise<{ readonly url: string; readonly token?: string | undefined }> {
  if (given !== null) return { url: given };
  const config = await cargoFile(cargoHome, 'config');
  const name = replacementOf(config);
  const index = textOf(tableOf(tableOf(config['source'])[name])['registry']) ?? textOf(tableOf(tableOf(config['registries'])[name])['index']);
  if (index === undefined) throw new SallyportError('setup.fetch_failed', 'Crates are named, and no registry to fetch them from is configured', { hint: CARGO_HINT });
  if (!index.startsWith('sparse+')) throw new SallyportError('setup.fetch_failed', 'The registry of crates that is configured is not a sparse one', { hint: CARGO_HINT });
  const credentials = await cargoFile(cargoHome, 'credentials');
  const tokens = [credentials, config].map((file) => textOf(tableOf(tableOf(file['registries'])[name])['token']));
  return { url: index, token: tokens.find((token) => token !== undefined && token !== '') };
}

/** The name at the end of `replace-with`. */
function replacementOf(config: TomlTable): string {
  let name = 'crates-io';
  for (let i = 0; i < MAX_REPLACEMENTS; i++) {
    const next = textOf(tableOf(tableOf(config['source'])[name])['replace-with']);
    if (next === undefined) return name;
    name = next;
  }
  return name;
}

/** `NAME.toml` of cargo, or `NAME` as older versions call it. */
async function cargoFile(cargoHome: string, name: string): Promise<TomlTable> {
  for (const file of [`${name}.toml`, name]) {
    const text = await readFile(join(cargoHome, file), 'utf8').catch(() => null);
    if (text !== null) return readToml(`${file} of cargo`, text);
  }
  return {};
}
