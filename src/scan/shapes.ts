import { Lang, parse, type SgNode } from '@ast-grep/napi';
import { inOrder } from '../sarif/edits.js';
import type { Edit, Fix, Found } from '../sarif/model.js';
import type { FileFacts } from './fix/facts.js';
import { javascriptFacts } from './fix/javascript.js';
import { pythonFacts } from './fix/python.js';
import { hasPython, PYTHON } from './grammars.js';
import type { ShapeRule } from './rule.js';
import { CRYPTO } from './rules/crypto.js';
import { EXPRESS } from './rules/express.js';
import { INJECTION } from './rules/injection.js';
import { PYTHON_CRYPTO } from './rules/python-crypto.js';
import { PYTHON_INJECTION } from './rules/python-injection.js';
import { PYTHON_WEB } from './rules/python-web.js';
import { WEB } from './rules/web.js';

const JAVASCRIPT_RULES: readonly ShapeRule[] = [...INJECTION, ...WEB, ...EXPRESS, ...CRYPTO];
const PYTHON_RULES: readonly ShapeRule[] = [...PYTHON_INJECTION, ...PYTHON_WEB, ...PYTHON_CRYPTO];
/** Every shape rule of the pack; `js/…` are for JavaScript and TypeScript, `py/…` for Python. */
export const SHAPE_RULES: readonly ShapeRule[] = [...JAVASCRIPT_RULES, ...PYTHON_RULES];

/** Grammar by the end of the file's name. `.pyi` files hold no code that runs. */
const LANGUAGES: Readonly<Record<string, Lang | typeof PYTHON>> = {
  js: Lang.JavaScript, mjs: Lang.JavaScript, cjs: Lang.JavaScript, jsx: Lang.JavaScript,
  ts: Lang.TypeScript, mts: Lang.TypeScript, cts: Lang.TypeScript, tsx: Lang.Tsx,
  py: PYTHON,
};
/** Brackets deeper than this are not written by people, and the matcher's time grows with depth times size. */
const MAX_DEPTH = 1000;

/** Why the rules for `path` cannot be run on this machine, or null. */
export function missingGrammar(path: string): string | null {
  return languageOf(path) === PYTHON && !hasPython() ? 'no rules for Python on this machine' : null;
}

/** The grammar to parse a file with, null where there is none or it cannot be searched in bounded time. */
export function grammarOf(path: string, source: string): Lang | typeof PYTHON | null {
  const language = languageOf(path);
  return language === undefined || missingGrammar(path) !== null || depth(source) > MAX_DEPTH ? null : language;
}

/** True when shape rules exist for the language of `path`. */
export function hasShapeRules(path: string): boolean {
  return languageOf(path) !== undefined;
}

/** Results of every shape rule on one file, `too_deep` when it cannot be searched in bounded time, empty where there are no rules. */
export function findShapes(path: string, source: string, rules: readonly ShapeRule[] = SHAPE_RULES): readonly Found[] | 'too_deep' {
  const language = languageOf(path);
  if (language === undefined || missingGrammar(path) !== null) return [];
  if (depth(source) > MAX_DEPTH) return 'too_deep';
  const prefix = language === PYTHON ? 'py/' : 'js/';
  const hinted = rules.filter((rule) => rule.id.startsWith(prefix) && rule.hint.test(source));
  if (hinted.length === 0) return [];
  const root = parse(language, source).root();
  const facts = language === PYTHON ? pythonFacts(path, source, root) : javascriptFacts(path, source, root);
  return hinted.flatMap((rule) =>
    root.findAll({ rule: rule.match })
      .filter((node) => rule.accept?.(node) !== false)
      .map((node) => {
        const { start, end } = node.range();
        return {
          rule: rule.id, message: rule.message, path, snippet: node.text(),
          line: start.line + 1, column: start.column + 1, endLine: end.line + 1, endColumn: end.column + 1,
          ...fixOf(rule, node, facts),
        };
      }));
}

function fixOf(rule: ShapeRule, node: SgNode, facts: FileFacts): { readonly fix?: Fix } {
  const edits = editsOf(rule, node, facts);
  return rule.fix === undefined || edits === null || edits.length === 0 || !inOrder(edits) ? {} : { fix: { title: rule.fix.title, edits } };
}

/** A shape that breaks a fix (an expression nested without brackets, say) leaves its result without one. */
function editsOf(rule: ShapeRule, node: SgNode, facts: FileFacts): readonly Edit[] | null {
  try {
    return rule.fix?.edits(node, facts) ?? null;
  } catch {
    return null;
  }
}

function languageOf(path: string): Lang | typeof PYTHON | undefined {
  const name = path.toLowerCase();
  const extension = name.slice(name.lastIndexOf('.') + 1);
  return Object.hasOwn(LANGUAGES, extension) ? LANGUAGES[extension] : undefined;
}

/** Deepest nesting of brackets, strings not looked into: an upper bound is enough here. */
function depth(source: string): number {
  let now = 0;
  let most = 0;
  for (let i = 0; i < source.length; i++) {
    const c = source.charCodeAt(i);
    if (c === 40 || c === 91 || c === 123) most = Math.max(most, ++now);
    else if ((c === 41 || c === 93 || c === 125) && now > 0) now--;
  }
  return most;
}
