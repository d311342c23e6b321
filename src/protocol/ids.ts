import { randomBytes } from 'node:crypto';

/** Prefix of every id that leaves Sallyport; the word says what the id names. */
export type IdPrefix = 'task' | 'run' | 'sb' | 'evt' | 'cmd' | 'appr' | 'repo' | 'snap' | 'wrk';

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

/**
 * A new id: prefix, `_`, 9 characters of time (ms, so that ids sort by age) and 10 random characters (50 bits).
 * Crockford base 32 in lower case.
 */
export function newId(prefix: IdPrefix, now: number = Date.now()): string {
  let time = '';
  for (let n = now, i = 0; i < 9; i++, n = Math.floor(n / 32)) time = ALPHABET[n % 32] + time;
  let random = '';
  for (const byte of randomBytes(10)) random += ALPHABET[byte % 32];
  return `${prefix}_${time}${random}`;
}

/** True when `text` is a whole id with this prefix. */
export function isId(prefix: IdPrefix, text: string): boolean {
  return text.startsWith(`${prefix}_`) && /^[0-9a-hj-km-np-tv-z]{19}$/.test(text.slice(prefix.length + 1));
}
