import type { SgNode } from '@ast-grep/napi';

/** One import at the top of a file. */
export interface Import {
  /** Without `node:`. */
  readonly module: string;
  readonly specifier: string;
  /** Name that the module as a whole is bound to. */
  readonly whole: string | null;
  readonly members: readonly { readonly member: string; readonly name: string }[];
  /** Where another member can be inserted: the end of the last one; null where none is in braces. */
  readonly lastMember: number | null;
}

/** Imports and requires that stand at the top level of the file; those of types bind nothing that runs. */
export function importsOf(root: SgNode): readonly Import[] {
  return root.children().flatMap((statement) => {
    if (statement.is('import_statement')) return statement.child(1)?.text() === 'type' ? [] : fromImport(statement);
    if (!statement.is('lexical_declaration') && !statement.is('variable_declaration')) return [];
    return statement.namedChildren().flatMap(fromRequire);
  });
}

function fromImport(statement: SgNode): readonly Import[] {
  const specifier = contentOf(statement.field('source'));
  const clause = statement.children().find((child) => child.is('import_clause'));
  if (specifier === null || clause === undefined) return [];
  const parts = clause.namedChildren();
  const whole = parts.find((part) => part.is('identifier')) ?? parts.find((part) => part.is('namespace_import'))?.namedChildren()[0];
  const specifiers = parts.find((part) => part.is('named_imports'))?.namedChildren().filter((part) => part.is('import_specifier')) ?? [];
  return [{
    ...named(specifier), whole: whole?.text() ?? null,
    members: specifiers.map((s) => ({ member: s.field('name')?.text() ?? '', name: (s.field('alias') ?? s.field('name'))?.text() ?? '' })),
    lastMember: specifiers.at(-1)?.range().end.index ?? null,
  }];
}

function fromRequire(declarator: SgNode): readonly Import[] {
  const value = declarator.field('value');
  if (value === null || !value.is('call_expression') || value.field('function')?.text() !== 'require') return [];
  const specifier = contentOf(value.field('arguments')?.namedChildren()[0] ?? null);
  const name = declarator.field('name');
  if (specifier === null || name === null) return [];
  if (name.is('identifier')) return [{ ...named(specifier), whole: name.text(), members: [], lastMember: null }];
  if (!name.is('object_pattern')) return [];
  const properties = name.namedChildren();
  return [{
    ...named(specifier), whole: null,
    members: properties.flatMap((p) => (p.is('shorthand_property_identifier_pattern') ? [{ member: p.text(), name: p.text() }]
      : p.is('pair_pattern') ? [{ member: p.field('key')?.text() ?? '', name: p.field('value')?.text() ?? '' }] : [])),
    lastMember: properties.some((p) => p.is('rest_pattern')) ? null : properties.at(-1)?.range().end.index ?? null,
  }];
}

function named(specifier: string): Pick<Import, 'module' | 'specifier'> {
  return { module: specifier.replace(/^node:/, ''), specifier };
}

function contentOf(node: SgNode | null): string | null {
  return node?.is('string') === true ? node.text().slice(1, -1) : null;
}

const BINDS: ReadonlySet<string> = new Set([
  'formal_parameters', 'required_parameter', 'optional_parameter', 'import_clause', 'import_specifier', 'namespace_import', 'catch_clause', 'rest_pattern', 'array_pattern',
]);

/** How often each name is declared in the file, in any scope: one that is declared twice may be shadowed where a fix would use it. */
export function bindings(root: SgNode): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  const add = (name: string): void => void counts.set(name, (counts.get(name) ?? 0) + 1);
  for (const node of root.findAll({ rule: { any: [{ kind: 'identifier' }, { kind: 'shorthand_property_identifier_pattern' }] } })) {
    const parent = node.parent();
    if (parent !== null && (node.is('shorthand_property_identifier_pattern') || declares(parent, node))) add(node.text());
  }
  return counts;
}

function declares(parent: SgNode, node: SgNode): boolean {
  const kind = String(parent.kind());
  const is = (field: string): boolean => parent.field(field)?.id() === node.id();
  if (kind === 'import_specifier') return is(parent.field('alias') === null ? 'name' : 'alias');
  if (BINDS.has(kind)) return true;
  if (kind === 'variable_declarator' || /^(function|class|generator_function)(_declaration|_expression)?$/.test(kind)) return is('name');
  if (kind === 'arrow_function') return is('parameter');
  if (kind === 'pair_pattern') return is('value');
  return (kind === 'assignment_pattern' || kind === 'object_assignment_pattern' || kind === 'for_in_statement') && is('left');
}

/**
 * Where a new import or function goes. `after` = at the end of the last import of the leading run; otherwise at the start of a line, behind
 * what must stay first: the `#!` line, directives, a comment that speaks of the whole file.
 */
export function insertionPoint(root: SgNode, text: string): { readonly at: number; readonly after: boolean } {
  const statements = root.children();
  // Imports are hoisted, so the last one counts wherever it stands; a require further down may not have run.
  const last = statements.findLast((s) => s.is('import_statement')) ?? lastRequire(statements);
  if (last !== null) return { at: lineEnd(text, last.range().end.index), after: true };
  let first = text.startsWith('\uFEFF') ? 1 : 0;
  for (const statement of statements) {
    if (!statement.is('hash_bang_line') && !isDirective(statement) && !isHeader(statement, text)) break;
    first = nextLine(text, statement.range().end.index);
  }
  return { at: first, after: false };
}

/** The last require of the run that the file begins with. */
function lastRequire(statements: readonly SgNode[]): SgNode | null {
  let last: SgNode | null = null;
  for (const statement of statements) {
    if (isRequire(statement)) last = statement;
    else if (!statement.is('hash_bang_line') && !isDirective(statement) && !statement.is('comment')) break;
  }
  return last;
}

/** The end of the line when only a comment follows there. */
function lineEnd(text: string, at: number): number {
  const rest = /^[ \t]*(?:\/\/[^\r\n]*|\/\*[^\r\n*]*\*\/)?[ \t]*(?=\r?\n|$)/.exec(text.slice(at, at + 1000))?.[0];
  return at + (rest?.trimEnd().length ?? 0);
}

function isRequire(statement: SgNode): boolean {
  return (statement.is('lexical_declaration') || statement.is('variable_declaration')) && statement.namedChildren().some((d) => fromRequire(d).length > 0 || /^require\(/.test(d.field('value')?.text() ?? ''));
}

function isDirective(statement: SgNode): boolean {
  return statement.is('expression_statement') && statement.child(0)?.is('string') === true;
}

/** A comment of the file: of licence or tools, or one with an empty line after it. */
function isHeader(comment: SgNode, text: string): boolean {
  if (!comment.is('comment')) return false;
  return /licen[sc]e|copyright|@flow|@ts-|eslint|@file|@preserve|^\/\*!|^\/\/\/|istanbul|@jest/i.test(comment.text()) || /^[ \t]*\r?\n[ \t]*\r?\n/.test(text.slice(comment.range().end.index, comment.range().end.index + 20));
}

function nextLine(text: string, at: number): number {
  const newline = text.indexOf('\n', at);
  return newline === -1 ? text.length : newline + 1;
}
