import { readNeed } from '../../egress/locks/python-inventory.js';
import { digestHolds } from '../../egress/pypi-digest.js';
import type { IndexFile } from '../../egress/pypi-index.js';
import { namedFile } from '../../egress/pypi-names.js';
import { filesOf, type IndexOptions, readFile, readProject } from '../../egress/pypi-releases.js';
import { SallyportError } from '../../protocol/errors.js';
import { zipBatches } from '../../artifacts/archive.js';

/** A version of a project, as the index has it. */
export interface Release {
  readonly version: string;
  /** With a digest each, by name. */
  readonly files: readonly (IndexFile & { readonly digest: string })[];
  /** What its metadata say; nothing where they were not asked for. */
  readonly metadata: Metadata;
}

export interface Metadata {
  readonly summary: string;
  readonly requiresPython: string | null;
  /** What it asks for, each as one text; sorted. */
  readonly requires: readonly string[];
}

const MAX_METADATA = 4 * 1024 * 1024;
const LIMITS = { entries: 100_000, entry: MAX_METADATA, total: 1024 * 1024 * 1024, batch: 32 * 1024 * 1024 };

/** Asks the index for versions of a project, with their metadata where a lockfile repeats what they say. Throws `setup.fetch_failed`. */
export async function readReleases(name: string, versions: readonly string[], withMetadata: boolean, options: IndexOptions): Promise<Release[]> {
  const all = (await readProject(name, options)) ?? [];
  return await Promise.all(versions.map(async (version) => {
    const files = filesOf(all, version).flatMap((entry) => (entry.digest === null ? [] : [{ ...entry, digest: entry.digest }]));
    const wheel = files.filter((f) => namedFile(f.file)?.kind === 'wheel').sort((a, b) => Number(b.metadata) - Number(a.metadata) || (a.size ?? 0) - (b.size ?? 0))[0];
    if (wheel === undefined) throw new SallyportError('setup.fetch_failed', `Cannot upgrade ${name}: the index has no wheel of ${version} with a digest`);
    if (!withMetadata) return { version, files, metadata: { summary: '', requiresPython: null, requires: [] } };
    return { version, files, metadata: readMetadata((wheel.metadata ? await readFile(name, wheel, 'metadata', options) : null) ?? (await fromWheel(name, wheel, options))) };
  }));
}

/** The metadata inside a wheel, once its digest is the one that the index announced. */
async function fromWheel(name: string, wheel: Release['files'][number], options: IndexOptions): Promise<Uint8Array> {
  const body = await readFile(name, wheel, 'wheel', options);
  if (body === null || !digestHolds(body, wheel.digest)) throw new SallyportError('setup.fetch_failed', `Cannot upgrade ${name}: ${wheel.file} does not have the digest that the index announces`);
  try {
    for (const batch of zipBatches(body, LIMITS)) for (const file of batch) if (/^[^/]+\.dist-info\/METADATA$/.test(file.name) && 'body' in file) return file.body;
  } catch (cause) {
    throw new SallyportError('setup.fetch_failed', `Cannot upgrade ${name}: ${wheel.file} cannot be read`, { cause });
  }
  throw new SallyportError('setup.fetch_failed', `Cannot upgrade ${name}: ${wheel.file} has no metadata`);
}

/** Headers of core metadata (https://packaging.python.org/en/latest/specifications/core-metadata/). */
export function readMetadata(body: Uint8Array): Metadata {
  const headers = Buffer.from(body.subarray(0, MAX_METADATA)).toString('utf8').replaceAll('\r\n', '\n').split('\n\n')[0] ?? '';
  const valuesOf = (key: string): string[] => headers.split('\n').flatMap((line) => (line.toLowerCase().startsWith(`${key}:`) ? [line.slice(key.length + 1).trim()] : []));
  return { summary: valuesOf('summary')[0] ?? '', requiresPython: valuesOf('requires-python')[0] ?? null, requires: valuesOf('requires-dist').slice(0, 10_000).map(needText).sort() };
}

/** A dependency as one text, whatever its blanks and quotes. */
function needText(line: string): string {
  const need = readNeed(line);
  return need === null ? line : JSON.stringify([need.name, need.extras, need.range.split(',').sort().join(','), need.marker.replaceAll("'", '"')]);
}
