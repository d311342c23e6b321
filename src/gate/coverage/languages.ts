import { isTestFile } from '../test-files.js';

export type Language = 'javascript' | 'python' | 'other';

/** Endings of files that hold code which runs; data, markup and texts are none. */
const OTHER = /\.(?:go|rs|java|kt|kts|scala|groovy|rb|php|pl|pm|lua|c|cc|cpp|cxx|h|hh|hpp|m|mm|swift|cs|fs|vb|ex|exs|erl|hs|clj|cljs|ml|dart|r|jl|zig|nim|sh|bash|zsh|ps1|vue|svelte|astro|sql)$/i;

/** The language of a file of product code, or null where it holds none: a test, a declaration of types, data. */
export function languageOf(path: string): Language | null {
  if (isTestFile(path) || /\.d\.[cm]?ts$/i.test(path)) return null;
  if (/\.(?:[cm]?[jt]s|[jt]sx)$/i.test(path)) return 'javascript';
  if (/\.py$/i.test(path)) return 'python';
  return OTHER.test(path) ? 'other' : null;
}
