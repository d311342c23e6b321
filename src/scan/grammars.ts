import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { registerDynamicLanguage } from '@ast-grep/napi';

/** Name of the Python grammar for `parse`. */
export const PYTHON = 'python';
/** Names of the grammar's library below the package `@ast-grep/lang-python`: as Sallyport lays it into sandboxes, and as npm does. */
const LIBRARIES: readonly string[] = ['parser.so', `prebuilds/prebuild-Linux-${process.arch === 'arm64' ? 'ARM64' : 'X64'}/parser.so`];

let registered: boolean | null = null;

/**
 * Makes the Python grammar known to the parser; once a process, for the parser takes no second call. False when it is not installed. It is looked
 * for where the running program's own modules lie, never below the working directory: a tree that is scanned must not bring a library.
 */
export function hasPython(): boolean {
  return (registered ??= register());
}

function register(): boolean {
  const library = libraryOf();
  // The parser ends the whole process over a library that is not there.
  if (library === null) return false;
  registerDynamicLanguage({ [PYTHON]: { libraryPath: library, extensions: ['py'], languageSymbol: 'tree_sitter_python', expandoChar: 'µ' } });
  return true;
}

function libraryOf(): string | null {
  try {
    const folder = dirname(createRequire(process.argv[1] ?? '/').resolve('@ast-grep/lang-python/package.json'));
    return LIBRARIES.map((name) => join(folder, name)).find((file) => existsSync(file)) ?? null;
  } catch {
    return null;
  }
}
