import { type Argument, type Expr, nameOf, pathOf } from './ir.js';
import { type Danger, isOurs, type Value } from './value.js';

/** What a condition shows of a path when it holds. */
export interface Shown {
  readonly path: string;
  readonly dangers: readonly Danger[];
  readonly defence: string;
}

/** What guards ask of the interpreter. */
export interface Asking {
  value(expr: Expr): Value;
  /** The condition that a name stands for. */
  condition(name: string): Expr | undefined;
  /** Text of an expression, as it stands in the file. */
  source(expr: Expr): string;
}

const EVERYTHING: readonly Danger[] = ['all'];
const VALIDATES = /^(?:is|are|has|can|may|valid|validate|check|verify|allow|assert|ensure|must|require|safe|trust|permit|accept|match|contains|known|within|inside|under|belongs|exists|approved|authori[sz]e)(?:[A-Z_]|d?$|s?$|ed|Only|In)|(?:valid|safe|allowed|trusted|permitted|inside|within)$/i;
/** Tests that say nothing of whether a text is dangerous. */
const EMPTY_TESTS = /^(?:hasOwn|isArray|isEmpty|isNil|isDefined|isString|isObject|isFunction|isBuffer|isNaN|exists|existsSync|isPresent|hasLength|isPlainObject|isNullOrUndefined|isBlank|isLoading|isEqual|isProduction|isDev|isLoggedIn|isAuthenticated|hasSession|isAdmin|hasRole|hasPermission|isOwner|canAccess|checkAuth|isAuthorized|verifyToken|requireAuth)$/;

/** What is known when `test` is `truth`. */
export function shown(test: Expr, truth: boolean, ask: Asking, depth = 0): readonly Shown[] {
  if (depth > 6) return [];
  const again = (expr: Expr, is: boolean): readonly Shown[] => shown(expr, is, ask, depth + 1);
  switch (test.k) {
    case 'unary':
      return test.op === '!' || test.op === 'not' ? again(test.of, !truth) : [];
    case 'same':
      return again(test.of, truth);
    case 'choice':
      if (test.op === '?:') return [];
      // Of `a && b` that is true both are; of `a || b` that is false neither is.
      if (test.op === '&&' ? truth : !truth) return [...again(test.yes, truth), ...again(test.other, truth)];
      // Of `a || b` that is true one is: only what both show is known.
      return test.op === '??' ? [] : common(again(test.yes, truth), again(test.other, truth));
    case 'name': {
      const condition = ask.condition(test.name);
      return condition === undefined ? [] : again(condition, truth);
    }
    case 'binary':
      return compared(test, truth, ask);
    case 'call':
      return called(test, truth, ask);
    default:
      return [];
  }
}

function common(a: readonly Shown[], b: readonly Shown[]): readonly Shown[] {
  return a.filter((one) => b.some((other) => other.path === one.path && other.dangers.join() === one.dangers.join()));
}

/** What is shown of a URL's host is shown of the URL. */
function of(expr: Expr, dangers: readonly Danger[], defence: string): readonly Shown[] {
  const path = pathOf(expr);
  const whole = expr.k === 'member' && /^(?:hostname|host|origin|netloc)$/.test(expr.name ?? '') ? pathOf(expr.of) : null;
  return [...(path === null ? [] : [{ path, dangers, defence }]), ...(whole === null ? [] : [{ path: whole, dangers: ['url', 'redirect'] as const, defence }])];
}

function compared(test: Extract<Expr, { k: 'binary' }>, truth: boolean, ask: Asking): readonly Shown[] {
  const { op, left, right } = test;
  const equal = op === '===' || op === '==' || op === 'is';
  if (equal || op === '!==' || op === '!=' || op === 'is not') {
    if (equal !== truth) return notEqual(left, right, ask);
    return [...equals(left, right, ask), ...equals(right, left, ask)];
  }
  if ((op === 'in' && truth) || (op === 'not in' && !truth)) return memberOf(left, right, ask);
  // indexOf(x) >= 0, > -1
  if (op === '>' || op === '>=' || op === '<') {
    const found = left.k === 'call' && nameOf(left.callee) === 'indexOf' && (op === '<' ? !truth : truth);
    if (found && left.k === 'call') return inList(left, ask);
    if (left.k === 'member' && left.name === 'length') return of(left.of, ['regex'], 'a bound of its length').filter(() => (op === '>' || op === '>=' ? !truth : truth));
  }
  return [];
}

/** `x === 'constant'`, `typeof x === 'number'`, `path.basename(x) === x`, `url.origin === BASE`. */
function equals(side: Expr, other: Expr, ask: Asking): readonly Shown[] {
  const value = ask.value(other);
  if (side.k === 'unary' && side.op === 'typeof') {
    const type = value.literal;
    if (type === 'number' || type === 'boolean' || type === 'bigint') return of(side.of, EVERYTHING, `typeof is ${type}`);
    return type === 'string' ? of(side.of, ['nosql'], 'typeof is string') : [];
  }
  if (side.k === 'call') {
    const name = nameOf(side.callee);
    const first = side.args[0]?.value;
    if (name === 'basename' && first !== undefined) return of(first, ['path'], 'is its own basename');
    if ((name === 'commonpath' || name === 'commonprefix') && first?.k === 'array') return first.items.flatMap((item) => of(item.value, ['path'], `${name}()`));
    if (name === 'indexOf' && value.literal === 0 && side.callee.k === 'member') return prefixed(side.callee.of, side.args[0], ask);
    return [];
  }
  if (side.k === 'member' && /^(?:origin|host|hostname)$/.test(side.name ?? '') && isOurs(value)) return of(side.of, ['url', 'redirect'], `its ${side.name} is compared`);
  if (side.k === 'member' && side.name === 'protocol' && typeof value.literal === 'string') return of(side.of, ['html'], 'its protocol is compared');
  if (value.literal !== undefined && value.literal !== null && value.literal !== '') return of(side, EVERYTHING, `is compared with ${JSON.stringify(value.literal)}`);
  return isOurs(value) && value.api !== undefined && /^[A-Z][A-Z0-9_]+$/.test(nameOf(other)) ? of(side, EVERYTHING, `is compared with ${nameOf(other)}`) : [];
}

/** Shown by an inequality that holds: `list.indexOf(x) !== -1`, `x !== '__proto__'`. */
function notEqual(left: Expr, right: Expr, ask: Asking): readonly Shown[] {
  const value = ask.value(right);
  if (left.k === 'call' && nameOf(left.callee) === 'indexOf' && isMinusOne(right)) return inList(left, ask);
  return value.literal === '__proto__' || value.literal === 'constructor' || value.literal === 'prototype' ? of(left, ['key'], `is not ${value.literal}`) : [];
}

function isMinusOne(expr: Expr): boolean {
  return (expr.k === 'unary' && expr.op === '-' && expr.of.k === 'literal' && expr.of.value === 1) || (expr.k === 'literal' && expr.value === -1);
}

/** `x in TABLE`: nobody outside chooses what is in it. */
function memberOf(item: Expr, list: Expr, ask: Asking): readonly Shown[] {
  const value = ask.value(list);
  if (!isOurs(value)) return [];
  if (typeof value.literal === 'string') return [];
  return of(item, value.kind === 'object' ? ['command', 'code', 'sql', 'path', 'html', 'url', 'redirect', 'regex', 'ldap', 'xpath', 'header', 'log', 'template', 'format'] : EVERYTHING, 'is in a fixed list');
}

function inList(test: Extract<Expr, { k: 'call' }>, ask: Asking): readonly Shown[] {
  const item = test.args[0]?.value;
  if (item === undefined || test.callee.k !== 'member') return [];
  return isList(ask.value(test.callee.of)) ? of(item, EVERYTHING, `is in ${ask.source(test.callee.of)}`) : [];
}

/** Something that is no text: `text.includes(x)` shows nothing of x. */
function isList(value: Value): boolean {
  return isOurs(value) && value.kind !== 'string';
}

function called(test: Extract<Expr, { k: 'call' }>, truth: boolean, ask: Asking): readonly Shown[] {
  const name = nameOf(test.callee);
  const receiver = test.callee.k === 'member' ? test.callee.of : null;
  const first = test.args[0];
  if (first === undefined && receiver !== null && truth && /^is(?:digit|alnum|alpha|identifier|decimal|numeric)$/.test(name)) return of(receiver, EVERYTHING, `${name}()`);
  if (first === undefined) return receiver !== null && truth && /^(?:isValid|isSafe|isAllowed)/.test(name) ? of(receiver, EVERYTHING, `${name}()`) : [];
  switch (name) {
    case 'includes':
    case 'has':
    case 'contains': {
      if (receiver === null) break;
      const asked = ask.value(first.value);
      if (!truth) return [...absent(receiver, asked), ...(forbidsKeys(ask.value(receiver)) ? of(first.value, ['key'], `is not in ${ask.source(receiver)}`) : [])];
      return isList(ask.value(receiver)) ? of(first.value, EVERYTHING, `is in ${ask.source(receiver)}`) : [];
    }
    case 'hasOwn':
    case 'hasOwnProperty':
    case 'call': {
      // Object.hasOwn(TABLE, x), TABLE.hasOwnProperty(x), Object.prototype.hasOwnProperty.call(TABLE, x)
      const table = name === 'hasOwnProperty' ? receiver : first.value;
      const item = name === 'hasOwnProperty' ? first.value : test.args[1]?.value;
      if (name === 'call' && !ask.source(test.callee).includes('hasOwnProperty')) return [];
      return truth && table !== null && item !== undefined && isOurs(ask.value(table)) ? of(item, EVERYTHING, `is a key of ${ask.source(table)}`) : [];
    }
    case 'test':
    case 'match':
    case 'fullmatch':
    case 'exec': {
      if (receiver === null) return [];
      if (ask.value(receiver).api === 're') return ofPattern(test, truth, ask);
      const [regex, item] = name === 'match' && ask.value(receiver).regex === undefined ? [ask.value(first.value), receiver] : [ask.value(receiver), first.value];
      return regex.regex === undefined ? [] : matched(item, regex.regex, truth, name === 'fullmatch');
    }
    case 'startsWith':
    case 'startswith':
      return receiver !== null && truth ? prefixed(receiver, first, ask) : [];
    case 'isInteger':
    case 'isSafeInteger':
    case 'isFinite':
    case 'isInt':
    case 'isNumeric':
    case 'isUUID':
    case 'isUuid':
    case 'isAlphanumeric':
    case 'isMongoId':
    case 'isValidObjectId':
    case 'isdigit':
    case 'isalnum':
    case 'isidentifier':
      return truth ? of(first?.value ?? receiver, EVERYTHING, `${name}()`) : [];
    case 'isinstance':
      return truth && /^(?:int|float|bool|Decimal|UUID)$/.test(test.args[1] === undefined ? '' : nameOf(test.args[1].value)) ? of(first.value, EVERYTHING, 'isinstance()') : [];
    case 'some':
    case 'every':
      return truth && receiver !== null ? someOf(receiver, first, ask) : [];
    default:
  }
  return truth && VALIDATES.test(name) && !EMPTY_TESTS.test(name) && !isEmpty(ask.value(test.callee)) ? validated(test, name) : [];
}

/** `re.match(PATTERN, x)` begins at the beginning; `re.fullmatch` ends at the end. */
function ofPattern(test: Extract<Expr, { k: 'call' }>, truth: boolean, ask: Asking): readonly Shown[] {
  const [pattern, item] = test.args;
  const text = pattern === undefined ? undefined : ask.value(pattern.value).literal;
  if (item === undefined || typeof text !== 'string') return [];
  const name = nameOf(test.callee);
  return matched(item.value, { pattern: name === 'match' && !text.startsWith('^') ? `^${text}` : text, flags: '' }, truth, name === 'fullmatch');
}

/** A function of the file that says yes to anything, or gives back what it was given. */
function isEmpty({ closure }: Value): boolean {
  const only = closure?.fn.body.length === 1 ? closure.fn.body[0] : undefined;
  return only?.s === 'return' && only.of !== null && (only.of.k === 'name' || only.of.k === 'literal');
}

/** A function that is called for what it validates is believed where its body is not known. */
function validated(test: Extract<Expr, { k: 'call' }>, name: string): readonly Shown[] {
  return test.args.flatMap((argument) => of(argument.value, EVERYTHING, `${name}()`));
}

/** `ALLOWED.some((p) => x.startsWith(p))`: what the function shows of paths that are not its own parameter. */
function someOf(list: Expr, callback: Argument, ask: Asking): readonly Shown[] {
  const { value } = callback;
  if (value.k !== 'function' || !isOurs(ask.value(list))) return [];
  const own = new Set(value.fn.params.map((p) => (p.pattern.k === 'to' && p.pattern.target.k === 'name' ? p.pattern.target.name : '')));
  const last = value.fn.body.at(-1);
  if (last?.s !== 'return' || last.of === null) return [];
  return shown(last.of, true, ask, 3).concat(ownCompared(last.of, own)).filter(({ path }) => !own.has(path.split('.')[0] ?? ''));
}

/** `entry === x` with the function's own parameter on one side. */
function ownCompared(test: Expr, own: ReadonlySet<string>): readonly Shown[] {
  if (test.k === 'call' && nameOf(test.callee) === 'test' && test.callee.k === 'member' && test.callee.of.k === 'name' && own.has(test.callee.of.name)) return test.args.flatMap((a) => of(a.value, EVERYTHING, 'matches one of a list'));
  if (test.k !== 'binary' || (test.op !== '===' && test.op !== '==')) return [];
  const isOwn = (expr: Expr): boolean => own.has((pathOf(expr) ?? '').split('.')[0] ?? '');
  return isOwn(test.left) ? of(test.right, EVERYTHING, 'is one of a list') : isOwn(test.right) ? of(test.left, EVERYTHING, 'is one of a list') : [];
}

/** `!x.includes('..')`: shows a little, for what it names. */
function absent(item: Expr, asked: Value): readonly Shown[] {
  if (asked.literal === '..' || asked.literal === '../') return of(item, ['path'], 'holds no ..');
  if (asked.literal === '<') return of(item, ['html'], 'holds no <');
  if (asked.literal === '\n' || asked.literal === '\r\n') return of(item, ['header', 'log'], 'holds no line end');
  return [];
}

/** A list of the names through which a prototype is reached. */
function forbidsKeys(list: Value): boolean {
  return [...(list.members?.values() ?? [])].some(({ literal }) => literal === '__proto__') || list.rest?.literal === '__proto__';
}

const KEYS = /__proto__|constructor|prototype/;

/**
 * A pattern bounds a text when it is anchored on both sides and has no piece that takes anything; one that forbids characters when it did not match.
 */
function matched(item: Expr, { pattern, flags }: { readonly pattern: string; readonly flags: string }, truth: boolean, whole: boolean): readonly Shown[] {
  if (KEYS.test(pattern)) return truth ? [] : of(item, ['key'], 'does not match a pattern of keys');
  if (!truth) return forbids(pattern) ? of(item, ['command', 'sql', 'path', 'html', 'header', 'ldap', 'xpath'], `does not match /${pattern}/`) : [];
  const anchored = whole || ((pattern.startsWith('^') || pattern.startsWith('\\A')) && /(?:\$|\\z|\\Z)$/.test(pattern) && !hasFreeAlternative(pattern) && !flags.includes('m'));
  // The dots of a host that are not escaped stand for any character.
  const loose = /:\\?\/\\?\//.test(pattern) && /[a-z]\.[a-z]/i.test(pattern);
  if (loose) return of(item, ['html'], `matches /${pattern}/`);
  if (anchored && !takesAnything(pattern)) return of(item, EVERYTHING, `matches /${pattern}/`);
  if (/^\^(?:\(\?:)?https?:\\?\/\\?\/[\w.\\-]+(?:\\?\/|\$|\(|:)/.test(pattern)) return of(item, ['url', 'redirect', 'html'], `matches /${pattern}/`);
  if (/^\^\\?\/(?:\(\?!|\[\^)/.test(pattern)) return of(item, ['redirect', 'url'], `matches /${pattern}/`);
  if (/^\^\(?(?:\?:)?https?\??:/.test(pattern)) return of(item, ['html'], `matches /${pattern}/`);
  return [];
}

/** `[^a-z0-9]`, `[;&|]`: a class of characters, and nothing else. */
function forbids(pattern: string): boolean {
  return /^\[\^/.test(pattern) || /^\[[^\]]*[;&|`$<>'"\\/][^\]]*\][+*]?$/.test(pattern) || /^(?:\\?\.){2}/.test(pattern);
}

/** `^a|b$` anchors each side of one alternative only. */
function hasFreeAlternative(pattern: string): boolean {
  let depth = 0;
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern[i];
    if (c === '\\') i++;
    else if (c === '[') while (i < pattern.length && pattern[i] !== ']') i += pattern[i] === '\\' ? 2 : 1;
    else if (c === '(') depth++;
    else if (c === ')') depth--;
    else if (c === '|' && depth === 0) return true;
  }
  return false;
}

function takesAnything(pattern: string): boolean {
  return /(?<!\\)\.[*+{]/.test(pattern) || /\[\^[^\]]*\][*+]/.test(pattern) || /\\S[*+]/.test(pattern) || /\[\\s\\S\][*+]/.test(pattern);
}

/** `x.startsWith(BASE)`: a place inside a folder or of a host only where the prefix ends there. */
function prefixed(item: Expr, prefix: Argument | undefined, ask: Asking): readonly Shown[] {
  if (prefix === undefined) return [];
  const value = ask.value(prefix.value);
  if (!isOurs(value)) return [];
  const start = typeof value.literal === 'string' ? value.literal : null;
  if (start === null) return of(item, ['path', 'url', 'redirect'], `starts with ${ask.source(prefix.value)}`);
  if (/^https?:\/\/[^/]+\//.test(start)) return of(item, ['url', 'redirect', 'html'], `starts with ${start}`);
  if (/^https?:\/\/?$/.test(start)) return of(item, ['html'], `starts with ${start}`);
  if (start === '/') return [];
  return start.endsWith('/') || start.startsWith('/') ? of(item, ['path'], `starts with ${start}`) : [];
}
