import type { SgNode } from '@ast-grep/napi';
import type { Argument, Class, Entry, Expr, Func, Param, Pattern, Span, Stmt } from '../ir.js';
import { stringParts } from './strings.js';

/** A node with its children taken over once: every question to the parser crosses into native code. */
class Tree {
  readonly node: SgNode;
  readonly kind: string;
  #children: Tree[] | undefined;

  constructor(node: SgNode) {
    this.node = node;
    this.kind = String(node.kind());
  }

  get at(): Span {
    const { start, end } = this.node.range();
    return { start: start.index, end: end.index };
  }

  get text(): string {
    return this.node.text();
  }

  /** Named children without comments. */
  get named(): readonly Tree[] {
    return (this.#children ??= this.node.children().filter((child) => child.isNamed() && child.kind() !== 'comment').map((child) => new Tree(child)));
  }

  field(name: string): Tree | null {
    const found = this.node.field(name);
    return found === null ? null : new Tree(found);
  }

  fields(name: string): readonly Tree[] {
    return this.node.fieldChildren(name).map((child) => new Tree(child));
  }
}

const mix = (at: Span, parts: readonly Expr[] = []): Expr => ({ k: 'mix', at, parts });
const plain = (value: Expr): Argument => ({ value, name: null, spread: false });
const nameExpr = (name: string, at: Span): Expr => ({ k: 'name', at, name: name === 'self' || name === 'cls' ? 'this' : name });

export function lowerModule(root: SgNode): Stmt[] {
  return statements(new Tree(root));
}

function statements(block: Tree | null): Stmt[] {
  return block === null ? [] : block.named.flatMap(statement);
}

function statement(node: Tree): Stmt[] {
  const { at } = node;
  switch (node.kind) {
    case 'expression_statement':
      return node.named.flatMap((child) => assignment(child) ?? [{ s: 'expr', of: lower(child) }]);
    case 'return_statement':
      return [{ s: 'return', at, of: node.named[0] === undefined ? null : lower(node.named[0]) }];
    case 'raise_statement':
      return [{ s: 'throw', at, of: node.named[0] === undefined ? null : lower(node.named[0]) }];
    case 'break_statement':
    case 'continue_statement':
      return [{ s: 'leave', at }];
    case 'if_statement':
      return [conditional(node)];
    case 'for_statement':
      return [{ s: 'loop', at, each: { pattern: pattern(node.field('left')), over: lower(node.field('right')), keys: false }, test: null, body: statements(node.field('body')) }, ...statements(node.field('alternative')?.field('body') ?? null)];
    case 'while_statement':
      return [{ s: 'loop', at, each: null, test: lower(node.field('condition')), body: statements(node.field('body')) }];
    case 'try_statement': {
      const handlers = node.named.filter((child) => /^except/.test(child.kind));
      const last = node.named.find((child) => child.kind === 'finally_clause');
      const other = node.named.find((child) => child.kind === 'else_clause');
      const blockOf = (child: Tree): Stmt[] => statements(child.named.find((inner) => inner.kind === 'block') ?? null);
      return [{ s: 'try', at, body: [...statements(node.field('body')), ...(other === undefined ? [] : blockOf(other))], param: null, handler: handlers.length === 0 ? null : handlers.flatMap(blockOf), last: last === undefined ? [] : blockOf(last) }];
    }
    case 'with_statement':
      return [...node.named.filter((child) => child.kind === 'with_clause').flatMap((clause) => clause.named.flatMap(withItem)), ...statements(node.field('body'))];
    case 'function_definition':
      return [{ s: 'function', fn: func(node, []) }];
    case 'class_definition':
      return [classStatement(node, [])];
    case 'decorated_definition': {
      const decorators = node.named.filter((child) => child.kind === 'decorator').map((child) => lower(child.named[0] ?? null));
      const definition = node.field('definition');
      if (definition === null) return [];
      return definition.kind === 'class_definition' ? [classStatement(definition, decorators)] : [{ s: 'function', fn: func(definition, decorators) }];
    }
    case 'import_statement':
      return node.fields('name').map((child) => imported(child, null, at));
    case 'import_from_statement': {
      const module = node.field('module_name')?.text ?? '';
      return node.fields('name').map((child) => imported(child, module, at));
    }
    case 'assert_statement':
      return node.named[0] === undefined ? [] : [{ s: 'if', at, test: lower(node.named[0]), yes: [], other: [{ s: 'throw', at, of: null }] }];
    case 'match_statement':
      return [{ s: 'expr', of: lower(node.field('subject')) }, ...(node.field('body')?.named ?? []).map((arm): Stmt => ({ s: 'if', at: arm.at, test: mix(arm.at), yes: statements(arm.field('consequence')), other: [] }))];
    case 'exec_statement':
      return [{ s: 'expr', of: { k: 'call', at, callee: nameExpr('exec', at), args: node.named.slice(0, 1).map((child) => plain(lower(child))), construct: false } }];
    case 'print_statement':
    case 'delete_statement':
      return node.named.map((child) => ({ s: 'expr', of: lower(child) }));
    case 'block':
    case 'module':
      return statements(node);
    default:
      return [];
  }
}

/** `a = b`, `a += b`, `a: T = b`; null for anything else. */
function assignment(node: Tree): Stmt[] | null {
  const { at } = node;
  const left = node.field('left');
  if (node.kind === 'assignment' && left !== null) {
    const right = node.field('right');
    if (right === null) return [];
    const inner = right.kind === 'assignment' ? assignment(right) : null;
    const value = inner === null ? lower(right) : lower(right.field('left'));
    return [...(inner ?? []), { s: 'expr', of: { k: 'assign', at, target: pattern(left), op: null, value } }];
  }
  if (node.kind === 'augmented_assignment' && left !== null) {
    const op = (node.field('operator')?.text ?? '+=').replace(/=$/, '');
    return [{ s: 'expr', of: { k: 'assign', at, target: pattern(left), op, value: lower(node.field('right')) } }];
  }
  return null;
}

function conditional(node: Tree): Stmt {
  const arms = node.fields('alternative');
  const other = arms.reduceRight<Stmt[]>((rest, arm) => (arm.kind === 'elif_clause' ? [{ s: 'if', at: arm.at, test: lower(arm.field('condition')), yes: statements(arm.field('consequence')), other: rest }] : statements(arm.field('body'))), []);
  return { s: 'if', at: node.at, test: lower(node.field('condition')), yes: statements(node.field('consequence')), other };
}

function withItem(item: Tree): Stmt[] {
  const value = item.field('value') ?? item.named[0] ?? null;
  if (value?.kind === 'as_pattern') {
    const target = value.named.find((child) => child.kind === 'as_pattern_target')?.named[0] ?? null;
    return [{ s: 'let', at: item.at, pattern: pattern(target), value: lower(value.named[0] ?? null) }];
  }
  return [{ s: 'expr', of: lower(value) }];
}

function imported(node: Tree, module: string | null, at: Span): Stmt {
  const alias = node.kind === 'aliased_import' ? (node.field('alias')?.text ?? null) : null;
  const name = node.kind === 'aliased_import' ? (node.field('name')?.text ?? '') : node.text;
  if (module !== null) return { s: 'import', at, from: module, names: [{ imported: name, local: alias ?? name }] };
  // `import os.path` binds os.
  return alias === null ? { s: 'import', at, from: name.split('.')[0] ?? name, names: [{ imported: null, local: name.split('.')[0] ?? name }] } : { s: 'import', at, from: name, names: [{ imported: null, local: alias }] };
}

function classStatement(node: Tree, decorators: readonly Expr[]): Stmt {
  const name = node.field('name')?.text ?? null;
  const parents = node.field('superclasses')?.named.filter((child) => child.kind !== 'keyword_argument') ?? [];
  const members = (node.field('body')?.named ?? []).flatMap((child): Class['members'] => {
    const definition = child.kind === 'decorated_definition' ? child.field('definition') : child;
    if (definition?.kind === 'function_definition') {
      const given = child.kind === 'decorated_definition' ? child.named.filter((one) => one.kind === 'decorator').map((one) => lower(one.named[0] ?? null)) : [];
      const fn = func(definition, given);
      return [{ name: fn.name === '__init__' ? 'constructor' : fn.name, fixed: false, kind: 'method', value: { k: 'function', at: definition.at, fn } }];
    }
    const assigned = child.kind === 'expression_statement' ? child.named[0] : undefined;
    const left = assigned?.kind === 'assignment' ? assigned.field('left') : null;
    const right = assigned?.kind === 'assignment' ? (assigned.field('right') ?? null) : null;
    return left?.kind === 'identifier' && right !== null ? [{ name: left.text, fixed: true, kind: 'field', value: lower(right) }] : [];
  });
  const cls: Class = { name, parent: parents[0] === undefined ? null : lower(parents[0]), members, decorators, at: node.at };
  return { s: 'let', at: node.at, pattern: { k: 'to', at: node.at, target: nameExpr(name ?? '', node.at) }, value: { k: 'class', at: node.at, cls } };
}

function func(node: Tree, decorators: readonly Expr[]): Func {
  const all = (node.field('parameters')?.named ?? []).flatMap(param);
  const own = all[0]?.pattern.k === 'to' && all[0].pattern.target.k === 'name' && all[0].pattern.target.name === 'this';
  const body = node.kind === 'lambda' ? [{ s: 'return' as const, at: node.at, of: lower(node.field('body')) }] : statements(node.field('body'));
  return { name: node.field('name')?.text ?? null, params: own ? all.slice(1) : all, body, arrow: true, decorators, at: node.at };
}

function param(node: Tree): Param[] {
  const of = (target: Tree | null, type: string, value: Tree | null, rest = false): Param[] => {
    if (target === null) return [];
    const to: Pattern = { k: 'to', at: target.at, target: nameExpr(target.text, target.at) };
    return [{ pattern: value === null ? to : { k: 'default', at: node.at, pattern: to, value: lower(value) }, rest, type, decorators: [] }];
  };
  switch (node.kind) {
    case 'identifier':
      return of(node, '', null);
    case 'default_parameter':
      return of(node.field('name'), '', node.field('value'));
    case 'typed_default_parameter':
      return of(node.field('name'), typeName(node.field('type')), node.field('value'));
    case 'typed_parameter':
      return of(node.named[0] ?? null, typeName(node.field('type')), null);
    case 'list_splat_pattern':
    case 'dictionary_splat_pattern':
      return of(node.named[0] ?? null, '', null, node.kind === 'list_splat_pattern');
    default:
      return [];
  }
}

function typeName(node: Tree | null): string {
  const text = node?.text ?? '';
  return /^(?:int|float|complex|bool)$/.test(text) ? 'number' : text;
}

function pattern(node: Tree | null): Pattern {
  const at = node?.at ?? { start: 0, end: 0 };
  if (node === null) return { k: 'to', at, target: mix(at) };
  if (/^(?:pattern_list|tuple_pattern|list_pattern|tuple|list|expression_list)$/.test(node.kind)) return { k: 'elements', at, elements: node.named.map((child) => pattern(child)), rest: null };
  return { k: 'to', at, target: lower(node) };
}

/** Lowers an expression; what it does not know is a mixture of its parts. */
function lower(node: Tree | null): Expr {
  if (node === null) return mix({ start: 0, end: 0 });
  const { at } = node;
  switch (node.kind) {
    case 'identifier':
      return nameExpr(node.text, at);
    case 'integer':
    case 'float': {
      const value = Number(node.text.replaceAll('_', ''));
      return { k: 'literal', at, value: Number.isNaN(value) ? 0 : value };
    }
    case 'true':
    case 'false':
      return { k: 'literal', at, value: node.kind === 'true' };
    case 'none':
      return { k: 'literal', at, value: null };
    case 'string':
      return text(at, stringOf(node));
    case 'concatenated_string':
      return text(at, node.named.flatMap(stringOf));
    case 'attribute': {
      return { k: 'member', at, of: lower(node.field('object')), name: node.field('attribute')?.text ?? '', index: null };
    }
    case 'subscript':
      return subscript(node);
    case 'call':
      return call(node);
    case 'binary_operator':
      return binary(node);
    case 'boolean_operator': {
      const op = node.field('operator')?.text === 'and' ? '&&' : '||';
      const left = lower(node.field('left'));
      return { k: 'choice', at, op, test: left, yes: left, other: lower(node.field('right')) };
    }
    case 'not_operator':
      return { k: 'unary', at, op: '!', of: lower(node.field('argument')) };
    case 'unary_operator':
      return { k: 'unary', at, op: node.field('operator')?.text ?? '-', of: lower(node.field('argument')) };
    case 'comparison_operator':
      return comparison(node);
    case 'conditional_expression': {
      const [yes, test, other] = node.named;
      return { k: 'choice', at, op: '?:', test: lower(test ?? null), yes: lower(yes ?? null), other: lower(other ?? null) };
    }
    case 'parenthesized_expression':
      return lower(node.named[0] ?? null);
    case 'await':
      return { k: 'same', at, what: 'await', of: lower(node.named[0] ?? null) };
    case 'yield':
      return node.named[0] === undefined ? mix(at) : { k: 'call', at, callee: nameExpr('#yield', at), args: [plain(lower(node.named[0]))], construct: false };
    case 'named_expression':
      return { k: 'assign', at, target: pattern(node.field('name')), op: null, value: lower(node.field('value')) };
    case 'lambda':
      return { k: 'function', at, fn: func(node, []) };
    case 'list':
    case 'tuple':
    case 'set':
    case 'expression_list':
      return { k: 'array', at, items: node.named.map((child) => (child.kind === 'list_splat' ? { value: lower(child.named[0] ?? null), name: null, spread: true } : plain(lower(child)))) };
    case 'dictionary':
      return { k: 'object', at, entries: node.named.map(entry) };
    case 'list_comprehension':
    case 'generator_expression':
    case 'set_comprehension':
      return comprehension(node);
    case 'dictionary_comprehension':
      return mix(at, node.named.flatMap((child) => child.named).map((child) => lower(child)));
    case 'keyword_argument':
      return lower(node.field('value'));
    default:
      return mix(at, node.named.map((child) => lower(child)));
  }
}

/** A string's parts; those of an f-string are expressions. */
function stringOf(node: Tree): Expr[] {
  return stringParts(node.text, node.named.filter((child) => child.kind === 'interpolation').map((child) => ({ start: child.at.start - node.at.start, end: child.at.end - node.at.start, expr: lower(child.field('expression') ?? child.named[0] ?? null) })), node.at);
}

function text(at: Span, parts: readonly Expr[]): Expr {
  if (parts.every((part) => part.k === 'literal')) return { k: 'literal', at, value: parts.map((part) => (part.k === 'literal' ? String(part.value) : '')).join('') };
  return { k: 'text', at, parts, tag: null };
}

function subscript(node: Tree): Expr {
  const { at } = node;
  const of = lower(node.field('value'));
  const index = node.field('subscript');
  if (index === null || index.kind === 'slice') return { k: 'same', at, what: 'cast', of };
  const key = lower(index);
  return key.k === 'literal' && typeof key.value === 'string' ? { k: 'member', at, of, name: key.value, index: null } : { k: 'member', at, of, name: null, index: key };
}

function call(node: Tree): Expr {
  const { at } = node;
  const given = node.field('arguments');
  const args = given === null ? [] : given.kind === 'generator_expression' ? [plain(lower(given))] : given.named.map((child): Argument => {
    if (child.kind === 'keyword_argument') return { value: lower(child.field('value')), name: child.field('name')?.text ?? null, spread: false };
    return /^(?:list|dictionary)_splat$/.test(child.kind) ? { value: lower(child.named[0] ?? null), name: null, spread: true } : plain(lower(child));
  });
  return { k: 'call', at, callee: lower(node.field('function')), args, construct: false };
}

/** `'…%s…' % x` and `'…' + x` make texts. */
function binary(node: Tree): Expr {
  const { at } = node;
  const op = node.field('operator')?.text ?? '+';
  const [left, right] = [lower(node.field('left')), lower(node.field('right'))];
  const isText = (side: Expr): boolean => (side.k === 'literal' && typeof side.value === 'string') || (side.k === 'text' && side.tag === null);
  if (op === '%' && isText(left)) return formatted(at, left, right);
  if (op === '+' && (isText(left) || isText(right))) return { k: 'text', at, tag: null, parts: [left, right].flatMap((side) => (side.k === 'text' && side.tag === null ? side.parts : [side])) };
  // A name before % may be a text: what it is made of is made of both.
  if (op === '%' && right.k !== 'literal') return { k: 'call', at, callee: { k: 'member', at, of: left, name: '%', index: null }, args: [plain(right)], construct: false };
  return { k: 'binary', at, op, left, right };
}

/** The parts of `'a %s b' % (x,)`: the literal text cut at its conversions, with the values between. Numbers by %d stay numbers. */
function formatted(at: Span, format: Expr, values: Expr): Expr {
  const source = format.k === 'literal' ? String(format.value) : null;
  const given = values.k === 'array' ? values.items.map((item) => item.value) : values.k === 'object' ? values.entries.map((entry) => entry.value) : [values];
  if (source === null) return { k: 'text', at, tag: null, parts: [...(format.k === 'text' ? format.parts : [format]), ...given] };
  const byName = values.k === 'object' ? new Map(values.entries.map((entry) => [entry.key, entry.value])) : null;
  const parts: Expr[] = [];
  let last = 0;
  let next = 0;
  for (const match of source.matchAll(/%(?:\((\w+)\))?[-#0 +]*[\d*]*(?:\.\d+)?([a-zA-Z%])/g)) {
    if (match[2] === '%') continue;
    parts.push({ k: 'literal', at, value: source.slice(last, match.index) });
    last = match.index + match[0].length;
    const positional = values.k === 'array' ? given[next++] : given[0];
    const value = match[1] === undefined ? positional : byName === null ? values : byName.get(match[1]);
    if (value !== undefined) parts.push(/[diouxXeEfFgGc]/.test(match[2] ?? '') ? { k: 'unary', at: value.at, op: '+', of: value } : value);
  }
  parts.push({ k: 'literal', at, value: source.slice(last) });
  return { k: 'text', at, tag: null, parts: parts.filter((part) => part.k !== 'literal' || part.value !== '') };
}

function comparison(node: Tree): Expr {
  const { at } = node;
  const operands = node.named;
  const [first, second] = operands;
  if (first === undefined || second === undefined) return mix(at);
  const op = node.text.slice(first.at.end - at.start, second.at.start - at.start).trim().replace(/\s+/g, ' ');
  return { k: 'binary', at, op, left: lower(first), right: lower(second) };
}

/** `[f(x) for x in xs]` is xs mapped by a function. */
function comprehension(node: Tree): Expr {
  const { at } = node;
  const clause = node.named.find((child) => child.kind === 'for_in_clause');
  const value = lower(node.field('body'));
  if (clause === undefined) return { k: 'array', at, items: [plain(value)] };
  const fn: Func = { name: null, params: [{ pattern: pattern(clause.field('left')), rest: false, type: '', decorators: [] }], body: [{ s: 'return', at, of: value }], arrow: true, decorators: [], at };
  return { k: 'call', at, callee: { k: 'member', at, of: lower(clause.field('right')), name: 'map', index: null }, args: [plain({ k: 'function', at, fn })], construct: false };
}

function entry(node: Tree): Entry {
  if (node.kind === 'dictionary_splat') return { key: null, computed: null, value: lower(node.named[0] ?? null) };
  const key = lower(node.field('key'));
  return { key: key.k === 'literal' ? String(key.value) : null, computed: key.k === 'literal' ? null : key, value: lower(node.field('value')) };
}
