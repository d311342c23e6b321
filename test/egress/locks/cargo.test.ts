import { describe, expect, it } from 'vitest';
import { parseCargoLock } from '../../../src/egress/locks/cargo.js';

const SUM = 'ab'.repeat(32);
const entry = (name: string, version: string, more = `source = "registry+https://index.example/"\nchecksum = "${SUM}"`): string => `[[package]]\nname = "${name}"\nversion = "${version}"\n${more}\n`;

describe('Cargo.lock', () => {
  it('pins crates of one registry; those of the tree have no source', () => {
    expect(parseCargoLock(`version = 4\n${entry('serde', '1.0.0')}${entry('Odd_name', '0.1.0-rc.1+build', `source = "registry+https://index.example/"\nchecksum = "${SUM}"\ndependencies = ["serde"]`)}${entry('mine', '0.1.0', '')}`)).toEqual([{ name: 'serde', version: '1.0.0', checksum: SUM }, { name: 'Odd_name', version: '0.1.0-rc.1+build', checksum: SUM }]);
    expect(parseCargoLock('version = 3\n')).toEqual([]);
  });

  it.each([
    ['package = {', 'Cannot read Cargo.lock: it is not TOML'], ['version = 5', 'expected version 3 or 4'], ['version = "4"', 'expected version 3 or 4'],
    [entry('a', '1.0.0', 'source = "git+https://git.example/a#abc"'), 'Cannot fetch "a 1.0.0": it comes from git+https://git.example/a#abc, which is no registry'],
    [entry('a', '1.0.0') + entry('b', '1.0.0', `source = "sparse+https://other.example/"\nchecksum = "${SUM}"`), 'Cannot fetch "b 1.0.0": it comes from a second registry'],
    [entry('a', '1.0.0', 'source = "registry+https://index.example/"'), 'Cannot fetch "a 1.0.0": no SHA-256 of it is in the lockfile'], [entry('a', '1.0.0', 'source = "registry+https://index.example/"\nchecksum = "AB"'), 'no SHA-256 of it'],
    [entry('../a', '1.0.0'), 'its name or version is not one of a registry'], [entry('a', '1.0'), 'its name or version is not one'], ['[[package]]\nversion = "1.0.0"', 'its name or version is not one'], [entry('a', '1.0.0') + entry('a', '1.0.0'), 'it names a@1.0.0 twice'],
  ])('is refused as %j', (text, why) => {
    expect(() => parseCargoLock(text)).toThrow(why);
  });
});
