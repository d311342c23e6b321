import type { SgNode } from '@ast-grep/napi';
import type { Edit } from '../../sarif/model.js';

/** A name that a fix may write at its place, and what must be inserted elsewhere so that it is bound. */
export interface Use {
  readonly name: string;
  /** Empty when the file has the name already. */
  readonly edits: readonly Edit[];
}

/** How the file is written. */
export interface Style {
  readonly quote: "'" | '"';
  /** What ends a statement: nothing where the file does without. */
  readonly semicolon: ';' | '';
  /** One step of indentation. */
  readonly indent: string;
  readonly eol: '\n' | '\r\n';
  /** `: string` in a language with types, nothing without. */
  readonly type: (annotation: string) => string;
}

/**
 * What a fix needs to know of the whole file, so that it changes as little as possible and writes as the file is written. All of it is
 * judged by form: where a name is bound twice, or could be something else, the answer is null and the place stays a finding.
 */
export interface FileFacts {
  readonly path: string;
  readonly text: string;
  readonly root: SgNode;
  readonly language: 'javascript' | 'typescript' | 'python';
  /** How modules come in; a JavaScript file that shows neither way counts as CommonJS unless its name says otherwise. */
  readonly module: 'esm' | 'commonjs' | 'python';
  readonly style: Style;
  /** Module that a name of the file is bound to as a whole (`fs` for `const f = require('node:fs')`), or null. */
  readonly moduleOf: (name: string) => string | null;
  /** Names of all modules that the file imports, without `node:`. */
  readonly modules: ReadonlySet<string>;
  /** True when a name is declared somewhere in the file, whatever its scope. */
  readonly declares: (name: string) => boolean;
  /** An expression for `member` of `module`: through the import that is there, or through one that the edits add. */
  readonly use: (module: string, member: string) => Use | null;
  /**
   * A function of the file's own: the one it has, when that is exactly this, or one that the edits insert after the imports. `lines` is
   * written with semicolons and two spaces, and comes out in the file's style.
   */
  readonly helper: (name: string, lines: (style: Style) => readonly string[]) => Use | null;
}

/** Replaces what a node stands for. */
export function replace(node: SgNode, text: string): Edit {
  const { start, end } = node.range();
  return { start: start.index, end: end.index, text };
}

export function insert(at: number, text: string): Edit {
  return { start: at, end: at, text };
}

/** Edits of several places as one list in order. */
export function together(...lists: readonly (readonly Edit[])[]): readonly Edit[] {
  return lists.flat().map((edit, i) => ({ edit, i })).sort((a, b) => a.edit.start - b.edit.start || a.edit.end - b.edit.end || a.i - b.i).map(({ edit }) => edit);
}

/** Arguments of a call, comments and punctuation aside. */
export function argumentsOf(call: SgNode): readonly SgNode[] {
  return call.field('arguments')?.namedChildren().filter((child) => !child.is('comment')) ?? [];
}
