/**
 * Whether a path fits a pattern: `*` stands for any part of a name, `?` for one character, `**` as a whole name for any number of folders; a pattern
 * without a slash fits a name in any folder. In time of the product of both lengths at most, whatever a hostile path holds.
 */
export function fitsGlob(pattern: string, path: string): boolean {
  const names = pattern.replace(/^\.?\//, '').split('/');
  const [only] = names;
  const parts = names.length === 1 && only !== '**' ? ['**', only as string] : names;
  return fits(parts, path.split('/'), (name) => name === '**', fitsWildcard);
}

/** The same for text that is no path: `*` stands for any characters, `?` for one. */
export function fitsWildcard(pattern: string, name: string): boolean {
  return fits([...pattern], [...name], (c) => c === '*', (wanted, c) => wanted === '?' || wanted === c);
}

/** Wildcard matching by going back to the last wildcard only, which is enough when one stands for any sequence. */
function fits<T>(pattern: readonly T[], text: readonly T[], any: (item: T) => boolean, one: (wanted: T, item: T) => boolean): boolean {
  let [p, t, star, from] = [0, 0, -1, 0];
  while (t < text.length) {
    if (p < pattern.length && any(pattern[p] as T)) [star, from, p] = [p, t, p + 1];
    else if (p < pattern.length && one(pattern[p] as T, text[t] as T)) [p, t] = [p + 1, t + 1];
    else if (star < 0) return false;
    else [p, t, from] = [star + 1, from + 1, from + 1];
  }
  while (p < pattern.length && any(pattern[p] as T)) p++;
  return p === pattern.length;
}
