import type { RuleMeta } from '../model.js';

/** A change that a rule is shown with: the text of `path` before (null = there was no such file) and after. */
export type Example = readonly [path: string, base: string | null, head: string | null];

/**
 * A way in which a change weakens what judges it. `weakens` = it takes from what a test says: of a security test that is never let through without a person's word.
 * The level is that of its results: error and warning block, a note that weakens leaves the verdict open.
 */
export interface TamperRule extends RuleMeta {
  readonly weakens: boolean;
  readonly examples: { readonly must: readonly Example[]; readonly mustNot: readonly Example[] };
}

const T = 'test/a.test.js';
const P = 'tests/test_a.py';
const js = (body: string): string => `import assert from 'node:assert';\nimport { test } from 'node:test';\ntest('adds', () => {\n${body}\n});\n`;
const py = (body: string, head = ''): string => `import unittest\n\n\nclass A(unittest.TestCase):\n${head}    def test_adds(self):\n${body}\n`;

type Plain = Omit<TamperRule, 'weakens' | 'severity' | 'cwe' | 'id'> & { readonly cwe?: number };
const SEVERITY = { error: 7.5, warning: 5, note: 2 } as const;
const rule = (id: string, weakens: boolean, { cwe, ...rest }: Plain): TamperRule => ({ id: `tamper/${id}`, weakens, cwe: cwe ?? null, severity: SEVERITY[rest.level], ...rest });

const TESTS: readonly TamperRule[] = [
  rule('emptied-test', true, {
    title: 'A test asserts nothing any more', level: 'warning',
    help: 'Give the test its assertions back, or say why it goes and delete it.',
    examples: {
      must: [[T, js('  assert.equal(add(1, 2), 3);'), js('  add(1, 2);')], [T, js('  assert.equal(add(1, 2), 3);'), js('')], [T, js('  assert.equal(add(1, 2), 3);'), js('  assert.equal(true, true);')],
        [T, js('  assert.equal(add(1, 2), 3);'), js('  return;\n  assert.equal(add(1, 2), 3);')], [P, py('        self.assertEqual(add(1, 2), 3)'), py('        pass')], [P, py('        assert add(1, 2) == 3'), py('        assert add(1, 2) == 3 or True')]],
      mustNot: [[T, js('  assert.equal(add(1, 2), 3);'), js('  assert.equal(add(1,\n    2), 3);\n  assert.equal(add(0, 0), 0);')], [T, js('  add(1, 2);'), js('  add(1, 3);')], [P, py('        self.assertEqual(add(1, 2), 3)'), py('        assert add(1, 2) == 3')]],
    },
  }),
  rule('fewer-assertions', true, {
    title: 'A test asserts less', level: 'note',
    help: 'Keep the assertions. Where several became one that says the same, a person has to see that.',
    examples: {
      must: [[T, js('  assert.equal(add(1, 2), 3);\n  assert.equal(add(2, 2), 4);'), js('  assert.equal(add(1, 2), 3);')], [P, py('        self.assertEqual(add(1, 2), 3)\n        self.assertEqual(add(2, 2), 4)'), py('        self.assertEqual(add(1, 2), 3)')]],
      mustNot: [[T, js('  assert.equal(add(1, 2), 3);\n  assert.equal(add(2, 2), 4);'), `${js('  check();')}function check() {\n  assert.equal(add(1, 2), 3);\n  assert.equal(add(2, 2), 4);\n}\n`],
        [T, js('  assert.equal(add(1, 2), 3);'), js('  assert.equal(add(1, 2), 3);').replace("test('adds'", "describe('sums', () => test('adds'").replace(/\}\);\n$/, '}));\n')]],
    },
  }),
  rule('loosened-assertion', true, {
    title: 'An assertion was loosened', level: 'warning',
    help: 'Compare with the exact value again: that something is there or is truthy is true of nearly every wrong value.',
    examples: {
      must: [[T, js('  expect(add(1, 2)).toBe(3);'), js('  expect(add(1, 2)).toBeTruthy();')], [T, js('  expect(add(1, 2)).toEqual({ sum: 3 });'), js('  expect(add(1, 2)).toEqual({ sum: expect.anything() });')], [T, js('  assert.strictEqual(add(1, 2), 3);'), js('  assert.ok(add(1, 2));')],
        [P, py('        self.assertEqual(add(1, 2), 3)'), py('        self.assertTrue(add(1, 2))')], [P, py('        assert add(1, 2) == 3'), py('        assert add(1, 2) is not None')]],
      mustNot: [[T, js('  expect(add(1, 2)).toBe(3);'), js('  expect(add(1, 2)).toStrictEqual(3);')], [T, js('  expect(add(1, 2)).toBe(3);'), js('  expect(add(1, 2)).toBe(3);\n  expect(add).toBeDefined();')], [T, js('  assert.ok(list);'), js('  assert.equal(list.length, 3);')]],
    },
  }),
  rule('swallowed-assertion', true, {
    title: 'What a test asserts is caught and dropped', level: 'warning', cwe: 390,
    help: 'Let the assertion fail the test: take it out of the try, or throw again what is caught.',
    examples: {
      must: [[T, js('  assert.equal(add(1, 2), 3);'), js('  try {\n    assert.equal(add(1, 2), 3);\n  } catch {}')], [P, py('        self.assertEqual(add(1, 2), 3)'), py('        try:\n            self.assertEqual(add(1, 2), 3)\n        except Exception:\n            pass')],
        [P, py('        self.assertEqual(add(1, 2), 3)'), py('        with contextlib.suppress(AssertionError):\n            self.assertEqual(add(1, 2), 3)')]],
      mustNot: [[T, js('  assert.equal(add(1, 2), 3);'), js('  try {\n    assert.equal(add(1, 2), 3);\n  } finally {\n    close();\n  }')], [T, js('  run();'), js('  try {\n    run();\n  } catch (error) {\n    assert.match(error.message, /no/);\n  }')],
        [P, py('        self.assertEqual(add(1, 2), 3)'), py('        try:\n            self.assertEqual(add(1, 2), 3)\n        except KeyError:\n            pass')]],
    },
  }),
  rule('skipped-test', true, {
    title: 'A test is skipped now', level: 'warning',
    help: 'Let it run. A test that fails is mended, or deleted with a reason that a person sees.',
    examples: {
      must: [[T, js('  assert.ok(add);'), js('  assert.ok(add);').replace("test('adds'", "test.skip('adds'")], [T, js('  assert.ok(add);'), js('  assert.ok(add);').replace("'adds',", "'adds', { skip: true },")], [T, "it('a', () => expect(b).toBe(1));\n", "xit('a', () => expect(b).toBe(1));\n"], [T, "it('a', () => expect(b).toBe(1));\n", "it.todo('a');\n"],
        [P, py('        self.assertEqual(add(1, 2), 3)'), py('        self.assertEqual(add(1, 2), 3)', '    @unittest.skip("slow")\n')], [P, 'def test_a():\n    assert add(1, 2) == 3\n', 'import pytest\n@pytest.mark.xfail\ndef test_a():\n    assert add(1, 2) == 3\n']],
      mustNot: [[T, js('  assert.ok(add);'), `${js('  assert.ok(add);')}test.todo('subtracts');\n`], [T, js('  assert.ok(add);').replace("test('adds'", "test.skip('adds'"), js('  assert.ok(add);')], [T, js('  assert.ok(add);'), js('  // it.skip is not used here\n  assert.ok(add);')]],
    },
  }),
  rule('only-test', true, {
    title: 'One test was told to run alone', level: 'warning',
    help: 'Take the mark away: the other tests of the file do not run with it.',
    examples: {
      must: [[T, js('  assert.ok(add);'), js('  assert.ok(add);').replace("test('adds'", "test.only('adds'")], [T, "describe('a', () => {});\n", "fdescribe('a', () => {});\n"]],
      mustNot: [[T, js('  assert.ok(add);'), js("  assert.ok(add, 'only');")]],
    },
  }),
  rule('removed-test', true, {
    title: 'A test is gone', level: 'warning',
    help: 'Bring it back. Where what it checked is gone too, a person has to say so.',
    examples: {
      must: [[T, `${js('  assert.ok(add);')}test('subtracts', () => assert.ok(subtract));\n`, js('  assert.ok(add);')], [P, 'def test_a():\n    assert b == 3\n', 'def check_a():\n    assert b == 3\n'], [T, js('  assert.ok(add);'), null]],
      mustNot: [[T, js('  assert.ok(add);'), `${js('  assert.ok(add);')}test('subtracts', () => assert.ok(subtract));\n`]],
    },
  }),
  rule('process-exit', true, {
    title: 'A test ends the process', level: 'warning',
    help: 'Let the runner end it: tests after this one do not run, and the exit code is not that of the tests.',
    examples: {
      must: [[T, js('  assert.ok(add);'), `${js('  assert.ok(add);')}process.exit(0);\n`], [T, js('  assert.ok(add);'), `${js('  assert.ok(add);')}process.exitCode = 0;\n`], [P, 'def test_a():\n    assert b == 3\n', 'import os\ndef test_a():\n    os._exit(0)\n    assert b == 3\n']],
      mustNot: [[T, js('  assert.ok(add);'), js("  assert.equal(run('process.exit(0)'), 0);")], ['test/fixtures/cli.js', null, 'process.exit(1);\n']],
    },
  }),
  rule('replaced-judge', true, {
    title: 'What judges a test was replaced', level: 'error', cwe: 345,
    help: 'Use the assertions as they come: a function in their place says nothing.',
    examples: {
      must: [[T, js('  assert.ok(add);'), `${js('  assert.ok(add);')}assert.equal = () => {};\n`], [T, js('  assert.ok(add);'), `vi.mock('node:assert');\n${js('  assert.ok(add);')}`], [P, 'def test_a():\n    assert b == 3\n', 'import unittest\nunittest.TestCase.assertEqual = lambda *a: None\ndef test_a():\n    assert b == 3\n']],
      mustNot: [[T, js('  assert.ok(add);'), `let expect;\nexpect = require('chai').expect;\n${js('  assert.ok(add);')}`], [T, js('  assert.ok(add);'), `vi.mock('./assert-things.js');\n${js('  assert.ok(add);')}`]],
    },
  }),
  rule('snapshot', true, {
    title: 'A snapshot was rewritten', level: 'note',
    help: 'A snapshot says what the code gives, not what it should: a person has to look at the difference.',
    examples: { must: [['test/__snapshots__/a.test.js.snap', 'exports[`a 1`] = `3`;\n', 'exports[`a 1`] = `4`;\n'], ['a.snap', 'x', null]], mustNot: [['test/__snapshots__/a.test.js.snap', null, 'exports[`a 1`] = `3`;\n'], ['src/snap.js', 'a', 'b']] },
  }),
];

const FILES: readonly TamperRule[] = [
  rule('suppression', false, {
    title: 'A tool was told to look away', level: 'warning',
    help: 'Mend what the tool says. Where it is wrong, a person says so in the base: a comment of the change decides nothing.',
    examples: {
      must: [['src/a.js', 'eval(a);\n', '// eslint-disable-next-line no-eval\neval(a);\n'], ['src/a.ts', 'a();\n', '// @ts-ignore\na();\n'], ['src/a.py', 'exec(a)\n', 'exec(a)  # nosec\n'], ['src/a.py', 'a = b\n', 'a = b  # type: ignore[assignment]\n'], ['src/a.py', 'import b  # noqa: F401\n', 'import b  # noqa\n'],
        ['src/a.js', 'a();\n', '/* c8 ignore next */\na();\n'], ['src/a.py', 'a()\n', 'a()  # pragma: no cover\n'], ['src/A.java', 'a();\n', 'a(); // NOSONAR\n'], ['src/a.js', 'a();\n', 'a(); // nosemgrep: x.y\n'], ['src/a.go', 'a()\n', 'a() //nolint:gosec\n'], ['a.env', 'A=b\n', 'A=b # gitleaks:allow\n'], ['src/a.js', 'a();\n', '// biome-ignore lint/security/noGlobalEval: needed\na();\n']],
      mustNot: [['src/a.js', '// eslint-disable-next-line no-eval\neval(a);\n', 'b();\n// eslint-disable-next-line no-eval\neval(a);\n'], ['src/a.js', 'a();\n', "const text = 'say // eslint-disable-line';\n"], ['README.md', 'a\n', '# nosec\n'], ['src/a.js', '// eslint-disable-next-line no-eval -- a\neval(a);\n', '// eslint-disable-next-line no-eval -- b\neval(a);\n']],
    },
  }),
  rule('hidden-unicode', false, {
    title: 'Text holds characters that nobody sees', level: 'error', cwe: 1007,
    help: 'Take the characters out, or write them as escapes: what a person reads is otherwise not what runs.',
    examples: {
      must: [['src/a.js', 'a();\n', "const role = 'user\u202e \u2066// admin\u2069';\n"], ['src/a.js', 'a();\n', 'const a\u200bb = 1;\n'], ['AGENTS.md', 'a\n', 'a\u{e0041}\u{e0042}\n'], ['src/a.js', 'a();\n', 'a(`\u{fe01}\u{e0101}\u{e0102}`);\n'], ['src/a.js', 'a();\n', 'const \u3164 = 1;\n']],
      mustNot: [['src/a.js', 'a();\n', '\ufeffa();\n'], ['README.md', 'a\n', 'fine \u{1f468}\u200d\u{1f469}\u200d\u{1f467} \u2764\ufe0f \u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e007f}\n'], ['locale/fa.json', '{}\n', '{"a":"\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"}\n'], ['src/a.js', 'const a\u200bb = 1;\n', 'const a\u200bb = 1;\nb();\n']],
    },
  }),
  rule('homoglyph', false, {
    title: 'A name mixes letters that look alike', level: 'error', cwe: 1007,
    help: 'Write the name in letters of one script: it looks like another name and is not.',
    examples: {
      must: [['src/a.js', 'isAdmin();\n', 'is\u0410dmin();\n'], ['src/a.py', 'a()\n', '\u{1d452}val(a)\n'], ['src/a.go', 'a()\n', '\u0455cope()\n']],
      mustNot: [['src/a.js', 'a();\n', "const \u03b4x = '\u043f\u0440\u0438\u0432\u0435\u0442';\n"], ['README.md', 'a\n', 'is\u0410dmin\n'], ['src/a.js', 'a();\n', 'const gr\u00fc\u00dfe = 1;\n']],
    },
  }),
  rule('program', false, {
    title: 'A program in machine code was added', level: 'warning', cwe: 506,
    help: 'Build it from source, or fetch it as a package that is pinned: nobody can read it here.',
    examples: { must: [['tools/run', null, '\u007fELF\u0002\0'], ['lib/a.wasm', 'text\n', '\0asm\u0001\0']], mustNot: [['img/a.bin', null, 'abc\0\u0001'], ['a.js', null, 'a();\n']] },
  }),
  rule('binary', false, {
    title: 'A binary file was added or changed', level: 'note',
    help: 'See where it comes from: a diff does not show it.',
    examples: { must: [['img/a.bin', null, 'abc\0\u0001']], mustNot: [['a.txt', null, 'abc']] },
  }),
  rule('generated', false, {
    title: 'Code that nobody can read was added', level: 'warning', cwe: 506,
    help: 'Add its source, and build this from it: data flow is not followed through it, and no person reads it.',
    examples: { must: [['src/a.js', 'a();\n', `a(${'1+'.repeat(30_000)}1);\n`], ['src/a.js', 'a();\n', 'a();\n// \0\n']], mustNot: [['src/a.js', null, `${'a(1 + 1);\n'.repeat(3000)}`]] },
  }),
];

/** By path, mode and keys of package.json: these are judged by `paths.ts`, whose test is a table of its own. */
const PATHS: readonly TamperRule[] = [
  rule('protected-file', false, { title: 'The change touches what judges changes or steers agents', level: 'note', help: 'A person has to look and take it on: sallyport apply TASK --accept "REASON".', examples: { must: [], mustNot: [] } }),
  rule('submodule', false, { title: 'A submodule was added or moved', level: 'warning', cwe: 829, help: 'Pin it as a package, or lay its files into the tree: it was neither scanned nor tested.', examples: { must: [], mustNot: [] } }),
  rule('symlink', false, { title: 'A symbolic link was added or changed', level: 'note', cwe: 59, help: 'See where it leads; one that leaves the tree blocks.', examples: { must: [], mustNot: [] } }),
  rule('executable', false, { title: 'A file became executable', level: 'note', cwe: 732, help: 'Keep the bit only where the file is meant to be started.', examples: { must: [], mustNot: [] } }),
];

export const TAMPER_RULES: readonly TamperRule[] = [...TESTS, ...FILES, ...PATHS];
const BY_ID: ReadonlyMap<string, TamperRule> = new Map(TAMPER_RULES.map((one) => [one.id, one]));

/** The rule of an id, null for one that is no tamper rule. */
export function tamperRule(id: string): TamperRule | null {
  return BY_ID.get(id) ?? null;
}
