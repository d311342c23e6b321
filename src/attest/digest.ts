import { createHash } from 'node:crypto';
import type { Digest } from '../protocol/evidence.js';
import { canonicalBytes } from './canonical.js';

/** `sha256:` and 64 hex digits over exactly these bytes (a string counts as its UTF-8 bytes). */
export function sha256(body: Uint8Array | string): Digest {
  return `sha256:${createHash('sha256').update(body).digest('hex')}`;
}

/** Digest of a value's canonical JSON. */
export function digestOf(value: unknown): Digest {
  return sha256(canonicalBytes(value));
}

/**
 * Hash of one log entry, 64 hex digits: SHA-256(0x00 ‖ bytes), the leaf hash of RFC 6962 section 2.1, so that a Merkle log can be
 * built over the same hashes. The leading zero keeps an entry from ever being read as an inner node.
 */
export function leafHash(bytes: Uint8Array): string {
  return createHash('sha256').update(Buffer.of(0)).update(bytes).digest('hex');
}
