import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { link, lstat, mkdir, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { SallyportError, toSallyportError } from '../protocol/errors.js';

/** The installation's log key: Ed25519, PKCS #8 and SPKI in PEM. */
export interface LogKey {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

const NAME = 'log.ed25519';

/**
 * Reads `<folder>/log.ed25519`, or makes it on first use (0600, with `log.ed25519.pub` beside it); of many first uses at once one wins and all
 * get its key. Throws `audit.broken` when the file can be read by others, when it does not fit the public key beside it, or when only
 * the public key is left: a new key in its place would make a replaced log look right.
 */
export async function loadLogKey(folder: string): Promise<LogKey> {
  const path = join(folder, NAME);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    if (!(await exists(path))) {
      // Looked at again after the public key, because another process may be making both right now, the private one first.
      if ((await exists(`${path}.pub`)) && !(await exists(path))) throw broken(`Cannot sign the log: "${path}" is gone, its public key is still there`, 'Restore the key file from a backup.');
      await writeOnce(path, generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }), 0o600);
    }
    const stat = await lstat(path);
    if (!stat.isFile() || (stat.mode & 0o077) !== 0 || stat.uid !== process.getuid?.()) {
      throw broken(`Cannot sign the log: "${path}" must be a file of this account with mode 0600, it has 0${(stat.mode & 0o777).toString(8)} and uid ${stat.uid}`, `chmod 600 ${path}`);
    }
    const privateKey = createPrivateKey(await readFile(path, 'utf8'));
    if (privateKey.asymmetricKeyType !== 'ed25519') throw broken(`Cannot sign the log: "${path}" is not an Ed25519 key`);
    const publicKey = createPublicKey(privateKey);
    await writeOnce(`${path}.pub`, publicKey.export({ type: 'spki', format: 'pem' }), 0o644);
    if (!(await loadPublicKey(folder)).equals(publicKey)) throw broken(`Cannot sign the log: "${path}" does not fit the public key beside it`, 'Restore the key file from a backup.');
    return { privateKey, publicKey };
  } catch (error) {
    throw toSallyportError(error, 'audit.broken');
  }
}

/** Reads `<folder>/log.ed25519.pub`. */
export async function loadPublicKey(folder: string): Promise<KeyObject> {
  try {
    return createPublicKey(await readFile(join(folder, `${NAME}.pub`), 'utf8'));
  } catch (error) {
    throw toSallyportError(error, 'audit.broken');
  }
}

/** The file appears whole or not at all, and never replaces one that is there. */
async function writeOnce(path: string, text: string | Buffer, mode: number): Promise<void> {
  if (await exists(path)) return;
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await using file = await open(temporary, 'wx', mode);
    await file.writeFile(text);
    await file.sync();
    await link(temporary, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}

async function exists(path: string): Promise<boolean> {
  return (await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  })) !== null;
}

function broken(message: string, hint?: string): SallyportError {
  return new SallyportError('audit.broken', message, { hint });
}
