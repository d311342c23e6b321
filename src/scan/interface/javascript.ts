import type { SgNode } from '@ast-grep/napi';
import { shortText } from '../tamper/scopes.js';
import { type ModuleNames, parametersText, type Target, thing } from './thing.js';

/** The name that stands for what `module.exports` is set to. */
export const WHOLE_MODULE = 'module.exports';
const HIDDEN = /^(?:#|_)/;
const MOST_NAMES = 3000;

/** Names of a file of JavaScript or TypeScript: what it declares, imports and exports, as ECMAScript module or CommonJS. */
export function javascriptNames(root: SgNode, text: string): ModuleNames {
  const reader = new Reader();
  for (const node of root.children()) reader.statement(node);
  if (text.includes('exports')) reader.elsewhere(root);
  return reader;
}

class Reader implements ModuleNames {
  readonly locals = new Map<string, Target>();
  readonly exports = new Map<string, Target>();
  readonly stars: string[] = [];
  unclear: string | null = null;
  /** Where assignments to the exports were understood. */
  readonly #understood = new Set<number>();

  statement(node: SgNode): void {
    if (this.locals.size + this.exports.size + this.stars.length > MOST_NAMES) return this.#open(node, 'holds more names than are compared');
    const kind = node.kind();
    if (kind === 'import_statement') this.#imported(node);
    else if (kind === 'export_statement') this.#exported(node);
    else if (kind === 'expression_statement') this.#expression(node.children().find((one) => one.isNamed()) ?? null);
    else for (const [name, target] of declared(node)) this.#declare(name, target);
  }

  /** Exports that are set where only running the code tells what they are. */
  elsewhere(root: SgNode): void {
    for (const node of root.findAll({ rule: { kind: 'assignment_expression' } })) {
      const left = leftOf(node);
      if (!/^(?:module\.)?exports\b/.test(left) || this.#understood.has(node.range().start.index)) continue;
      // A name that is set below a condition, or as a compiler sets that of an enum, is offered all the same.
      const name = /^(?:module\.)?exports\.([\w$]+)$/.exec(left)?.[1];
      if (name !== undefined) this.exports.set(name, this.exports.get(name) ?? thing('value'));
      else this.#open(node, 'sets its exports where only running it tells what they are');
    }
  }

  #open(node: SgNode, why: string): void {
    this.unclear ??= `line ${node.range().start.line + 1} ${why}`;
  }

  /** Overloads are told one after the other; what implements them stands after them, and is not what others call. */
  #declare(name: string, target: Target): void {
    const before = this.locals.get(name);
    this.locals.set(name, before === undefined ? target : merged(before, target));
  }

  #imported(node: SgNode): void {
    const required = node.children().find((one) => one.kind() === 'import_require_clause');
    const from = stringOf(node.field('source') ?? required?.field('source') ?? null);
    if (from === null) return;
    const own = required?.children().find((one) => one.kind() === 'identifier');
    if (own !== undefined) this.locals.set(own.text(), { at: 'import', from, name: null });
    const clause = node.children().find((one) => one.kind() === 'import_clause');
    for (const one of clause?.children() ?? []) {
      if (one.kind() === 'identifier') this.locals.set(one.text(), { at: 'import', from, name: 'default' });
      else if (one.kind() === 'namespace_import') this.locals.set(one.children().at(-1)?.text() ?? '', { at: 'import', from, name: null });
      else if (one.kind() === 'named_imports') for (const [outer, inner] of specifiers(one, 'import_specifier')) this.locals.set(inner, { at: 'import', from, name: outer });
    }
  }

  #exported(node: SgNode): void {
    const from = stringOf(node.field('source'));
    const kinds = new Map(node.children().map((one) => [String(one.kind()), one]));
    const [clause, whole] = [kinds.get('export_clause'), kinds.get('namespace_export')];
    if (whole !== undefined && from !== null) this.exports.set(plain(whole.children().at(-1)?.text() ?? ''), { at: 'import', from, name: null });
    else if (clause !== undefined) for (const [inner, outer] of specifiers(clause, 'export_specifier')) this.exports.set(outer, from === null ? { at: 'local', name: inner } : { at: 'import', from, name: inner });
    else if (from !== null) this.stars.push(from);
    else this.#exportedHere(node, kinds);
  }

  #exportedHere(node: SgNode, kinds: ReadonlyMap<string, SgNode>): void {
    const declaration = node.field('declaration') ?? node.children().find((one) => /_(?:declaration|signature)$|^internal_module$|^module$|^import_alias$/.test(String(one.kind()))) ?? null;
    const value = node.field('value') ?? (kinds.has('=') ? (node.children().findLast((one) => one.isNamed()) ?? null) : null);
    if (kinds.has('default') || kinds.has('=')) {
      const names = declaration === null ? [] : declared(declaration);
      for (const [name, target] of names) if (name !== '') this.#declare(name, target);
      const name = kinds.has('=') ? WHOLE_MODULE : 'default';
      const target = names[0]?.[1] ?? (declaration === null ? targetOf(value) : targetOf(declaration));
      const before = this.exports.get(name);
      this.exports.set(name, before === undefined ? target : merged(before, target));
      return;
    }
    const names = declaration === null ? [] : declared(declaration);
    if (names.length === 0) return this.#open(node, 'exports in a way that is not understood');
    for (const [name, target] of names) {
      this.#declare(name, target);
      this.exports.set(name, { at: 'local', name });
    }
  }

  /** `module.exports = …`, `exports.a = exports.b = …`, and calls that are handed the exports. */
  #expression(node: SgNode | null): void {
    if (node === null) return;
    if (node.kind() === 'sequence_expression') for (const one of node.children()) this.#expression(one);
    else if (node.kind() === 'assignment_expression') this.#assigned(node);
    else if (node.kind() === 'call_expression') this.#handed(node);
  }

  #assigned(first: SgNode): void {
    const names: string[] = [];
    let node: SgNode | null = first;
    for (; node?.kind() === 'assignment_expression'; node = node.field('right')) {
      names.push(leftOf(node));
      this.#understood.add(node.range().start.index);
    }
    const target = targetOf(node);
    for (const left of names) {
      const name = /^(?:module\.)?exports(?:\.([\w$]+)|\[(?:'([^']*)'|"([^"]*)")\])$/.exec(left);
      const outer = name?.[1] ?? name?.[2] ?? name?.[3];
      if (left === WHOLE_MODULE) this.exports.set(WHOLE_MODULE, target);
      else if (outer !== undefined) {
        // A compiler sets every name to nothing, and then to what it is.
        if (outer !== '__esModule' && !(this.exports.has(outer) && node?.text() === 'void 0')) this.exports.set(outer, target);
      } else if (left !== 'exports' && /^(?:module\.)?exports\b/.test(left)) this.#open(first, 'sets its exports where only running it tells what they are');
    }
  }

  #handed(node: SgNode): void {
    const args = node.field('arguments')?.children().filter((one) => one.isNamed() && one.kind() !== 'comment') ?? [];
    const isExports = (one: SgNode | undefined): boolean => /^(?:module\.)?exports$/.test(shortText(one ?? null));
    if (!args.some(isExports)) return;
    const callee = shortText(node.field('function')).replace(/\s+/g, '');
    const [first, second] = args;
    const name = stringOf(second ?? null);
    if (callee === 'Object.defineProperty' && isExports(first) && name !== null) {
      if (name !== '__esModule') this.exports.set(name, thing('value'));
    } else if (/(?:^|\.)__exportStar$/.test(callee) && first !== undefined) {
      const from = requiredBy(first);
      if (from === null) this.#open(node, 'passes on a module that is not named');
      else this.stars.push(from);
    } else if (callee === 'Object.assign' && isExports(first)) {
      const before = this.exports.get(WHOLE_MODULE);
      this.exports.set(WHOLE_MODULE, thing('value', null, new Map(), [...(before === undefined ? [] : [before]), ...args.slice(1).map(targetOf)]));
    } else this.#open(node, 'gives its exports to a function');
  }
}

/** What was said first, and what is said of the same name later: a type and a value, a namespace over a function, an overload. */
function merged(a: Target, b: Target): Target {
  if (a.at !== 'thing' || b.at !== 'thing') return b;
  const overload = a.kind === 'function' && b.kind === 'function' && a.parameters !== b.parameters;
  return { ...a, kind: a.kind === 'type' ? b.kind : a.kind, parameters: overload ? `${a.parameters} or ${b.parameters}`.slice(0, 400) : (a.parameters ?? b.parameters), members: new Map([...a.members, ...b.members]), from: [...a.from, ...b.from] };
}

/** Names that a statement declares; '' for one without a name. */
function declared(node: SgNode): readonly (readonly [string, Target])[] {
  const name = node.field('name')?.text() ?? '';
  switch (String(node.kind())) {
    case 'function_declaration': case 'generator_function_declaration': case 'function_signature': case 'class_declaration': case 'abstract_class_declaration': case 'class':
      return [[name, targetOf(node)]];
    case 'lexical_declaration': case 'variable_declaration':
      return node.children().filter((one) => one.kind() === 'variable_declarator').flatMap(variables);
    case 'interface_declaration': case 'type_alias_declaration':
      return [[name, thing('type')]];
    case 'enum_declaration':
      return [[name, thing('value', null, new Map((node.field('body')?.children() ?? []).filter((one) => one.isNamed() && one.kind() !== 'comment').map((one) => [plain((one.field('name') ?? one).text()), thing('value')])))]];
    case 'internal_module': case 'module': {
      const inside = new Reader();
      for (const one of node.field('body')?.children() ?? []) inside.statement(one);
      return [[plain(name), thing('value', null, new Map([...inside.exports].map(([key, target]) => [key, target.at === 'local' ? (inside.locals.get(target.name) ?? target) : target])))]];
    }
    case 'import_alias':
      return [[node.children().find((one) => one.kind() === 'identifier')?.text() ?? '', thing('value')]];
    case 'ambient_declaration':
      return node.children().flatMap((one) => [...declared(one)]);
    // A namespace stands as an expression.
    case 'expression_statement':
      return node.children().flatMap((one) => (one.kind() === 'internal_module' ? [...declared(one)] : []));
    default:
      return [];
  }
}

function variables(node: SgNode): readonly (readonly [string, Target])[] {
  const name = node.field('name');
  if (name?.kind() === 'identifier') {
    const type = node.field('type')?.children().find((one) => one.kind() === 'function_type');
    return [[name.text(), type === undefined ? targetOf(node.field('value')) : thing('function', parametersText(type.field('parameters')))]];
  }
  const from = node.field('value') === null ? null : requiredBy(node.field('value') as SgNode);
  const names = name?.findAll({ rule: { any: [{ kind: 'identifier' }, { kind: 'shorthand_property_identifier_pattern' }] } }) ?? [];
  return names.map((one) => [one.text(), from === null ? thing('value') : { at: 'import', from, name: one.parent()?.kind() === 'pair_pattern' ? plain(one.parent()?.field('key')?.text() ?? '') : one.text() }]);
}

function targetOf(given: SgNode | null): Target {
  let node = given;
  while (node !== null && /^(?:parenthesized_expression|as_expression|satisfies_expression|non_null_expression)$/.test(String(node.kind()))) node = node.children().find((one) => one.isNamed() && one.kind() !== 'comment') ?? null;
  if (node === null) return thing('value');
  const from = requiredBy(node);
  if (from !== null) return { at: 'import', from, name: null };
  switch (String(node.kind())) {
    case 'identifier': return { at: 'local', name: node.text() };
    case 'arrow_function': case 'function_expression': case 'function': case 'generator_function': case 'function_declaration': case 'generator_function_declaration': case 'function_signature':
      return thing('function', parametersText(node.field('parameters') ?? node.field('parameter')));
    case 'class': case 'class_declaration': case 'abstract_class_declaration': return classOf(node);
    case 'object': return objectOf(node);
    case 'member_expression': {
      const module = node.field('object') === null ? null : requiredBy(node.field('object') as SgNode);
      return module === null ? thing('value') : { at: 'import', from: module, name: node.field('property')?.text() ?? '' };
    }
    default: return thing('value');
  }
}

function classOf(node: SgNode): Target {
  const members = new Map<string, Target>();
  let parameters: string | null = null;
  for (const one of node.field('body')?.children() ?? []) {
    const name = plain((one.field('name') ?? one.field('property'))?.text() ?? '');
    const words = new Set(one.children().map((word) => word.text().slice(0, 20)));
    if (name === '' || HIDDEN.test(name) || words.has('private') || words.has('protected')) continue;
    const key = words.has('static') ? `static ${name}` : name;
    const accessor = words.has('get') || words.has('set');
    if (name === 'constructor') parameters = parametersText(one.field('parameters'));
    else if (/^(?:method_definition|method_signature|abstract_method_signature)$/.test(String(one.kind()))) members.set(key, accessor ? thing('value') : mergedMember(members.get(key), thing('function', parametersText(one.field('parameters')))));
    else if (/^(?:field_definition|public_field_definition)$/.test(String(one.kind()))) members.set(key, one.field('value') === null ? thing('value') : withoutNames(targetOf(one.field('value'))));
  }
  const heritage = node.children().find((one) => one.kind() === 'class_heritage');
  const over = heritage?.findAll({ rule: { kind: 'identifier' } }).find((one) => one.parent()?.kind() === 'class_heritage' || one.parent()?.kind() === 'extends_clause');
  return thing('class', parameters ?? (heritage === undefined ? '()' : null), members, over === undefined ? [] : [{ at: 'local', name: over.text() }]);
}

function mergedMember(before: Target | undefined, now: Target): Target {
  return before === undefined ? now : merged(before, now);
}

/** A value of a field, or of an inner object: what it names is not followed. */
function withoutNames(target: Target): Target {
  return target.at === 'thing' && target.kind === 'function' ? target : thing('value');
}

function objectOf(node: SgNode): Target {
  const members = new Map<string, Target>();
  const from: Target[] = [];
  for (const one of node.children().filter((child) => child.isNamed() && child.kind() !== 'comment')) {
    const key = one.field('key') ?? one.field('name');
    if (one.kind() === 'shorthand_property_identifier') members.set(one.text(), { at: 'local', name: one.text() });
    else if (one.kind() === 'spread_element') from.push(targetOf(one.children().at(-1) ?? null));
    // A name that is worked out is told by how it is.
    else if (key !== null) members.set(plain(key.text().replace(/^\[(['"])([^'"]*)\1\]$/, '$2').slice(0, 200)), one.kind() === 'method_definition' ? (one.children().some((word) => word.text() === 'get' || word.text() === 'set') ? thing('value') : thing('function', parametersText(one.field('parameters')))) : targetOf(one.field('value')));
  }
  return thing('value', null, members, from);
}

/** Pairs of the name in the module and the name here, or the other way about for exports. */
function specifiers(clause: SgNode, kind: string): [string, string][] {
  return clause.children().filter((one) => one.kind() === kind).map((one) => {
    const name = plain(one.field('name')?.text() ?? '');
    return [name, plain(one.field('alias')?.text() ?? name)];
  });
}

function requiredBy(node: SgNode): string | null {
  if (node.kind() !== 'call_expression') return null;
  const callee = shortText(node.field('function'));
  const args = node.field('arguments')?.children().filter((one) => one.isNamed()) ?? [];
  if (callee === 'require') return stringOf(args[0] ?? null);
  // What a compiler puts around it.
  return /(?:^|\.)__import(?:Star|Default)$/.test(callee) && args[0] !== undefined ? requiredBy(args[0]) : null;
}

function leftOf(node: SgNode): string {
  return shortText(node.field('left')).replace(/\s+/g, '');
}

function stringOf(node: SgNode | null): string | null {
  return node?.kind() === 'string' ? plain(node.text()).slice(0, 1000) : null;
}

function plain(text: string): string {
  return /^(['"`]).*\1$/s.test(text) ? text.slice(1, -1) : text;
}
