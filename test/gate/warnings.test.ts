import { expect, it } from 'vitest';
import { warningsOf } from '../../src/gate/warnings.js';

const GOOD = { checks: ['test'], paths: ['src/a.js', 'test/security/headers.test.js'], instructions: 'Validate all input.', securityTests: [], cases: 3, findings: 0, weaklyLocked: 0 };

it.each<[string, Partial<typeof GOOD> | object, string[]]>([
  ['nothing to say', {}, []],
  ['no tests', { checks: [], cases: null }, ['no tests were found: nothing of the behaviour is checked, and the verdict will be `unverified`']],
  ['an empty suite', { cases: 0 }, ['the tests name no case']],
  ['no security tests', { paths: ['test/cart.test.js', 'src/author.js', 'src/security.js'] }, ['no security tests were found (by name, or `security_tests` of the environment): nothing checks that a defence still stands']],
  ['one that the environment names', { paths: ['test/cart.test.js'], securityTests: ['test/c*.test.js'] }, []],
  ['no AGENTS.md', { instructions: '' }, ['there is no AGENTS.md']],
  ['an AGENTS.md about style only', { instructions: 'Use tabs.' }, ['AGENTS.md has no security rules']],
  ['old findings', { findings: 2 }, ['2 findings of the scanner stood in the base already']],
  ['a lockfile of old', { weaklyLocked: 2 }, ['2 packages of the lockfile are pinned by SHA-1 alone: whoever published one could have published two']],
  ['not yet measured', { cases: null, findings: null }, []],
])('says why passed means less: %s', (_name, change, expected) => {
  expect(warningsOf({ ...GOOD, ...change })).toEqual(expected);
});

it.each(['test/auth.test.js', 'tests/csrf_test.py', 'src/permissions.spec.ts', 'test/security/x.test.js', 'tests/test_sanitize.py'])('knows %s as a security test', (path) => {
  expect(warningsOf({ ...GOOD, paths: [path] })).toEqual([]);
});
