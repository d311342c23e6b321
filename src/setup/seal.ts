import { createHash } from 'node:crypto';
import { lstat, opendir, readFile, readlink, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { sha256 } from '../attest/digest.js';
import { Envelope } from '../attest/dsse.js';
import { SallyportError } from '../protocol/errors.js';
import { Digest } from '../protocol/evidence.js';
import { IMAGE } from '../sandbox/layer.js';
import { Listed } from './freeze.js';

/** Who vouches for what is kept for later runs: the installation's key. `type` is the payload's, so that one record is never taken for another. Named by main/. */
export interface Seal {
  sign(type: string, payload: Buffer): Promise<Envelope>;
  /** The payload of an envelope that this installation signed; null for any other. */
  open(type: string, envelope: Envelope): Promise<Buffer | null>;
}

export const SNAPSHOT_TYPE = 'application/vnd.sallyport.snapshot+json';

/**
 * What tells, without reading it all again, that a layer is as it was frozen. An image: its inode, size and times. Its time of change moves with every write and
 * no unprivileged call can set it back. A plain folder: a digest over the same of every entry.
 */
const Place = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('image'), inode: z.string(), size: z.string(), modified: z.string(), changed: z.string() }),
  z.strictObject({ kind: z.literal('tree'), digest: Digest }),
]);
type Place = z.infer<typeof Place>;

const Meta = z.strictObject({
  v: z.literal(2),
  id: z.string(),
  inputs: Digest,
  trust: z.string(),
  made_at: z.iso.datetime(),
  /** Digest of the list of what was fetched; null where nothing was. */
  sbom: Digest.nullable(),
  parts: z.array(Listed.extend({ place: Place })),
});
export type Meta = z.infer<typeof Meta>;

const FILE = 'meta.json';
const SBOM = 'sbom.json';

/** Writes who made the snapshot out of what, signed. The layers may not be touched any more. */
export async function sealSnapshot(seal: Seal, folder: string, meta: Omit<Meta, 'v' | 'made_at' | 'parts' | 'sbom'> & { readonly parts: readonly Listed[] }, sbom: string | null): Promise<void> {
  const parts = await Promise.all(meta.parts.map(async (part) => ({ ...part, place: await placeOf(join(folder, part.name)) })));
  if (sbom !== null) await writeFile(join(folder, SBOM), sbom, { mode: 0o600 });
  const payload: Meta = { ...meta, v: 2, made_at: new Date().toISOString(), parts, sbom: sbom === null ? null : sha256(sbom) };
  await writeFile(join(folder, FILE), JSON.stringify(await seal.sign(SNAPSHOT_TYPE, Buffer.from(JSON.stringify(payload)))), { mode: 0o600 });
}

/** Digest of a snapshot's signed record, which holds the digests of its layers and when it was made: the id tells what a setup was made of, this which one it is. Null where there is no record. */
export async function snapshotRecord(folder: string): Promise<Digest | null> {
  return await readFile(join(folder, FILE)).then((text) => sha256(text), () => null);
}

/** Why the snapshot in `folder` may not be used; null when it may. `missing` when there is none. */
export async function snapshotProblem(seal: Seal, folder: string, expected: { readonly id: string; readonly inputs: string; readonly trust: string }): Promise<string | null> {
  const text = await readFile(join(folder, FILE), 'utf8').catch(() => null);
  if (text === null) return 'missing';
  const meta = await open(seal, text);
  if (meta === null) return 'its record is not signed by this installation';
  if (meta.id !== expected.id || meta.inputs !== expected.inputs) return 'its record is that of another snapshot';
  if (meta.trust !== expected.trust) return `it was made for the trust level "${meta.trust}"`;
  for (const { name, place } of meta.parts) {
    const now = await placeOf(join(folder, name)).catch(() => null);
    if (now === null || JSON.stringify(now) !== JSON.stringify(place)) return `its layer "${name}" was changed since it was frozen`;
  }
  if (meta.sbom !== null && sha256((await readSbom(folder)) ?? '') !== meta.sbom) return 'its list of packages was changed since it was frozen';
  return null;
}

/** Throws `setup.snapshot_changed` unless the snapshot of this id is as it was sealed. */
export async function vouchedFor(seal: Seal, folder: string, id: string): Promise<void> {
  const text = await readFile(join(folder, id, FILE), 'utf8').catch(() => null);
  const meta = text === null ? null : await open(seal, text);
  const problem = meta === null || !meta.inputs.startsWith(`sha256:${id.slice('snap_'.length)}`) ? 'nobody vouches for it' : await snapshotProblem(seal, join(folder, id), { ...meta, id });
  if (problem !== null) throw new SallyportError('setup.snapshot_changed', `Cannot go on with the frozen setup "${id}": ${problem}`, { hint: 'The run began on it. Start the task anew: the setup is then made again.' });
}

/** The CycloneDX document of a snapshot; null where nothing was fetched. */
export async function readSbom(folder: string): Promise<string | null> {
  return await readFile(join(folder, SBOM), 'utf8').catch(() => null);
}

async function open(seal: Seal, text: string): Promise<Meta | null> {
  try {
    const payload = await seal.open(SNAPSHOT_TYPE, Envelope.parse(JSON.parse(text)));
    return payload === null ? null : Meta.parse(JSON.parse(payload.toString('utf8')));
  } catch {
    return null; // not an envelope, or not a record of this version: nobody vouches for it
  }
}

async function placeOf(layer: string): Promise<Place> {
  const image = await stat(join(layer, IMAGE), { bigint: true }).catch(() => null);
  if (image !== null) return { kind: 'image', inode: String(image.ino), size: String(image.size), modified: String(image.mtimeNs), changed: String(image.ctimeNs) };
  const hash = createHash('sha256');
  await note(hash, join(layer, 'upper'));
  return { kind: 'tree', digest: `sha256:${hash.digest('hex')}` };
}

/** Looks at every entry and reads none. Names are sorted, so that the same tree gives the same digest. */
async function note(hash: ReturnType<typeof createHash>, folder: string): Promise<void> {
  const names: string[] = [];
  for await (const entry of await opendir(folder)) names.push(entry.name);
  for (const name of names.sort()) {
    const path = join(folder, name);
    const info = await lstat(path, { bigint: true });
    const link = info.isSymbolicLink() ? await readlink(path) : '';
    hash.update(JSON.stringify([name, ...[info.ino, info.mode, info.uid, info.size, info.mtimeNs, info.ctimeNs].map(String), link]));
    if (info.isDirectory()) await note(hash, path);
  }
  hash.update('\0');
}
