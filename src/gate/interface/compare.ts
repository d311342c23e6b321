import type { InterfaceChange, PublicInterface } from '../../protocol/interface.js';
import type { Entry, Offered } from '../../sarif/interface/model.js';

/** What the scan of one side says. `entries` null: by a version that told nothing of it. */
export interface InterfaceSide {
  readonly entries: readonly Entry[] | null;
  readonly problem: string | null;
}

const MOST_CHANGES = 500;
const MOST_UNCLEAR = 50;
const ORDER: readonly InterfaceChange['state'][] = ['removed', 'changed', 'added'];

/**
 * What base and head offer to others, name by name behind each way into a package; null where neither has such a way. What was reached by one way and is reached by another is gone for
 * those who took the first.
 */
export function compareInterfaces(base: InterfaceSide, head: InterfaceSide): PublicInterface | null {
  const [before, after] = [base.entries ?? [], head.entries ?? []];
  const problem = base.problem ?? head.problem ?? (base.entries === null || head.entries === null ? 'a side was scanned by a version that does not tell it' : null);
  if (before.length + after.length === 0 && problem === null) return null;
  const [was, now] = [named(before), named(after)];
  const changes = [...new Set([...was.keys(), ...now.keys()])].flatMap((key): InterfaceChange[] => {
    const [old, fresh] = [was.get(key), now.get(key)];
    const { entry, name, path } = (fresh ?? old) as Named;
    // Of a class that is gone, or new, the members are not said one by one.
    if ((old === undefined && outers(entry, name).some((outer) => !was.has(outer) && now.has(outer))) || (fresh === undefined && outers(entry, name).some((outer) => was.has(outer) && !now.has(outer)))) return [];
    const [from, to] = [old?.texts ?? null, fresh?.texts ?? null];
    return from === to ? [] : [{ state: from === null ? 'added' : to === null ? 'removed' : 'changed', entry, name, before: from, after: to, path }];
  });
  const count = (state: InterfaceChange['state']): number => changes.filter((one) => one.state === state).length;
  const sides = [['base', before], ['head', after]] as const;
  return {
    entries: after.length, names: now.size, counts: { removed: count('removed'), changed: count('changed'), added: count('added') },
    changes: ORDER.flatMap((state) => changes.filter((one) => one.state === state)).slice(0, MOST_CHANGES),
    unclear: [...(problem === null ? [] : [problem.slice(0, 2000)]), ...sides.flatMap(([side, entries]) => entries.flatMap((one) => (one.unclear === null ? [] : [`${one.entry} on the ${side}: ${one.unclear}`.slice(0, 2000)])))].slice(0, MOST_UNCLEAR),
  };
}

interface Named {
  readonly entry: string;
  readonly name: string;
  readonly path: string;
  readonly texts: string;
}

/** By entry and name. A manifest may lead twice to the same. */
function named(entries: readonly Entry[]): Map<string, Named> {
  const all = new Map<string, Named>();
  for (const { entry, path, offered } of entries) {
    for (const one of offered) {
      const key = keyOf(entry, one.name);
      const [known, text] = [all.get(key), textOf(one)];
      all.set(key, { entry, name: one.name, path, texts: known === undefined || known.texts === text ? text : `${known.texts}, ${text}`.slice(0, 1000) });
    }
  }
  return all;
}

function textOf({ kind, parameters }: Offered): string {
  return parameters === null ? kind : `${kind} ${parameters}`;
}

const keyOf = (entry: string, name: string): string => JSON.stringify([entry, name]);

/** `A` and `A.b` for `A.b.c`. */
function outers(entry: string, name: string): string[] {
  const parts = name.split('.');
  return parts.slice(1).map((_, i) => keyOf(entry, parts.slice(0, i + 1).join('.')));
}
