import { callFunction, evaluateCall, makeClosure } from './calls.js';
import { type Asking, shown } from './guards.js';
import { Frame } from './frame.js';
import { type Expr, type Func, pathOf, type Pattern, type Program, type Span, type Stmt } from './ir.js';
import { apiOf, elementOf, type Exit, type FileReport, globalOf, type Hook, type InterpretOptions, type Machine, moduleName, type SiteOf, type Use } from './machine.js';
import type { Arg, FlowRule, Site } from './rule.js';
import { arithmetic, isCondition, isExit, originsOf, rank, sinkOf, whereOf } from './judgements.js';
import { makeArray, makeClass, makeObject, makeText } from './make.js';
import { argumentMember, memberSource, notShown } from './sources.js';
import { allMarks, api, BOOLEAN, type Closure, concat, type Danger, derived, harmless, join, joinMarks, literal, NOTHING, NUMBER, open, type Value, type FileText, type State } from './value.js';

const GLOBAL_OBJECTS = new Set(['window', 'globalThis', 'self', 'global', 'top', 'parent']);
const MOST_DEPTH = 80;
/** Modules that are called by their own names nearly everywhere. */
const MODULES = /^(?:fs|path|os|http|https|vm|util|child_process|subprocess|shutil|re|sys|json|pickle|cPickle|yaml|commands|html|cgi|urllib|urllib2|requests|flask|django|sqlite3|psycopg2|MySQLdb|pymysql|logging|codecs|io|zipfile|tarfile|shlex|pipes|base64|hashlib|random|secrets|socket|ssl|tempfile|glob|pathlib|markupsafe|bleach|jinja2|lodash|axios|bcrypt)$/;
/** Names that the language, a browser or Node has, and classes. */
const GLOBALS = /^(?:[A-Z]\w*|\$|_|jQuery|window|document|globalThis|self|global|top|parent|frames|process|console|module|exports|require|import|import\.meta|new\.target|location|history|navigator|localStorage|sessionStorage|indexedDB|caches|crypto|performance|fetch|eval|open|close|alert|prompt|confirm|setTimeout|setInterval|setImmediate|clearTimeout|clearInterval|queueMicrotask|structuredClone|parseInt|parseFloat|isNaN|isFinite|encodeURIComponent|decodeURIComponent|encodeURI|decodeURI|escape|unescape|atob|btoa|postMessage|importScripts|addEventListener|removeEventListener|dispatchEvent|requestAnimationFrame|matchMedia|getComputedStyle|chrome|browser|describe|it|test|expect|before|after|beforeEach|afterEach|vi|jest|app|router|server|express|fastify|db|database|pool|client|conn|connection|knex|sequelize|prisma|redis|mongoose|axios|got|request|http|https|fs|path|os|util|url|vm|child_process|cp|bcrypt|jwt|logger|log|config|env|this|super|arguments|undefined|cors|helmet|next|res|response|el|element|ws|socket|io|cache|store|session|__\w+|#\w*)$/;

/** Runs a file on what is known of its values. One instance a file. */
export class Interpreter implements Machine {
  readonly options: InterpretOptions;
  file: FileText;
  readonly reports: FileReport[] = [];
  /** Where a rule knows that nothing is wrong: `RULE@OFFSET`; `*` for each rule that only knows names. */
  readonly cleared = new Set<string>();
  /** Dangerous calls of this file, by rule and place. */
  readonly uses = new Map<string, Use>();
  /** Conditions that end a function when they hold, by function. */
  readonly exits = new Map<string, { readonly at: Span; readonly checks: Set<string> }>();
  /** Where a rule looked and knows too little. */
  readonly seen = new Set<string>();
  readonly exports = new Map<string, Value>();
  /** Every function that was made, with the frame it was made in. */
  readonly closures = new Map<Func, Closure>();
  readonly entered = new Set<Func>();
  readonly names = new Map<Func, string>();
  readonly stack: Func[] = [];
  readonly functions = new Set<string>();
  readonly memo = new Map<string, Value>();
  readonly #hooks: Readonly<Record<Hook, readonly FlowRule[]>>;
  #steps: number;
  #depth = 0;

  constructor(options: InterpretOptions) {
    this.options = options;
    this.file = { path: options.path, source: options.source };
    this.#steps = options.steps;
    const hearing = (hook: Hook): readonly FlowRule[] => options.rules.filter((rule) => rule[hook] !== undefined);
    this.#hooks = { call: hearing('call'), text: hearing('text'), compare: hearing('compare'), store: hearing('store'), read: hearing('read'), bind: hearing('bind'), regex: hearing('regex') };
  }

  /** False once the file took all the steps it may. */
  get goesOn(): boolean {
    return this.#steps > 0;
  }

  run(program: Program): void {
    const frame = new Frame(null, '', this.file);
    frame.declare('module', { marks: [], api: '#module', members: new Map([['exports', { marks: [], api: '#exports', members: new Map() }]]) });
    frame.declare('exports', { marks: [], api: '#exports' });
    this.block(program.body, frame);
    for (const [key, value] of frame.lookup('module')?.members?.get('exports')?.members ?? []) this.exports.set(key, value);
    const whole = frame.lookup('module')?.members?.get('exports');
    if (whole !== undefined) this.exports.set('default', this.exports.get('default') ?? whole);
    for (const [key, value] of frame.lookup('exports')?.members ?? []) this.exports.set(key, value);
    this.#roots();
  }

  /** Functions that nobody called here are called by somebody else, and so are those that are exported. */
  #roots(): void {
    const exported = new Set<Func>();
    const note = (value: Value, depth: number): void => {
      if (value.closure !== undefined) exported.add(value.closure.fn);
      if (depth < 2) for (const member of value.members?.values() ?? []) note(member, depth + 1);
    };
    for (const value of this.exports.values()) note(value, 0);
    for (let before = -1; before !== this.closures.size; ) {
      before = this.closures.size;
      for (const [fn, closure] of [...this.closures]) {
        if (this.entered.has(fn) && !exported.delete(fn)) continue;
        this.entered.add(fn);
        callFunction(this, closure, null);
      }
    }
  }

  hear<H extends Hook>(hook: H, frame: Frame, at: Span, more: () => Omit<SiteOf<H>, keyof Site>): void {
    const rules = this.#hooks[hook];
    if (rules.length === 0) return;
    const { file } = this;
    let hearing = rules[0] as FlowRule;
    const base: Site = {
      at, frame, mode: this.options.mode, path: file.path,
      source: (expr) => this.text(expr), whole: ({ start, end }) => file.source.slice(start, end), value: (expr) => this.evaluate(expr, frame, true),
      look: (value, danger) => this.#look(hearing, frame, at, site, value, danger),
      fact: (sink, defences) => void (file.path === this.options.path && this.uses.set(`${hearing.id}@${at.start}`, { rule: hearing, at, where: whereOf(frame), sink, open: true, defences: new Set(defences) })),
      report: ({ at: where = at, marks = [], message = null } = {}) => this.#note({ rule: hearing, file, at: where, marks, message }),
    };
    // One site for all of them: which rule hears it is known by who is asked.
    const site: SiteOf<H> = Object.assign(base, more()) as SiteOf<H>;
    for (const rule of rules) {
      hearing = rule;
      (rule[hook] as (site: SiteOf<H>) => void)(site);
    }
  }

  /** What a rule looked at, of this file only: another one's functions are looked at when it is their turn. */
  #look(rule: FlowRule, frame: Frame, at: Span, site: object, value: Value, danger: Danger): void {
    if (this.file.path !== this.options.path) return;
    const key = `${rule.id}@${at.start}`;
    (harmless(value, danger) ? this.cleared : this.seen).add(key);
    const use = this.uses.get(key) ?? { rule, at, where: whereOf(frame), sink: sinkOf(site), open: false, defences: new Set<string>() };
    this.uses.set(key, use);
    if (open(value, danger).length > 0) use.open = true;
    for (const mark of allMarks(value)) for (const defence of mark.defences) use.defences.add(defence);
  }

  #note(found: FileReport): void {
    const known = this.reports.findIndex((one) => one.rule.id === found.rule.id && one.at.start === found.at.start && one.file.path === found.file.path);
    if (known === -1) this.reports.push(found);
    else if (rank(found.marks) > rank(this.reports[known]?.marks ?? [])) this.reports[known] = found;
  }

  text(expr: Expr): string {
    return this.file.source.slice(expr.at.start, Math.min(expr.at.end, expr.at.start + 200));
  }

  asking(frame: Frame): Asking {
    return { value: (expr) => this.evaluate(expr, frame, true), condition: (name) => frame.condition(name), source: (expr) => this.text(expr).slice(0, 60) };
  }

  // Statements

  block(stmts: readonly Stmt[], frame: Frame): Exit {
    for (const stmt of stmts) if (this.#statement(stmt, frame) === 'ends') return 'ends';
    return 'falls';
  }

  #statement(stmt: Stmt, frame: Frame): Exit {
    switch (stmt.s) {
      case 'expr':
        this.evaluate(stmt.of, frame);
        return isExit(stmt.of) ? 'ends' : 'falls';
      case 'let':
        this.#declare(stmt.pattern, stmt.value, frame);
        return 'falls';
      case 'function':
        if (stmt.fn.name !== null) frame.declare(stmt.fn.name, makeClosure(this, stmt.fn, frame));
        for (const decorator of stmt.fn.decorators) this.evaluate(decorator, frame);
        return 'falls';
      case 'return': {
        const value = stmt.of === null ? NOTHING : this.evaluate(stmt.of, frame);
        const { of } = stmt;
        if (of !== null && frame.name !== '') this.hear('bind', frame, stmt.at, () => ({ name: frame.name, bound: value, expr: of, how: 'return' as const }));
        frame.returned = join(frame.returned, value);
        return 'ends';
      }
      case 'throw':
        if (stmt.of !== null) this.evaluate(stmt.of, frame);
        return 'ends';
      case 'leave':
        return 'ends';
      case 'block':
        return this.block(stmt.body, frame);
      case 'if':
        return this.#if(stmt, frame);
      case 'loop':
        return this.#loop(stmt, frame);
      case 'try':
        return this.#try(stmt, frame);
      case 'import':
        this.#import(stmt, frame);
        return 'falls';
      case 'export':
        this.exports.set(stmt.name, this.evaluate(stmt.value, frame));
        return 'falls';
      default:
        return stmt satisfies never;
    }
  }

  #if(stmt: Extract<Stmt, { s: 'if' }>, frame: Frame): Exit {
    this.evaluate(stmt.test, frame);
    const before = frame.fork();
    this.assume(stmt.test, true, frame);
    const then = this.block(stmt.yes, frame);
    const afterThen = frame.state;
    frame.state = before;
    this.assume(stmt.test, false, frame);
    const other = this.block(stmt.other, frame);
    if (then === 'ends' && stmt.other.length === 0) this.#exit(stmt, frame);
    if (then === 'ends' && other === 'ends') return 'ends';
    if (other === 'ends') frame.state = afterThen;
    else if (then !== 'ends') frame.meet(afterThen, frame.state);
    return 'falls';
  }

  #exit({ test, at }: Extract<Stmt, { s: 'if' }>, frame: Frame): void {
    if (this.file.path !== this.options.path) return;
    const where = whereOf(frame);
    const known = this.exits.get(where) ?? { at, checks: new Set<string>() };
    this.exits.set(where, known);
    if (known.checks.size < 100) known.checks.add(this.file.source.slice(test.at.start, test.at.end).replace(/\s+/g, '').slice(0, 300));
  }

  assume(test: Expr, truth: boolean, frame: Frame): void {
    if (/\b(?:user|session|auth|admin|role|permission|actor|principal|can[A-Z])/i.test(this.text(test).replace(/\breq(?:uest)?\.(?:body|query|params)[\w.?]*/g, ''))) frame.state.notes.set('authorised', true);
    for (const { path, dangers, defence } of shown(test, truth, this.asking(frame))) frame.learn(path, { dangers, defence });
  }

  /** Twice, for what one turn writes is read by the next. */
  #loop(stmt: Extract<Stmt, { s: 'loop' }>, frame: Frame): Exit {
    const before: State = frame.fork();
    for (let turn = 0; turn < 2 && this.goesOn; turn++) {
      const start = frame.fork();
      if (stmt.each !== null) {
        const over = this.evaluate(stmt.each.over, frame);
        const each = stmt.each.keys ? { ...derived(over.marks), kind: 'string' as const, tags: ['key'] } : elementOf(over);
        this.bind(stmt.each.pattern, each, frame);
      }
      if (stmt.test !== null) {
        this.evaluate(stmt.test, frame);
        this.assume(stmt.test, true, frame);
      }
      this.block(stmt.body, frame);
      frame.meet(start, frame.state);
    }
    frame.meet(before, frame.state);
    if (stmt.test !== null && stmt.each === null) this.assume(stmt.test, false, frame);
    return 'falls';
  }

  #try(stmt: Extract<Stmt, { s: 'try' }>, frame: Frame): Exit {
    const before = frame.fork();
    const body = this.block(stmt.body, frame);
    const after = frame.state;
    let handler: Exit = 'ends';
    if (stmt.handler !== null) {
      frame.state = before;
      // What was assigned before it threw may be there; what was shown may not.
      for (const [name, value] of after.names) frame.state.names.set(name, join(frame.state.names.get(name) ?? NOTHING, value));
      if (stmt.param !== null) this.bind(stmt.param, api('#error'), frame);
      handler = this.block(stmt.handler, frame);
      if (handler === 'ends') frame.state = after;
      else if (body !== 'ends') frame.meet(after, frame.state);
    }
    const last = this.block(stmt.last, frame);
    return last === 'ends' || (body === 'ends' && handler === 'ends') ? 'ends' : 'falls';
  }

  #import(stmt: Extract<Stmt, { s: 'import' }>, frame: Frame): void {
    const module = moduleName(stmt.from);
    const exports = module.startsWith('.') ? this.options.resolve(module) : null;
    for (const { imported, local } of stmt.names) {
      const found = imported === null ? undefined : exports?.get(imported);
      const all: Value = { marks: [], api: module, ...(exports === null ? {} : { members: exports }) };
      frame.declare(local, found ?? (imported === null || imported === 'default' ? all : api(`${module}.${imported}`)));
    }
  }

  #declare(pattern: Pattern, init: Expr | null, frame: Frame): void {
    if (init === null) {
      if (pattern.k === 'to' && pattern.target.k === 'name') frame.declare(pattern.target.name, NOTHING);
      return;
    }
    const value = this.evaluate(init, frame);
    this.bind(pattern, value, frame, init);
    if (pattern.k !== 'to' || pattern.target.k !== 'name') return;
    const { name } = pattern.target;
    if (isCondition(init)) frame.state.conditions.set(name, init);
    const origins = originsOf(init).filter((path) => path !== name);
    if (origins.length > 0) frame.state.made.set(name, origins);
  }

  /** Gives a value to what a pattern names. */
  bind(pattern: Pattern, value: Value, frame: Frame, expr: Expr | null = null): void {
    switch (pattern.k) {
      case 'to':
        this.#store(pattern.target, value, frame, expr, true);
        return;
      case 'default':
        this.bind(pattern.pattern, value === NOTHING ? this.evaluate(pattern.value, frame) : join(value, this.evaluate(pattern.value, frame)), frame, expr);
        return;
      case 'members':
        for (const { key, pattern: inner } of pattern.members) this.bind(inner, key === null ? (value.rest ?? derived(value.marks)) : this.member(value, key, key, pattern.at), frame);
        if (pattern.rest !== null) this.bind(pattern.rest, value, frame);
        return;
      case 'elements':
        pattern.elements.forEach((inner, i) => void (inner !== null && this.bind(inner, value.members?.get(String(i)) ?? elementOf(value), frame)));
        if (pattern.rest !== null) this.bind(pattern.rest, value, frame);
        return;
      default:
        pattern satisfies never;
    }
  }

  #store(target: Expr, value: Value, frame: Frame, expr: Expr | null, declared: boolean): void {
    if (target.k === 'same') return this.#store(target.of, value, frame, expr, declared);
    if (target.k === 'name') {
      if (value.closure !== undefined && value.closure.fn.name === null && !this.names.has(value.closure.fn)) this.names.set(value.closure.fn, target.name);
      if (declared) frame.declare(target.name, value);
      else frame.write(target.name, value);
      if (expr !== null) this.hear('bind', frame, target.at, () => ({ name: target.name, bound: value, expr, how: 'variable' as const }));
      return;
    }
    if (target.k !== 'member') return;
    const of = this.evaluate(target.of, frame);
    const key = target.index === null ? null : this.evaluate(target.index, frame);
    const name = target.name ?? (key?.literal === undefined ? null : String(key.literal));
    if (name !== null && value.closure?.fn.name === null && !this.names.has(value.closure.fn)) this.names.set(value.closure.fn, name);
    this.hear('store', frame, target.at, () => ({ of, ofExpr: target.of, name, key, keyExpr: target.index, stored: value, storedExpr: expr ?? target, api: apiOf(of, name ?? '[]') }));
    if (name !== null && expr !== null) this.hear('bind', frame, target.at, () => ({ name, bound: value, expr, how: 'property' as const }));
    const path = pathOf(target);
    if (path !== null) frame.forget(path);
    const members = new Map(of.members ?? []);
    if (name !== null && members.size < 60) members.set(name, value);
    const changed: Value = name === null ? { ...of, rest: join(of.rest ?? NOTHING, value) } : { ...of, members };
    this.writeBack(target.of, changed, frame);
  }

  /** The object that a member was written to is the one that its path names. */
  writeBack(target: Expr, value: Value, frame: Frame): void {
    if (target.k === 'name') {
      if (frame.state.names.has(target.name)) frame.state.names.set(target.name, value);
      else if (frame.lookup(target.name) !== undefined) frame.write(target.name, value);
    } else if (target.k === 'member' && target.name !== null) {
      const of = this.evaluate(target.of, frame, true);
      this.writeBack(target.of, { ...of, members: new Map([...(of.members ?? []), [target.name, value]]) }, frame);
    }
  }

  // Expressions

  /** `quiet` = no rule hears of it: it was met before. */
  evaluate(expr: Expr, frame: Frame, quiet = false): Value {
    if (--this.#steps <= 0 || this.#depth > MOST_DEPTH) return NOTHING;
    this.#depth++;
    try {
      return quiet && expr.k === 'call' ? evaluateCall(this, expr, frame, true) : this.#evaluate(expr, frame, quiet);
    } finally {
      this.#depth--;
    }
  }

  #evaluate(expr: Expr, frame: Frame, quiet: boolean): Value {
    switch (expr.k) {
      case 'literal':
        return literal(expr.value);
      case 'regex':
        if (!quiet) this.hear('regex', frame, expr.at, () => ({ pattern: expr.pattern, flags: expr.flags }));
        return { marks: [], kind: 'regex', regex: { pattern: expr.pattern, flags: expr.flags } };
      case 'name':
        return frame.proven(expr.name, frame.lookup(expr.name) ?? this.#free(expr.name, expr.at));
      case 'member':
        return this.#member(expr, frame, quiet);
      case 'call':
        return evaluateCall(this, expr, frame, quiet);
      case 'text':
        return makeText(this, expr, frame, quiet);
      case 'object':
        return makeObject(this, expr, frame, quiet);
      case 'array':
        return makeArray(this, expr, frame, quiet);
      case 'function':
        return makeClosure(this, expr.fn, frame);
      case 'class':
        return makeClass(this, expr.cls, frame);
      case 'choice':
        return this.#choice(expr, frame, quiet);
      case 'binary':
        return this.#binary(expr, frame, quiet);
      case 'unary': {
        const of = this.evaluate(expr.of, frame, quiet);
        if (expr.op === '!' || expr.op === 'not' || expr.op === 'delete') return BOOLEAN;
        return expr.op === 'typeof' ? { marks: [], kind: 'string' } : typeof of.literal === 'number' && expr.op === '-' ? literal(-of.literal) : NUMBER;
      }
      case 'assign':
        return this.#assign(expr, frame);
      case 'same':
        return this.evaluate(expr.of, frame, quiet);
      case 'mix':
        return expr.parts.map((part) => this.evaluate(part, frame, quiet)).reduce(join, NOTHING);
      default:
        return expr satisfies never;
    }
  }

  /** A name that nothing declares: a global, or in a fragment something of the part that is not shown. */
  #free(name: string, at: Span): Value {
    // A fragment leaves its imports away.
    if (MODULES.test(name)) return api(name);
    return this.options.mode === 'package' || GLOBALS.test(name) ? globalOf(name) : notShown(name, at);
  }

  #member(expr: Extract<Expr, { k: 'member' }>, frame: Frame, quiet: boolean): Value {
    const of = this.evaluate(expr.of, frame, quiet);
    const path = pathOf(expr);
    if (expr.index !== null) {
      const { index } = expr;
      const key = this.evaluate(index, frame, quiet);
      if (!quiet) this.hear('read', frame, expr.at, () => ({ of, ofExpr: expr.of, key, keyExpr: index }));
      if (key.literal !== undefined && key.literal !== null) return this.member(of, String(key.literal), this.text(expr), expr.at);
      const all = [...(of.members?.values() ?? [])].reduce(join, of.rest ?? NOTHING);
      const value: Value = { ...all, marks: joinMarks(all.marks, of.marks), ...(open(key, 'key').some((mark) => mark.kind === 'request' || mark.kind === 'message') && key.kind !== 'number' && of.kind !== 'array' ? { tags: ['chosen'] } : {}) };
      return path === null ? value : frame.proven(path, value);
    }
    const value = this.member(of, expr.name ?? '', this.text(expr), expr.at);
    return path === null ? value : frame.proven(path, value);
  }

  /** What `of.name` is. */
  member(of: Value, name: string, what: string, at: Span): Value {
    const known = of.members?.get(name);
    if (known !== undefined) return known;
    if (of.api !== undefined && GLOBAL_OBJECTS.has(of.api.slice(1)) && of.api.startsWith('#')) return globalOf(name);
    const special = of.api === undefined ? null : memberSource(of.api, name, what, at);
    if (special !== null) return special;
    if (name === 'length' || name === 'size' || name === 'byteLength') return NUMBER;
    if (of.marks.some((mark) => mark.what === '')) return argumentMember(of, name);
    // Where a page stands is its own.
    if (/^(?:origin|host|hostname|protocol|port)$/.test(name) && of.marks.length > 0 && of.marks.every((mark) => mark.kind === 'browser' && /location\.href|document\.(?:URL|baseURI)|^location$/.test(mark.what))) return { marks: [], kind: 'string' };
    const named = of.api === undefined ? {} : { api: apiOf(of, name) };
    if (of.rest !== undefined && of.api === undefined) return { ...of.rest, marks: joinMarks(of.rest.marks, of.marks) };
    return { ...derived(of.marks.map((mark) => (mark.what.length > 50 ? mark : { ...mark, what: (mark.kind === 'parameter' || (mark.kind === 'request' && /^[\w.]+$/.test(mark.what))) && /^[\w$]+$/.test(name) ? `${mark.what}.${name}` : mark.what }))), ...named, ...(of.tags === undefined ? {} : { tags: of.tags.filter((tag) => tag !== 'key') }) };
  }

  #choice(expr: Extract<Expr, { k: 'choice' }>, frame: Frame, quiet: boolean): Value {
    const first = this.evaluate(expr.test, frame, quiet);
    const before = frame.fork();
    if (expr.op === '&&' || expr.op === '?:') this.assume(expr.test, true, frame);
    else this.assume(expr.test, false, frame);
    const left = expr.op === '?:' ? this.evaluate(expr.yes, frame, quiet) : this.evaluate(expr.other, frame, quiet);
    if (expr.op !== '?:') {
      frame.state = { ...frame.state, facts: before.facts };
      // `a && b` is b, or something false that holds nothing.
      if (expr.op === '&&') return left;
      const fallback = first.literal === null || first === NOTHING ? left : join(first, left);
      return first.kind === 'number' || first.kind === 'boolean' ? { ...fallback, marks: left.marks } : fallback;
    }
    frame.state = { ...frame.state, facts: before.facts };
    const saved = frame.fork();
    this.assume(expr.test, false, frame);
    const other = this.evaluate(expr.other, frame, quiet);
    frame.state = { ...frame.state, facts: saved.facts };
    return left.literal !== undefined && other.literal !== undefined && left.literal !== other.literal ? { marks: joinMarks(left.marks, other.marks), tags: ['constants'], ...(left.kind === undefined ? {} : { kind: left.kind }) } : join(left, other);
  }

  #binary(expr: Extract<Expr, { k: 'binary' }>, frame: Frame, quiet: boolean): Value {
    const left = this.evaluate(expr.left, frame, quiet);
    const right = this.evaluate(expr.right, frame, quiet);
    const arg = (value: Value, of: Expr): Arg => ({ value, expr: of, name: null, spread: false });
    if (/^(?:[=!]==?|[<>]=?|in|instanceof|not in|is|is not)$/.test(expr.op)) {
      if (!quiet) this.hear('compare', frame, expr.at, () => ({ op: expr.op, left: arg(left, expr.left), right: arg(right, expr.right) }));
      return BOOLEAN;
    }
    if (expr.op !== '+') return typeof left.literal === 'number' && typeof right.literal === 'number' ? arithmetic(expr.op, left.literal, right.literal) : { ...NUMBER, ...(left.tags ?? right.tags ? { tags: [...(left.tags ?? []), ...(right.tags ?? [])] } : {}) };
    if (typeof left.literal === 'number' && typeof right.literal === 'number') return literal(left.literal + right.literal);
    if ((left.kind === 'number' && right.kind === 'number') || (left.kind === 'number' && typeof right.literal === 'number')) return { ...NUMBER, ...(left.tags ?? right.tags ? { tags: [...(left.tags ?? []), ...(right.tags ?? [])] } : {}) };
    const value = concat([left, right]);
    if (!quiet && value.parts !== undefined) this.hear('text', frame, expr.at, () => ({ built: value, tag: null }));
    return value;
  }

  #assign(expr: Extract<Expr, { k: 'assign' }>, frame: Frame): Value {
    const right = this.evaluate(expr.value, frame);
    const { target, op } = expr;
    if (op === null) {
      if (target.k === 'to') this.#store(target.target, right, frame, expr.value, false);
      else this.bind(target, right, frame);
      if (target.k === 'to' && target.target.k === 'name') {
        const { name } = target.target;
        if (isCondition(expr.value)) frame.state.conditions.set(name, expr.value);
        const origins = originsOf(expr.value).filter((path) => path !== name);
        if (origins.length > 0) frame.state.made.set(name, origins);
      }
      return right;
    }
    if (target.k !== 'to') return right;
    const old = this.evaluate(target.target, frame, true);
    const value = op === '+' ? (old.kind === 'number' && right.kind === 'number' ? NUMBER : concat([old, right])) : op === '||' || op === '??' || op === '&&' ? join(old, right) : NUMBER;
    if (value.parts !== undefined) this.hear('text', frame, expr.at, () => ({ built: value, tag: null }));
    this.#store(target.target, value, frame, expr.value, false);
    return value;
  }
}
