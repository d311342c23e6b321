import { callFunction } from './calls.js';
import { Frame } from './frame.js';
import { type Class, type Expr, nameOf } from './ir.js';
import { elementOf, type Machine } from './machine.js';
import { concat, type Danger, defended, join, joinMarks, NOTHING, type Value } from './value.js';

/** What a tag is good against: sql`…${x}` passes x as a parameter, html`…${x}` escapes it. */
const TAGS: readonly (readonly [RegExp, readonly Danger[]])[] = [
  [/^(?:sql|SQL|pgSql|query|Prisma|\$queryRaw|\$executeRaw|gql|graphql)$/, ['sql', 'nosql']], [/^(?:html|safeHtml|htmlEscape|svg)$/, ['html']], [/^(?:String|raw|css|styled|keyframes|dedent|outdent|stripIndent)$/, []],
];

export function makeText(m: Machine, expr: Extract<Expr, { k: 'text' }>, frame: Frame, quiet: boolean): Value {
  const tag = expr.tag === null ? null : m.evaluate(expr.tag, frame, quiet);
  const values = expr.parts.map((part) => m.evaluate(part, frame, quiet));
  const value = concat(values);
  if (!quiet && (value.parts !== undefined || expr.tag !== null)) m.hear('text', frame, expr.at, () => ({ built: value, tag: expr.tag }));
  if (tag === null) return value;
  const name = expr.tag === null ? '' : nameOf(expr.tag);
  const dangers = TAGS.find(([word]) => word.test(name))?.[1] ?? ['sql', 'html', 'command'];
  return { ...defended(value, dangers, `${name}\`…\``), ...(/^(?:raw|String)$/.test(name) ? {} : { tags: ['tagged'] }) };
}

export function makeObject(m: Machine, expr: Extract<Expr, { k: 'object' }>, frame: Frame, quiet: boolean): Value {
  let value: Value = { marks: [], kind: 'object' };
  const members = new Map<string, Value>();
  for (const { key, computed, value: of } of expr.entries) {
    const inner = m.evaluate(of, frame, quiet);
    if (computed !== null) m.evaluate(computed, frame, quiet);
    if (key !== null) {
      members.set(key, inner);
      if (inner.closure?.fn.name === null && !m.names.has(inner.closure.fn)) m.names.set(inner.closure.fn, key);
      if (!quiet) m.hear('bind', frame, of.at, () => ({ name: key, bound: inner, expr: of, how: 'property' as const }));
    } else if (computed !== null) value = { ...value, rest: join(value.rest ?? NOTHING, inner) };
    else {
      for (const [name, one] of inner.members ?? []) members.set(name, one);
      value = { ...value, marks: joinMarks(value.marks, inner.marks), ...(inner.rest === undefined ? {} : { rest: inner.rest }), ...(inner.marks.length > 0 ? { tags: ['spread'] } : {}) };
    }
  }
  return { ...value, members };
}

export function makeArray(m: Machine, expr: Extract<Expr, { k: 'array' }>, frame: Frame, quiet: boolean): Value {
  const members = new Map<string, Value>();
  let rest: Value = NOTHING;
  expr.items.forEach(({ value, spread }, i) => {
    const item = m.evaluate(value, frame, quiet);
    if (spread) rest = join(rest, elementOf(item));
    else if (members.size < 60) members.set(String(i), item);
    else rest = join(rest, item);
  });
  return { marks: [], kind: 'array', members, ...(rest === NOTHING ? {} : { rest }) };
}

export function makeClass(m: Machine, cls: Class, frame: Frame): Value {
  const parent = cls.parent === null ? undefined : m.evaluate(cls.parent, frame);
  for (const decorator of cls.decorators) m.evaluate(decorator, frame);
  const inner = new Frame(frame, cls.name ?? '');
  inner.declare('this', { marks: [], ...(parent?.api === undefined ? {} : { api: `${parent.api}()` }), members: new Map() });
  const members = new Map<string, Value>(parent?.members ?? []);
  for (const { name, value, kind } of cls.members) {
    const member = m.evaluate(value, inner);
    if (name === null) continue;
    members.set(name, member);
    if (kind === 'field') m.hear('bind', frame, value.at, () => ({ name, bound: member, expr: value, how: 'property' as const }));
  }
  // The constructor first: what it keeps is what the methods find.
  const made = members.get('constructor')?.closure;
  inner.declare('this', { marks: [], ...(parent?.api === undefined ? {} : { api: `${parent.api}()` }), members: new Map([...members].filter(([name]) => name !== 'constructor')) });
  if (made !== undefined) {
    m.entered.add(made.fn);
    callFunction(m, made, null);
  }
  return { marks: [], kind: 'object', tags: ['class'], ...(parent?.api === undefined ? {} : { api: parent.api }), members: new Map(inner.lookup('this')?.members ?? members) };
}
