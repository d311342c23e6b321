import { SallyportError } from '../protocol/errors.js';

/**
 * Canonical JSON by RFC 8785 (JCS): keys sorted by UTF-16 code units, numbers as ECMAScript prints them, no white space.
 * Two equal values always give the same text, so its UTF-8 bytes can be hashed and signed.
 *
 * Throws `input.invalid` for whatever JSON cannot carry exactly: NaN, Infinity, undefined, bigint, functions, symbols, sparse arrays,
 * objects that are not plain (a Date or Map would lose its meaning without a word), lone surrogates, and cycles.
 */
export function canonicalJson(value: unknown): string {
  return write(value, '$', []);
}

/** UTF-8 bytes of `canonicalJson(value)`. */
export function canonicalBytes(value: unknown): Buffer {
  return Buffer.from(canonicalJson(value), 'utf8');
}

function write(value: unknown, path: string, above: readonly object[]): string {
  if (value === null) return 'null';
  switch (typeof value) {
    case 'boolean':
      return value ? 'true' : 'false';
    case 'number':
      if (!Number.isFinite(value)) throw refused(path, String(value));
      return JSON.stringify(value); // RFC 8785 section 3.2.2.3: exactly what ECMAScript prints; -0 becomes 0
    case 'string':
      return writeString(value, path);
    case 'object':
      break;
    default:
      throw refused(path, typeof value);
  }
  if (above.includes(value)) throw refused(path, 'a cycle');
  const chain = [...above, value];
  if (Array.isArray(value)) {
    return `[${Array.from(value, (item, i) => write(item, `${path}[${i}]`, chain)).join(',')}]`;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && prototype !== Object.prototype) throw refused(path, 'an object that is not plain');
  // The default sort compares UTF-16 code units, which is what section 3.2.3 asks for.
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return `{${members.map(([key, item]) => `${writeString(key, path)}:${write(item, `${path}.${key}`, chain)}`).join(',')}}`;
}

function writeString(text: string, path: string): string {
  if (!text.isWellFormed()) throw refused(path, 'a lone surrogate');
  return JSON.stringify(text);
}

function refused(path: string, what: string): SallyportError {
  return new SallyportError('input.invalid', `Cannot write canonical JSON: "${path}" holds ${what}, which JSON cannot carry exactly`);
}
