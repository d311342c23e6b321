import { SECRET_RULES } from './rules.js';

/** A secret in a text: the rule that found it (`known-value` for a value that was given) and where, in UTF-16 units, end exclusive. */
export interface SecretSpan {
  readonly rule: string;
  readonly start: number;
  readonly end: number;
}
export interface Redactor {
  /** The text with every secret replaced by `[redacted:RULE]`. */
  redact(text: string): string;
  /** Every secret, in order, without overlaps. */
  find(text: string): readonly SecretSpan[];
}

/** Values shorter than this are no secrets: taking out every "a" would hide more than it protects. */
export const MIN_KNOWN_LENGTH = 4;
const MIN_ENCODED_LENGTH = 8;

/**
 * A redactor for the secrets that are known by value (raw, URL-encoded, JSON-escaped, hex, and base64 at each of its three
 * alignments, so that `user:secret` in a Basic header is found) and for those known by form (`SECRET_RULES`).
 */
export function createRedactor(options: { readonly known: readonly string[] }): Redactor {
  const needles = [...new Set(options.known.filter((value) => value.length >= MIN_KNOWN_LENGTH).flatMap(formsOf))];
  const find = (text: string): readonly SecretSpan[] => merged([...needles.flatMap((needle) => occurrences(text, needle)), ...byRule(text)]);
  return { find, redact: (text) => replaceSpans(text, find(text)) };
}

/** Secrets by their form alone. Used by the scanner, which knows no values. */
export function findSecretForms(text: string): readonly SecretSpan[] {
  return merged(byRule(text));
}

function byRule(text: string): SecretSpan[] {
  const lower = text.toLowerCase();
  return SECRET_RULES.filter((rule) => rule.hints.some((hint) => lower.includes(hint))).flatMap((rule) =>
    [...text.matchAll(rule.pattern)].flatMap((match) => {
      const [start, end] = match.indices?.groups?.s ?? match.indices?.[0] ?? [0, 0];
      return end > start && rule.accept?.(text.slice(start, end)) !== false ? [{ rule: rule.id, start, end }] : [];
    }));
}

function occurrences(text: string, needle: string): SecretSpan[] {
  const found: SecretSpan[] = [];
  for (let at = text.indexOf(needle); at !== -1; at = text.indexOf(needle, at + needle.length)) {
    found.push({ rule: 'known-value', start: at, end: at + needle.length });
  }
  return found;
}

/** Known values come first in the list and keep their name where spans overlap: sorting is stable. */
function merged(spans: readonly SecretSpan[]): SecretSpan[] {
  const result: SecretSpan[] = [];
  for (const span of [...spans].sort((a, b) => a.start - b.start)) {
    const last = result.at(-1);
    if (last === undefined || span.start >= last.end) result.push(span);
    else if (span.end > last.end) result[result.length - 1] = { ...last, end: span.end };
  }
  return result;
}

function replaceSpans(text: string, spans: readonly SecretSpan[]): string {
  let result = '';
  let from = 0;
  for (const span of spans) {
    result += `${text.slice(from, span.start)}[redacted:${span.rule}]`;
    from = span.end;
  }
  return result + text.slice(from);
}

function formsOf(value: string): string[] {
  const url = encodeURIComponent(value.toWellFormed());
  const hex = Buffer.from(value).toString('hex');
  const encoded = [hex, hex.toUpperCase(), ...base64Forms(value)].filter((form) => form.length >= MIN_ENCODED_LENGTH);
  return [value, JSON.stringify(value).slice(1, -1), url, url.replaceAll('%20', '+'), url.replace(/%[0-9A-F]{2}/g, (h) => h.toLowerCase()), ...encoded];
}

/** The characters of base64 that depend on the value alone, for a value that begins 0, 1 or 2 bytes into a group of three; both alphabets. */
function base64Forms(value: string): string[] {
  const bytes = Buffer.from(value);
  return [0, 1, 2].flatMap((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64');
    const inner = text.slice(Math.ceil((shift * 8) / 6), Math.floor(((shift + bytes.length) * 8) / 6));
    return [inner, inner.replaceAll('+', '-').replaceAll('/', '_')];
  });
}
