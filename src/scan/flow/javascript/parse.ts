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

/** A JavaScript or TypeScript file in the intermediate form; null when no dialect reads it. A fragment (a `return` at the top, say) is read too. */
export function parseJavaScript(path: string, source: string): Program | null {
  for (const plugins of dialects(path)) {
    const program = attempt(source, plugins);
    if (program !== null) return program;
  }
  return null;
}

function attempt(source: string, plugins: Plugins): Program | null {
  try {
    const file = parse(source, {
      sourceType: 'unambiguous', errorRecovery: true, plugins, allowReturnOutsideFunction: true, allowAwaitOutsideFunction: true, allowSuperOutsideMethod: true, allowUndeclaredExports: true,
      allowNewTargetOutsideFunction: true, attachComment: false,
    });
    return { body: lowerStatements(file.program.body), partial: (file.errors ?? []).length > 0 };
  } catch {
    return null; // a syntax error that cannot be passed over, or brackets deeper than the stack
  }
}
