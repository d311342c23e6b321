import type { Frame } from './frame.js';
import { apiOf, type Called, elementOf, type Machine } from './machine.js';
import type { Arg } from './rule.js';
import { replaced, sanitized } from './sanitizers.js';
import { callSource, source } from './sources.js';
import { allMarks, api, BOOLEAN, type Closure, concat, defended, derived, join, joinMarks, type Mark, NOTHING, NUMBER, partsOf, text, type Value, withTag } from './value.js';

/** Bytes that are the same in every run. */
const FIXED_BYTES = /^#(?:Buffer\.(?:from|alloc|allocUnsafe)|Buffer|Uint8Array|Uint8Array\.(?:from|of))$/;

type Run = (m: Machine, closure: Closure, args: readonly Value[] | null, quiet?: boolean) => Value;

const TO_NUMBER = /^(?:#?(?:parseInt|parseFloat|Number|BigInt|int|float|len|ord|bool|isNaN|isFinite)|#Number\.\w+|#Math\.(?!random)\w+|#Date\.now|#performance\.now|#Boolean)$/;
const SAYS_NUMBER = /^(?:indexOf|lastIndexOf|findIndex|charCodeAt|codePointAt|getTime|localeCompare|search|count|find_index|toFixed|toPrecision|getFullYear|valueOf|toISOString|toLocaleDateString|toLocaleTimeString|toDateString|isoformat|strftime|timestamp|byteLength|hex_index)$/;
const SAYS_BOOLEAN = /^(?:startsWith|endsWith|includes|has|test|some|every|hasOwnProperty|hasOwn|isArray|equals|startswith|endswith|isdigit|isalnum|isalpha|exists|existsSync|is[A-Z]\w*|delete|add|contains|timingSafeEqual|compare|compareSync|verify)$/;
/** Functions whose result is made of their arguments. */
const PASSES = /^(?:String|Buffer|from|of|concat|decodeURIComponent|decodeURI|unescape|atob|btoa|parse|parseJSON|stringify|assign|freeze|seal|resolve|all|allSettled|race|any|structuredClone|format|sprintf|vsprintf|join|normalize|URL|URLSearchParams|promisify|callbackify|fileURLToPath|pathToFileURL|cloneDeep|clone|merge|extend|defaults|defaultsDeep|pick|omit|get|identity|trim|toLower|toUpper|fromEntries|entries|values|keys|slice|relative|dirname|toString|str|unquote|unquote_plus|b64decode|decode|loads|urljoin|dict|list|tuple|set|sorted|reversed|bytes|Path|PurePath|expanduser|abspath|realpath|realpathSync|normpath|mark_safe_|Set|Map|Array|Object|Readable|Blob|File|Request|template|compact|uniq|flatten|zip|dedent|strip|lower|upper|gettext|_|copy|deepcopy|iter|next|Just|Some|Error|TypeError|unwrap|useMemo|useRef|useState|ref|reactive|computed|quote_plus_|unescape_html|htmlDecode|b64encode|inflate|gunzip|gunzipSync|inflateSync)$/;
const ITERATES = /^(?:map|flatMap|forEach|filter|find|findLast|some|every|findIndex|sort|each|mapValues|flat_map|partition|groupBy|sortBy|reject|keyBy)$/;
const SAME_LIST = /^(?:filter|sort|slice|reverse|splice|toSorted|toReversed|flat|values|keys|entries|unique|reject|sortBy|concat)$/;

/** What a call gives whose function is not part of the file. */
export function model(m: Machine, called: Called, frame: Frame, quiet: boolean, run: Run): Value {
  const { name, receiver, args, callee } = called;
  const what = m.text(called.expr);
  const origin = callSource(called.api, name, receiver?.api, what.replace(/\(.*$/s, '()'), called.expr.at) ?? fetched(called, what);
  const results = callbacks(m, called, quiet, run);
  if (origin !== null) return origin;
  const clean = sanitized(called);
  if (clean !== null) return clean;
  if (TO_NUMBER.test(called.api) || TO_NUMBER.test(`#${called.receiver === null ? name : ''}`)) return called.api === '#Math.random' ? { ...NUMBER, tags: ['random'] } : { ...NUMBER, ...tagsOf(args) };
  if (called.api === '#Math.random') return { ...NUMBER, tags: ['random'], api: '#Math.random()' };
  if (receiver !== null) {
    const method = methodOf(m, called, receiver, results, frame);
    if (method !== null) return method;
  }
  if (called.api === '#Object.create' && args[0]?.value.literal === null) return { marks: [], kind: 'object', tags: ['null prototype'] };
  const named = called.api === '' ? {} : { api: `${called.api}()`.slice(0, 140) };
  if ((name === 'promisify' || name === 'callbackify') && args[0] !== undefined) return args[0].value;
  if (called.api === '#Array.from' && args[1]?.value.closure !== undefined) return { marks: [], kind: 'array', rest: results };
  if (FIXED_BYTES.test(called.api) && args.length > 0 && args.every((arg) => isConstant(arg.value))) return { ...passed(called), marks: [], api: `${called.api}()`, tags: ['fixed bytes'] };
  if (/(?:^|\.)(?:pbkdf2|pbkdf2Sync|scrypt|scryptSync)$/.test(called.api)) return { marks: [], tags: ['digest'] };
  if (PASSES.test(name)) {
    const marks = args.reduce<readonly Mark[]>((all, arg) => joinMarks(all, arg.value.closure === undefined ? allMarks(arg.value) : []), receiver?.marks ?? []);
    return { ...passed(called), marks, ...named };
  }
  if (callee.marks.length > 0 && callee.closure === undefined) return derived(callee.marks, named);
  return derived(results.marks, named);
}

/** A literal, or a list of them. */
function isConstant(value: Value): boolean {
  return value.marks.length === 0 && ((value.literal !== undefined && value.literal !== null) || (value.kind === 'array' && value.rest === undefined && value.members !== undefined && [...value.members.values()].every((one) => one.literal !== undefined)));
}

function tagsOf(args: readonly Arg[]): { tags?: readonly string[] } {
  const tags = args.flatMap((arg) => arg.value.tags ?? []);
  return tags.length === 0 ? {} : { tags };
}

/** What of the arguments the result still shows, beside their marks. */
function passed({ name, args, api: of }: Called): Partial<Value> {
  const first = args[0]?.value;
  if (first === undefined) return {};
  if (/^#Buffer(?:\.from)?$/.test(of)) return { ...(first.literal === undefined ? {} : { literal: first.literal }), ...(first.parts === undefined ? {} : { parts: first.parts }), ...(first.members === undefined ? {} : { members: first.members }), kind: first.kind === 'array' ? 'array' : 'object', ...(first.tags === undefined ? {} : { tags: first.tags }) };
  if (/^(?:join|resolve)$/.test(name) && /^(?:path|posix|os\.path)/.test(of)) return withTag(concat(args.flatMap(({ value }, i) => (i === 0 ? [value] : [text('/'), value]))), 'joined path');
  if (/^(?:concat|assign|merge|extend|from|all|resolve|freeze|seal|cloneDeep|clone|Set|structuredClone)$/.test(name)) {
    const value = args.map((arg) => arg.value).reduce(join, NOTHING);
    const { api: _, ...rest } = value;
    return name === 'Set' || name === 'all' || name === 'from' ? { ...rest, ...(first.kind === 'string' ? {} : { kind: first.kind ?? 'array' }) } : rest;
  }
  if (/^(?:String|toString|str|Buffer|URL|Path|trim|strip|normalize|decodeURIComponent|resolve|freeze|pathToFileURL)$/.test(name)) return { ...(partsOf(first) === undefined ? {} : { parts: partsOf(first) as readonly string[] }), ...(first.literal === undefined ? {} : { literal: first.literal }), kind: name === 'Buffer' || name === 'URL' ? 'object' : (first.kind ?? 'string'), ...(first.tags === undefined ? {} : { tags: first.tags }) };
  if (/^(?:format|sprintf)$/.test(name)) return { ...concat(args.map((arg) => arg.value)) };
  return first.tags === undefined ? {} : { tags: first.tags };
}

/** Answers of other machines. */
function fetched({ api: name }: Called, what: string): Value | null {
  if (/^(?:#fetch|axios(?:\.\w+)?|got(?:\.\w+)?|node-fetch|undici\.(?:fetch|request)|superagent\.\w+|ky(?:\.\w+)?|requests\.\w+|urllib\.request\.urlopen|httpx\.\w+)$/.test(name)) return { ...source('network', what.slice(0, 40), { start: 0, end: 0 }), api: `${name}()` };
  return null;
}

/** Runs functions that are arguments, with what they will be given. Their joined results. */
function callbacks(m: Machine, called: Called, quiet: boolean, run: Run): Value {
  const { args, receiver, name } = called;
  let results: Value = NOTHING;
  args.forEach(({ value }, i) => {
    const inner = value.closure !== undefined ? [value.closure] : value.kind === 'object' || value.kind === 'array' ? [...(value.members?.values() ?? [])].flatMap((one) => (one.closure === undefined ? [] : [one.closure])) : [];
    for (const closure of inner) results = join(results, run(m, closure, given(called, receiver, name, i, closure), quiet));
  });
  return results;
}

/** What a callback is called with: [] leaves it to the names of its parameters. */
function given({ args }: Called, receiver: Value | null, name: string, index: number, closure: Closure): readonly Value[] {
  if (receiver === null) return [];
  if (name === 'then' || name === 'finally') return [receiver];
  if (name === 'reduce' || name === 'reduceRight') return [args[index + 1]?.value ?? elementOf(receiver), elementOf(receiver), NUMBER];
  if (ITERATES.test(name)) return [elementOf(receiver), NUMBER];
  if (name === 'replace' || name === 'replaceAll') return closure.fn.params.map(() => derived(receiver.marks, { kind: 'string' }));
  const event = args[0]?.value.literal;
  if (/^(?:addEventListener|on|once|addListener)$/.test(name) && typeof event === 'string') {
    if (event === 'message' && name === 'addEventListener') return [api('#message')];
    if (event === 'message' || (event === 'data' && receiver.api === '#request')) return [source(event === 'message' ? 'message' : 'request', `data of "${event}"`, closure.fn.at)];
    if (name === 'addEventListener') return [api('#domEvent')];
    if (event === 'connection') return [api('#socket')];
    if (receiver.api === '#socket') return closure.fn.params.map((_, n) => (n === 0 ? source('message', `data of "${event}"`, closure.fn.at) : NOTHING));
  }
  return [];
}

function methodOf(m: Machine, called: Called, receiver: Value, results: Value, frame: Frame): Value | null {
  const { name, args } = called;
  const first = args[0]?.value ?? NOTHING;
  if (name === 'encode' && receiver.api?.startsWith('#TextEncoder') === true) return first;
  if (SAYS_BOOLEAN.test(name) && called.callee.closure === undefined && !/^(?:add|delete|compare|verify)$/.test(name)) return BOOLEAN;
  if (SAYS_NUMBER.test(name)) return name.startsWith('to') || name === 'isoformat' ? { marks: [], kind: 'string', ...(receiver.tags === undefined ? {} : { tags: receiver.tags }) } : NUMBER;
  switch (name) {
    case 'then':
    case 'catch':
    case 'finally':
      return name === 'then' ? (results === NOTHING ? receiver : results) : receiver;
    case 'map':
    case 'flatMap':
      return { marks: [], kind: 'array', rest: results };
    case 'reduce':
    case 'reduceRight':
      return join(results, args[1]?.value ?? NOTHING);
    case 'forEach':
      return NOTHING;
    case 'find':
    case 'findLast':
    case 'pop':
    case 'shift':
    case 'at':
      return receiver.members === undefined && receiver.rest === undefined ? derived(receiver.marks, { api: `${apiOf(receiver, name)}()` }) : elementOf(receiver);
    case 'push':
    case 'unshift':
    case 'add':
    case 'append':
    case 'extend': {
      const added = args.map((arg) => (arg.spread || name === 'extend' ? elementOf(arg.value) : arg.value)).reduce(join, NOTHING);
      if (called.receiverExpr !== null && (receiver.kind === 'array' || receiver.rest !== undefined)) m.writeBack(called.receiverExpr, { ...receiver, rest: join(receiver.rest ?? NOTHING, added) }, frame);
      return NUMBER;
    }
    case 'set':
      if (called.receiverExpr !== null && receiver.api === '#Map()' && args[1] !== undefined) m.writeBack(called.receiverExpr, { ...receiver, rest: join(receiver.rest ?? NOTHING, args[1].value) }, frame);
      return receiver;
    case 'join':
      return receiver.kind === 'array' || receiver.members !== undefined || receiver.rest !== undefined ? joinedText(receiver, first) : receiver.marks.length > 0 && !/^path|^os/.test(receiver.api ?? '') ? derived(receiver.marks, { kind: 'string' }) : name === 'join' && typeof receiver.literal === 'string' ? joinedText(first, receiver) : null;
    case 'concat':
      return receiver.kind === 'array' || first.kind === 'array' ? join(receiver, args.map((arg) => arg.value).reduce(join, NOTHING)) : concat([receiver, ...args.map((arg) => arg.value)]);
    case '%':
      return partsOf(receiver) === undefined ? NUMBER : concat([receiver, ...args.flatMap((arg) => (arg.value.kind === 'array' && arg.value.members !== undefined ? [...arg.value.members.values()] : [arg.value]))]);
    case 'format':
      return receiver.kind === 'string' ? concat([receiver, ...args.map((arg) => arg.value)]) : null;
    case 'split':
      return { marks: receiver.marks, kind: 'array', ...(typeof first.literal === 'string' ? { tags: [`split ${first.literal}`] } : {}) };
    case 'replace':
    case 'replaceAll':
      return replaced(receiver, first, args[1]?.value ?? NOTHING);
    case 'toString':
    case 'trim':
    case 'strip':
    case 'encode':
    case 'decode':
    case 'trimEnd':
    case 'trimStart':
    case 'valueOf':
    case 'normalize':
      return /^(?:path|posix)$/.test(receiver.api ?? '') ? null : { ...receiver, kind: receiver.kind === 'number' ? 'string' : (receiver.kind ?? 'string'), ...(receiver.literal === undefined || typeof receiver.literal === 'string' ? {} : { literal: String(receiver.literal) }), ...(receiver.api === undefined ? {} : { api: `${receiver.api}.${name}()`.slice(0, 140) }) };
    case 'digest':
      return /createHmac/.test(receiver.api ?? '') ? { marks: [], kind: 'string', tags: ['digest'] } : null;
    case 'bind':
      return receiver;
    default:
  }
  if (SAME_LIST.test(name) && (receiver.kind === 'array' || receiver.members !== undefined)) return receiver;
  if (receiver.marks.length > 0 && !PASSES.test(name)) return derived(receiver.marks, { ...(receiver.kind === 'string' ? { kind: 'string' } : {}), ...(receiver.api === undefined ? {} : { api: `${apiOf(receiver, name)}()`.slice(0, 140) }), ...(receiver.tags === undefined ? {} : { tags: receiver.tags }) });
  if (receiver.kind === 'string' || receiver.kind === 'number') return derived(receiver.marks, { kind: 'string', ...(receiver.tags === undefined ? {} : { tags: receiver.tags }) });
  return null;
}

/** `['a', x].join(' ')` is a text of these parts. */
function joinedText(list: Value, between: Value): Value {
  // `x.split("'").join("''")` doubles every quote.
  const by = list.tags?.find((tag) => tag.startsWith('split '))?.slice(6);
  if (by !== undefined && typeof between.literal === 'string' && by !== between.literal) return defended(derived(list.marks, { kind: 'string' }), by === "'" ? ['sql', 'xpath'] : by === '<' ? ['html'] : by === '..' || by === '../' ? ['path'] : [], `replaces ${by}`);
  const separator = typeof between.literal === 'string' ? between.literal : ',';
  const values = [...(list.members?.values() ?? []), ...(list.rest === undefined ? [] : [list.rest])];
  if (values.length === 0) return derived(list.marks, { kind: 'string' });
  const value = concat(values.flatMap((one, i) => (i === 0 ? [one] : [text(separator), one])));
  return defended({ ...value, marks: joinMarks(value.marks, list.marks) }, [], '');
}
