import type { Edit } from './model.js';

/**
 * `text` with every edit made. The offsets are those of `text` as it was; insertions at one place come in the order given. Throws
 * RangeError for edits that overlap, lie outside the text or cut a surrogate pair in two: applied, they would give a file nobody meant.
 */
export function applyEdits(text: string, edits: readonly Edit[]): string {
  let result = '';
  let at = 0;
  const sorted = sort(edits);
  if (!inOrder(sorted)) throw new RangeError('edits overlap');
  for (const { start, end, text: inserted } of sorted) {
    if (end > text.length) throw new RangeError(`edit ends at ${end}, the text at ${text.length}`);
    if (splitsPair(text, start) || splitsPair(text, end)) throw new RangeError(`edit at ${start} cuts a character in two`);
    result += text.slice(at, start) + inserted;
    at = end;
  }
  return result + text.slice(at);
}

/**
 * The edits of several fixes of one file as one list, sorted. An edit that two fixes ask for (an import, a helper function) is made once. A
 * fix that changes what an earlier one changes is dropped whole, and its index told: half a fix is none.
 */
export function mergeEdits(fixes: readonly (readonly Edit[])[]): { readonly edits: readonly Edit[]; readonly dropped: readonly number[] } {
  let edits: readonly Edit[] = [];
  const dropped: number[] = [];
  for (const [index, fix] of fixes.entries()) {
    const added = fix.filter((edit) => !edits.some((made) => same(made, edit)));
    if (!inOrder(sort(fix)) || added.some((edit) => edits.some((made) => clash(made, edit)))) dropped.push(index);
    else edits = sort([...edits, ...added]);
  }
  return { edits, dropped };
}

/** True for edits of which each begins at or after the end of the one before it, with `0 <= start <= end`. */
export function inOrder(edits: readonly Edit[]): boolean {
  return edits.every(({ start, end }, i) => start >= 0 && start <= end && start >= (edits[i - 1]?.end ?? 0));
}

/** By place; an insertion comes before a replacement that begins where it stands, and equal ones stay in their order. */
function sort(edits: readonly Edit[]): readonly Edit[] {
  return edits.map((edit, i) => ({ edit, i })).sort((a, b) => a.edit.start - b.edit.start || a.edit.end - b.edit.end || a.i - b.i).map(({ edit }) => edit);
}

function same(a: Edit, b: Edit): boolean {
  return a.start === b.start && a.end === b.end && a.text === b.text;
}

/** Two insertions never clash; an insertion clashes with a replacement only inside of it. */
function clash(a: Edit, b: Edit): boolean {
  return a.start < b.end && b.start < a.end;
}

function splitsPair(text: string, at: number): boolean {
  return /[\uD800-\uDBFF]/.test(text.charAt(at - 1)) && /[\uDC00-\uDFFF]/.test(text.charAt(at));
}
