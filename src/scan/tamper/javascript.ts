import type { SgNode } from '@ast-grep/napi';
import type { FileFacts } from '../../sarif/tamper/model.js';
import { bare, inOrder, Scopes, shortText, type Strength } from './scopes.js';

const GROUPS = /^[xf]?(?:describe|context|suite)$/;
const CASES = /^[xf]?(?:it|test|specify)$/;
/** Objects whose `test` takes a name and a function. */
const RUNNERS: ReadonlySet<string> = new Set(['t', 'ctx', 'Deno', 'QUnit', 'tap', 'test']);
const MADE_BY: ReadonlySet<string> = new Set(['each', 'for', 'skipIf', 'runIf', 'todoIf']);
const SKIPS = /^(?:skip|todo|skipIf|runIf|todoIf|fails|failing|fixme)$/;
const FUNCTIONS: ReadonlySet<string> = new Set(['arrow_function', 'function_expression', 'function', 'generator_function']);
const LITERALS: ReadonlySet<string> = new Set(['true', 'false', 'number', 'string', 'null', 'undefined']);

/** Words of a chain that say nothing, matchers that most values pass, and functions that are assertions by their name alone. */
const LINKS = /^(?:to|be|been|is|that|which|and|has|have|with|at|of|same|a|an|resolves|rejects|deep|eventually|not)$/;
const WEAK = /^(?:toBeTruthy|toBeDefined|toBeFalsy|ok|exist|exists|defined|truthy|falsy|toExist|toBeOk|toBeInTheDocument|isOk|isDefined|isNotNull|isNotUndefined|isTrue|isObject|isFunction|toHaveBeenCalled|called|pass|notThrow|notThrows|doesNotThrow|doesNotReject|anything)$/;
const WEAK_NOT = /^(?:toBe|toEqual|toStrictEqual|toBeNull|toBeUndefined|toBeFalsy|null|undefined|equal|eql|toThrow)$/;
const PLAIN = /^(?:assert|strictEqual|deepEqual|deepStrictEqual|notStrictEqual|notDeepStrictEqual|equal|notEqual|throws|rejects|ok)$/;
const OF_T = /^(?:is|not|deepEqual|notDeepEqual|like|true|false|truthy|falsy|throws|throwsAsync|notThrows|notThrowsAsync|regex|notRegex|match|notMatch|snapshot|equal|equals|notEqual|same|notSame|strictSame|strictEqual|has|ok|notOk|rejects|resolves|fail)$/;
const NAMED = /^(?:assert|expect|check|verify|ensure|should)[A-Z_]\w*$/;
/** A call that gives true only for some values. */
const TELLS = /\.(?:includes|has|test|startsWith|endsWith|every|some|equals|isEqual|match|matches|is[A-Z]\w*)\s*\([\s\S]*\)$|^(?:!|is[A-Z]\w*\()/;
const EXITS = /^(?:process\.(?:exit|reallyExit|abort)|Deno\.exit)$/;
const JUDGES = /^(?:globalThis\.|global\.|window\.)(?:assert|expect|chai|should|test|it|describe)$|^(?:(?:globalThis|global|window)\.)?(?:(?:assert|expect|chai)(?:\.\w+)+|console\.assert)$/;

/** The cases of a file, and what in it keeps them from judging. */
export function javascriptTests(root: SgNode): NonNullable<FileFacts['tests']> {
  const scopes = new Scopes();
  for (const node of inOrder(root, ['call_expression', 'function_declaration', 'variable_declarator', 'try_statement', 'assignment_expression', 'if_statement'])) {
    scopes.at(node);
    const kind = node.kind();
    if (kind === 'call_expression') call(node, scopes);
    else if (kind === 'try_statement') attempt(node, scopes);
    else if (kind === 'if_statement') never(node, scopes);
    else if (kind === 'assignment_expression') assigned(node, scopes);
    else if (kind === 'function_declaration' || FUNCTIONS.has(String(node.field('value')?.kind() ?? ''))) scopes.enter(node, { kind: 'helper', name: node.field('name')?.text().slice(0, 200) ?? '' });
  }
  return scopes.result();
}

/** Names of a callee: `['test', 'skip']` for `test.skip`, and for `test.each(table)` what made it. */
function words(callee: SgNode | null): readonly string[] {
  if (callee === null) return [];
  const made = callee.kind() === 'call_expression' ? callee.field('function') : null;
  if (made !== null) {
    const inner = made.kind() === 'call_expression' ? [] : words(made);
    return MADE_BY.has(inner.at(-1) ?? '') ? inner : [];
  }
  const text = shortText(callee).replace(/\s+|\?/g, '');
  return /^[\w$]+(?:\.[\w$]+)*$/.test(text) ? text.split('.') : [];
}

function call(node: SgNode, scopes: Scopes): void {
  const callee = node.field('function');
  const names = words(callee);
  const args = node.field('arguments')?.children().filter((one) => one.isNamed() && one.kind() !== 'comment') ?? [];
  if (testCall(node, names, args, scopes)) return;
  const whole = names.join('.');
  if (EXITS.test(whole)) scopes.mark('exit', node.text().slice(0, 60), node);
  if (names.length > 1 && /^(?:skip|todo)$/.test(names.at(-1) ?? '') && /^(?:this|t|ctx|context|test)$/.test(names[0] ?? '')) return scopes.skip();
  if (/^(?:vi|jest|mock)\.(?:mock|doMock|module|unstable_mockModule)$/.test(whole) && /^['"`](?:node:)?(?:assert(?:\/strict)?|test|chai|expect|vitest|@jest\/globals|@jest\/expect)['"`]$/.test(args[0]?.text() ?? '')) return scopes.mark('replaced', node.text().slice(0, 100), node);
  if (/^(?:Object|Reflect)\.(?:assign|defineProperty|defineProperties|set)$/.test(whole) && /^(?:(?:globalThis|global)\.)?(?:assert|expect|chai)(?:\.|$)/.test(args[0]?.text().slice(0, 100) ?? '')) return scopes.mark('replaced', node.text().slice(0, 100), node);
  const strength = assertion(node, callee, names, args);
  if (strength !== null) scopes.assertion(node, strength);
  else if (names.length === 1) scopes.called(names[0] ?? '');
}

/** True for a call that names a group or a case, which is entered. */
function testCall(node: SgNode, names: readonly string[], args: readonly SgNode[], scopes: Scopes): boolean {
  const first = names[0] ?? '';
  const suite = GROUPS.test(first) || (first === 'test' && names[1] === 'describe');
  const one = CASES.test(first) || (RUNNERS.has(first) && names.includes('test'));
  if (!suite && !one) return false;
  const body = args.findLast((arg) => FUNCTIONS.has(String(arg.kind())));
  const titled = ['string', 'template_string'].includes(String(args[0]?.kind() ?? ''));
  if (!titled && body === undefined) return false;
  const title = titled ? (args[0]?.text().slice(1, -1) ?? '') : '';
  const options = args.filter((arg) => arg.kind() === 'object').map((arg) => bare(arg.text().slice(0, 2000))).join();
  const set = (name: string): boolean => new RegExp(`["']?\\b(?:${name})\\b["']?\\s*:\\s*(?!false\\b|undefined\\b|null\\b|0\\b)`).test(options);
  if (names.includes('only') || first.startsWith('f') || set('only')) scopes.mark('only', title, node);
  const skipped = names.some((name) => SKIPS.test(name)) || first.startsWith('x') || set('skip|todo|expectFailure') || (!suite && body === undefined && args.length === 1);
  scopes.enter(node, { kind: suite ? 'group' : 'case', name: title.slice(0, 300), skipped, dead: deadFrom(body?.field('body') ?? null) });
  return true;
}

/** Where nothing of a block runs any more: after a return, or a throw, of its own. */
function deadFrom(block: SgNode | null): number {
  if (block === null || block.kind() !== 'statement_block') return Number.POSITIVE_INFINITY;
  return block.children().find((one) => one.kind() === 'return_statement')?.range().end.index ?? Number.POSITIVE_INFINITY;
}

/** `if (false) …` */
function never(node: SgNode, scopes: Scopes): void {
  if (/^\(\s*(?:false|0|!1|!true|null|undefined)\s*\)$/.test(node.field('condition')?.text().slice(0, 50) ?? '') && node.field('alternative') === null) scopes.enter(node, { kind: 'try', dead: node.range().start.index });
}

function attempt(node: SgNode, scopes: Scopes): void {
  const handler = node.field('handler');
  const body = node.field('body');
  const passesOn = handler === null || /\b(?:throw|assert|expect|fail|should|reject|done|next)\b|\bt\.\w+\(|\b(?:assert|expect|fail)[A-Z]/.test(bare(handler.text()));
  scopes.enter(node, { kind: 'try', drops: passesOn || body === null ? -1 : body.range().end.index });
}

function assigned(node: SgNode, scopes: Scopes): void {
  const left = node.field('left')?.text().slice(0, 200).replace(/\s+/g, '') ?? '';
  if (left === 'process.exitCode') scopes.mark('exit', node.text().slice(0, 60), node);
  else if (JUDGES.test(left) && !/\b(?:require|import|chai)\b/.test(node.field('right')?.text().slice(0, 200) ?? '')) scopes.mark('replaced', node.text().slice(0, 100), node);
}

/** How much an assertion demands, null for a call that is none, or one that cannot fail. */
function assertion(node: SgNode, callee: SgNode | null, names: readonly string[], args: readonly SgNode[]): Strength | null {
  const [first, last] = [names[0] ?? '', names.at(-1) ?? ''];
  if ((names.length === 1 && /^(?:expect|should|expectTypeOf|assertType)$/.test(first)) || /^(?:chai\.expect|expect\.(?:soft|poll))$/.test(names.join('.'))) return matched(node, args);
  const property = callee?.kind() === 'member_expression' ? (callee.field('property')?.text() ?? '') : '';
  if (names.length === 0 || property === 'should') return property === 'expect' || property === 'should' || /\.should\b/.test(shortText(callee, 1000)) ? 'strong' : null;
  if (names.includes('assert') || names.includes('should') || (first === 't' && OF_T.test(last) && names.length === 2) || (names.length === 1 && PLAIN.test(first)) || (first === 'expect' && last === 'fail') || property === 'expect') {
    if (args.length > 0 && args.slice(0, 2).every((arg) => LITERALS.has(String(arg.kind()))) && !/^(?:fail|plan|expect)$/.test(last)) return null;
    if (/^(?:assert|ok|true|isTrue|isOk)$/.test(last)) return truth(args[0]);
    return WEAK.test(last) ? 'weak' : 'strong';
  }
  return names.length === 1 && NAMED.test(first) && !first.startsWith('expectType') ? 'strong' : null;
}

/** `assert(x)`: strong where it compares. */
function truth(value: SgNode | undefined): Strength {
  if (value === undefined) return 'weak';
  const kind = String(value.kind());
  if (kind === 'binary_expression') return /[=<>]=|[<>]|\b(?:in|instanceof)\b/.test(value.text()) && !/\|\|\s*(?:true|1)\b/.test(value.text()) ? 'strong' : 'weak';
  return TELLS.test(value.text().slice(0, 5000)) && !value.text().startsWith('!!') ? 'strong' : 'weak';
}

/** `expect(value).not.toBe(other)`: the chain above a call of expect. */
function matched(node: SgNode, actual: readonly SgNode[]): Strength | null {
  const chain: string[] = [];
  let args: readonly SgNode[] = [];
  for (let at = node.parent(); at !== null; at = at.parent()) {
    if (at.kind() === 'member_expression') chain.push(at.field('property')?.text() ?? '');
    else if (at.kind() === 'call_expression') args = at.field('arguments')?.children().filter((one) => one.isNamed()) ?? [];
    else break;
  }
  const matcher = chain.findLast((word) => !LINKS.test(word)) ?? '';
  if (matcher === '' && args.length === 0) return null;
  if (actual.length > 0 && actual.every((arg) => LITERALS.has(String(arg.kind()))) && args.every((arg) => LITERALS.has(String(arg.kind())))) return null;
  if (args.some((arg) => /\bexpect\s*\.\s*(?:anything|any)\s*\(/.test(arg.text()))) return 'weak';
  return WEAK.test(matcher) || (chain.includes('not') && WEAK_NOT.test(matcher)) ? 'weak' : 'strong';
}
