import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
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
  return () => (known ??= askPip(userHome, path, given).then((url) => withoutCredential(url, onCredential)));
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

function withoutCredential(text: string, onCredential: (value: string) => void): Registry {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !['http:', 'https:'].includes(url.protocol)) throw new SallyportError('setup.fetch_failed', 'The index of Python packages that is configured is not an address of http or https', { hint: PYTHON_HINT });
  const [user, password] = [decodeURIComponent(url.username), decodeURIComponent(url.password)];
  url.username = '';
  url.password = '';
  if (user === '' && password === '') return { url: url.href, authorization: null };
  const basic = Buffer.from(`${user}:${password}`).toString('base64');
  // A token may stand in either place, and as it was written.
  for (const secret of new Set([password === '' ? user : password, /:\/\/[^/@]*?:([^/@]+)@/.exec(text)?.[1] ?? '', basic])) if (secret !== '') onCredential(secret);
  return { url: url.href, authorization: `Basic ${basic}` };
}
