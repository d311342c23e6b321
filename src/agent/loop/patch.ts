/**
 * The patch format of `apply_patch`:
 *
 *   *** Begin Patch
 *   *** Update File: path        then hunks: `@@ optional context line`, lines starting with space, - or +
 *   *** Add File: path           then lines starting with +
 *   *** Delete File: path
 *   *** End Patch
 *
 * Pure. Tolerant where nothing is ambiguous: trailing white space and CRLF do not matter for finding a hunk, and lines that a
 * hunk only shows stay as the file has them.
 */
export type FilePatch =
  | { readonly kind: 'add'; readonly path: string; readonly content: string }
  | { readonly kind: 'delete'; readonly path: string }
  | { readonly kind: 'update'; readonly path: string; readonly hunks: readonly Hunk[] };

export interface Hunk {
  readonly anchor: string | null;
  readonly lines: readonly HunkLine[];
}

export interface HunkLine {
  readonly sign: ' ' | '-' | '+';
  readonly text: string;
}

export class PatchError extends Error {
  override readonly name = 'PatchError';
}

/** Parses a whole patch. Throws `PatchError` with the line that is wrong and what was expected. */
export function parsePatch(text: string): FilePatch[] {
  const lines = text.replace(/\r\n/g, '\n').replace(/^\s*\n/, '').trimEnd().split('\n');
  if (lines[0]?.trim() !== '*** Begin Patch') throw new PatchError(`line 1: expected "*** Begin Patch", found ${JSON.stringify(lines[0])}`);
  if (lines.at(-1)?.trim() !== '*** End Patch') throw new PatchError(`last line: expected "*** End Patch", found ${JSON.stringify(lines.at(-1))}`);
  const files: FilePatch[] = [];
  let i = 1;
  const end = lines.length - 1;
  const body = (): string[] => {
    const from = i;
    while (i < end && !/^\*\*\* (Update|Add|Delete) File: /.test(lines[i] as string)) i++;
    // Empty lines before the next header are spacing: a context line that is empty has its space.
    let to = i;
    while (to > from && lines[to - 1] === '') to--;
    return lines.slice(from, to);
  };
  while (i < end) {
    const head = /^\*\*\* (Update|Add|Delete) File: (.+)$/.exec(lines[i] as string);
    if (head === null) throw new PatchError(`line ${i + 1}: expected "*** Update File: …", "*** Add File: …" or "*** Delete File: …", found ${JSON.stringify(lines[i])}`);
    const at = i + 1;
    i++;
    const path = checkPath((head[2] as string).trim(), at);
    if (head[1] === 'Delete') {
      if (body().some((l) => l.trim() !== '')) throw new PatchError(`line ${at + 1}: nothing may follow "Delete File"`);
      files.push({ kind: 'delete', path });
    } else if (head[1] === 'Add') {
      const added = body();
      const wrong = added.findIndex((l) => !l.startsWith('+'));
      if (wrong !== -1) throw new PatchError(`line ${at + wrong + 1}: lines of an added file start with "+"`);
      files.push({ kind: 'add', path, content: added.map((l) => `${l.slice(1)}\n`).join('') });
    } else files.push({ kind: 'update', path, hunks: parseHunks(body(), at) });
  }
  if (files.length === 0) throw new PatchError('the patch names no file');
  const twice = files.find((f, n) => files.findIndex((g) => g.path === f.path) !== n);
  if (twice !== undefined) throw new PatchError(`${twice.path} is named twice`);
  return files;
}

function checkPath(path: string, line: number): string {
  const clean = path.replace(/^\.\//, '').replace(/^\/workspace\//, '');
  if (clean.startsWith('/') || clean.split('/').some((p) => p === '..' || p === '' || p === '.')) throw new PatchError(`line ${line}: ${JSON.stringify(path)} is not a path inside the workspace`);
  return clean;
}

function parseHunks(lines: readonly string[], first: number): Hunk[] {
  const hunks: { anchor: string | null; lines: HunkLine[] }[] = [];
  for (const [n, line] of lines.entries()) {
    if (line.startsWith('@@')) {
      const anchor = line.slice(2).replace(/@@\s*$/, '').trim();
      hunks.push({ anchor: anchor === '' || /^-\d+(,\d+)? \+\d+/.test(anchor) ? null : anchor, lines: [] });
      continue;
    }
    if (line === '*** End of File' || line.startsWith('\\ No newline')) continue;
    if (hunks.length === 0) hunks.push({ anchor: null, lines: [] });
    const hunk = hunks.at(-1) as (typeof hunks)[number];
    const sign = line === '' ? ' ' : line[0];
    if (sign !== '-' && sign !== '+' && sign !== ' ') throw new PatchError(`line ${first + n + 1}: expected a line that starts with space, "-", "+" or "@@", found ${JSON.stringify(line)}`);
    hunk.lines.push({ sign, text: line.slice(1) });
  }
  const used = hunks.filter((h) => h.lines.length > 0);
  if (used.length === 0) throw new PatchError(`line ${first}: the update has no hunk`);
  return used;
}

/**
 * Applies the hunks in order. Each must be found after the one before it, first to the letter, then without trailing white
 * space. Not found, or found twice without an anchor, is an error: never a guess. Line ends of the file are kept.
 */
export function applyHunks(path: string, text: string, hunks: readonly Hunk[]): string {
  const lines = text.split('\n');
  // Each line keeps its own end; a new one gets that of most lines.
  const crlf = lines.filter((l) => l.endsWith('\r')).length * 2 > lines.length - 1;
  let from = 0;
  for (const [n, hunk] of hunks.entries()) {
    const before = hunk.lines.filter((l) => l.sign !== '+').map((l) => l.text);
    const start = hunk.anchor === null ? from : findAnchor(path, lines, hunk.anchor, from, n);
    const at = before.length === 0 ? (hunk.anchor === null ? endOf(lines) : start + 1) : find(path, lines, before, hunk.anchor !== null, start, n);
    const after = rewrite(lines, at, hunk, crlf);
    lines.splice(at, before.length, ...after);
    from = at + after.length;
  }
  return lines.join('\n');
}

/** What stands in the place of a hunk: its context as the file has it, and its new lines. */
function rewrite(lines: readonly string[], at: number, hunk: Hunk, crlf: boolean): string[] {
  const after: string[] = [];
  let i = at;
  for (const { sign, text } of hunk.lines) {
    if (sign === '+') after.push(crlf ? `${text}\r` : text);
    else if (sign === ' ') after.push(lines[i++] as string);
    else i++;
  }
  // A last line without line end stays without one.
  const last = after.length - 1;
  if (crlf && i === lines.length && last >= 0 && after[last]?.endsWith('\r') === true && lines.at(-1)?.endsWith('\r') === false) after[last] = (after[last] as string).slice(0, -1);
  return after;
}

/** The first line that is the anchor, otherwise the only one that holds it. */
function findAnchor(path: string, lines: readonly string[], anchor: string, from: number, n: number): number {
  const exact = lines.findIndex((l, i) => i >= from && l.trim() === anchor);
  if (exact !== -1) return exact;
  const holding = lines.flatMap((l, i) => (i >= from && l.includes(anchor) ? [i] : []));
  if (holding.length > 1) throw new PatchError(`${path}, hunk ${n + 1}: ${JSON.stringify(anchor)} stands in the lines ${holding.slice(0, 5).map((p) => p + 1).join(', ')}; give the whole line`);
  if (holding[0] === undefined) throw new PatchError(`${path}, hunk ${n + 1}: the line ${JSON.stringify(anchor)} is not there`);
  return holding[0];
}

/** Where lines go that replace nothing: before the empty piece after the last line end. */
function endOf(lines: readonly string[]): number {
  return lines.at(-1) === '' ? lines.length - 1 : lines.length;
}

function find(path: string, lines: readonly string[], before: readonly string[], anchored: boolean, start: number, n: number): number {
  for (const same of [(a: string, b: string) => a.replace(/\r$/, '') === b, (a: string, b: string) => a.trimEnd() === b.trimEnd()]) {
    const places: number[] = [];
    for (let i = start; i + before.length <= lines.length; i++) if (before.every((l, k) => same(lines[i + k] as string, l))) places.push(i);
    const [first, second] = places;
    if (first === undefined) continue;
    if (second !== undefined && !anchored) throw new PatchError(`${path}, hunk ${n + 1}: its lines stand at ${places.slice(0, 5).map((p) => p + 1).join(', ')}; give more context or an "@@ line" before it`);
    return first;
  }
  throw new PatchError(`${path}, hunk ${n + 1}: these lines are not in the file from line ${start + 1} on:\n${before.slice(0, 8).join('\n')}`);
}
