import type { SgNode } from '@ast-grep/napi';
import type { Edit } from '../../sarif/model.js';
import { type FileFacts, insert, type Use } from './facts.js';
import { lazy } from './javascript.js';
import { eolOf, indentOf } from './style.js';

interface PythonImport {
  readonly module: string;
  /** Name of the module as a whole; null for `from module import …`. */
  readonly whole: string | null;
  readonly members: readonly { readonly member: string; readonly name: string }[];
}

/** Facts of one Python file. */
export function pythonFacts(path: string, text: string, root: SgNode): FileFacts {
  const imports = lazy(() => root.children().flatMap(importOf));
  const bound = lazy(() => bindings(root));
  const free = (name: string): boolean => !new RegExp(`(?<![\\w.])${name}(?!\\w)`).test(text);
  const once = (name: string): boolean => bound().get(name) === 1;
  const style = lazy(() => {
    const double = (text.match(/"/g) ?? []).length;
    return { quote: double > (text.match(/'/g) ?? []).length ? '"' as const : "'" as const, semicolon: '' as const, indent: indentOf(text, '    '), eol: eolOf(text), type: () => '' };
  });
  const use = (module: string, member: string): Use | null => {
    const same = imports().filter((i) => i.module === module);
    const whole = same.find((i) => i.whole !== null)?.whole;
    if (whole != null) return once(whole) ? { name: `${whole}.${member}`, edits: [] } : null;
    const name = same.flatMap((i) => i.members).find((m) => m.member === member)?.name;
    if (name !== undefined) return once(name) ? { name, edits: [] } : null;
    return free(module) ? { name: `${module}.${member}`, edits: [importLine(root, text, module, style().eol)] } : null;
  };
  return {
    path, text, root, language: 'python', module: 'python', use,
    get style() {
      return style();
    },
    get modules() {
      return new Set(imports().flatMap((i) => [i.module, i.module.split('.')[0] ?? '']));
    },
    moduleOf: (name) => (once(name) ? imports().find((i) => i.whole === name)?.module ?? null : null),
    declares: (name) => bound().has(name),
    // No fix for Python needs a function of its own: the standard library has what they use.
    helper: () => null,
  };
}

function importOf(statement: SgNode): readonly PythonImport[] {
  if (statement.is('import_statement')) {
    return statement.namedChildren().map((part) => {
      const module = (part.is('aliased_import') ? part.field('name') : part)?.text() ?? '';
      return { module, whole: part.is('aliased_import') ? part.field('alias')?.text() ?? null : module, members: [] };
    });
  }
  if (!statement.is('import_from_statement')) return [];
  const [module, ...names] = statement.namedChildren();
  return module === undefined ? [] : [{
    module: module.text(), whole: null,
    members: names.map((n) => (n.is('aliased_import') ? { member: n.field('name')?.text() ?? '', name: n.field('alias')?.text() ?? '' } : { member: n.text(), name: n.text() })),
  }];
}

/** How often each name is bound by an import, an assignment, a parameter or a definition. */
function bindings(root: SgNode): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  const add = (name: string | undefined): void => {
    if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) + 1);
  };
  for (const { whole, members } of root.findAll({ rule: { any: [{ kind: 'import_statement' }, { kind: 'import_from_statement' }] } }).flatMap(importOf)) for (const name of [whole ?? undefined, ...members.map((m) => m.name)]) add(name);
  for (const node of root.findAll({ rule: { kind: 'identifier' } })) {
    const parent = node.parent();
    const kind = String(parent?.kind());
    const is = (field: string): boolean => parent?.field(field)?.id() === node.id();
    if (/^(?:parameters|lambda_parameters|typed_parameter|list_splat_pattern|dictionary_splat_pattern|pattern_list|tuple_pattern|as_pattern_target)$/.test(kind)
      || (/^(?:default_parameter|typed_default_parameter|function_definition|class_definition|named_expression)$/.test(kind) && is('name'))
      || (/^(?:assignment|for_statement|for_in_clause)$/.test(kind) && is('left'))) add(node.text());
  }
  return counts;
}

/** A line of its own with the other plain imports, in the order of the alphabet where they are. */
function importLine(root: SgNode, text: string, module: string, eol: string): Edit {
  const run: SgNode[] = [];
  let first = 0;
  for (const statement of root.children()) {
    const doc = statement.is('expression_statement') && statement.child(0)?.is('string') === true && run.length === 0;
    const future = statement.is('future_import_statement');
    if (statement.is('import_statement') || statement.is('import_from_statement')) run.push(statement);
    else if (run.length === 0 && (doc || future || (statement.is('comment') && /^#!|coding[:=]|licen[sc]e|copyright/i.test(statement.text())))) first = nextLine(text, statement.range().end.index);
    else if (!statement.is('comment') && !doc && !future) break;
  }
  const plain = run.filter((s) => s.is('import_statement'));
  // The first block of plain imports is that of the standard library.
  const block = plain.filter((s, i) => i === 0 || s.range().start.line - (plain[0]?.range().start.line ?? 0) <= i);
  const names = block.map((s) => s.namedChildren()[0]?.text() ?? '');
  const sorted = names.every((name, i) => i === 0 || (names[i - 1] ?? '') <= name);
  const next = sorted ? block[names.findIndex((name) => name > module)] : undefined;
  if (next !== undefined) return insert(next.range().start.index, `import ${module}${eol}`);
  const last = block.at(-1);
  if (last !== undefined) return insert(last.range().end.index, `${eol}import ${module}`);
  const start = run[0]?.range().start.index;
  if (start !== undefined) return insert(start, `import ${module}${eol}`);
  return insert(first, `import ${module}${eol}${eol}`);
}

function nextLine(text: string, at: number): number {
  const newline = text.indexOf('\n', at);
  return newline === -1 ? text.length : newline + 1;
}

/** Positional arguments and keywords of a Python call. */
export function pythonArguments(call: SgNode): { readonly positional: readonly SgNode[]; readonly keyword: (name: string) => SgNode | undefined; readonly keywords: readonly SgNode[] } {
  const all = call.field('arguments')?.namedChildren().filter((child) => !child.is('comment')) ?? [];
  const keywords = all.filter((child) => child.is('keyword_argument'));
  return { positional: all.filter((child) => !child.is('keyword_argument')), keywords, keyword: (name) => keywords.find((k) => k.field('name')?.text() === name) };
}

/** Takes an argument out with one comma, and its line where it has one for itself. */
export function withoutArgument(argument: SgNode, text: string): Edit {
  const { start, end } = argument.range();
  const follows = /^[ \t]*,[ \t]*/.exec(text.slice(end.index))?.[0];
  const line = /(?:^|\n)[ \t]*$/.test(text.slice(0, start.index));
  if (follows !== undefined && line) {
    const rest = /^[ \t]*\r?\n/.exec(text.slice(end.index + follows.length))?.[0];
    if (rest !== undefined) return { start: text.lastIndexOf('\n', start.index - 1) + 1, end: end.index + follows.length + rest.length, text: '' };
  }
  const precedes = /,\s*$/.exec(text.slice(0, start.index))?.[0];
  if (follows !== undefined && precedes === undefined) return { start: start.index, end: end.index + follows.length, text: '' };
  return { start: start.index - (precedes?.length ?? 0), end: end.index, text: '' };
}
