/**
 * The patch format of `apply_patch`:
 *
 *   *** Begin Patch
 *   *** Update File: path        then hunks: `@@ optional context line`, lines starting with space, - or +
 *   *** Add File: path           then lines starting with +
 *   *** Delete File: path
 *   *** End Patch
 *
 * Pure. Tolerant where nothing is ambiguous: trailing white space and CRLF do not matter for finding a hunk.
 */
export type FilePatch =
  | { readonly kind: 'add'; readonly path: string; readonly content: string }
  | { readonly kind: 'delete'; readonly path: string }
  | { readonly kind: 'update'; readonly path: string; readonly hunks: readonly Hunk[] };

export interface Hunk {
  readonly anchor: string | null;
  readonly before: readonly string[];
  readonly after: readonly string[];
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
    return lines.slice(from, i);
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
  const hunks: { anchor: string | null; before: string[]; after: string[] }[] = [];
  for (const [n, line] of lines.entries()) {
    if (line.startsWith('@@')) {
      const anchor = line.slice(2).replace(/@@\s*$/, '').trim();
      hunks.push({ anchor: anchor === '' || /^-\d+(,\d+)? \+\d+/.test(anchor) ? null : anchor, before: [], after: [] });
      continue;
    }
    if (line === '*** End of File') continue;
    if (hunks.length === 0) hunks.push({ anchor: null, before: [], after: [] });
    const hunk = hunks.at(-1) as (typeof hunks)[number];
    const [sign, rest] = [line[0], line.slice(1)];
    if (sign === '-') hunk.before.push(rest);
    else if (sign === '+') hunk.after.push(rest);
    else if (sign === ' ' || line === '') {
      hunk.before.push(rest);
      hunk.after.push(rest);
    } else throw new PatchError(`line ${first + n + 1}: expected a line that starts with space, "-", "+" or "@@", found ${JSON.stringify(line)}`);
  }
  const used = hunks.filter((h) => h.before.length > 0 || h.after.length > 0);
  if (used.length === 0) throw new PatchError(`line ${first}: the update has no hunk`);
  return used;
}

/**
 * Applies the hunks in order. Each must be found after the one before it, first to the letter, then without trailing white
 * space. Not found, or found twice without an anchor, is an error: never a guess. Line ends of the file are kept.
 */
export function applyHunks(path: string, text: string, hunks: readonly Hunk[]): string {
  const eol = text.includes('\r\n') ? '\r\n' : '\n';
  const lines = text.split(/\r?\n/);
  let from = 0;
  for (const [n, hunk] of hunks.entries()) {
    let start = from;
    if (hunk.anchor !== null) {
      const at = lines.findIndex((l, i) => i >= from && (l.trim() === hunk.anchor || l.includes(hunk.anchor as string)));
      if (at === -1) throw new PatchError(`${path}, hunk ${n + 1}: the line ${JSON.stringify(hunk.anchor)} is not there`);
      start = at;
    }
    const at = hunk.before.length === 0 ? (hunk.anchor === null ? endOf(lines) : start + 1) : find(path, lines, hunk, start, n);
    lines.splice(at, hunk.before.length, ...hunk.after);
    from = at + hunk.after.length;
  }
  return lines.join(eol);
}

/** Where lines go that replace nothing: before the empty piece after the last line end. */
function endOf(lines: readonly string[]): number {
  return lines.at(-1) === '' ? lines.length - 1 : lines.length;
}

function find(path: string, lines: readonly string[], hunk: Hunk, start: number, n: number): number {
  for (const same of [(a: string, b: string) => a === b, (a: string, b: string) => a.trimEnd() === b.trimEnd()]) {
    const places: number[] = [];
    for (let i = start; i + hunk.before.length <= lines.length; i++) if (hunk.before.every((l, k) => same(lines[i + k] as string, l))) places.push(i);
    const [first, second] = places;
    if (first === undefined) continue;
    if (second !== undefined && hunk.anchor === null) throw new PatchError(`${path}, hunk ${n + 1}: its lines stand at ${places.slice(0, 5).map((p) => p + 1).join(', ')}; give more context or an "@@ line" before it`);
    return first;
  }
  throw new PatchError(`${path}, hunk ${n + 1}: these lines are not in the file from line ${start + 1} on:\n${hunk.before.slice(0, 8).join('\n')}`);
}
