/** Keys of a repository's .npmrc that change how a tree is laid out and can reach nothing: all others are dropped. */
const KEPT = new Set(['legacy-peer-deps', 'strict-peer-deps', 'engine-strict', 'install-strategy', 'install-links', 'omit', 'include', 'prefer-dedupe', 'package-lock']);

/** The part of an .npmrc that the fetch phase obeys, and the names of the keys that it does not. */
export function siftNpmrc(text: string): { readonly kept: string; readonly dropped: readonly string[] } {
  const kept: string[] = [];
  const dropped: string[] = [];
  for (const line of text.split(/\r?\n/)) {
    const match = /^\s*([^#;=\s][^=]*?)\s*(\[\])?\s*=\s*(.*?)\s*$/s.exec(line);
    if (match === null) continue;
    const [, key, , value] = match as unknown as [string, string, string | undefined, string];
    if (KEPT.has(key) && /^[\w, -]{0,100}$/.test(value)) kept.push(`${key}=${value}`);
    else dropped.push(key.slice(0, 100));
  }
  return { kept: kept.map((l) => `${l}\n`).join(''), dropped };
}
