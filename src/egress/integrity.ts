import { createHash } from 'node:crypto';

/** sha224 is none of the specification's; `packageManager` of package.json knows it. */
const PART = /^(sha512|sha384|sha256|sha224|sha1)-([A-Za-z0-9+/]+={0,2})/;
const LENGTHS = { sha1: 40, sha224: 56, sha256: 64, sha384: 96, sha512: 128 } as const;

/** True when the strongest digest of a Subresource Integrity string (https://www.w3.org/TR/SRI/) is that of the body. */
export function integrityHolds(body: Buffer, integrity: string): boolean {
  const found = integrity.trim().split(/\s+/).map((part) => PART.exec(part)).filter((m) => m !== null);
  const strongest = found.sort((a, b) => (b[1] as string).localeCompare(a[1] as string))[0];
  if (strongest === undefined) return false;
  return found.filter((m) => m[1] === strongest[1]).some((m) => createHash(m[1] as string).update(body).digest('base64') === m[2]);
}

/** A hexadecimal digest as a Subresource Integrity string; null where it is none of that algorithm. */
export function sriOfHex(algorithm: string, hex: string): string | null {
  const length = Object.entries(LENGTHS).find(([name]) => name === algorithm)?.[1];
  return length === undefined || hex.length !== length || !/^[0-9a-f]+$/i.test(hex) ? null : `${algorithm}-${Buffer.from(hex, 'hex').toString('base64')}`;
}
