import type * as t from '@babel/types';
import type { Argument, Class, Entry, Expr, Func, Literal, Param, Pattern, Stmt } from '../ir.js';
import { at, jsxName, keyOf, typeOf } from './names.js';

const literal = (node: t.Node, value: Literal): Expr => ({ k: 'literal', at: at(node), value });
const mix = (node: t.Node, parts: readonly Expr[]): Expr => ({ k: 'mix', at: at(node), parts });
const isExpr = (expr: Expr | null): expr is Expr => expr !== null;

/** Lowers an expression. What it does not know becomes a mixture of nothing. */
function lower(node: t.Node): Expr {
  switch (node.type) {
    case 'StringLiteral':
    case 'NumericLiteral':
    case 'BooleanLiteral':
      return literal(node, node.value);
    case 'BigIntLiteral':
      return literal(node, Number(node.value));
    case 'NullLiteral':
      return literal(node, null);
    case 'RegExpLiteral':
      return { k: 'regex', at: at(node), pattern: node.pattern, flags: node.flags };
    case 'Identifier':
      return node.name === 'undefined' ? literal(node, null) : { k: 'name', at: at(node), name: node.name };
    case 'PrivateName':
      return { k: 'name', at: at(node), name: `#${node.id.name}` };
    case 'ThisExpression':
      return { k: 'name', at: at(node), name: 'this' };
    case 'Super':
      return { k: 'name', at: at(node), name: 'super' };
    case 'TemplateLiteral':
      return { k: 'text', at: at(node), tag: null, parts: templateParts(node) };
    case 'TaggedTemplateExpression':
      return { k: 'text', at: at(node), tag: lower(node.tag), parts: templateParts(node.quasi) };
    case 'MemberExpression':
    case 'OptionalMemberExpression':
      return member(node);
    case 'CallExpression':
    case 'OptionalCallExpression':
      return { k: 'call', at: at(node), callee: lower(node.callee), args: node.arguments.map(argument), construct: false };
    case 'NewExpression':
      return { k: 'call', at: at(node), callee: lower(node.callee), args: node.arguments.map(argument), construct: true };
    case 'ImportExpression':
      return { k: 'call', at: at(node), callee: { k: 'name', at: at(node), name: 'import' }, args: [{ value: lower(node.source), name: null, spread: false }], construct: false };
    case 'Import':
      return { k: 'name', at: at(node), name: 'import' };
    case 'ObjectExpression':
      return { k: 'object', at: at(node), entries: node.properties.map(entry) };
    case 'ArrayExpression':
      return { k: 'array', at: at(node), items: node.elements.map((item) => (item === null ? { value: mix(node, []), name: null, spread: false } : argument(item))) };
    case 'FunctionExpression':
    case 'ArrowFunctionExpression':
      return { k: 'function', at: at(node), fn: lowerFunction(node) };
    case 'ClassExpression':
      return { k: 'class', at: at(node), cls: lowerClass(node) };
    case 'ConditionalExpression':
      return { k: 'choice', at: at(node), op: '?:', test: lower(node.test), yes: lower(node.consequent), other: lower(node.alternate) };
    case 'LogicalExpression': {
      const left = lower(node.left); // once: a chain of them would otherwise take time that doubles with each
      return { k: 'choice', at: at(node), op: node.operator, test: left, yes: left, other: lower(node.right) };
    }
    case 'BinaryExpression':
      return binary(node);
    case 'UnaryExpression':
      return { k: 'unary', at: at(node), op: node.operator, of: lower(node.argument) };
    case 'UpdateExpression':
      return { k: 'unary', at: at(node), op: '+', of: lower(node.argument) };
    case 'AssignmentExpression':
      return { k: 'assign', at: at(node), target: lowerPattern(node.left), op: node.operator === '=' ? null : node.operator.slice(0, -1), value: lower(node.right) };
    case 'AwaitExpression':
      return { k: 'same', at: at(node), what: 'await', of: lower(node.argument) };
    case 'YieldExpression':
      return node.argument == null ? mix(node, []) : { k: 'same', at: at(node), what: 'yield', of: lower(node.argument) };
    case 'SequenceExpression':
      return sequence(node);
    case 'ParenthesizedExpression':
      return lower(node.expression);
    case 'TSAsExpression':
    case 'TSSatisfiesExpression':
    case 'TSNonNullExpression':
    case 'TSTypeAssertion':
    case 'TSInstantiationExpression':
    case 'TypeCastExpression':
      return { k: 'same', at: at(node), what: 'cast', of: lower(node.expression) };
    case 'MetaProperty':
      return { k: 'name', at: at(node), name: `${node.meta.name}.${node.property.name}` };
    case 'JSXElement':
      return jsxElement(node);
    case 'JSXFragment':
      return { k: 'call', at: at(node), callee: { k: 'name', at: at(node), name: '#jsx' }, construct: false, args: [literal(node, ''), { k: 'object', at: at(node), entries: [] } as Expr, ...jsxChildren(node.children)].map(plain) };
    case 'JSXExpressionContainer':
    case 'JSXSpreadChild':
      return lower(node.expression);
    case 'JSXText':
      return literal(node, node.value);
    default:
      return mix(node, []);
  }
}

const plain = (value: Expr): Argument => ({ value, name: null, spread: false });

function templateParts(node: t.TemplateLiteral): Expr[] {
  return node.quasis.flatMap((quasi, i) => {
    const text = quasi.value.cooked ?? quasi.value.raw;
    const hole = node.expressions[i];
    return [...(text === '' ? [] : [literal(quasi, text)]), ...(hole === undefined ? [] : [lower(hole)])];
  });
}

function member(node: t.MemberExpression | t.OptionalMemberExpression): Expr {
  const { property } = node;
  const of = lower(node.object);
  if (!node.computed) return { k: 'member', at: at(node), of, index: null, name: property.type === 'Identifier' ? property.name : property.type === 'PrivateName' ? `#${property.id.name}` : null };
  if (property.type === 'StringLiteral') return { k: 'member', at: at(node), of, name: property.value, index: null };
  return { k: 'member', at: at(node), of, name: null, index: lower(property) };
}

/** An argument or element; what is spread stands for all that it holds. */
function argument(node: t.Node): Argument {
  return node.type === 'SpreadElement' ? { value: lower(node.argument), name: null, spread: true } : plain(lower(node));
}

function entry(node: t.ObjectProperty | t.ObjectMethod | t.SpreadElement): Entry {
  if (node.type === 'SpreadElement') return { key: null, computed: null, value: lower(node.argument) };
  const value: Expr = node.type === 'ObjectMethod' ? { k: 'function', at: at(node), fn: lowerFunction(node) } : lower(node.value);
  const key = keyOf(node.key, node.computed);
  return { key, computed: key === null ? lower(node.key) : null, value };
}

/** `+` is text as soon as one side is; the interpreter sees to it where only values tell. */
function binary(node: t.BinaryExpression): Expr {
  const [left, right] = [lower(node.left), lower(node.right)];
  if (node.operator !== '+') return { k: 'binary', at: at(node), op: node.operator, left, right };
  const sides = [left, right].flatMap((side) => (side.k === 'text' && side.tag === null ? side.parts : [side]));
  const textual = (side: Expr): boolean => (side.k === 'literal' && typeof side.value === 'string') || side.k === 'text';
  return [left, right].some(textual) ? { k: 'text', at: at(node), tag: null, parts: sides } : { k: 'binary', at: at(node), op: '+', left, right };
}

/** `(a, b)` does a and is b. */
function sequence(node: t.SequenceExpression): Expr {
  const parts = node.expressions.map(lower);
  const last = parts.at(-1) as Expr;
  const none: Expr = mix(node, []);
  return parts.slice(0, -1).reduceRight<Expr>((rest, part) => ({ k: 'choice', at: at(node), op: '?:', test: part, yes: rest, other: none }), last);
}

/** An element is a call `#jsx(name, attributes, ...children)`. */
function jsxElement(node: t.JSXElement): Expr {
  const entries = node.openingElement.attributes.map((attribute): Entry => {
    if (attribute.type === 'JSXSpreadAttribute') return { key: null, computed: null, value: lower(attribute.argument) };
    const key = attribute.name.type === 'JSXIdentifier' ? attribute.name.name : `${attribute.name.namespace.name}:${attribute.name.name.name}`;
    return { key, computed: null, value: attribute.value == null ? literal(attribute, true) : lower(attribute.value) };
  });
  const args: Expr[] = [literal(node.openingElement, jsxName(node.openingElement.name)), { k: 'object', at: at(node.openingElement), entries }, ...jsxChildren(node.children)];
  return { k: 'call', at: at(node.openingElement), callee: { k: 'name', at: at(node.openingElement), name: '#jsx' }, construct: false, args: args.map(plain) };
}

function jsxChildren(children: t.JSXElement['children']): Expr[] {
  return children.filter((child) => child.type !== 'JSXText' || child.value.trim() !== '').map(lower);
}

function lowerPattern(node: t.Node): Pattern {
  switch (node.type) {
    case 'AssignmentPattern':
      return { k: 'default', at: at(node), pattern: lowerPattern(node.left), value: lower(node.right) };
    case 'ObjectPattern': {
      const rest = node.properties.find((p) => p.type === 'RestElement');
      const members = node.properties.flatMap((p) => (p.type === 'RestElement' ? [] : [{ key: keyOf(p.key, p.computed), pattern: lowerPattern(p.value) }]));
      return { k: 'members', at: at(node), members, rest: rest === undefined ? null : lowerPattern(rest.argument) };
    }
    case 'ArrayPattern': {
      const rest = node.elements.find((e) => e?.type === 'RestElement');
      const elements = node.elements.filter((e) => e?.type !== 'RestElement').map((e) => (e === null ? null : lowerPattern(e)));
      return { k: 'elements', at: at(node), elements, rest: rest?.type === 'RestElement' ? lowerPattern(rest.argument) : null };
    }
    case 'RestElement':
      return lowerPattern(node.argument);
    case 'TSParameterProperty':
      return lowerPattern(node.parameter);
    default:
      return { k: 'to', at: at(node), target: lower(node) };
  }
}

type AnyFunction = t.Function | t.ClassMethod | t.ClassPrivateMethod | t.ObjectMethod;

function lowerFunction(node: AnyFunction): Func {
  const body: readonly Stmt[] = node.body.type === 'BlockStatement' ? lowerStatements(node.body.body) : [{ s: 'return', of: lower(node.body), at: at(node.body) }];
  const name = 'id' in node && node.id != null ? node.id.name : 'key' in node ? keyOf(node.key, 'computed' in node && node.computed === true) : null;
  return { name, params: node.params.map(param), body, arrow: node.type === 'ArrowFunctionExpression', decorators: decoratorsOf(node), at: at(node) };
}

function param(node: t.Node): Param {
  return { pattern: lowerPattern(node), rest: node.type === 'RestElement', type: typeOf(node), decorators: decoratorsOf(node) };
}

function decoratorsOf(node: t.Node): Expr[] {
  return 'decorators' in node && Array.isArray(node.decorators) ? node.decorators.map((d: t.Decorator) => lower(d.expression)) : [];
}

function lowerClass(node: t.Class): Class {
  const members = node.body.body.flatMap((m): Class['members'] => {
    switch (m.type) {
      case 'ClassMethod':
      case 'ClassPrivateMethod':
        return [{ name: keyOf(m.key, m.type === 'ClassMethod' && m.computed === true), fixed: m.static === true, value: { k: 'function', at: at(m), fn: lowerFunction(m) }, kind: 'method' }];
      case 'ClassProperty':
      case 'ClassPrivateProperty':
      case 'ClassAccessorProperty':
        return [{ name: keyOf(m.key, m.type !== 'ClassPrivateProperty' && m.computed === true), fixed: m.static === true, value: m.value == null ? mix(m, []) : lower(m.value), kind: 'field' }];
      default:
        return [];
    }
  });
  return { name: node.id?.name ?? null, parent: node.superClass == null ? null : lower(node.superClass), members: members.filter((m) => isExpr(m.value)), decorators: decoratorsOf(node), at: at(node) };
}

/** Lowers statements; declarations of functions come first, as they are there before anything runs. */
export function lowerStatements(nodes: readonly t.Statement[]): Stmt[] {
  const lowered = nodes.flatMap(lowerStatement);
  return [...lowered.filter((one) => one.s === 'function'), ...lowered.filter((one) => one.s !== 'function')];
}

function body(node: t.Statement | null | undefined): Stmt[] {
  if (node == null) return [];
  return node.type === 'BlockStatement' ? lowerStatements(node.body) : lowerStatements([node]);
}

function lowerStatement(node: t.Statement): Stmt[] {
  switch (node.type) {
    case 'ExpressionStatement':
      return [{ s: 'expr', of: lower(node.expression) }];
    case 'VariableDeclaration':
      return node.declarations.map((d) => ({ s: 'let', at: at(d), pattern: lowerPattern(d.id), value: d.init == null ? null : lower(d.init) }));
    case 'FunctionDeclaration':
      return [{ s: 'function', fn: lowerFunction(node) }];
    case 'ClassDeclaration': {
      const cls = lowerClass(node);
      const value: Expr = { k: 'class', at: at(node), cls };
      return cls.name === null ? [{ s: 'expr', of: value }] : [{ s: 'let', at: at(node), pattern: { k: 'to', at: at(node), target: { k: 'name', at: at(node), name: cls.name } }, value }];
    }
    case 'ReturnStatement':
      return [{ s: 'return', at: at(node), of: node.argument == null ? null : lower(node.argument) }];
    case 'ThrowStatement':
      return [{ s: 'throw', at: at(node), of: lower(node.argument) }];
    case 'BreakStatement':
    case 'ContinueStatement':
      return [{ s: 'leave', at: at(node) }];
    case 'IfStatement':
      return [{ s: 'if', at: at(node), test: lower(node.test), yes: body(node.consequent), other: body(node.alternate) }];
    case 'BlockStatement':
      return [{ s: 'block', body: lowerStatements(node.body) }];
    case 'LabeledStatement':
      return lowerStatement(node.body);
    case 'ForStatement':
      return [{ s: 'block', body: [
        ...(node.init == null ? [] : node.init.type === 'VariableDeclaration' ? lowerStatement(node.init) : [{ s: 'expr' as const, of: lower(node.init) }]),
        { s: 'loop', at: at(node), each: null, test: node.test == null ? null : lower(node.test), body: [...body(node.body), ...(node.update == null ? [] : [{ s: 'expr' as const, of: lower(node.update) }])] },
      ] }];
    case 'ForInStatement':
    case 'ForOfStatement': {
      const target = node.left.type === 'VariableDeclaration' ? node.left.declarations[0]?.id : node.left;
      return target === undefined ? [] : [{ s: 'loop', at: at(node), each: { pattern: lowerPattern(target), over: lower(node.right), keys: node.type === 'ForInStatement' }, test: null, body: body(node.body) }];
    }
    case 'WhileStatement':
    case 'DoWhileStatement':
      return [{ s: 'loop', at: at(node), each: null, test: lower(node.test), body: body(node.body) }];
    case 'SwitchStatement':
      return [cases(node)];
    case 'TryStatement':
      return [{ s: 'try', at: at(node), body: body(node.block), param: node.handler?.param == null ? null : lowerPattern(node.handler.param), handler: node.handler == null ? null : body(node.handler.body), last: body(node.finalizer) }];
    case 'ImportDeclaration':
      return node.importKind === 'type' ? [] : [{ s: 'import', at: at(node), from: node.source.value, names: node.specifiers.map((s) => ({
        local: s.local.name, imported: s.type === 'ImportDefaultSpecifier' ? 'default' : s.type === 'ImportNamespaceSpecifier' ? null : wordOf(s.imported),
      })) }];
    case 'TSImportEqualsDeclaration':
      return node.moduleReference.type === 'TSExternalModuleReference' && node.moduleReference.expression.type === 'StringLiteral'
        ? [{ s: 'import', at: at(node), from: node.moduleReference.expression.value, names: [{ imported: null, local: node.id.name }] }] : [];
    case 'ExportNamedDeclaration':
      return exported(node);
    case 'ExportDefaultDeclaration':
      return exportedDefault(node);
    case 'TSExportAssignment':
      return [{ s: 'export', at: at(node), name: 'default', value: lower(node.expression) }];
    case 'WithStatement':
      return [{ s: 'expr', of: lower(node.object) }, ...body(node.body)];
    case 'TSModuleDeclaration':
      return node.body.type === 'TSModuleBlock' ? lowerStatements(node.body.body) : [];
    default:
      return [];
  }
}

/**
 * A switch as nested conditions, where each case compares with the value that is switched on. What falls through into the next
 * case is added to it: a case without a way out ends in the statements that follow.
 */
function cases(node: t.SwitchStatement): Stmt {
  const on = lower(node.discriminant);
  const arms = node.cases.map((c) => ({ test: c.test == null ? null : lower(c.test), body: lowerStatements(c.consequent), at: at(c) }));
  const ends = (stmts: readonly Stmt[]): boolean => stmts.some((s) => s.s === 'leave' || s.s === 'return' || s.s === 'throw' || (s.s === 'block' && ends(s.body)));
  const fallen = (from: number): Stmt[] => {
    const all: Stmt[] = [];
    for (let i = from; i < arms.length; i++) {
      const arm = arms[i]?.body ?? [];
      all.push(...arm.filter((s) => s.s !== 'leave'));
      if (ends(arm) || all.length > 50) break;
    }
    return all;
  };
  const other = arms.findIndex((arm) => arm.test === null);
  let rest: Stmt[] = other === -1 ? [] : fallen(other);
  for (let i = arms.length - 1; i >= 0; i--) {
    const arm = arms[i];
    if (arm === undefined || arm.test === null) continue;
    // `case 'a': case 'b':` — an empty arm shares its test with the next one.
    rest = [{ s: 'if', at: arm.at, test: { k: 'binary', at: arm.at, op: '===', left: on, right: arm.test }, yes: fallen(i), other: rest }];
  }
  return { s: 'block', body: rest };
}

const wordOf = (name: t.Identifier | t.StringLiteral): string => (name.type === 'Identifier' ? name.name : name.value);

function exported(node: t.ExportNamedDeclaration): Stmt[] {
  if (node.exportKind === 'type') return [];
  if (node.declaration != null) {
    const declared = lowerStatement(node.declaration);
    const names = declared.flatMap((one) => (one.s === 'function' ? [one.fn.name] : one.s === 'let' && one.pattern.k === 'to' && one.pattern.target.k === 'name' ? [one.pattern.target.name] : []));
    return [...declared, ...names.filter((name) => name !== null).map((name): Stmt => ({ s: 'export', at: at(node), name, value: { k: 'name', at: at(node), name } }))];
  }
  const from = node.source?.value;
  return node.specifiers.flatMap((s): Stmt[] => {
    if (s.type !== 'ExportSpecifier') return [];
    const name = wordOf(s.exported);
    const local = from === undefined ? wordOf(s.local) : `#from:${name}`;
    const exports: Stmt = { s: 'export', at: at(s), name, value: { k: 'name', at: at(s), name: local } };
    return from === undefined ? [exports] : [{ s: 'import', at: at(s), from, names: [{ imported: wordOf(s.local), local }] }, exports];
  });
}

function exportedDefault(node: t.ExportDefaultDeclaration): Stmt[] {
  const { declaration } = node;
  if (declaration.type === 'FunctionDeclaration' || declaration.type === 'ClassDeclaration') {
    const value: Expr = declaration.type === 'FunctionDeclaration' ? { k: 'function', at: at(declaration), fn: lowerFunction(declaration) } : { k: 'class', at: at(declaration), cls: lowerClass(declaration) };
    const name = declaration.id?.name;
    const target: Expr = { k: 'name', at: at(declaration), name: name ?? '#default' };
    return [{ s: 'let', at: at(declaration), pattern: { k: 'to', at: at(declaration), target }, value }, { s: 'export', at: at(node), name: 'default', value: target }];
  }
  return [{ s: 'export', at: at(node), name: 'default', value: lower(declaration) }];
}
