import type { SgNode } from '@ast-grep/napi';
import type { FileFacts } from '../../sarif/tamper/model.js';
import { bare, inOrder, Scopes, shortText, type Strength } from './scopes.js';

const SKIPS = /\b(?:skip\w*|xfail|expectedFailure)\b/;
const EXITS = /^(?:os\._exit|os\.abort|sys\.exit|exit|quit|_exit)$/;
const SKIP_CALLS = /^(?:pytest\.(?:skip|xfail)|self\.skipTest|unittest\.skip)$/;
const WEAK = /^(?:assertTrue|assertIsNotNone|assertFalse|assert_called|assert_|failUnless|assertIsInstance|assertNotEqual|assertIsNot)$/;
const CONSTANTS: ReadonlySet<string> = new Set(['true', 'integer', 'string', 'tuple', 'list', 'dictionary', 'float', 'concatenated_string']);
/** Handlers that take what an assertion throws. */
const TAKES_ALL = /^except\*?\s*(?::|[^:\n]*\b(?:BaseException|Exception|AssertionError)\b)/;
const SUPPRESSES = /\bsuppress\s*\([^)]*\b(?:BaseException|Exception|AssertionError)\b/;

/** The cases of a file, and what in it keeps them from judging. */
export function pythonTests(root: SgNode): NonNullable<FileFacts['tests']> {
  const scopes = new Scopes();
  const nodes = inOrder(root, ['function_definition', 'class_definition', 'assert_statement', 'call', 'try_statement', 'with_statement', 'assignment', 'raise_statement', 'if_statement']);
  let all = false;
  for (const node of nodes) {
    scopes.at(node);
    const kind = node.kind();
    if (kind === 'function_definition' || kind === 'class_definition') definition(node, scopes);
    else if (kind === 'assert_statement') asserted(node, scopes);
    else if (kind === 'call') call(node, scopes);
    else if (kind === 'try_statement') attempt(node, scopes);
    else if (kind === 'with_statement') suppressed(node, scopes);
    else if (kind === 'if_statement') never(node, scopes);
    else if (kind === 'raise_statement') raised(node, scopes);
    else all = assigned(node, scopes) || all;
  }
  if (all) scopes.skipAll();
  return scopes.result();
}

function definition(node: SgNode, scopes: Scopes): void {
  const name = node.field('name')?.text().slice(0, 300) ?? '';
  const above = node.parent();
  const decorators = above?.kind() === 'decorated_definition' ? above.children().filter((one) => one.kind() === 'decorator').map((one) => bare(one.text().slice(0, 500))) : [];
  const skipped = decorators.some((text) => SKIPS.test(text));
  if (node.kind() === 'class_definition') return scopes.enter(node, { kind: 'group', name, skipped });
  const body = node.field('body');
  const dead = body?.children().find((one) => one.kind() === 'return_statement')?.range().end.index ?? Number.POSITIVE_INFINITY;
  scopes.enter(node, { kind: /^test/.test(name) ? 'case' : 'helper', name, skipped, dead });
}

function asserted(node: SgNode, scopes: Scopes): void {
  const value = node.children().find((one) => one.isNamed() && one.kind() !== 'comment');
  const strength = value === undefined ? null : truth(value);
  if (strength !== null) scopes.assertion(node, strength);
}

/** What must be true: null where it always is. */
function truth(value: SgNode): Strength | null {
  const kind = String(value.kind());
  const text = value.text().slice(0, 5000);
  if (kind === 'parenthesized_expression') {
    const inner = value.children().find((one) => one.isNamed());
    return inner === undefined ? null : truth(inner);
  }
  if (CONSTANTS.has(kind) || /\bor\s+(?:True|1)\s*\)*$/.test(text)) return null;
  if (kind === 'comparison_operator') return /\bis\s+not\s+None\s*$/.test(text) ? 'weak' : 'strong';
  if (kind === 'not_operator' || kind === 'boolean_operator') return 'strong';
  return kind === 'call' && /^(?:isinstance|all|any|issubclass)\(|\.(?:startswith|endswith|issubset|issuperset|match|equals|is_\w+)\(/.test(text) ? 'strong' : 'weak';
}

function call(node: SgNode, scopes: Scopes): void {
  const callee = shortText(node.field('function')).replace(/\s+/g, '');
  const last = callee === '' ? shortText(node.field('function')?.field('attribute') ?? null) : (callee.split('.').at(-1) ?? '');
  const args = node.field('arguments')?.children().filter((one) => one.isNamed() && one.kind() !== 'comment') ?? [];
  if (EXITS.test(callee)) return scopes.mark('exit', node.text().slice(0, 60), node);
  if (SKIP_CALLS.test(callee)) return scopes.skip();
  if (callee === 'setattr' && /\b(?:TestCase|pytest)\b/.test(args[0]?.text().slice(0, 100) ?? '')) return scopes.mark('replaced', node.text().slice(0, 100), node);
  if (/^assert(?:[A-Z_]\w*)?$/.test(last) || /^(?:self|cls)\.fail\w*$/.test(callee) || /^pytest\.(?:raises|warns|fail)$/.test(callee)) {
    const values = args.slice(0, 2);
    if (values.length > 0 && last !== 'fail' && values.every((arg) => CONSTANTS.has(String(arg.kind())) || ['false', 'none'].includes(String(arg.kind())))) return;
    const strength = last === 'assertTrue' && args[0] !== undefined ? truth(args[0]) : WEAK.test(last) ? 'weak' : 'strong';
    if (strength !== null) scopes.assertion(node, strength);
    return;
  }
  if (/^(?:self\.|cls\.)?\w+$/.test(callee)) scopes.called(last);
}

function attempt(node: SgNode, scopes: Scopes): void {
  const body = node.field('body');
  const handlers = node.children().filter((one) => /^except/.test(String(one.kind())));
  const drops = handlers.some((one) => TAKES_ALL.test(one.text().slice(0, 500)) && !/\b(?:raise|assert|fail)\b|\bassert[A-Z]/.test(bare(one.text())));
  scopes.enter(node, { kind: 'try', drops: drops && body !== null ? body.range().end.index : -1 });
}

function suppressed(node: SgNode, scopes: Scopes): void {
  const head = node.children().find((one) => one.kind() === 'with_clause')?.text().slice(0, 500) ?? '';
  if (SUPPRESSES.test(head)) scopes.enter(node, { kind: 'try', drops: node.range().end.index });
}

/** `if False: …` */
function never(node: SgNode, scopes: Scopes): void {
  if (/^\(?(?:False|0|None)\)?$/.test(node.field('condition')?.text().slice(0, 50) ?? '') && node.field('alternative') === null) scopes.enter(node, { kind: 'try', dead: node.range().start.index });
}

function raised(node: SgNode, scopes: Scopes): void {
  const text = node.text().slice(0, 200);
  if (/\bSkipTest\b/.test(text)) scopes.skip();
  else if (/\bSystemExit\b/.test(text)) scopes.mark('exit', text.slice(0, 60), node);
}

/** True for `pytestmark` that skips every case of the file. */
function assigned(node: SgNode, scopes: Scopes): boolean {
  const left = node.field('left')?.text().slice(0, 200) ?? '';
  if (/(?:^|\.)(?:TestCase|pytest)\.(?:assert|fail|raises)\w*$/.test(left)) scopes.mark('replaced', node.text().slice(0, 100), node);
  return left === 'pytestmark' && SKIPS.test(bare(node.field('right')?.text().slice(0, 500) ?? ''));
}
