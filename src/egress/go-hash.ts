import { createHash } from 'node:crypto';
import { type ArchiveLimits, zipBatches } from '../artifacts/archive.js';

/** https://go.dev/ref/mod#zip-path-size-constraints: 500 MiB of all files together. */
const TOTAL = 500 * 1024 * 1024;
const LIMITS: ArchiveLimits = { entries: 100_000, entry: TOTAL, total: TOTAL, batch: 32 * 1024 * 1024 };

/** `h1:` of the files of a module as its zip archive has them (Hash1 of golang.org/x/mod/sumdb/dirhash). Null for an archive that cannot be read whole, or that says a name twice. */
export function zipHash(archive: Uint8Array): string | null {
  const lines = new Map<string, string>();
  try {
    for (const batch of zipBatches(archive, LIMITS)) {
      for (const entry of batch) {
        if ('problem' in entry || entry.name.includes('\n') || lines.has(entry.name)) return null;
        lines.set(entry.name, sha256(entry.body).toString('hex'));
      }
    }
  } catch {
    return null;
  }
  return hash1(lines);
}

/** The same of a go.mod by itself. */
export function modHash(body: Uint8Array): string {
  return hash1(new Map([['go.mod', sha256(body).toString('hex')]]));
}

function hash1(files: ReadonlyMap<string, string>): string {
  // Sorted by bytes, as Go compares strings.
  const sorted = [...files].map(([name, hex]) => [Buffer.from(name, 'utf8'), hex] as const).sort(([a], [b]) => Buffer.compare(a, b));
  const whole = createHash('sha256');
  for (const [name, hex] of sorted) whole.update(`${hex}  `).update(name).update('\n');
  return `h1:${whole.digest('base64')}`;
}

function sha256(body: Uint8Array): Buffer {
  return createHash('sha256').update(body).digest();
}
