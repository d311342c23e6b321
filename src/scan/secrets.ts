import { createHash } from 'node:crypto';
import { findSecretForms, type SecretSpan } from '../redact/redactor.js';
import { SECRET_RULES } from '../redact/rules.js';
import type { Found, RuleMeta } from '../sarif/model.js';

const HELP = 'Take the secret out, read it from the environment or a secret store, and have its issuer replace it: the history keeps it.';

/** The secret rules as a scanner's rules; their ids are `secret/RULE`. */
export const SECRET_RULE_META: readonly RuleMeta[] = SECRET_RULES.map((rule) => ({
  id: `secret/${rule.id}`, title: `Found ${rule.title}`, help: HELP, cwe: 798, severity: 8.1, level: rule.id === 'generic-secret' || rule.id === 'url-password' ? 'warning' : 'error',
}));

/** Secrets in a text file. The secret itself is never in the result: the snippet is its line with every secret taken out. */
export function findSecrets(path: string, text: string): readonly Found[] {
  const spans = findSecretForms(text);
  if (spans.length === 0) return [];
  const starts = lineStarts(text);
  return spans.map((span) => {
    const start = placeOf(starts, span.start);
    const end = placeOf(starts, span.end);
    const title = SECRET_RULES.find((rule) => rule.id === span.rule)?.title ?? 'a secret';
    return {
      rule: `secret/${span.rule}`, path, message: `This holds ${title}. ${HELP}`, snippet: snippetOf(text, starts, spans, span),
      line: start.line, column: start.column, endLine: end.line, endColumn: end.column,
    };
  });
}

/** `text` with every secret by form replaced; used on the snippets of all rules. */
export function withoutSecrets(text: string): string {
  return cut(text, 0, text.length, findSecretForms(text));
}

function snippetOf(text: string, starts: readonly number[], spans: readonly SecretSpan[], span: SecretSpan): string {
  const from = starts[placeOf(starts, span.start).line - 1] ?? 0;
  const newline = text.indexOf('\n', span.end);
  // A minified line may be the whole file: 200 characters on each side tell one place from another.
  return cut(text, Math.max(from, span.start - 200), Math.min(newline === -1 ? text.length : newline, span.end + 200), spans);
}

function cut(text: string, from: number, to: number, spans: readonly SecretSpan[]): string {
  let result = '';
  let at = from;
  for (const span of spans) {
    if (span.end <= from || span.start >= to) continue;
    result += text.slice(at, Math.max(at, span.start)) + mark(text, span);
    at = span.end;
  }
  return result + text.slice(at, Math.max(at, to));
}

/**
 * Another secret in the same place must be another result, so the mark holds 24 bits of its digest: enough to tell two apart,
 * and 2^24 candidates fit it, so it confirms no guess.
 */
function mark(text: string, span: SecretSpan): string {
  return `[redacted:${span.rule} ${createHash('sha256').update(text.slice(span.start, span.end)).digest('hex').slice(0, 6)}]`;
}

function lineStarts(text: string): readonly number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

/** Line and column from 1 of an offset, by halving. */
function placeOf(starts: readonly number[], offset: number): { line: number; column: number } {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((starts[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return { line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
}
