import type { SgNode } from '@ast-grep/napi';
import { joined, type ModuleNames, shortened, type Target, thing, words } from './thing.js';

/** What a module must be told of its tree. */
export interface Surroundings {
  /** True for a package's `__init__.py`: what it imports from its own package it offers. */
  readonly isPackage: boolean;
  /** True for a module of the same tree. */
  isOwn(module: string): boolean;
  /** True where a module of that name stands below the package. */
  hasModule(name: string): boolean;
}

/** Names of a module of Python. `exports` = `__all__`, or all that it declares and that begins with no underscore. */
export function pythonNames(root: SgNode, around: Surroundings): ModuleNames {
  const reader = new Reader(around);
  reader.block(root);
  return reader.result();
}

class Reader {
  readonly #locals = new Map<string, Target>();
  readonly #around: Surroundings;
  /** Names that were brought, and are not passed on. */
  readonly #brought = new Set<string>();
  readonly #stars: string[] = [];
  #all: string[] | null = null;
  #unclear: string | null = null;

  constructor(around: Surroundings) {
    this.#around = around;
  }

  /** What stands below a condition, or is tried, is there as well. */
  block(block: SgNode): void {
    for (const node of block.children()) {
      const kind = String(node.kind());
      if (kind === 'decorated_definition' || kind === 'function_definition' || kind === 'class_definition') {
        const [name, target] = definition(node);
        this.#locals.set(name, target);
      } else if (kind === 'expression_statement') for (const one of node.children()) this.#assigned(one);
      else if (kind === 'import_from_statement') this.#from(node);
      if (/^(?:if|try|with)_statement$|^(?:else|elif|except|except_group|finally)_clause$|^block$/.test(kind)) this.block(node);
    }
  }

  result(): ModuleNames {
    const all = this.#all;
    const names = (all ?? [...this.#locals.keys()].filter((name) => !name.startsWith('_') && !this.#brought.has(name))).filter((name) => this.#locals.has(name) || this.#around.hasModule(name));
    const exports = new Map<string, Target>(names.map((name) => [name, this.#locals.has(name) ? { at: 'local', name } : thing('module')]));
    return { locals: this.#locals, exports, stars: this.#stars, ...(all === null ? {} : { only: new Set(all) }), unclear: this.#unclear };
  }

  #assigned(node: SgNode): void {
    const kind = node.kind();
    if (kind !== 'assignment' && kind !== 'augmented_assignment') {
      if (/^__all__\s*\./.test(node.text().slice(0, 50))) this.#unclear ??= `line ${node.range().start.line + 1} works \`__all__\` out`;
      return;
    }
    const left = node.field('left');
    const right = node.field('right');
    if (left?.text() === '__all__') return this.#listed(node, right, kind === 'augmented_assignment');
    const names = left?.kind() === 'identifier' ? [left] : /^(?:pattern_list|tuple_pattern)$/.test(String(left?.kind() ?? '')) ? (left?.children().filter((one) => one.kind() === 'identifier') ?? []) : [];
    const other = names.length === 1 && right?.kind() === 'identifier' ? right.text() : null;
    const lambda = right?.kind() === 'lambda' ? thing('function', parametersOf(right.field('parameters'), false)) : thing('value');
    if (kind === 'assignment') for (const one of names) this.#locals.set(one.text(), other === null || other === one.text() ? lambda : { at: 'local', name: other });
  }

  #listed(node: SgNode, value: SgNode | null, more: boolean): void {
    const items = /^(?:list|tuple)$/.test(String(value?.kind() ?? '')) ? (value?.children().filter((one) => one.isNamed() && one.kind() !== 'comment') ?? []) : null;
    const names = items?.map((one) => /^['"]([^'"\\]*)['"]$/.exec(one.text())?.[1] ?? null) ?? null;
    if (names === null || names.includes(null)) this.#unclear ??= `line ${node.range().start.line + 1} works \`__all__\` out`;
    this.#all = [...new Set([...(more ? (this.#all ?? []) : []), ...(names ?? []).filter((name) => name !== null)])].slice(0, 3000);
  }

  #from(node: SgNode): void {
    const from = node.field('module_name')?.text().replace(/\s+/g, '') ?? '';
    for (const one of node.children()) {
      if (one.kind() === 'wildcard_import') this.#stars.push(from);
      if (one.range().start.index === node.field('module_name')?.range().start.index || (one.kind() !== 'dotted_name' && one.kind() !== 'aliased_import')) continue;
      const name = (one.field('name') ?? one).text();
      const own = one.field('alias')?.text() ?? name;
      this.#locals.set(own, from === '.' && this.#around.hasModule(name) ? thing('module') : { at: 'import', from, name });
      if (!this.#around.isPackage || !this.#around.isOwn(from)) this.#brought.add(own);
    }
  }
}

function definition(node: SgNode): readonly [string, Target] {
  const inner = node.field('definition') ?? node;
  const name = inner.field('name')?.text() ?? '';
  return [name, inner.kind() === 'class_definition' ? classOf(inner) : thing('function', parametersOf(inner.field('parameters'), false))];
}

function classOf(node: SgNode): Target {
  const members = new Map<string, Target>();
  let parameters: string | null = null;
  for (const one of node.field('body')?.children() ?? []) {
    const inner = one.field('definition') ?? one;
    const decorators = one.children().filter((child) => child.kind() === 'decorator').map((child) => child.text().slice(0, 200));
    const name = inner.kind() === 'function_definition' ? (inner.field('name')?.text() ?? '') : '';
    if (name === '__init__') parameters = parametersOf(inner.field('parameters'), true);
    else if (name !== '' && !name.startsWith('_')) members.set(name, decorators.some((text) => /property\b|\.(?:setter|getter|deleter)\b/.test(text)) ? thing('value') : thing('function', parametersOf(inner.field('parameters'), !decorators.some((text) => /\bstaticmethod\b/.test(text)))));
    else if (inner.kind() === 'expression_statement') {
      const left = inner.children().find((child) => child.kind() === 'assignment')?.field('left');
      if (left?.kind() === 'identifier' && !left.text().startsWith('_')) members.set(left.text(), thing('value'));
    }
  }
  const over = node.field('superclasses')?.children().filter((one) => one.kind() === 'identifier') ?? [];
  return thing('class', parameters, members, over.map((one) => ({ at: 'local', name: one.text() }) as const));
}

/** Without `self`, which nobody gives. */
function parametersOf(node: SgNode | null, bound: boolean): string | null {
  if (node === null) return '()';
  const parts = words(node).join('').length > 20_000 ? [node.text()] : words(node);
  const inner = parts[0] === '(' ? parts.slice(1, -1) : parts;
  const comma = inner.indexOf(',');
  return shortened(joined(['(', ...(bound && inner[0] !== '*' && inner[0] !== '**' ? (comma === -1 ? [] : inner.slice(comma + 1)) : inner), ')']));
}
