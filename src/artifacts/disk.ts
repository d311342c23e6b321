import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { sha256 } from '../attest/digest.js';
import { SallyportError, toSallyportError } from '../protocol/errors.js';
import { BodyRef } from '../protocol/evidence.js';
import type { Artifacts, BodyCheck } from './artifacts.js';

const NONCE_BYTES = 32;

/**
 * Bodies as files below `folder`: `ab/cdef…` for digest `sha256:abcdef…`, mode 0600. A file appears under its name only when it is whole and
 * on the disk (temporary file, fsync, rename, fsync of the folder), so a crash leaves at most a temporary file that nothing refers to.
 */
export function diskArtifacts(folder: string): Artifacts {
  return {
    async put(body, { blind, media }) {
      const bytes = typeof body === 'string' ? Buffer.from(body, 'utf8') : body;
      const file = blind ? Buffer.concat([randomBytes(NONCE_BYTES), bytes]) : bytes;
      const ref = BodyRef.parse({ digest: sha256(file), bytes: bytes.length, blind, media });
      try {
        if ((await check(folder, ref)) !== 'ok') await writeWhole(pathOf(folder, ref), file);
      } catch (error) {
        throw toSallyportError(error, 'artifact.missing');
      }
      return ref;
    },
    async get(ref) {
      const file = await read(folder, ref);
      if (file === null) throw new SallyportError('artifact.missing', `Cannot read body ${ref.digest}: it is not stored, or it was erased`);
      if (!fits(file, ref)) throw new SallyportError('artifact.missing', `Cannot read body ${ref.digest}: what is stored has digest ${sha256(file)}`);
      return ref.blind ? file.subarray(NONCE_BYTES) : file;
    },
    check: (ref) => check(folder, ref),
    async erase(ref) {
      await rm(pathOf(folder, ref), { force: true });
    },
  };
}

async function check(folder: string, ref: BodyRef): Promise<BodyCheck> {
  const file = await read(folder, ref);
  return file === null ? 'missing' : fits(file, ref) ? 'ok' : 'altered';
}

function fits(file: Buffer, ref: BodyRef): boolean {
  return sha256(file) === ref.digest && file.length === ref.bytes + (ref.blind ? NONCE_BYTES : 0);
}

async function read(folder: string, ref: BodyRef): Promise<Buffer | null> {
  try {
    await using handle = await open(pathOf(folder, ref), constants.O_RDONLY | constants.O_NOFOLLOW);
    return await handle.readFile();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw toSallyportError(error, 'artifact.missing');
  }
}

/** The reference may come from a row that somebody altered: only a digest that has the form of one becomes a path. */
function pathOf(folder: string, ref: BodyRef): string {
  const hex = BodyRef.shape.digest.parse(ref.digest).slice('sha256:'.length);
  return join(folder, hex.slice(0, 2), hex.slice(2));
}

async function writeWhole(path: string, bytes: Buffer): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await using handle = await open(temporary, 'wx', 0o600);
    await handle.writeFile(bytes);
    await handle.sync();
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await using parent = await open(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
  await parent.sync();
}
