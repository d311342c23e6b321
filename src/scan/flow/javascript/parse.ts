import { parse } from '@babel/parser';
import type { Program } from '../ir.js';
import { lowerStatements } from './lower.js';

type Plugins = NonNullable<NonNullable<Parameters<typeof parse>[1]>['plugins']>;

const DECORATORS: Plugins = ['decorators', 'decoratorAutoAccessors'];
/** Tried in order: what a file may be by its name, then the other dialect of JavaScript. */
function dialects(path: string): Plugins[] {
  const ending = path.slice(path.lastIndexOf('.') + 1).toLowerCase();
  if (ending === 'ts' || ending === 'mts' || ending === 'cts') return [['typescript', ...DECORATORS]];
  if (ending === 'tsx') return [['typescript', 'jsx', ...DECORATORS]];
  return [['jsx', ...DECORATORS], ['typescript', 'jsx', ...DECORATORS], ['flow', 'jsx', ...DECORATORS]];
}

/** A node of the parser's tree, for what walks all of it. */
export interface SyntaxNode {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly loc: { readonly start: { readonly line: number; readonly column: number }; readonly end: { readonly line: number; readonly column: number } };
  readonly [key: string]: unknown;
}

/** The tree of a file as the parser gives it, with its comments; null when no dialect reads it. `partial` = something in it was passed over. */
export function parseTree(path: string, source: string): { readonly program: SyntaxNode; readonly comments: readonly { readonly start: number; readonly end: number }[]; readonly partial: boolean } | null {
  for (const plugins of dialects(path)) {
    const file = attempt(source, plugins);
    if (file === null) continue;
    const comments = (file.comments ?? []).map(({ start, end }) => ({ start: start ?? 0, end: end ?? 0 }));
    return { program: file.program as unknown as SyntaxNode, comments, partial: (file.errors ?? []).length > 0 };
  }
  return null;
}

/** A JavaScript or TypeScript file in the intermediate form; null when no dialect reads it. A fragment (a `return` at the top, say) is read too. */
export function parseJavaScript(path: string, source: string): Program | null {
  for (const plugins of dialects(path)) {
    const program = lowered(source, plugins);
    if (program !== null) return program;
  }
  return null;
}

function lowered(source: string, plugins: Plugins): Program | null {
  try {
    const file = attempt(source, plugins);
    return file === null ? null : { body: lowerStatements(file.program.body), partial: (file.errors ?? []).length > 0 };
  } catch {
    return null; // deeper than the stack
  }
}

function attempt(source: string, plugins: Plugins): ReturnType<typeof parse> | null {
  try {
    return parse(source, {
      sourceType: 'unambiguous', errorRecovery: true, plugins, allowReturnOutsideFunction: true, allowAwaitOutsideFunction: true, allowSuperOutsideMethod: true, allowUndeclaredExports: true,
      allowNewTargetOutsideFunction: true, attachComment: false,
    });
  } catch {
    return null; // a syntax error that cannot be passed over, or brackets deeper than the stack
  }
}
