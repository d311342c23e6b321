import { parseTree, type SyntaxNode } from '../../../scan/flow/javascript/parse.js';

/**
 * A piece of code that is executed or not: a statement without the statements inside it, the value of a class's field, the body of an arrow function. Declarations of functions, classes,
 * imports and types are none: loading a file does nothing with them, so they prove nothing.
 */
export interface Unit {
  /** Offset in UTF-16 units. */
  readonly start: number;
  readonly end: number;
  /** From 1; the last line is that of its head where statements stand inside. */
  readonly line: number;
  readonly last: number;
  /** From 0. */
  readonly column: number;
  /** Which function it stands in. */
  readonly owner: number;
}

/** Where a unit is told to have been executed; null where nothing is known of it. */
export type Hit = (unit: Unit) => boolean | null;

const FUNCTIONS: ReadonlySet<string> = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression', 'ObjectMethod', 'ClassMethod', 'ClassPrivateMethod']);
const SIMPLE: ReadonlySet<string> = new Set(['ExpressionStatement', 'VariableDeclaration', 'ReturnStatement', 'ThrowStatement', 'BreakStatement', 'ContinueStatement', 'DebuggerStatement', 'TSExportAssignment']);
/** Parts whose end is that of the head. */
const HEADS: Readonly<Record<string, readonly string[]>> = {
  IfStatement: ['test'], WhileStatement: ['test'], SwitchStatement: ['discriminant'], ForInStatement: ['right'], ForOfStatement: ['right'], ForStatement: ['update', 'test', 'init'], WithStatement: ['object'],
};
const FIELDS: ReadonlySet<string> = new Set(['ClassProperty', 'ClassPrivateProperty', 'ClassAccessorProperty']);
/** TypeScript that holds code; all else of it is gone when code runs. */
const TYPED_CODE: ReadonlySet<string> = new Set(['TSAsExpression', 'TSNonNullExpression', 'TSSatisfiesExpression', 'TSTypeAssertion', 'TSInstantiationExpression', 'TSExportAssignment', 'TSParameterProperty', 'TSModuleDeclaration', 'TSModuleBlock', 'TSEnumDeclaration', 'TSEnumBody', 'TSEnumMember']);
const TYPES: ReadonlySet<string> = new Set(['typeAnnotation', 'returnType', 'typeParameters', 'typeArguments', 'superTypeParameters', 'superTypeArguments', 'implements', 'loc', 'extra', 'tokens', 'comments', 'errors', 'directives']);

/** The units of a file and its lines without comments; null when it cannot be read. */
export function unitsOf(path: string, source: string): { readonly units: readonly Unit[]; readonly lines: readonly string[] } | null {
  const tree = parseTree(path, source);
  if (tree === null || tree.partial) return null;
  const units: Unit[] = [];
  let functions = 0;
  const add = (node: SyntaxNode, owner: number, last = node.loc.end.line): void => {
    units.push({ start: node.start, end: node.end, line: node.loc.start.line, last, column: node.loc.start.column, owner });
  };
  const visit = (node: SyntaxNode, owner: number): void => {
    const { type } = node;
    if ((type.startsWith('TS') && !TYPED_CODE.has(type)) || node['declare'] === true || node['importKind'] === 'type' || node['exportKind'] === 'type') return;
    if (SIMPLE.has(type)) add(node, owner);
    const head = HEADS[type];
    if (head !== undefined) add(node, owner, part(node, head)?.loc.end.line ?? node.loc.start.line);
    const test = node['test'];
    if ((type === 'DoWhileStatement' || type === 'SwitchCase') && isNode(test)) add(test, owner);
    if (type === 'ExportDefaultDeclaration' && isNode(node['declaration']) && !/^(?:Function|Class|TS)\w*Declaration$/.test(node['declaration'].type)) add(node['declaration'], owner);
    let inner = owner;
    if (FUNCTIONS.has(type)) {
      inner = ++functions;
      const body = node['body'];
      if (isNode(body) && body.type !== 'BlockStatement') add(body, inner);
    }
    if (FIELDS.has(type) && isNode(node['value'])) {
      inner = ++functions;
      add(node['value'], inner);
    }
    for (const [key, value] of Object.entries(node)) {
      if (TYPES.has(key)) continue;
      for (const one of Array.isArray(value) ? value : [value]) if (isNode(one)) visit(one, inner);
    }
  };
  visit(tree.program, 0);
  return { units, lines: withoutComments(source, tree.comments).split(/\r\n|[\n\r\u2028\u2029]/) };
}

/**
 * Which of the lines can be executed, and which were. Where a line has code of several functions it counts as executed only when each of them was there:
 * a function that is written in one line is loaded by its file, and perhaps never called.
 */
export function executedLines(file: NonNullable<ReturnType<typeof unitsOf>>, wanted: readonly (readonly [number, number])[], hit: Hit): { readonly executable: number[]; readonly executed: number[] } {
  const [executable, executed]: [number[], number[]] = [[], []];
  const byLine = touching(file.units, wanted, file.lines.length);
  for (const line of [...byLine.keys()].sort((a, b) => a - b)) {
    if (!isCode(file.lines[line - 1] ?? '')) continue;
    const said = innermost(byLine.get(line) ?? [], line).map(hit).filter((one) => one !== null);
    if (said.length === 0) continue;
    executable.push(line);
    if (said.every((one) => one)) executed.push(line);
  }
  return { executable, executed };
}

function touching(units: readonly Unit[], wanted: readonly (readonly [number, number])[], lines: number): Map<number, Unit[]> {
  const asked = new Set<number>();
  for (const [from, to] of wanted) for (let line = from; line <= Math.min(to, lines); line++) asked.add(line);
  const found = new Map<number, Unit[]>();
  for (const unit of units) {
    for (let { line } = unit; line <= unit.last; line++) {
      if (!asked.has(line)) continue;
      const here = found.get(line);
      if (here === undefined) found.set(line, [unit]);
      else here.push(unit);
    }
  }
  return found;
}

/** For each function that has code in the line: the first unit that begins there, else the one that begins last before it. */
function innermost(units: readonly Unit[], line: number): Unit[] {
  const chosen = new Map<number, Unit>();
  for (const unit of units) {
    const known = chosen.get(unit.owner);
    if (known === undefined || (unit.line === line ? known.line !== line || unit.start < known.start : known.line !== line && unit.start > known.start)) chosen.set(unit.owner, unit);
  }
  return [...chosen.values()];
}

/** Brackets, `else` and the like belong to what stands around them. */
function isCode(line: string): boolean {
  return /[\p{L}\p{N}_$"'`]/u.test(line.replace(/\b(?:else|try|finally|do)\b/g, ''));
}

function withoutComments(source: string, comments: readonly { readonly start: number; readonly end: number }[]): string {
  let [text, at] = ['', 0];
  for (const { start, end } of comments) {
    text += source.slice(at, start) + source.slice(start, end).replace(/[^\n\r\u2028\u2029]/g, ' ');
    at = end;
  }
  return text + source.slice(at);
}

function part(node: SyntaxNode, names: readonly string[]): SyntaxNode | null {
  return names.map((name) => node[name]).find(isNode) ?? null;
}

function isNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string';
}
