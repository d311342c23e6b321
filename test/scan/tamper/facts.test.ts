import { describe, expect, it } from 'vitest';
import { buildSarif } from '../../../src/sarif/build.js';
import type { Notice } from '../../../src/sarif/model.js';
import { parseSarif } from '../../../src/sarif/parse.js';
import { FactsOfTree, tamperFacts } from '../../../src/scan/tamper/facts.js';

const facts = (path: string, text: string): ReturnType<typeof tamperFacts> => tamperFacts(path, Buffer.from(text));
const token = ['gh', 'p_Zx8Kq2Lm9Tn4Vb7Wc1Ys6Rd3Pf5Hg0JkQabc'].join('');

describe('facts about a file', () => {
  it('tell cases with their groups, assertions and marks', () => {
    expect(facts('a.test.ts', "describe('sums', () => {\n  it.each([1])('adds %i', async (n) => {\n    expect(add(n)).toBe(2);\n    await expect(load()).resolves.toBeDefined();\n    expect(true).toBe(true);\n  });\n  it.only('waits', (t) => { if (slow) t.skip(); assert.ok(list.includes(1)); });\n});\n")).toEqual({
      path: 'a.test.ts', content: 'text', suppressions: [], hidden: [], tests: {
        cases: [{ name: 'sums > adds %i', line: 2, strong: 1, weak: 1, skipped: false }, { name: 'sums > waits', line: 7, strong: 1, weak: 0, skipped: true }],
        marks: [{ what: 'only', text: 'waits', line: 7 }],
      },
    });
    expect(facts('test_a.py', 'class A:\n    def test_a(self):\n        with self.assertRaises(ValueError):\n            f()\n        assert g() == 1, "text"\n        assert (g() == 1, "always true")\n        self.assertTrue(g())\n')).toMatchObject({ tests: { cases: [{ name: 'A > test_a', line: 2, strong: 2, weak: 1, skipped: false }], marks: [] } });
  });

  it('are none where there is nothing to say', () => {
    expect([facts('src/a.ts', 'export const a = /x/.test(b);\n'), facts('README.md', 'text\n'), facts('a.png.txt', 'MZ is text')]).toEqual([null, null, null]);
  });

  it('hold no secret, and survive the report', () => {
    const one = facts('a.ts', `// eslint-disable-next-line no-x ${token}\na();\n`);
    expect(JSON.stringify(one)).not.toContain(token);
    if (one === null || one === 'too_many') throw new Error('no facts');
    const log = buildSarif({ tool: { name: 't', version: '1' }, rules: [], results: [], notices: [], files: [{ ...one, path: 'a b/ü%.ts' }] });
    expect(parseSarif(JSON.stringify(log))).toEqual({ results: [], defences: { uses: [], exits: [] }, files: [{ ...one, path: 'a b/ü%.ts' }], entries: [], problem: null, notices: [] });
    expect(() => parseSarif(JSON.stringify(log).replace('"content":"text"', '"content":"fine"'))).toThrowError('The scanner\'s report has facts about a file of another form: content.');
  });

  it('that do not fit are said by path, so that the change of that file does not count as looked at', () => {
    const notices: Notice[] = [];
    const tree = new FactsOfTree((notice) => notices.push(notice));
    tree.add('a.js', Buffer.from('a(); // NOSONAR\n'.repeat(501)));
    tree.add('b.js', Buffer.from('a(); // NOSONAR\n'));
    expect({ kept: tree.all.map((one) => one.path), notices: notices.map((one) => `${one.level} ${one.id} ${one.path}`) }).toEqual({ kept: ['b.js'], notices: ['note tamper_facts a.js'] });
  });
});
