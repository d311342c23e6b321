import { describe, expect, it } from 'vitest';
import { type InstalledPackage, readInventory } from '../../src/egress/inventory.js';

const lock = (packages: object, more: object = {}): string => JSON.stringify({ lockfileVersion: 3, packages, ...more });
const by = (path: string, text: string): InstalledPackage | undefined => readInventory(text).packages.find((p) => p.path === path);

describe('the inventory of a lockfile', () => {
  const text = lock({
    '': { name: 'project', dependencies: { a: '^1.0.0', alias: 'npm:real@^4.0.0' }, devDependencies: { d: '*' }, peerDependencies: { p: '^1.0.0' } },
    'node_modules/a': { version: '1.0.0', dependencies: { b: '^2.0.0' }, optionalDependencies: { o: '1.x' }, devDependencies: { d: '9' } },
    'node_modules/a/node_modules/b': { version: '2.0.0', dependencies: { c: '*' } },
    'node_modules/b': { version: '1.0.0', dependencies: { c: '^3.0.0' } },
    'node_modules/c': { version: '3.0.0', inBundle: true },
    'node_modules/d': { version: '5.0.0', dev: true, dependencies: { b: '1' } },
    'node_modules/o': { version: '1.1.0', optional: true },
    'node_modules/alias': { name: 'real', version: '4.0.0' },
    'node_modules/p': { version: '1.0.0', peer: true },
  });

  it('says of each package where it lies, what it is and who asks for it', () => {
    const base = { dev: false, optional: false, bundled: false, direct: false };
    expect(readInventory(text)).toEqual({ lockfileVersion: 3, workspaces: false, packages: [
      { ...base, path: 'node_modules/a', name: 'a', version: '1.0.0', direct: true, requiredBy: [{ by: '', as: 'a', range: '^1.0.0', group: 'dependencies' }] },
      { ...base, path: 'node_modules/a/node_modules/b', name: 'b', version: '2.0.0', requiredBy: [{ by: 'node_modules/a', as: 'b', range: '^2.0.0', group: 'dependencies' }] },
      { ...base, path: 'node_modules/b', name: 'b', version: '1.0.0', requiredBy: [{ by: 'node_modules/d', as: 'b', range: '1', group: 'dependencies' }] },
      { ...base, path: 'node_modules/c', name: 'c', version: '3.0.0', bundled: true, requiredBy: [{ by: 'node_modules/a/node_modules/b', as: 'c', range: '*', group: 'dependencies' }, { by: 'node_modules/b', as: 'c', range: '^3.0.0', group: 'dependencies' }] },
      { ...base, path: 'node_modules/d', name: 'd', version: '5.0.0', dev: true, direct: true, requiredBy: [{ by: '', as: 'd', range: '*', group: 'devDependencies' }] },
      { ...base, path: 'node_modules/o', name: 'o', version: '1.1.0', optional: true, requiredBy: [{ by: 'node_modules/a', as: 'o', range: '1.x', group: 'optionalDependencies' }] },
      { ...base, path: 'node_modules/alias', name: 'real', version: '4.0.0', direct: true, requiredBy: [{ by: '', as: 'alias', range: 'npm:real@^4.0.0', group: 'dependencies' }] },
      { ...base, path: 'node_modules/p', name: 'p', version: '1.0.0', direct: true, requiredBy: [{ by: '', as: 'p', range: '^1.0.0', group: 'peerDependencies' }] },
    ] });
  });

  it('looks for a peer beside the one that asks, not below it', () => {
    const peers = lock({ '': {}, 'node_modules/h': { version: '1.0.0', peerDependencies: { x: '1' } }, 'node_modules/h/node_modules/x': { version: '2.0.0' }, 'node_modules/x': { version: '1.0.0' } });
    expect([by('node_modules/x', peers)?.requiredBy.length, by('node_modules/h/node_modules/x', peers)?.requiredBy.length]).toEqual([1, 0]);
  });

  it('sees that a project has several packages', () => {
    const several = lock({ '': { workspaces: ['packages/*'] }, 'node_modules/one': { resolved: 'packages/one', link: true }, 'packages/one': { version: '1.0.0', dependencies: { a: '1' }, devDependencies: { b: '1' } }, 'node_modules/a': { version: '1.0.0' }, 'packages/one/node_modules/b': { version: '1.0.0' } });
    const found = readInventory(several);
    expect([found.workspaces, found.packages.map((p) => [p.path, p.requiredBy.map((r) => r.by), p.direct])]).toEqual([true, [['node_modules/a', ['packages/one'], false], ['packages/one/node_modules/b', ['packages/one'], false]]]);
  });

  it('takes names of prototypes and loops for what they are', () => {
    const odd = '{"lockfileVersion":3,"packages":{"":{"dependencies":{"__proto__":"1","constructor":"1","toString":"2"}},"node_modules/__proto__":{"version":"1.0.0"},"node_modules/constructor":{"version":"1.0.0","dependencies":{"loop":"1"}},"node_modules/loop":{"version":"1.0.0","dependencies":{"constructor":"1","loop":"1"}},"__proto__":{"version":"6.6.6"}}}';
    expect(readInventory(odd).packages.map((p) => [p.name, p.requiredBy.map((r) => r.by)])).toEqual([['constructor', ['', 'node_modules/loop']], ['loop', ['node_modules/constructor', 'node_modules/loop']]]);
    expect(({} as Record<string, unknown>)['version']).toBeUndefined();
  });

  it('reads a large one in good time', () => {
    const packages: Record<string, object> = { '': { dependencies: { p0: '1' } } };
    for (let i = 0; i < 20_000; i++) packages[`node_modules/p${i}`] = { version: '1.0.0', dependencies: { [`p${(i + 1) % 20_000}`]: '1', p0: '*' } };
    expect(readInventory(lock(packages)).packages.length).toBe(20_000);
  });

  it.each<[string, string]>([
    ['no JSON', '{'], ['a list', '[]'], ['version 1', JSON.stringify({ lockfileVersion: 1, dependencies: {} })], ['version 4', JSON.stringify({ lockfileVersion: 4, packages: {} })], ['no packages', JSON.stringify({ lockfileVersion: 3 })], ['an entry that is a text', lock({ 'node_modules/a': 'x' })],
  ])('refuses %s', (_, bad) => {
    expect(() => readInventory(bad)).toThrow(expect.objectContaining({ code: 'setup.fetch_failed' }));
  });
});
