import { Lang, parse } from '@ast-grep/napi';
import { describe, expect, it } from 'vitest';
import { applyEdits, mergeEdits } from '../../src/sarif/edits.js';
import type { Found } from '../../src/sarif/model.js';
import { findShapes, SHAPE_RULES } from '../../src/scan/shapes.js';

const FIXING = SHAPE_RULES.flatMap((rule) => (rule.fix === undefined ? [] : [{ id: rule.id, fix: rule.fix }]));

function pathFor(id: string): string {
  return id.startsWith('py/') ? 'a.py' : 'a.js';
}
/** What the one rule finds. */
function found(id: string, source: string, path = pathFor(id)): readonly Found[] {
  const results = findShapes(path, source, SHAPE_RULES.filter((rule) => rule.id === id));
  if (results === 'too_deep') throw new Error('too deep');
  return results;
}
/** `source` with every fix of the one rule. */
function fixed(id: string, source: string, path?: string): string {
  return applyEdits(source, mergeEdits(found(id, source, path).flatMap((f) => (f.fix === undefined ? [] : [f.fix.edits]))).edits);
}

describe.each(FIXING.map(({ id, fix }) => [id, fix] as const))('the fix of %s', (id, fix) => {
  it.each(fix.examples.mustChange)('changes %j', (before, after) => {
    expect(fixed(id, before)).toBe(after);
  });
  it.each(fix.examples.mustChange)('leaves nothing to find in what it fixed, and to change a second time: %j', (_before, after) => {
    expect({ found: found(id, after).map((f) => f.snippet), again: fixed(id, after) }).toEqual({ found: [], again: after });
  });
  it.each(fix.examples.mustChange)('gives a file that parses: %j', (before, after) => {
    expect(errors(id, before)).toBe(0);
    expect(errors(id, after)).toBe(0);
  });
  it.each(fix.examples.mustNotChange)('is not offered for %j', (source) => {
    expect({ found: found(id, source).length > 0, after: fixed(id, source) }).toEqual({ found: true, after: source });
  });
  it('has a title, and an example of what it changes', () => {
    expect({ title: fix.title !== '', change: fix.examples.mustChange.length > 0 }).toEqual({ title: true, change: true });
  });
});

function errors(id: string, source: string): number {
  return parse(id.startsWith('py/') ? 'python' : Lang.JavaScript, source).root().findAll({ rule: { kind: 'ERROR' } }).length;
}
