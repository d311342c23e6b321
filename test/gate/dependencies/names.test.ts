import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { knownNames } from '../../../src/gate/dependencies/names.js';
import { POPULAR } from '../../../src/gate/dependencies/popular.js';

describe('a name that resembles another', () => {
  const npm = knownNames(POPULAR.npm);
  it.each<[string, string, string]>([
    ['lodahs', 'lodash', 'two letters are exchanged'], ['lodas', 'lodash', 'one letter differs'], ['loadash', 'lodash', 'one letter differs'], ['expresss', 'express', 'one letter differs'], ['crossenv', 'cross-env', 'the scope and the separators differ'],
    ['cross.env', 'cross-env', 'the scope and the separators differ'], ['env-cross', 'cross-env', 'its words stand in another order'], ['types-node', '@types/node', 'the scope and the separators differ'], ['@type/node', '@types/node', 'one letter differs'],
    ['@cross/env', 'cross-env', 'the scope and the separators differ'], ['1odash', 'lodash', 'letters that look alike are exchanged'], ['cornmander', 'commander', 'letters that look alike are exchanged'],
  ])('%s could be taken for %s: %s', (name, other, how) => {
    expect(npm.resembles(name)).toEqual({ name: other, how });
  });

  it.each(['lodash', 'preact', 'a-name-of-its-own', 'ws2', 'qs', '@types/nodes-of-mine', 'x'.repeat(300)])('%s resembles none', (name) => {
    expect(npm.resembles(name)).toBeNull();
  });

  it('two names of one scope have one owner', () => {
    expect(knownNames(['@s/config', '@t/config']).resembles('@s/configs')).toBeNull();
    expect(knownNames(['@s/thing', 'thing-x']).resembles('@s/things')).toBeNull();
  });

  it('requests of Python by its slips', () => {
    const pypi = knownNames(POPULAR.pypi);
    expect(['reqeusts', 'requets', 'python-dateutils', 'djang0', 'beautifulsoup4'].map((name) => pypi.resembles(name)?.name ?? null)).toEqual(['requests', 'requests', 'python-dateutil', 'django', null]);
  });

  it('a lot of long names takes no long time', () => {
    const names = Array.from({ length: 5000 }, (_, i) => `${'abcdefghij'.repeat(7)}${i}`);
    const known = knownNames(names);
    expect(names.filter((name) => known.resembles(`${name}zzz`) !== null)).toEqual([]);
  });

  it('the names of this project are none of another', () => {
    const { packages } = JSON.parse(readFileSync(join(import.meta.dirname, '../../../package-lock.json'), 'utf8')) as { packages: Record<string, unknown> };
    const names = [...new Set(Object.keys(packages).filter((path) => path !== '').map((path) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)))];
    expect(names.filter((name) => npm.resembles(name) !== null || knownNames(names.filter((n) => n !== name)).resembles(name) !== null)).toEqual([]);
  });
});

describe('the popular names', () => {
  it.each(['npm', 'pypi'] as const)('of %s are a few hundred, each once and in order', (ecosystem) => {
    const names = POPULAR[ecosystem];
    expect([names.length > 300 && names.length < 600, [...new Set(names)].sort()]).toEqual([true, names]);
  });
});
