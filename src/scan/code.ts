import type { Found } from '../sarif/model.js';
import { analyse, type Analysis, linesOf } from './flow/analyse.js';
import { FLOW_RULES } from './flow/rules.js';

import { findShapes, hasShapeRules } from './shapes.js';

/** What the rules say of one file. */
export interface CodeScan {
  readonly found: readonly Found[];
  /** What was left out of it, by reason. */
  readonly problems: readonly ('too_deep' | 'unreadable' | 'too_long')[];
}

const FLOW = /\.(?:[cm]?[jt]s|[jt]sx)$/i;
/** Code that a tool made: data flow through it tells nothing that its source does not, and takes long. */
const GENERATED = /\.min\.[cm]?js$|(?:^|\/)(?:dist|build|vendor|third_party|bundle)\/.*\.(?:bundle|min|prod)\.js$/i;

/** True when data flow is followed through files of that name. */
export function hasFlow(path: string): boolean {
  return FLOW.test(path) && !/\.d\.[cm]?ts$/i.test(path);
}

/** True for code that people did not write: one line of thousands of characters, or a name that says so. */
export function isGenerated(path: string, source: string): boolean {
  return GENERATED.test(path) || (source.length > 20_000 && source.length / (source.split('\n').length + 1) > 500) || /[^\n]{50000}/.test(source.slice(0, 200_000));
}

/**
 * The results of all rules on one file, as a `fragment`: what its functions are given is taken for data from outside. For a whole package see `PackageScan`.
 */
export function scanFragment(path: string, source: string): CodeScan {
  return combined(path, source, hasFlow(path) && !isGenerated(path, source) ? analyse(path, source, { mode: 'fragment', rules: FLOW_RULES }) : null);
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
  const kept = (shapes === 'too_deep' ? [] : shapes).filter((one) => flow === null || !(flow.cleared.has(`${one.rule}@${offset(one)}`) || flow.cleared.has(`*@${offset(one)}`)));
  const same = (a: Found, b: Found): boolean => a.path === b.path && a.rule === b.rule && a.line <= b.endLine && b.line <= a.endLine;
  const added = (flow?.found ?? []).filter((one) => !kept.some((shape) => same(shape, one)));
  return { found: [...kept, ...added], problems };
}

