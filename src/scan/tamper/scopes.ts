import type { SgNode } from '@ast-grep/napi';
import type { Mark, TestFacts } from '../../sarif/tamper/model.js';

/** A part of a file with what lies in it. `dead` = from there on nothing runs; `drops` = up to there what is thrown is caught and dropped. */
export interface Scope {
  readonly kind: 'group' | 'case' | 'helper' | 'try';
  readonly name: string;
  readonly end: number;
  readonly line: number;
  skipped: boolean;
  readonly dead: number;
  readonly drops: number;
  strong: number;
  weak: number;
}
interface Case {
  readonly scope: Scope;
  /** With those of the groups around it. */
  readonly name: string;
  readonly calls: string[];
}
export type Strength = 'strong' | 'weak';

/**
 * Follows a file from its beginning to its end: which case an assertion stands in, and what stands around it. Assertions of a function that tests call count where
 * it is called, so that a test which calls one instead says as much as before.
 */
export class Scopes {
  readonly #open: Scope[] = [];
  readonly #cases: Case[] = [];
  readonly #helpers = new Map<string, Scope>();
  readonly #marks: Mark[] = [];

  /** Closes what ended before a node. */
  at(node: SgNode): void {
    const { start } = node.range();
    while ((this.#open.at(-1)?.end ?? Number.POSITIVE_INFINITY) <= start.index) this.#open.pop();
  }

  enter(node: SgNode, more: Pick<Scope, 'kind'> & Partial<Scope>): void {
    const { start, end } = node.range();
    const skipped = more.skipped === true || this.#open.some((one) => one.kind === 'group' && one.skipped);
    const scope: Scope = { name: '', end: end.index, line: start.line + 1, dead: Number.POSITIVE_INFINITY, drops: -1, strong: 0, weak: 0, ...more, skipped };
    if (scope.kind === 'case') this.#cases.push({ scope, name: [...this.#open.filter((one) => one.kind === 'group' || one.kind === 'case').map((one) => one.name), scope.name].join(' > ').slice(0, 1000), calls: [] });
    if (scope.kind === 'helper' && scope.name !== '') this.#helpers.set(scope.name, scope);
    this.#open.push(scope);
  }

  assertion(node: SgNode, strength: Strength): void {
    const { index } = node.range().start;
    if (this.#open.some((one) => index >= one.dead)) return;
    if (this.#open.some((one) => index < one.drops)) this.mark('swallowed', this.#current()?.name ?? '', node);
    const owner = this.#open.findLast((one) => one.kind === 'case' || one.kind === 'helper');
    if (owner !== undefined) owner[strength]++;
  }

  /** A call by a plain name, which may be that of a helper. False where it stands in no case. */
  called(name: string): void {
    this.#current()?.calls.push(name);
  }

  skip(): void {
    const current = this.#current();
    if (current !== undefined) current.scope.skipped = true;
  }

  /** Every case: `pytestmark`. */
  skipAll(): void {
    for (const one of this.#cases) one.scope.skipped = true;
  }

  mark(what: string, text: string, node: SgNode): void {
    this.#marks.push({ what, text: text.replace(/\s+/g, ' ').slice(0, 300), line: node.range().start.line + 1 });
  }

  result(): { readonly cases: TestFacts[]; readonly marks: Mark[] } {
    const cases = this.#cases.map(({ scope, name, calls }) => {
      const helpers = calls.flatMap((call) => this.#helpers.get(call) ?? []);
      const sum = (of: Strength): number => scope[of] + helpers.reduce((all, helper) => all + helper[of], 0);
      return { name, line: scope.line, strong: sum('strong'), weak: sum('weak'), skipped: scope.skipped };
    });
    return { cases, marks: this.#marks };
  }

  #current(): Case | undefined {
    const scope = this.#open.findLast((one) => one.kind === 'case');
    return scope === undefined ? undefined : this.#cases.findLast((one) => one.scope === scope);
  }
}

/** Nodes of these kinds in the order in which they begin, the outer one first. */
export function inOrder(root: SgNode, kinds: readonly string[]): SgNode[] {
  return root.findAll({ rule: { any: kinds.map((kind) => ({ kind })) } })
    .map((node) => ({ node, range: node.range() }))
    .sort((a, b) => a.range.start.index - b.range.start.index || b.range.end.index - a.range.end.index)
    .map(({ node }) => node);
}

/** Text of a node, '' where it is longer than wanted: a chain of calls holds all that stand before it, and reading each would take the square of its length. */
export function shortText(node: SgNode | null, most = 200): string {
  if (node === null) return '';
  const { start, end } = node.range();
  return end.index - start.index > most ? '' : node.text();
}

/** Text without comments, as far as that shows without reading strings; cut, so that unclosed comments cost no more than that. */
export function bare(text: string): string {
  return text.slice(0, 10_000).replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*|#[^\n]*/g, ' ');
}
