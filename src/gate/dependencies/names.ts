/** How a name resembles another: what a person reads after "NAME". */
export interface Resemblance {
  readonly name: string;
  readonly how: string;
}

/** Names that are known, for others to be held against. */
export interface KnownNames {
  /** The known name that `name` could be taken for; null where there is none, or where it is known itself. */
  resembles(name: string): Resemblance | null;
}

/** Below this length one letter more or less makes another word too often: `ws` and `qs`. */
const MIN_EDITED = 5;
const MIN_ALIKE = 4;
const MAX_LENGTH = 80;

/**
 * Names that a slip of the hand or of a model gives: one letter more, less or other, two exchanged, other separators, words in another order, letters that look alike, a scope that became
 * a prefix or a prefix a scope. Two names of one scope have one owner. Every name is looked up by what is left of it without one letter, so that the work grows with the number of names only.
 */
export function knownNames(names: Iterable<string>): KnownNames {
  const known = new Set([...names].filter((name) => name.length <= MAX_LENGTH));
  const indexes = FORMS.map(([how, form]) => ({ how, form, by: indexBy(known, form) }));
  const shorter = new Map<string, string[]>();
  for (const name of known) for (const key of name.length < MIN_EDITED ? [] : [name, ...withoutOne(name)]) (shorter.get(key) ?? shorter.set(key, []).get(key) as string[]).push(name);
  return {
    resembles: (name) => {
      if (known.has(name) || name.length > MAX_LENGTH) return null;
      for (const { how, form, by } of indexes) {
        const key = form(name);
        const other = key === null ? undefined : by.get(key)?.find((one) => !sameOwner(one, name));
        if (other !== undefined) return { name: other, how };
      }
      if (name.length < MIN_EDITED) return null;
      const near = [name, ...withoutOne(name)].flatMap((key) => shorter.get(key) ?? []).find((one) => !sameOwner(one, name) && isOneEdit(one, name));
      return near === undefined ? null : { name: near, how: isSwapped(near, name) ? 'two letters are exchanged' : 'one letter differs' };
    },
  };
}

/** Forms that two names share although they are not the same. Null: too short to say anything. */
const FORMS: readonly (readonly [string, (name: string) => string | null])[] = [
  ['the scope and the separators differ', (name) => longEnough(name.replace(/[@/._-]/g, ''))],
  ['letters that look alike are exchanged', (name) => longEnough(skeleton(name))],
  ['its words stand in another order', (name) => (/^[^@].*[._-]/.test(name) ? longEnough(name.split(/[._-]/).sort().join('-')) : null)],
];

function longEnough(form: string): string | null {
  return form.length < MIN_ALIKE ? null : form;
}

/** Digits for letters, and pairs that are one letter at a glance. */
function skeleton(name: string): string {
  return name.toLowerCase().replace(/rn/g, 'm').replace(/vv/g, 'w').replace(/cl/g, 'd').replace(/[1il|]/g, 'l').replace(/0/g, 'o').replace(/5/g, 's').replace(/3/g, 'e').replace(/4/g, 'a');
}

function indexBy(names: Iterable<string>, form: (name: string) => string | null): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const name of names) {
    const key = form(name);
    if (key !== null) (found.get(key) ?? found.set(key, []).get(key) as string[]).push(name);
  }
  return found;
}

function sameOwner(a: string, b: string): boolean {
  return a.startsWith('@') && b.startsWith('@') && a.slice(0, a.indexOf('/')) === b.slice(0, b.indexOf('/'));
}

function withoutOne(name: string): string[] {
  return Array.from({ length: name.length }, (_, i) => name.slice(0, i) + name.slice(i + 1));
}

/** One letter more, less or other, or two neighbours exchanged. */
function isOneEdit(a: string, b: string): boolean {
  if (isSwapped(a, b)) return true;
  const [short, long] = a.length <= b.length ? [a, b] : [b, a];
  if (long.length - short.length > 1) return false;
  let i = 0;
  while (i < short.length && short[i] === long[i]) i++;
  return short.length === long.length ? short.slice(i + 1) === long.slice(i + 1) : short.slice(i) === long.slice(i + 1);
}

function isSwapped(a: string, b: string): boolean {
  if (a.length !== b.length) return false;
  let i = 0;
  while (i < a.length && a[i] === b[i]) i++;
  return i + 1 < a.length && a[i] === b[i + 1] && a[i + 1] === b[i] && a.slice(i + 2) === b.slice(i + 2);
}
