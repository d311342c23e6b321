import { Frame } from './frame.js';
import { type Expr, type Func, nameOf } from './ir.js';
import { whereOf } from './judgements.js';
import { apiOf, type Called, type Machine, moduleName } from './machine.js';
import { model } from './models.js';
import type { Arg, CallSite, Site } from './rule.js';
import { parameter } from './sources.js';
import { type Closure, joinMarks, type Mark, NOTHING, type Value } from './value.js';

const MOST_CALLS = 8;
const MOST_MEMO = 4000;

/** A function of the file, as a value. */
export function makeClosure(m: Machine, fn: Func, frame: Frame): Value {
  const closure: Closure = { fn, frame, self: null };
  m.closures.set(fn, closure);
  return { marks: [], kind: 'function', closure };
}

type Call = Extract<Expr, { k: 'call' }>;

export function evaluateCall(m: Machine, expr: Call, frame: Frame, quiet: boolean): Value {
  const target = targetOf(m, expr, frame, quiet);
  const args = expr.args.map(({ value, name, spread }): Arg => ({ value: m.evaluate(value, frame, quiet), expr: value, name, spread }));
  const called: Called = canonical(m.file.path.endsWith('.py') ? { ...target, args, expr, construct: expr.construct } : unwrapped({ ...target, args, expr, construct: expr.construct }));
  const loaded = moduleOf(m, called);
  if (!quiet) m.hear('call', frame, expr.at, () => siteOf(called));
  if (loaded !== null) return loaded;
  const { closure } = called.callee;
  // A function or class of the file is not the one that a name suggests, unless it does the same inside.
  if (closure !== undefined ? !passesOn(closure) : called.callee.tags?.includes('class') === true) m.cleared.add(`*@${expr.at.start}`);
  if (closure !== undefined) return callFunction(m, closure, args.map((arg) => arg.value), quiet);
  return model(m, called, frame, quiet, callFunction);
}

/** What a wrapper of a dangerous function has in its body. */
const DANGEROUS = /\b(?:\w*exec\w*|spawn\w*|fork|eval|Function|child_process|cp|vm|runIn\w+|query|execute|raw|prepare|all|get|RegExp|innerHTML|outerHTML|write|send|end|redirect|fetch|axios|request|open|read\w*|createReadStream|require|import|system|popen|subprocess|os)\b(?=\s*[.(=[`])/;

function passesOn({ fn, frame }: Closure): boolean {
  const text = frame.file.source.slice(fn.at.start, fn.at.end);
  return DANGEROUS.test(text.slice(Math.max(0, text.search(/\)|=>/))));
}

type Target = Pick<Called, 'callee' | 'api' | 'name' | 'receiver' | 'receiverExpr'>;

function targetOf(m: Machine, expr: Call, frame: Frame, quiet: boolean): Target {
  const { callee } = expr;
  if (callee.k !== 'member') {
    const found = m.evaluate(callee, frame, quiet);
    // What a function that is not shown gives back is not known to be anybody's data.
    const value = callee.k === 'name' && found.closure === undefined ? { ...found, marks: [] } : found;
    return { callee: value, api: value.api ?? '', name: nameOf(callee), receiver: null, receiverExpr: null };
  }
  const receiver = m.evaluate(callee.of, frame, quiet);
  const key = callee.index === null ? null : m.evaluate(callee.index, frame, quiet);
  if (callee.index !== null && key !== null && !quiet) {
    const { index } = callee;
    m.hear('read', frame, callee.at, () => ({ of: receiver, ofExpr: callee.of, key, keyExpr: index, called: true }));
  }
  const name = callee.name ?? (key?.literal === undefined ? '' : String(key.literal));
  const value = name === '' ? NOTHING : m.member(receiver, name, m.text(callee), callee.at);
  return { callee: value, api: value.api ?? apiOf(receiver, name), name, receiver, receiverExpr: callee.of };
}

/** `f.call(this, a)` and `f.apply(this, [a])` are calls of f. */
function unwrapped(called: Called): Called {
  const { receiver, receiverExpr, name } = called;
  if (receiver === null || receiverExpr === null || (name !== 'call' && name !== 'apply') || (receiver.closure === undefined && receiver.api === undefined)) return called;
  const rest = name === 'call' ? called.args.slice(1) : called.args.slice(1, 2).flatMap((arg) => [...(arg.value.members?.values() ?? [])].map((value) => ({ ...arg, value })));
  return { ...called, callee: receiver, api: receiver.api ?? '', name: nameOf(receiverExpr), args: rest, receiver: null, receiverExpr: receiverExpr.k === 'member' ? receiverExpr.of : null };
}

/** What an import or a destructuring called otherwise has its own name again. */
function canonical(called: Called): Called {
  const last = /^[^()]*\.([\w$]+)$/.exec(called.api)?.[1];
  return last === undefined || called.callee.closure !== undefined ? called : { ...called, name: last };
}

function siteOf(called: Called): Omit<CallSite, keyof Site> {
  const { api, name, receiver, receiverExpr, args, construct, callee } = called;
  return {
    api, name, receiver, receiverExpr, args, construct, callee,
    option: (key, index) => args.find((arg) => arg.name === key)?.value ?? (index === undefined ? args.find((arg) => arg.value.members?.has(key)) : args[index])?.value.members?.get(key),
  };
}

/** `require('x')`, `import('x')`: the module. */
function moduleOf(m: Machine, { api, args }: Called): Value | null {
  const specifier = args[0]?.value.literal;
  if ((api !== '#require' && api !== '#import') || typeof specifier !== 'string') return null;
  const module = moduleName(specifier);
  const exports = module.startsWith('.') ? m.options.resolve(module) : null;
  if (exports === null) return { marks: [], api: module };
  const whole = exports.get('default');
  return { ...(whole ?? { marks: [] }), api: module, members: exports };
}

/**
 * Runs a function's body with these arguments; null = called from somewhere else, with what callers may give. The same function with the same arguments is run once.
 */
export function callFunction(m: Machine, closure: Closure, args: readonly Value[] | null, quiet = false): Value {
  const { fn } = closure;
  m.entered.add(fn);
  const given = args === null ? [] : args.reduce<readonly Mark[]>((all, arg) => joinMarks(all, arg.marks), []);
  if (m.stack.includes(fn) || m.stack.length >= MOST_CALLS || !m.goesOn) return { marks: given };
  const key = `${closure.frame.file.path}@${fn.at.start}:${args === null ? 'outside' : args.map((arg) => digest(arg, 0)).join(',')}`;
  const known = m.memo.get(key);
  if (known !== undefined || (quiet && args === null)) return known ?? NOTHING;
  m.stack.push(fn);
  const before = m.file;
  m.file = closure.frame.file;
  try {
    const frame = new Frame(closure.frame, m.names.get(fn) ?? fn.name ?? '');
    if (closure.self !== null && !fn.arrow) frame.declare('this', closure.self);
    if (m.file.path === m.options.path && m.functions.size < 2000) m.functions.add(whereOf(frame));
    const names = fn.params.map(({ pattern }) => nameOfPattern(pattern));
    fn.params.forEach((param, i) => {
      const outside = parameter(param, i, names, false, param.pattern.at);
      // A caller that is seen gives data, frameworks give what the name or the type says.
      const value = args === null ? outside : param.rest ? { marks: given, kind: 'array' as const, members: new Map(args.slice(i).map((arg, n) => [String(n), arg])) } : joined(args[i] ?? NOTHING, outside);
      m.bind(param.pattern, outside.api?.startsWith('#') === true && param.pattern.k === 'members' ? outside : value, frame);
    });
    for (const decorator of fn.decorators) m.evaluate(decorator, frame);
    m.block(fn.body, frame);
    if (m.memo.size < MOST_MEMO) m.memo.set(key, frame.returned);
    return frame.returned;
  } finally {
    m.file = before;
    m.stack.pop();
  }
}

/** What a framework's handler is called with is what its parameters' names say, where nothing better is known. */
function joined(given: Value, outside: Value): Value {
  return outside.api !== undefined && given.api === undefined && given.marks.length === 0 && given.members === undefined ? { ...given, api: outside.api } : given.kind === undefined && outside.kind === 'number' ? { ...given, marks: [], kind: 'number' } : given;
}

function nameOfPattern(pattern: Func['params'][number]['pattern']): string {
  return pattern.k === 'to' ? nameOf(pattern.target) : pattern.k === 'default' ? nameOfPattern(pattern.pattern) : '';
}

/** Short name of what matters of a value. */
function digest(value: Value, depth: number): string {
  const marks = value.marks.map((mark) => `${mark.kind[0]}${mark.what}!${mark.clean.join('+')}`).join('&');
  const members = depth > 1 || value.members === undefined ? '' : `{${[...value.members].slice(0, 12).map(([key, one]) => `${key}:${digest(one, depth + 1)}`).join(';')}}`;
  return `${marks}|${value.literal === undefined ? '' : JSON.stringify(value.literal).slice(0, 60)}|${value.api ?? ''}|${value.kind ?? ''}|${value.closure?.fn.at.start ?? ''}|${value.parts?.length ?? ''}${members}${value.rest === undefined || depth > 1 ? '' : digest(value.rest, depth + 1)}${(value.tags ?? []).join('.')}`;
}

