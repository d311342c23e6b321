import { describe, expect, it } from 'vitest';
import { findShapes, SHAPE_RULES } from '../../src/scan/shapes.js';

function rulesIn(source: string, path = 'a.ts'): readonly string[] {
  const found = findShapes(path, source);
  return found === 'too_deep' ? [found] : found.map((f) => f.rule);
}

describe.each(SHAPE_RULES.map((rule) => [rule.id, rule, rule.id.startsWith('py/') ? ['a.py'] : ['a.ts', 'a.js']] as const))('%s', (id, rule, paths) => {
  it.each(rule.examples.must)('finds %j', (source) => {
    for (const path of paths) expect(rulesIn(source, path)).toContain(id);
  });
  it.each(rule.examples.mustNot)('leaves %j alone', (source) => {
    expect(rulesIn(source, paths[0])).not.toContain(id);
  });
});

describe('the pack', () => {
  it('has unique ids, a remedy, and examples of both sorts', () => {
    expect(new Set(SHAPE_RULES.map((r) => r.id)).size).toBe(SHAPE_RULES.length);
    expect(SHAPE_RULES.filter((r) => r.help === '' || r.examples.must.length === 0 || r.examples.mustNot.length === 0)).toEqual([]);
  });
  it('gives the place from 1, also in TSX and in a file with a syntax error', () => {
    expect(findShapes('x.tsx', 'const a = <b/>;\n  eval(code);\nfoo((')).toEqual([expect.objectContaining({ rule: 'js/code-injection', path: 'x.tsx', line: 2, column: 3, endLine: 2, endColumn: 13, snippet: 'eval(code)' })]);
  });
  it('has no rules for other languages, nor for names that fool a table', () => {
    expect([rulesIn('eval(code)', 'a.rb'), rulesIn('eval(data)', 'a.pyi'), rulesIn('eval(code)', 'constructor'), rulesIn('eval(code)', 'a.__proto__')]).toEqual([[], [], [], []]);
  });
  it('does not search what is nested too deeply', () => {
    expect(findShapes('a.js', 'f('.repeat(5000))).toBe('too_deep');
  });
});
