import type { Offered } from '../../sarif/interface/model.js';
import { MOST_OFFERED } from '../../sarif/interface/model.js';
import { WHOLE_MODULE } from './javascript.js';
import { type ModuleNames, nameText, type Target } from './thing.js';

/** How the files of a tree name each other. */
export interface Modules {
  /** Null where the file cannot be read as code. */
  names(path: string): ModuleNames | null;
  /** The file that `specifier` means in `from`; null where it is none of the tree, `unknown` where it should be one and is not there. */
  find(from: string, specifier: string): string | null | 'unknown';
  /** What was worked out for whole files, where nothing stood in the way. */
  readonly resolved: Map<string, ReadonlyMap<string, Known>>;
}

/** A name with all that was looked up. */
export interface Known {
  readonly kind: Offered['kind'];
  readonly parameters: string | null;
  readonly members: ReadonlyMap<string, Known>;
}
const ELSEWHERE: Known = { kind: 'other', parameters: null, members: new Map() };
const VALUE: Known = { kind: 'value', parameters: null, members: new Map() };
/** Names that stand for each other in a row, and members of members. */
const MOST_STEPS = 24;
const MOST_INNER = 3;
/** Names that are looked up for one entry. */
const MOST_LOOKED_UP = 50_000;

/** What a file offers with all that it passes on from others, and why it could not be told whole. */
export class Resolver {
  readonly #modules: Modules;
  #unclear: string | null = null;
  #left = MOST_LOOKED_UP;
  /** How often a file was met again on the way through it. */
  #again = 0;

  constructor(modules: Modules) {
    this.#modules = modules;
  }

  offered(path: string): { readonly offered: Offered[]; readonly unclear: string | null } {
    const names = this.#module(path, 0, new Set());
    const list: Offered[] = [];
    for (const [name, known] of names) this.#list(list, name, known, 0);
    if (list.length > MOST_OFFERED) this.#open(`offers more than ${MOST_OFFERED} names`);
    return { offered: list.slice(0, MOST_OFFERED).sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)), unclear: this.#unclear };
  }

  #open(why: string): void {
    this.#unclear ??= nameText(why);
  }

  #list(list: Offered[], name: string, { kind, parameters, members }: Known, inner: number): void {
    if (list.length > MOST_OFFERED) return;
    list.push({ name: nameText(name), kind, parameters });
    if (inner < MOST_INNER) for (const [member, known] of members) this.#list(list, `${name}.${member}`, known, inner + 1);
  }

  /** The names of a module, worked out once: many entries lead to the same files. */
  #module(path: string, steps: number, seen: ReadonlySet<string>): Map<string, Known> {
    const known = this.#modules.resolved.get(path);
    if (known !== undefined) return new Map(known);
    const before = this.#again;
    const all = this.#namesOf(path, steps, seen);
    if (this.#again === before && this.#unclear === null) this.#modules.resolved.set(path, new Map(all));
    return all;
  }

  /** What `module.exports` holds stands by its own names, what a class that it is has too; it is a name itself where it is a function or a class. */
  #namesOf(path: string, steps: number, seen: ReadonlySet<string>): Map<string, Known> {
    const all = new Map<string, Known>();
    const names = this.#modules.names(path);
    if (names === null) this.#open(`${path} cannot be read as code`);
    if (seen.has(path)) this.#again++;
    if (names === null || seen.has(path)) return all;
    if (this.#left-- <= 0 || steps > MOST_STEPS) {
      this.#open('modules that pass each other on do not end');
      return all;
    }
    if (names.unclear !== null) this.#open(`${path} ${names.unclear}`);
    const now = new Set([...seen, path]);
    // What a module says itself goes before what it passes on.
    for (const specifier of names.stars) {
      const from = this.#modules.find(path, specifier);
      if (from === null) all.set(`* of ${specifier}`, ELSEWHERE);
      else if (from === 'unknown') this.#open(`${path} passes on ${specifier}, which is not there`);
      else for (const [name, known] of this.#module(from, steps + 1, now)) if (name !== 'default' && !names.exports.has(name) && names.only?.has(name) !== false) all.set(name, known);
    }
    for (const [name, target] of names.exports) {
      const known = this.#known(path, target, steps + 1, now);
      if (name === WHOLE_MODULE) for (const [member, one] of known.members) all.set(member, one);
      if (name !== WHOLE_MODULE || known.kind !== 'value' || known.members.size === 0) all.set(name, name === WHOLE_MODULE ? { ...known, members: new Map() } : known);
    }
    for (const name of names.only ?? []) if (!all.has(name)) all.set(name, VALUE);
    return all;
  }

  #known(path: string, target: Target, steps: number, seen: ReadonlySet<string>): Known {
    if (this.#left-- <= 0 || steps > MOST_STEPS) {
      this.#open('names that stand for each other do not end');
      return VALUE;
    }
    if (target.at === 'import') return this.#imported(path, target, steps, seen);
    if (target.at === 'local') {
      const local = this.#modules.names(path)?.locals.get(target.name);
      return local === undefined ? VALUE : this.#known(path, local, steps + 1, seen);
    }
    const members = new Map<string, Known>();
    let { parameters } = target;
    for (const one of target.from) {
      const over = this.#known(path, one, steps + 1, seen);
      if (over.kind === 'class' && target.kind === 'class') parameters ??= over.parameters;
      if (over.kind === 'other' && target.kind !== 'class') members.set(`* of ${one.at === 'import' ? one.from : one.at === 'local' ? one.name : 'another'}`, ELSEWHERE);
      else if (over.kind === 'value' && over.members.size === 0 && target.kind === 'value') this.#open(`${path} takes over what only running it tells`);
      for (const [name, known] of over.members) members.set(name, known);
    }
    for (const [name, member] of target.members) members.set(name, this.#known(path, member, steps + 1, seen));
    return { kind: target.kind, parameters, members };
  }

  #imported(path: string, { from, name }: Extract<Target, { at: 'import' }>, steps: number, seen: ReadonlySet<string>): Known {
    const file = this.#modules.find(path, from);
    if (file === 'unknown') this.#open(`${path} names ${from}, which is not there`);
    if (file === null) return ELSEWHERE;
    if (file === 'unknown') return VALUE;
    if (!/\.(?:[cm]?[jt]sx?|py)$/.test(file)) return VALUE;
    if (seen.has(`${file}\0${name}`)) {
      this.#again++;
      return VALUE;
    }
    const now = new Set([...seen, `${file}\0${name}`]);
    if (name === null) return this.#wholeOf(file, steps, now);
    const names = this.#modules.names(file);
    const target = names?.exports.get(name) ?? (file.endsWith('.py') ? names?.locals.get(name) : undefined);
    if (target !== undefined) return this.#known(file, target, steps + 1, now);
    const passed = this.#module(file, steps + 1, new Set([...now].filter((one) => one !== file)));
    // `import x from` a module of CommonJS is what it sets its exports to.
    return passed.get(name) ?? (name === 'default' ? passed.get(WHOLE_MODULE) : undefined) ?? VALUE;
  }

  #wholeOf(file: string, steps: number, seen: ReadonlySet<string>): Known {
    const all = this.#module(file, steps + 1, new Set([...seen].filter((one) => one !== file)));
    const own = all.get(WHOLE_MODULE);
    all.delete(WHOLE_MODULE);
    return own === undefined ? { kind: 'value', parameters: null, members: all } : { ...own, members: all };
  }
}
