import Module from 'node:module';
import util from 'node:util';

/**
 * Notices what of the language's own functions is another while tests run: a test that compares by `JSON.stringify` or `Array.prototype.every` judges by what these say. Nothing
 * is held fast, for there are projects that mend such functions; the host compares base and head.
 *
 * Code under test may replace any function that this file calls later, so it calls only those that it kept.
 */
interface Part {
  readonly owner: object;
  readonly key: PropertyKey;
  readonly name: string;
  readonly value: unknown;
  readonly get: unknown;
  /** Assertions and what is compared by: nobody mocks these for the length of a test. */
  readonly strict: boolean;
}
/** `strict`: those alone. `mocks`: leaves out what a mock stands for, which its test may yet put back. */
type Look = 'all' | 'strict' | 'mocks';

const { getOwnPropertyDescriptor, ownKeys, apply, has } = Reflect;
const source = Function.prototype.toString;
const { charCodeAt } = String.prototype;
const asText = Number.prototype.toString;
const MAX_FOUND = 100;
const found: string[] = [];
let parts: readonly Part[] = [];

/** Before code of the tree is loaded. `more` = what else a runner judges by: all functions of these objects, and these of the global one; `besides` = names that are left alone. */
export function watch(more: Readonly<Record<string, object>> = {}, globals: readonly string[] | null = null, besides: readonly string[] = []): void {
  parts = collect(more, globals ?? []).filter((part) => !besides.includes(part.name));
  if (globals === null) watchAssert(); // a runner with assertions of its own lets tests mock the console
}

/** What changed so far, by what, told by the digest of its source. */
export function meddled(): readonly string[] {
  look();
  return found;
}

export function look(how: Look = 'all'): void {
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i] as Part;
    if (how === 'strict' && !part.strict) continue;
    const now = getOwnPropertyDescriptor(part.owner, part.key);
    if (now?.value === part.value && now?.get === part.get) continue;
    if (how === 'mocks' && !part.strict && isMock(now?.value)) continue;
    note(part.name, now === undefined ? undefined : (now.get ?? now.value));
  }
}

function isMock(value: unknown): boolean {
  return typeof value === 'function' && has(value, 'getMockImplementation');
}

function note(name: string, by: unknown): void {
  let text: string = typeof by;
  try {
    if (typeof by === 'function') text = apply(source, by, []) as string;
  } catch {
    // whatever it is, it is another one
  }
  const what = `replaced ${name} (${digest(text)})`;
  for (let i = 0; i < found.length; i++) if (found[i] === what) return;
  if (found.length < MAX_FOUND) found[found.length] = what;
}

/** FNV-1a: tells functions apart for people; two of one digest would have to be made so, and stand in the diff. */
function digest(text: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = imul(hash ^ (apply(charCodeAt, text, [i]) as number), 0x01000193);
  return apply(asText, hash >>> 0, [16]) as string;
}
const { imul } = Math;

function collect(more: Readonly<Record<string, object>>, globals: readonly string[]): Part[] {
  const all: Part[] = [];
  const keep = (owner: object, key: PropertyKey, name: string, strict = owner === util || (owner === Object && key === 'is')): void => {
    const { value, get } = getOwnPropertyDescriptor(owner, key) ?? {};
    if (typeof value === 'function' || get !== undefined) all.push({ owner, key, name, value, get, strict });
  };
  const whole = (owner: object, name: string, strict?: boolean): void => {
    for (const key of ownKeys(owner)) if (!(owner === Math && key === 'random')) keep(owner, key, `${name}.${String(key)}`, strict);
  };
  for (const kind of [Object, Function, Array, String, Number, Boolean, Symbol, BigInt, RegExp, Map, Set, WeakMap, WeakSet, Promise, Error, TypeError, RangeError, ArrayBuffer, Uint8Array, Buffer]) {
    keep(globalThis, kind.name, kind.name);
    whole(kind, kind.name);
    whole(kind.prototype as object, `${kind.name}.prototype`);
  }
  for (const [name, owner] of Object.entries({ JSON, Reflect, Math })) whole(owner, name);
  for (const [name, owner] of Object.entries(more)) whole(owner, name, true);
  for (const key of globals) keep(globalThis, key, key, true);
  for (const key of ['isDeepStrictEqual', 'inspect']) keep(util, key, `util.${key}`);
  // Nobody has these, and whoever adds one says what a value is written as.
  for (const kind of [Object, Array, Function, String, Number, Boolean, Map, Set, Date]) {
    for (const key of ['toJSON', Symbol.toPrimitive, util.inspect.custom]) if (!(key in kind.prototype)) all.push({ owner: kind.prototype as object, key, name: `${kind.name}.prototype.${String(key)}`, value: undefined, get: undefined, strict: false });
  }
  keep(Module, '_load', 'module._load');
  keep(Module.prototype, 'require', 'module.prototype.require');
  return all;
}

/** `console.assert` may be replaced for the length of one call and put back before anybody looks: every writing of it is noticed. */
function watchAssert(): void {
  let value: unknown = console.assert;
  Object.defineProperty(console, 'assert', {
    enumerable: true, configurable: false,
    get: () => value,
    set(next: unknown) {
      if (next !== value) note('console.assert', next);
      value = next;
    },
  });
}
