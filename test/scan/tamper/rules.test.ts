import { describe, expect, it } from 'vitest';
import type { FileFacts } from '../../../src/sarif/tamper/model.js';
import { contentTampering } from '../../../src/sarif/tamper/compare.js';
import { type Example, TAMPER_RULES } from '../../../src/sarif/tamper/rules.js';
import { tamperFacts } from '../../../src/scan/tamper/facts.js';

function facts(path: string, text: string | null): FileFacts[] {
  const found = text === null ? null : tamperFacts(path, Buffer.from(text));
  expect(found).not.toBe('too_many');
  return found === null || found === 'too_many' ? [] : [found];
}

/** Rules that a change of one file gives results of. */
function rulesOf([path, base, head]: Example): string[] {
  const status = base === null ? 'added' : head === null ? 'deleted' : 'modified';
  return [...new Set(contentTampering({ files: [{ path, status, mode: '100644' }], base: facts(path, base), head: facts(path, head), listed: new Set(), complete: true }).map((one) => one.rule))];
}

const cases = (kind: 'must' | 'mustNot'): (readonly [string, string, Example])[] => TAMPER_RULES.flatMap((rule) => rule.examples[kind].map((example) => [rule.id, `${example[0]} ${JSON.stringify(example[2])?.slice(0, 150)}`, example] as const));

describe('every tamper rule', () => {
  it.each(cases('must'))('%s gives a result for %s', (id, _shown, example) => {
    expect(rulesOf(example)).toContain(id);
  });

  it.each(cases('mustNot'))('%s gives none for %s', (id, _shown, example) => {
    expect(rulesOf(example)).not.toContain(id);
  });

  it.each(TAMPER_RULES.flatMap((rule) => [...rule.examples.must, ...rule.examples.mustNot].filter(([, , head]) => head !== null).map(([path, , head]) => [path, head as string] as const)))('gives nothing for a file that stays as it is: %s', (path, text) => {
    expect(rulesOf([path, text, text]).filter((rule) => !['tamper/snapshot', 'tamper/binary', 'tamper/program', 'tamper/generated'].includes(rule))).toEqual([]);
  });

  it('gives nothing where a test file gains cases and assertions, moves within its groups, or is written in other lines', () => {
    const base = "import assert from 'node:assert';\nimport { test } from 'node:test';\ntest('adds', () => assert.equal(add(1, 2), 3));\n";
    const grown = base.replace("test('adds', () => assert.equal(add(1, 2), 3));", "describe('sums', () => {\n  test('adds', () => {\n    assert.equal(add(1, 2),\n      3);\n    assert.equal(add(1, 1), 2);\n  });\n  test('subtracts', () => assert.equal(subtract(2, 1), 1));\n});");
    expect(rulesOf(['test/a.test.js', base, grown])).toEqual([]);
    expect(contentTampering({ files: [{ path: 'test/a.test.js', status: 'deleted', mode: '100644' }, { path: 'test/b.test.js', status: 'added', mode: '100644' }], base: facts('test/a.test.js', base), head: facts('test/b.test.js', grown), listed: new Set(), complete: true })).toEqual([]);
  });
});
