import { type Defences, type Found, NO_DEFENCES } from '../sarif/model.js';
import { analyse, type Analysis, linesOf } from './flow/analyse.js';
import { flowRulesFor } from './flow/rules.js';

import { hasPython } from './grammars.js';
import { findShapes, hasShapeRules } from './shapes.js';

/** What the rules say of one file. */
export interface CodeScan {
  readonly found: readonly Found[];
  readonly defences: Defences;
  /** What was left out of it, by reason. */
  readonly problems: readonly ('too_deep' | 'unreadable' | 'too_long')[];
}

const FLOW = /\.(?:[cm]?[jt]s|[jt]sx|py)$/;
/** Code that a tool made: data flow through it tells nothing that its source does not, and takes long. */
const GENERATED = /\.min\.[cm]?js$|(?:^|\/)(?:dist|build|vendor|third_party|bundle)\/.*\.(?:bundle|min|prod)\.js$/i;

/** True when data flow is followed through files of that name. */
export function hasFlow(path: string): boolean {
  return FLOW.test(path) && (!path.endsWith('.py') || hasPython()) && !/\.d\.[cm]?ts$/i.test(path);
}

function hasLongLine(source: string): boolean {
  for (let at = 0; at < source.length; ) {
    const end = source.indexOf('\n', at);
    if ((end === -1 ? source.length : end) - at >= 50_000) return true;
    at = end === -1 ? source.length : end + 1;
  }
  return false;
}

/** True for code that people did not write: one line of thousands of characters, or a name that says so. */
export function isGenerated(path: string, source: string): boolean {
  return GENERATED.test(path) || (source.length > 20_000 && source.length / (source.split('\n').length + 1) > 500) || hasLongLine(source.slice(0, 200_000));
}

/**
 * The results of all rules on one file, as a `fragment`: what its functions are given is taken for data from outside. For a whole package see `PackageScan`.
 */
export function scanFragment(path: string, source: string): CodeScan {
  return combined(path, source, hasFlow(path) && !isGenerated(path, source) ? analyse(path, source, { mode: 'fragment', rules: flowRulesFor(path) }) : null);
}

/** What parts of a statement are called, rather than values in it. */
const STRUCTURE = /schema|table|columns?|cols?\b|fields?\b|where|clause|cond(?:ition)?s?\b|predicate|scope|order|sort|placeholder|values?(?:list|place)|tuples|\bsets?\b|\.join\(|cte\b|batch|limit|prefix|sql|query|filter|select|returning|idx|index|\.length|quote|ident|escape|guard|claim|^[A-Z_]{3,}$|^\w+\.[A-Z_]{3,}$|params?\b|\bkey[A-Z]?\w*$|^i$|^n$/i;

/** True where everything that a text is built of is called like a part of its structure (a table, a list of placeholders). */
function namesStructure(snippet: string): boolean {
  const holes = [...snippet.matchAll(/\$\{([^}]*)\}|\+\s*([\w.()[\]]+)/g)].map((hole) => (hole[1] ?? hole[2] ?? '').trim());
  return holes.length > 0 && holes.every((hole) => STRUCTURE.test(hole));
}

/**
 * Shapes and flow together. Where both know a class, flow decides: it takes away what it knows to be harmless (a constant, a number, a value that passed a
 * guard), and a place that both find is said once, with the shape's fix.
 */
export function combined(path: string, source: string, flow: Analysis | null): CodeScan {
  const shapes = hasShapeRules(path) ? findShapes(path, source) : [];
  const problems = [...(shapes === 'too_deep' ? (['too_deep'] as const) : []), ...(flow?.problem == null ? [] : [flow.problem])];
  const lines = linesOf(source);
  const offset = (one: Found): number => (lines[one.line - 1] ?? 0) + one.column - 1;
  const structural = (one: Found): boolean => one.rule === 'js/sql-injection' && flow?.unknown.has(`${one.rule}@${offset(one)}`) === true && namesStructure(one.snippet);
  const kept = (shapes === 'too_deep' ? [] : shapes).map((one) => (structural(one) ? { ...one, level: 'note' as const } : one)).filter((one) => flow === null || !(flow.cleared.has(`${one.rule}@${offset(one)}`) || flow.cleared.has(`*@${offset(one)}`)));
  return { found: onceEach([...kept, ...(flow?.found ?? [])]), defences: flow?.defences ?? NO_DEFENCES, problems };
}

/** Rules that say the same of one place: by shape, and with where the data comes from. */
const SAME: Readonly<Record<string, string>> = { 'js/path-parameter': 'js/path-traversal' };

/**
 * Each place once, in the order they were found. A call in one file can show what is wrong in another, so that a place may be known several times: by shape, as what some caller
 * could give, and as data from outside. What is kept has the highest level of them, and the fix.
 */
export function onceEach(found: readonly Found[]): readonly Found[] {
  const kept: Found[] = [];
  const places = new Map<string, number[]>();
  for (const one of found) {
    const key = `${SAME[one.rule] ?? one.rule}\0${one.path}`;
    const there = places.get(key) ?? places.set(key, []).get(key) ?? [];
    const at = there.find((i) => sameplace(kept[i] as Found, one));
    if (at === undefined) there.push(kept.push(one) - 1);
    else kept[at] = merged(kept[at] as Found, one);
  }
  return kept;
}

/** The same expression, or one that flow and a shape point at on the same lines. */
function sameplace(a: Found, b: Found): boolean {
  if (a.line === b.line && a.column === b.column) return true;
  return (a.flow === true) !== (b.flow === true) && a.line <= b.endLine && b.line <= a.endLine;
}

function merged(a: Found, b: Found): Found {
  const [shape, flow] = a.flow === true ? [b, a] : [a, b];
  if (shape.flow !== true) return flow.level !== 'note' && SAME[shape.rule] === flow.rule ? { ...shape, message: flow.message } : shape;
  return a.level === 'note' && b.level !== 'note' ? b : a;
}
