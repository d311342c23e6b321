import { createHash } from 'node:crypto';
import type { ScanResult } from '../protocol/evidence.js';
import type { SarifResult } from './parse.js';

/** A result with the two keys by which it is found again. */
interface Keyed {
  readonly result: SarifResult;
  /** Rule, path, normalised snippet, and which occurrence of these: stable when lines move. */
  readonly fingerprint: string;
  /** The same without the path: stable when the file moves. */
  readonly anywhere: string;
}

/**
 * What changed between two scans: every result of the head as `new` or `unchanged`, and those of the base that are gone as `absent`.
 * A result is the same one when rule, path and normalised snippet are (the n-th of equal ones with the n-th); what is left over then
 * matches across paths, for a file that was moved. Sorted by path, line and rule, so that equal scans give equal evidence.
 */
export function compare(base: readonly SarifResult[], head: readonly SarifResult[]): ScanResult[] {
  const before = keyed(base);
  const after = keyed(head);
  const known = new Set(before.map((b) => b.fingerprint));
  const present = new Set(after.map((a) => a.fingerprint));
  const gone = before.filter((b) => !present.has(b.fingerprint));
  const moved = pool(gone);
  const results = after.map((a) => {
    const from = known.has(a.fingerprint) ? a : moved.get(a.anywhere)?.shift();
    return scanResult(a, from === undefined ? 'new' : 'unchanged');
  });
  const absent = [...moved.values()].flat().map((b) => scanResult(b, 'absent'));
  return [...results, ...absent].sort(byPlace);
}

/** `sha256:` over rule, path, snippet without white space, and the occurrence; one for each result, in the order given. */
export function fingerprints(results: readonly SarifResult[]): string[] {
  return keyed(results).map((k) => k.fingerprint);
}

/** What tells a result from others in its file but not from its equals: rule, path and normalised snippet. */
export function contentKey(result: SarifResult): string {
  return JSON.stringify([result.rule, result.path, normalised(result)]);
}

function keyed(results: readonly SarifResult[]): Keyed[] {
  const inOrder = results.map((result, index) => ({ result, index })).sort((a, b) => byPlace(a.result, b.result) || a.index - b.index);
  const counts = new Map<string, number>();
  const keys = new Map<number, Keyed>();
  for (const { result, index } of inOrder) {
    const content = normalised(result);
    const here = contentKey(result);
    const occurrence = counts.get(here) ?? 0;
    counts.set(here, occurrence + 1);
    keys.set(index, { result, fingerprint: digest([here, occurrence]), anywhere: JSON.stringify([result.rule, content]) });
  }
  return results.flatMap((_, index) => keys.get(index) ?? []);
}

/** A result without a snippet is told by its message; that is coarser, and an edit to the message makes it new, which is the strict side. */
function normalised(result: SarifResult): string {
  const snippet = result.snippet.replace(/\s+/g, '');
  return snippet === '' ? `message:${result.message}` : snippet;
}

function pool(items: readonly Keyed[]): Map<string, Keyed[]> {
  const map = new Map<string, Keyed[]>();
  for (const item of items) map.set(item.anywhere, [...(map.get(item.anywhere) ?? []), item]);
  return map;
}

function scanResult({ result, fingerprint }: Keyed, state: ScanResult['state']): ScanResult {
  const { rule, level, message, path, line, cwe } = result;
  return { rule, level, message, path, line, fingerprint, state, cwe };
}

function byPlace(a: Pick<ScanResult, 'path' | 'line' | 'rule'>, b: Pick<ScanResult, 'path' | 'line' | 'rule'>): number {
  if (a.path !== b.path) return a.path < b.path ? -1 : 1;
  if (a.line !== b.line) return a.line - b.line;
  return a.rule === b.rule ? 0 : a.rule < b.rule ? -1 : 1;
}

function digest(parts: readonly unknown[]): string {
  return `sha256:${createHash('sha256').update(JSON.stringify(parts)).digest('hex')}`;
}
