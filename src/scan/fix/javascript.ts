import type { SgNode } from '@ast-grep/napi';
import type { Edit } from '../../sarif/model.js';
import { type FileFacts, insert, type Style, type Use } from './facts.js';
import { bindings, importsOf, type Import, insertionPoint } from './imports.js';
import { styleOf } from './style.js';

/** Modules that are written whole (`crypto.randomInt`); of others the one name is imported. */
const WHOLE: ReadonlySet<string> = new Set(['crypto', 'path', 'fs']);

/** Facts of one JavaScript or TypeScript file. Everything that costs a walk over the tree is done when it is first asked for. */
export function javascriptFacts(path: string, text: string, root: SgNode): FileFacts {
  const language = /\.[mc]?tsx?$/i.test(path) ? 'typescript' as const : 'javascript' as const;
  const imports = lazy(() => importsOf(root));
  const bound = lazy(() => bindings(root));
  const point = lazy(() => insertionPoint(root, text));
  const style = lazy(() => styleOf(root, text, language === 'typescript'));
  const module = lazy(() => moduleKind(path, root, language));
  const once = (name: string): boolean => bound().get(name) === 1;
  const free = (name: string): boolean => !bound().has(name) && !new RegExp(`(?<![\\w$.])${name}(?![\\w$])`).test(text);
  const adding = (edit: Edit, name: string): Use => ({ name, edits: [edit] });

  const use = (wanted: string, member: string): Use | null => {
    const same = imports().filter((i) => i.module === wanted);
    const member_ = same.flatMap((i) => i.members.filter((m) => m.member === member))[0];
    if (member_ !== undefined) return once(member_.name) ? { name: member_.name, edits: [] } : null;
    const whole = same.find((i) => i.whole !== null)?.whole;
    if (whole !== undefined && whole !== null) return once(whole) ? { name: `${whole}.${member}`, edits: [] } : null;
    const open = same.find((i): i is Import & { readonly lastMember: number } => i.lastMember !== null);
    if (open !== undefined) return free(member) ? adding(insert(open.lastMember, `, ${member}`), member) : null;
    if (WHOLE.has(wanted) && free(wanted)) return adding(importLine(wanted, wanted, null), `${wanted}.${member}`);
    return free(member) ? adding(importLine(wanted, null, member), member) : null;
  };

  const importLine = (wanted: string, whole: string | null, member: string | null): Edit => {
    const { quote, semicolon, eol } = style();
    const prefix = imports().some((i) => i.specifier.startsWith('node:')) ? 'node:' : '';
    const source = `${quote}${prefix}${wanted}${quote}`;
    const names = member === null ? whole ?? '' : `{ ${member} }`;
    const line = module() === 'commonjs' ? `const ${names} = require(${source})${semicolon}`
      : `import ${whole !== null ? `* as ${names}` : names} from ${source}${semicolon}`;
    const { at, after } = point();
    return insert(at, after ? `${eol}${line}` : `${line}${eol}${eol}`);
  };

  const helper = (name: string, lines: (style: Style) => readonly string[]): Use | null => {
    const { eol, indent, semicolon } = style();
    const source = lines(style())
      .map((line) => line.replace(/^(?: {2})+/, (spaces) => indent.repeat(spaces.length / 2)))
      .map((line) => (semicolon === '' ? line.replace(/;$/, '') : line)).join(eol);
    if (text.includes(source)) return once(name) ? { name, edits: [] } : null;
    if (!free(name)) return null;
    const { at, after } = point();
    const open = /^[ \t]*\r?\n[ \t]*\S/.test(text.slice(at, at + 1000)) ? eol : '';
    return adding(insert(at, after ? `${eol}${eol}${source}${open}` : `${source}${eol}${eol}`), name);
  };

  return {
    path, text, root, language, use, helper,
    get module() {
      return module();
    },
    get style() {
      return style();
    },
    get modules() {
      return new Set(imports().map((i) => i.module));
    },
    moduleOf: (name) => (once(name) ? imports().find((i) => i.whole === name)?.module ?? null : null),
    declares: (name) => bound().has(name),
  };
}

function moduleKind(path: string, root: SgNode, language: FileFacts['language']): 'esm' | 'commonjs' {
  if (/\.m[jt]s$/i.test(path)) return 'esm';
  if (/\.c[jt]s$/i.test(path)) return language === 'typescript' ? 'esm' : 'commonjs';
  const statements = root.children();
  if (statements.some((s) => s.is('import_statement') || s.is('export_statement'))) return 'esm';
  if (root.find({ rule: { any: [{ pattern: 'require($X)' }, { pattern: 'module.exports' }] } }) !== null) return 'commonjs';
  return language === 'typescript' ? 'esm' : 'commonjs';
}

export function lazy<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => (made ??= { value: make() }).value;
}
