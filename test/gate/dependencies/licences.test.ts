import { describe, expect, it } from 'vitest';
import { licenceFits } from '../../../src/gate/dependencies/licences.js';

describe('a licence under the rules of an environment', () => {
  const permissive = { allow: ['MIT', 'Apache-2.0', 'GPL-2.0-only WITH Classpath-exception-2.0'], deny: [] };
  const noCopyleft = { allow: [], deny: ['GPL-3.0-only', 'AGPL-3.0-only'] };
  it.each<[string, typeof permissive | typeof noCopyleft, boolean | null]>([
    ['MIT', permissive, true], ['mit', permissive, true], ['ISC', permissive, false], ['(MIT OR GPL-3.0-only)', permissive, true], ['MIT AND ISC', permissive, false], ['MIT AND (Apache-2.0 OR ISC)', permissive, true],
    ['GPL-2.0-only', permissive, false], ['GPL-2.0-only WITH Classpath-exception-2.0', permissive, true], ['UNLICENSED', permissive, false], ['SEE LICENSE IN LICENSE.md', permissive, null], ['MIT OR', permissive, null], ['(MIT', permissive, null], ['MIT ISC', permissive, null], ['', permissive, null],
    ['GPL-3.0-only', noCopyleft, false], ['MIT OR GPL-3.0-only', noCopyleft, true], ['MIT AND GPL-3.0-only', noCopyleft, false], ['GPL-3.0-only WITH X-exception', noCopyleft, false], ['anything', noCopyleft, true], ['('.repeat(500), noCopyleft, null],
  ])('%s', (text, rules, fits) => {
    expect(licenceFits(text, rules)).toBe(fits);
  });
});
