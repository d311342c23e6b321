import type { Expr, Func, Literal, Span } from './ir.js';

/**
 * Where data comes from that somebody else may choose. `parameter` is what a function is given by callers that nobody sees: a source in a
 * fragment, and in a package only a hint.
 */
export type SourceKind = 'request' | 'browser' | 'message' | 'file' | 'network' | 'argument' | 'environment' | 'parameter';

/** What a defence is good against, and `all`. */
export type Danger = 'command' | 'code' | 'sql' | 'nosql' | 'path' | 'html' | 'url' | 'redirect' | 'regex' | 'key' | 'ldap' | 'xpath' | 'header' | 'log' | 'template' | 'format' | 'xml' | 'all';

/** One origin of a value, with what was done to it on its way. */
export interface Mark {
  readonly kind: SourceKind;
  /** As it is called where it comes from: `req.query.name`. */
  readonly what: string;
  readonly at: Span;
  readonly clean: readonly Danger[];
  /** Guards and sanitizers that it passed, in words. */
  readonly defences: readonly string[];
}

/** What a condition showed of what a path names: it holds until the path is written again. */
export interface Fact {
  readonly dangers: readonly Danger[];
  readonly defence: string;
}

/** What is known at one point of a function. */
export interface State {
  readonly names: Map<string, Value>;
  readonly facts: Map<string, readonly Fact[]>;
  /** Conditions that a name stands for: `const ok = LIST.includes(x)`. */
  readonly conditions: Map<string, Expr>;
  /** Names that were made of another path, so that what is shown of them is shown of it: `const url = new URL(x)`. */
  readonly made: Map<string, readonly string[]>;
  /** What rules remember on this way through the function. */
  readonly notes: Map<string, unknown>;
}

/** The file whose code runs in a frame. */
export interface FileText {
  readonly path: string;
  readonly source: string;
}

/** What a function that is called later finds around it. */
export interface Enclosing {
  readonly name: string;
  readonly state: State;
  readonly parent: Enclosing | null;
  readonly file: FileText;
  madeOf(name: string): readonly string[];
  condition(name: string): Expr | undefined;
  forget(path: string): void;
  lookup(name: string): Value | undefined;
}

export interface Closure {
  readonly fn: Func;
  readonly frame: Enclosing;
  readonly self: Value | null;
}

export type Kind = 'string' | 'number' | 'boolean' | 'regex' | 'array' | 'object' | 'function';

/** What is known of a value. Everything may be absent: then nothing is known. */
export interface Value {
  readonly marks: readonly Mark[];
  readonly literal?: Literal;
  /** Text in parts, holes being values: `SELECT … WHERE id = ` and what follows. */
  readonly parts?: readonly (string | Value)[];
  /** Canonical name of what it is or came from: `child_process.exec`, `express().get`, `#document.cookie` (globals begin with #). */
  readonly api?: string;
  readonly closure?: Closure;
  /** Members that are known. */
  readonly members?: ReadonlyMap<string, Value>;
  /** Any other member or element. */
  readonly rest?: Value;
  readonly kind?: Kind;
  readonly regex?: { readonly pattern: string; readonly flags: string };
  /** What rules noted of it: `random`, `constant iv`, `hash` … */
  readonly tags?: readonly string[];
}

const MOST_MARKS = 6;
const MOST_PARTS = 40;
const MOST_MEMBERS = 40;

export const NOTHING: Value = { marks: [] };
export const text = (literal: string): Value => ({ marks: [], literal, kind: 'string' });
export const NUMBER: Value = { marks: [], kind: 'number' };
export const BOOLEAN: Value = { marks: [], kind: 'boolean' };
export const api = (name: string): Value => ({ marks: [], api: name });

export function literal(value: Literal): Value {
  const kind = typeof value === 'string' ? 'string' : typeof value === 'number' ? 'number' : typeof value === 'boolean' ? 'boolean' : null;
  return kind === null ? { marks: [], literal: value } : { marks: [], literal: value, kind };
}

/** Marks of both, each origin once. What only one of two paths cleaned is not clean. */
export function joinMarks(a: readonly Mark[], b: readonly Mark[]): readonly Mark[] {
  if (a === b || b.length === 0) return a;
  if (a.length === 0) return b;
  const all = [...a];
  for (const mark of b) {
    const i = all.findIndex((one) => one.what === mark.what && one.kind === mark.kind);
    const same = all[i];
    if (same === undefined) all.push(mark);
    else if (same !== mark) all[i] = { ...same, clean: same.clean.filter((d) => mark.clean.includes(d)), defences: same.defences.filter((d) => mark.defences.includes(d)) };
  }
  return all.length > MOST_MARKS ? all.slice(0, MOST_MARKS) : all;
}

/** What a value is that is one of two. */
export function join(a: Value, b: Value, depth = 0): Value {
  if (a === b || b === NOTHING) return a;
  if (a === NOTHING) return b;
  const marks = joinMarks(a.marks, b.marks);
  const joined: { -readonly [K in keyof Value]: Value[K] } = { marks };
  if (a.literal !== undefined && a.literal === b.literal) joined.literal = a.literal;
  else if (isEmptyLiteral(a)) return { ...b, marks };
  else if (isEmptyLiteral(b)) return { ...a, marks };
  if (a.api !== undefined && (a.api === b.api || b.api === undefined)) joined.api = a.api;
  else if (a.api === undefined && b.api !== undefined) joined.api = b.api;
  if (a.kind !== undefined && a.kind === b.kind) joined.kind = a.kind;
  const closure = a.closure ?? b.closure;
  if (closure !== undefined) joined.closure = closure;
  const regex = a.regex ?? b.regex;
  if (regex !== undefined) joined.regex = regex;
  const parts = mostParts(a, b);
  if (parts !== undefined) joined.parts = parts;
  const tags = [...new Set([...(a.tags ?? []), ...(b.tags ?? [])])].filter((tag) => tag !== 'constants').slice(0, 8);
  if (joined.literal === undefined && isConstant(a) && isConstant(b)) tags.push('constants');
  if (tags.length > 0) joined.tags = tags;
  // Deeper than this the first one stands for both: a join must not grow with the square of what it joins.
  if (a.members !== undefined || b.members !== undefined) joined.members = depth < 2 && a.members !== b.members ? joinMembers(a, b, depth) : (a.members ?? b.members ?? new Map());
  const rest = a.rest === undefined ? b.rest : b.rest === undefined || a.rest === b.rest ? a.rest : depth < 2 ? join(a.rest, b.rest, depth + 1) : a.rest;
  if (rest !== undefined) joined.rest = rest;
  return joined;
}

/** One literal, or one of several. */
function isConstant(value: Value): boolean {
  return (value.literal !== undefined || value.tags?.includes('constants') === true) && value.marks.length === 0;
}

/** True where all of a value is known, and none of it dangerous: constants, numbers, and data that passed a defence. */
export function harmless(value: Value, danger: Danger, depth = 0): boolean {
  if (open(value, danger).length > 0 || depth > 4) return false;
  if (value.parts !== undefined) return value.parts.every((part) => typeof part === 'string' || harmless(part, danger, depth + 1));
  if (isConstant(value) || value.kind === 'number' || value.kind === 'boolean' || value.marks.length > 0 || value.closure !== undefined) return true;
  return value.kind === 'array' && value.members !== undefined && [...value.members.values(), ...(value.rest === undefined ? [] : [value.rest])].every((one) => harmless(one, danger, depth + 1));
}

/** null, '' and false stand for "nothing yet". */
function isEmptyLiteral(value: Value): boolean {
  return value.literal !== undefined && !value.literal && value.literal !== 0 && value.marks.length === 0;
}

/** The text with more in it: `let sql = 'SELECT …'; if (x) sql += …` is still that text. */
function mostParts(a: Value, b: Value): Value['parts'] {
  const [pa, pb] = [partsOf(a), partsOf(b)];
  if (a.kind !== 'string' && b.kind !== 'string') return undefined;
  // Where one of them is data as a whole, its text is not known.
  if ((pa === undefined && a.marks.length > 0) || (pb === undefined && b.marks.length > 0)) return undefined;
  return (pb?.length ?? 0) > (pa?.length ?? 0) ? pb : pa;
}

/** The parts of a text, also of a plain one. */
export function partsOf(value: Value): readonly (string | Value)[] | undefined {
  return value.parts ?? (typeof value.literal === 'string' ? [value.literal] : undefined);
}

function joinMembers(a: Value, b: Value, depth: number): ReadonlyMap<string, Value> {
  const members = new Map(a.members ?? []);
  for (const [key, value] of b.members ?? []) {
    if (members.size >= MOST_MEMBERS && !members.has(key)) continue;
    const mine = members.get(key);
    members.set(key, mine === undefined ? value : join(mine, value, depth + 1));
  }
  return members;
}

/** The value, with only what survives being part of something: its marks, texts and tags. */
export function plain(value: Value): Value {
  const { marks, literal: lit, parts, api: name, kind, tags } = value;
  return { marks, ...(lit === undefined ? {} : { literal: lit }), ...(parts === undefined ? {} : { parts }), ...(name === undefined ? {} : { api: name }), ...(kind === undefined ? {} : { kind }), ...(tags === undefined ? {} : { tags }) };
}

/** Text of parts. One literal where all are. */
export function concat(values: readonly Value[]): Value {
  const parts: (string | Value)[] = [];
  for (const value of values) {
    for (const part of partsOf(value) ?? [value.literal === undefined ? plain(value) : String(value.literal)]) {
      const last = parts.at(-1);
      if (typeof part === 'string' && typeof last === 'string') parts[parts.length - 1] = last + part;
      else if (parts.length < MOST_PARTS) parts.push(part);
    }
  }
  const marks = values.reduce<readonly Mark[]>((all, value) => joinMarks(all, value.marks), []);
  if (parts.every((part) => typeof part === 'string')) return { marks, literal: parts.join(''), kind: 'string' };
  const tags = values.flatMap((value) => value.tags ?? []);
  return { marks, parts, kind: 'string', ...(tags.length === 0 ? {} : { tags: [...new Set(tags)] }) };
}

/** The value after a defence. */
export function defended(value: Value, dangers: readonly Danger[], defence: string): Value {
  if (value.marks.length === 0) return value;
  return { ...value, marks: value.marks.map((mark) => withDefence(mark, dangers, defence)) };
}

export function withDefence(mark: Mark, dangers: readonly Danger[], defence: string): Mark {
  return { ...mark, clean: [...new Set([...mark.clean, ...dangers])], defences: mark.defences.includes(defence) || mark.defences.length > 8 ? mark.defences : [...mark.defences, defence] };
}

/** Another value of the same origins: a copy, a part, an encoding. */
export function derived(marks: readonly Mark[], more: Partial<Value> = {}): Value {
  return { ...more, marks };
}

/** Everything that a value holds, as marks: an object that is handed on whole. */
export function allMarks(value: Value, depth = 0): readonly Mark[] {
  if (depth > 2) return value.marks;
  let marks = value.marks;
  for (const member of value.members?.values() ?? []) marks = joinMarks(marks, allMarks(member, depth + 1));
  return value.rest === undefined ? marks : joinMarks(marks, allMarks(value.rest, depth + 1));
}

/** Marks that are dangerous for `danger`. */
export function open(value: Value, danger: Danger): readonly Mark[] {
  return value.marks.filter((mark) => !mark.clean.includes(danger) && !mark.clean.includes('all'));
}

/** What the literal texts of a value say, holes as `\uFFFC`. */
export function skeleton(value: Value): string {
  return (partsOf(value) ?? []).map((part) => (typeof part === 'string' ? part : '\uFFFC')).join('');
}

/** True where nobody who uses the program chooses it. */
export const isOurs = (value: Value): boolean => value.marks.every((mark) => mark.kind === 'environment' || mark.kind === 'file');

export const tagged = (value: Value, tag: string): boolean => value.tags?.includes(tag) === true;
export const withTag = (value: Value, tag: string): Value => ({ ...value, tags: [...new Set([...(value.tags ?? []), tag])] });
