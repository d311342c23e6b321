import { createHash } from 'node:crypto';

/** Algorithms that pip takes for `--hash`, strongest first. */
const ALGORITHMS = ['sha512', 'sha384', 'sha256'] as const;
const LENGTHS = { sha512: 128, sha384: 96, sha256: 64 } as const;

/** `ALGORITHM:HEX` of the strongest of some digests, null when none of them is one that counts. */
export function digestOf(hashes: Readonly<Record<string, string>>): string | null {
  for (const algorithm of ALGORITHMS) {
    const hex = Object.hasOwn(hashes, algorithm) ? hashes[algorithm] : undefined;
    if (hex !== undefined && hex.length === LENGTHS[algorithm] && /^[0-9a-f]+$/i.test(hex)) return `${algorithm}:${hex.toLowerCase()}`;
  }
  return null;
}

/** The same of a text that a lockfile has; null where it is none. */
export function readDigest(text: string): string | null {
  const [, algorithm, hex] = /^(sha\d{3})[:=]([0-9a-f]+)$/i.exec(text) ?? [];
  return algorithm === undefined || hex === undefined ? null : digestOf({ [algorithm.toLowerCase()]: hex });
}

export function digestHolds(body: Buffer, digest: string): boolean {
  const [algorithm, hex] = digest.split(':') as [string, string];
  return createHash(algorithm).update(body).digest('hex') === hex;
}
