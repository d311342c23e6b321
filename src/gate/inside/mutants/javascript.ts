import { parseTree, type SyntaxNode } from '../../../scan/flow/javascript/parse.js';

/** A fault that could be put into a file: the text from `start` to `end`, in UTF-16 units, becomes `text`. */
export interface Candidate {
  readonly path: string;
  readonly line: number;
  readonly operator: string;
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

const MAX_CANDIDATES = 2000;
const FUNCTIONS = /^(?:FunctionDeclaration|FunctionExpression|ArrowFunctionExpression|ObjectMethod|ClassMethod|ClassPrivateMethod)$/;
const COMPARISONS: Readonly<Record<string, string>> = { '<': '<=', '<=': '<', '>': '>=', '>=': '>', '===': '!==', '!==': '===', '==': '!=', '!=': '==' };
const ARITHMETIC: Readonly<Record<string, string>> = { '+': '-', '-': '+', '*': '/', '/': '*', '%': '*' };
const LOGIC: Readonly<Record<string, string>> = { '&&': '||', '||': '&&' };
const LEAVES = new Set(['ThrowStatement', 'ReturnStatement', 'ContinueStatement', 'BreakStatement']);

/**
 * The classic faults (DeMillo, Lipton and Sayward, *Hints on Test Data Selection*, 1978) that the executed lines of a file can be given. Only inside functions: what runs when a file is loaded
 * fails every test that loads it, whatever that test says. Conditions of loops stay, for a loop without end fails every test too.
 */
export function candidatesIn(path: string, source: string, isExecuted: (line: number) => boolean): Candidate[] {
  const tree = parseTree(path, source);
  const found: Candidate[] = [];
  if (tree === null || tree.partial) return found;
  const add = (node: SyntaxNode, operator: string, text: string): void => {
    if (isExecuted(node.loc.start.line) && found.length < MAX_CANDIDATES) found.push({ path, line: node.loc.start.line, operator, start: node.start, end: node.end, text });
  };
  const word = (node: SyntaxNode): string => source.slice(node.start, node.end);
  const visit = (node: SyntaxNode, inside: boolean): void => {
    if (/^TS(?!AsExpression|NonNullExpression|SatisfiesExpression)/.test(node.type)) return;
    if (inside) faults(node, add, word);
    const inner = inside || FUNCTIONS.test(node.type);
    for (const [key, value] of Object.entries(node)) {
      if (key === 'loc' || key === 'typeAnnotation' || key === 'returnType' || key === 'typeParameters') continue;
      for (const one of Array.isArray(value) ? value : [value]) {
        if (!isNode(one)) continue;
        if (key === 'body' && node.type === 'ArrowFunctionExpression' && one.type !== 'BlockStatement') add(one, 'return-value', 'undefined');
        visit(one, inner);
      }
    }
  };
  visit(tree.program, false);
  return found;
}

function faults(node: SyntaxNode, add: (node: SyntaxNode, operator: string, text: string) => void, word: (node: SyntaxNode) => string): void {
  const at = (key: string): SyntaxNode | null => (isNode(node[key]) ? node[key] : null);
  const [test, left, right, argument, expression] = [at('test'), at('left'), at('right'), at('argument'), at('expression')];
  switch (node.type) {
    case 'IfStatement':
      if (at('alternate') === null && leaves(at('consequent'))) add(node, 'removed-guard', ';');
      if (test !== null) add(test, 'negated-condition', `!(${word(test)})`);
      break;
    case 'ConditionalExpression':
      if (test !== null) add(test, 'negated-condition', `!(${word(test)})`);
      break;
    case 'BinaryExpression':
    case 'LogicalExpression': {
      const operator = String(node['operator']);
      const [kind, other] = [['comparison', COMPARISONS], ['arithmetic', ARITHMETIC], ['logic', LOGIC]].map(([name, table]) => [name as string, (table as Readonly<Record<string, string>>)[operator]] as const).find(([, to]) => to !== undefined) ?? [];
      if (kind === undefined || left === null || right === null || (kind === 'arithmetic' && [left, right].some(isText))) break;
      add(node, kind, `(${word(left)}) ${other} (${word(right)})`);
      break;
    }
    case 'ReturnStatement':
      if (argument !== null) add(argument, 'return-value', argument.type === 'BooleanLiteral' ? String(argument['value'] !== true) : 'undefined');
      break;
    case 'ExpressionStatement':
      if (expression !== null && called(expression)) add(node, 'removed-call', ';');
      break;
    case 'NumericLiteral':
      if (typeof node['value'] === 'number' && Number.isSafeInteger(node['value'])) add(node, 'off-by-one', String(node['value'] + 1));
      break;
    default:
  }
}

function leaves(node: SyntaxNode | null): boolean {
  const body = node?.type === 'BlockStatement' && Array.isArray(node['body']) ? (node['body'].at(-1) as unknown) : node;
  return isNode(body) && LEAVES.has(body.type);
}

/** A call whose result nobody takes; `super()` has to stay. */
function called(node: SyntaxNode): boolean {
  const call = node.type === 'AwaitExpression' && isNode(node['argument']) ? node['argument'] : node;
  return /^(?:Optional)?CallExpression$/.test(call.type) && isNode(call['callee']) && call['callee'].type !== 'Super';
}

function isText(node: SyntaxNode): boolean {
  return node.type === 'StringLiteral' || node.type === 'TemplateLiteral' || (node.type === 'BinaryExpression' && [node['left'], node['right']].some((one) => isNode(one) && isText(one)));
}

function isNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string';
}
