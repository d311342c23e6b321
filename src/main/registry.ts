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
