import type { Expr } from './ir.js';
import { type Enclosing, type Fact, type FileText, join, NOTHING, type State, type Value, withDefence } from './value.js';

const empty = (): State => ({ names: new Map(), facts: new Map(), conditions: new Map(), made: new Map(), notes: new Map() });
const copy = (s: State): State => ({ names: new Map(s.names), facts: new Map(s.facts), conditions: new Map(s.conditions), made: new Map(s.made), notes: new Map(s.notes) });

/** Names with what only one way showed of them: their value alone remembers it once the ways meet. */
function baked(mine: State, other: State): Map<string, Value> {
  const names = new Map(mine.names);
  for (const [path, facts] of mine.facts) {
    const value = names.get(path);
    if (value === undefined || value.marks.length === 0 || other.facts.get(path) === facts) continue;
    names.set(path, { ...value, marks: facts.reduce((marks, fact) => marks.map((mark) => withDefence(mark, fact.dangers, fact.defence)), value.marks) });
  }
  return names;
}

/** One activation of a function, or a module. Closures hold the frame they were made in. */
export class Frame implements Enclosing {
  state: State = empty();
  /** What the function gave back so far. */
  returned: Value = NOTHING;
  readonly parent: Enclosing | null;
  readonly name: string;
  readonly file: FileText;

  constructor(parent: Enclosing | null, name: string, file: FileText | null = null) {
    this.parent = parent;
    this.name = name;
    this.file = file ?? parent?.file ?? { path: '', source: '' };
  }

  declare(name: string, value: Value): void {
    this.forget(name);
    this.state.names.set(name, value);
  }

  lookup(name: string): Value | undefined {
    for (let frame: Enclosing | null = this; frame !== null; frame = frame.parent) {
      const value = frame.state.names.get(name);
      if (value !== undefined) return value;
    }
    return undefined;
  }

  /** Writes a name where it was declared. What a closure writes outside happens sometime: both values are possible. */
  write(name: string, value: Value): void {
    for (let frame: Enclosing | null = this; frame !== null; frame = frame.parent) {
      const old = frame.state.names.get(name);
      if (old === undefined) continue;
      frame.forget(name);
      frame.state.names.set(name, frame === this ? value : join(old, value));
      return;
    }
    this.declare(name, value);
  }

  /** Drops what was shown of a path that is written. */
  forget(path: string): void {
    const { facts, conditions, made } = this.state;
    for (const map of [facts, conditions, made]) {
      for (const key of map.keys()) if (key === path || key.startsWith(`${path}.`)) map.delete(key);
    }
  }

  /** Notes facts of a path, and of what it was made of. */
  learn(path: string, fact: Fact, depth = 0): void {
    const { facts, made } = this.state;
    facts.set(path, [...(facts.get(path) ?? []), fact]);
    if (depth > 3) return;
    const root = path.split('.')[0] ?? path;
    for (const origin of made.get(path) ?? made.get(root) ?? this.parent?.madeOf(root) ?? []) this.learn(origin, fact, depth + 1);
  }

  madeOf(name: string): readonly string[] {
    return this.state.made.get(name) ?? this.parent?.madeOf(name) ?? [];
  }

  condition(name: string): Expr | undefined {
    return this.state.conditions.get(name) ?? this.parent?.condition(name);
  }

  /** The value as it is after all that was shown of its path here. */
  proven(path: string, value: Value): Value {
    let marks = value.marks;
    if (marks.length === 0) return value;
    for (let frame: Enclosing | null = this; frame !== null; frame = frame.parent) {
      if (frame.state.facts.size === 0) continue;
      for (let p = path; p !== ''; p = p.slice(0, Math.max(0, p.lastIndexOf('.')))) {
        for (const fact of frame.state.facts.get(p) ?? []) marks = marks.map((mark) => withDefence(mark, fact.dangers, fact.defence));
      }
    }
    return marks === value.marks ? value : { ...value, marks };
  }

  fork(): State {
    return copy(this.state);
  }

  /** What is known where two ways meet: values of either, and only what both showed. */
  meet(a: State, b: State): void {
    const names = baked(a, b);
    for (const [name, value] of baked(b, a)) {
      const mine = names.get(name);
      if (mine !== value) names.set(name, mine === undefined ? value : join(mine, value));
    }
    const facts = new Map<string, readonly Fact[]>();
    for (const [path, list] of a.facts) {
      const both = list.filter((fact) => b.facts.get(path)?.some((other) => other.defence === fact.defence));
      if (both.length > 0) facts.set(path, both);
    }
    const same = <T>(x: Map<string, T>, y: Map<string, T>): Map<string, T> => new Map([...x].filter(([key, value]) => y.get(key) === value));
    this.state = { names, facts, conditions: same(a.conditions, b.conditions), made: same(a.made, b.made), notes: new Map([...a.notes, ...b.notes]) };
  }
}
