import { describe, expect, it } from 'vitest';
import type { InstalledPackage } from '../../../src/egress/inventory.js';
import { pnpmInventory, prunePnpmLock } from '../../../src/egress/locks/pnpm.js';
import { poetryInventory, pylockInventory, readNeed, requirementsInventory, uvInventory } from '../../../src/egress/locks/python-inventory.js';
import { readRequirements } from '../../../src/egress/locks/requirements.js';
import { berryInventory, pruneBerryLock } from '../../../src/egress/locks/yarn-berry.js';
import { classicInventory, pruneClassicLock } from '../../../src/egress/locks/yarn-classic.js';

/** `name@version < who asks by which name and range`; a dot is the project. */
const shown = (packages: readonly InstalledPackage[]): string[] => packages.map((p) => `${p.name}@${p.version}${p.requiredBy.map((r) => ` < ${r.by === '' ? '.' : r.by} ${r.as} ${r.range}`).join('')}`.trimEnd()).toSorted();
const sri = 'sha512-AA==';

describe('the inventory of pnpm-lock.yaml', () => {
  it.each<[string, string]>([
    ['9', `lockfileVersion: '9.0'\nimporters:\n  .:\n    dependencies:\n      a: {specifier: ^1, version: 1.0.0(p@2.0.0)}\n      al: {specifier: 'npm:@s/b@1', version: '@s/b@1.0.0'}\n    devDependencies:\n      here: {specifier: 'workspace:*', version: 'link:x'}\npackages:\n  a@1.0.0: {resolution: {integrity: ${sri}}}\n  '@s/b@1.0.0': {resolution: {integrity: ${sri}}}\n  p@2.0.0: {resolution: {integrity: ${sri}}}\nsnapshots:\n  a@1.0.0(p@2.0.0): {dependencies: {p: 2.0.0}}\n  '@s/b@1.0.0': {optionalDependencies: {p: 2.0.0}}\n  p@2.0.0: {}\n`],
    ['6', `lockfileVersion: '6.0'\ndependencies:\n  a: {specifier: ^1, version: 1.0.0(p@2.0.0)}\n  al: {specifier: 'npm:@s/b@1', version: /@s/b@1.0.0}\npackages:\n  /a@1.0.0(p@2.0.0): {resolution: {integrity: ${sri}}, dependencies: {p: 2.0.0}}\n  /@s/b@1.0.0: {resolution: {integrity: ${sri}}, optionalDependencies: {p: 2.0.0}}\n  /p@2.0.0: {resolution: {integrity: ${sri}}}\n`],
    ['5', `lockfileVersion: 5.4\nspecifiers: {a: ^1, al: 'npm:@s/b@1'}\ndependencies: {a: 1.0.0_p@2.0.0, al: /@s/b/1.0.0}\npackages:\n  /a/1.0.0_p@2.0.0: {resolution: {integrity: ${sri}}, dependencies: {p: 2.0.0}}\n  /@s/b/1.0.0: {resolution: {integrity: ${sri}}, optionalDependencies: {p: 2.0.0}}\n  /p/2.0.0: {resolution: {integrity: ${sri}}}\n`],
  ])('of version %s says who asks for what, and is pruned of what is to be resolved anew', (_, text) => {
    expect(shown(pnpmInventory(text).packages)).toEqual(['@s/b@1.0.0 < . al npm:@s/b@1', 'a@1.0.0 < . a ^1', 'p@2.0.0 < a@1.0.0 p  < @s/b@1.0.0 p']);
    expect(shown(pnpmInventory(prunePnpmLock(text, (name) => name === 'p')).packages)).toEqual(['@s/b@1.0.0 < . al npm:@s/b@1', 'a@1.0.0 < . a ^1']);
  });
});

describe('the inventory of yarn.lock', () => {
  it('of yarn 1', () => {
    const text = '# yarn lockfile v1\n\n\n"@s/b@1", al@npm:@s/b@1:\n  version "1.0.0"\n  dependencies:\n    "@s/c" "^1 || 2"\n  optionalDependencies:\n    d "*"\n\n"@s/c@^1 || 2":\n  version "2.0.0"\n\nd@*:\n  version "1.1.0"\n';
    const inventory = classicInventory(text, [['@s/b', '1'], ['nowhere', '1']]);
    expect(shown(inventory.packages)).toEqual(['@s/b@1.0.0 < . @s/b 1', '@s/c@2.0.0 < @s/b@1.0.0 @s/c ^1 || 2', 'd@1.1.0 < @s/b@1.0.0 d *']);
    expect(pruneClassicLock(text, (name) => name === '@s/c')).toBe(text.replace('"@s/c@^1 || 2":\n  version "2.0.0"\n\n', ''));
  });

  it('of yarn 2 and later', () => {
    const text = '__metadata:\n  version: 8\n\n"a@npm:^1, a@npm:^1.0.0":\n  version: 1.0.0\n  resolution: "a@npm:1.0.0"\n  dependencies:\n    al: "npm:c@1"\n\n"al@npm:c@1":\n  version: 1.0.0\n  resolution: "c@npm:1.0.0"\n\n"a@patch:a@npm%3A^1#~builtin":\n  version: 1.0.0\n  resolution: "a@patch:a@npm%3A1.0.0#~builtin"\n\n"me@workspace:.":\n  version: 0.0.0-use.local\n  resolution: "me@workspace:."\n  dependencies:\n    a: "npm:^1"\n';
    const inventory = berryInventory(text);
    expect([shown(inventory.packages), inventory.workspaces]).toEqual([['a@1.0.0 < . a ^1', 'c@1.0.0 < a@1.0.0 al npm:c@1'], false]);
    expect(shown(berryInventory(pruneBerryLock(text, (name) => name === 'a')).packages)).toEqual(['c@1.0.0']);
    expect(pruneBerryLock(text, (name) => name === 'a')).not.toContain('patch');
    expect(berryInventory(`${text}\n"x@workspace:x":\n  version: 0.0.0-use.local\n  resolution: "x@workspace:x"\n`).workspaces).toBe(true);
  });
});

describe('the inventory of packages of Python', () => {
  it('of uv.lock, with the ranges of the project', () => {
    const text = '[[package]]\nname = "me"\nversion = "0"\nsource = { virtual = "." }\n[package.metadata]\nrequires-dist = [{ name = "A.b", specifier = ">=1" }]\n[package.metadata.requires-dev]\ndev = [{ name = "t" }]\n[[package]]\nname = "a-b"\nversion = "1.0"\nsource = { registry = "x" }\ndependencies = [{ name = "c" }]\n[[package]]\nname = "c"\nversion = "2.0"\nsource = { registry = "x" }\n[[package]]\nname = "t"\nversion = "3"\nsource = { registry = "x" }\n';
    expect(shown(uvInventory(text))).toEqual(['a-b@1.0 < . a-b >=1', 'c@2.0 < a-b@1.0 c', 't@3 < . t']);
  });

  it('of poetry.lock, with the ranges of pyproject.toml in both of its forms', () => {
    const text = '[[package]]\nname = "A_b"\nversion = "1.0"\n[package.dependencies]\nc = {version = ">=1", optional = true}\n[[package]]\nname = "c"\nversion = "2.0"\n';
    const pyproject = '[project]\ndependencies = ["c[x] (>=1,<3) ; python_version > \'3\'"]\n[tool.poetry.group.dev.dependencies]\na-b = "^1.0"\npython = "^3.9"\n';
    expect([shown(poetryInventory(text, pyproject)), shown(poetryInventory(text, null))]).toEqual([['a-b@1.0 < . a-b ^1.0', 'c@2.0 < . c >=1,<3 < a-b@1.0 c >=1'], ['a-b@1.0', 'c@2.0 < a-b@1.0 c >=1']]);
  });

  it('of pylock.toml and of requirements that pin', () => {
    expect(shown(pylockInventory('[[packages]]\nname = "A.b"\nversion = "1.0"\n[[packages]]\nname = "v"\nversion = "1"\nvcs = { url = "x" }\n'))).toEqual(['a-b@1.0 < . a-b']);
    const files: Record<string, string> = { 'requirements.txt': '-r more.txt\nA_b==1.0 --hash=sha256:x\nloose>=1\nstar==1.*\n', 'more.txt': 'c===2.0 ; python_version > "3"\n' };
    expect(shown(requirementsInventory(readRequirements(['requirements.txt'], (path) => files[path] ?? null)))).toEqual(['a-b@1.0 < . a-b ==1.0', 'c@2.0 < . c ==2.0']);
  });

  it.each<[string, ReturnType<typeof readNeed>]>([
    ['A_b', { name: 'a-b', extras: '', range: '', marker: '' }], ['a[Y, x] (>=1, <2) ; python_version > "3"', { name: 'a', extras: 'x,y', range: '>=1,<2', marker: 'python_version > "3"' }],
    ['a>=1,!=1.5;extra=="x"', { name: 'a', extras: '', range: '>=1,!=1.5', marker: 'extra=="x"' }], ['a @ https://x', null], ['-e .', null], ['', null],
  ])('%j is read as a dependency', (line, need) => {
    expect(readNeed(line)).toEqual(need);
  });
});
