import { describe, expect, it } from 'vitest';
import { readPackument } from '../../src/egress/packument.js';
import { upgradeRules } from '../../src/egress/rules.js';

const packument = (name: string, versions: Readonly<Record<string, object>>) => readPackument(Buffer.from(JSON.stringify({ name, versions: Object.fromEntries(Object.entries(versions).map(([v, more]) => [v, { name, version: v, dist: { tarball: 'x' }, ...more }])) })));
const locked = (...pairs: [string, string][]) => pairs.map(([name, version]) => ({ name, version, integrity: 'sha512-x' }));
const metadata = (name: string) => ({ kind: 'metadata' as const, name });
const plain = (...versions: string[]) => Object.fromEntries(versions.map((v) => [v, {}]));

describe('the rules for a new lockfile', () => {
  it('show locked versions only, and the new version in place of the old', () => {
    const rules = upgradeRules({ locked: locked(['a', '1.0.0'], ['a', '2.0.0'], ['b', '1.0.0']), upgrades: [{ package: 'a', from: ['1.0.0'], to: '1.0.5' }] });
    expect(rules.visible('a', packument('a', plain('1.0.0', '1.0.4', '1.0.5', '1.0.6', '2.0.0', '3.0.0'))).toSorted()).toEqual(['1.0.5', '2.0.0']);
    expect(rules.visible('b', packument('b', plain('1.0.0', '1.1.0')))).toEqual(['1.0.0']);
    expect([rules.first, rules.metadata, rules.judge(metadata('a')), rules.judge(metadata('b')), rules.judge(metadata('c')), rules.judge({ kind: 'tarball', name: 'a', version: '1.0.5' })]).toEqual([
      ['a'], 'full', { allow: true, rule: 'upgrade' }, { allow: true, rule: 'lockfile' }, { allow: false, rule: 'not-needed' }, { allow: false, rule: 'no-tarballs' },
    ]);
  });

  it('let in what the new version needs and no locked version satisfies, and what that needs in turn', () => {
    const rules = upgradeRules({ locked: locked(['a', '1.0.0'], ['kept', '1.4.0'], ['old', '1.0.0']), upgrades: [{ package: 'a', from: ['1.0.0'], to: '1.1.0' }] });
    rules.visible('a', packument('a', { '1.1.0': { dependencies: { kept: '^1.0.0', old: '^2.0.0', fresh: '^3.0.0', hidden: 'git+ssh://x' }, optionalDependencies: { alias: 'npm:real@^1.0.0' }, peerDependencies: { peer: '*' } }, '1.2.0': { dependencies: { never: '*' } } }));
    expect(['kept', 'old', 'fresh', 'real', 'peer', 'hidden', 'alias', 'never', 'deep'].map((name) => rules.judge(metadata(name)).rule)).toEqual(['lockfile', 'lockfile', 'new-dependency', 'new-dependency', 'new-dependency', 'not-needed', 'not-needed', 'not-needed', 'not-needed'].map((r, i) => (i === 1 ? 'new-dependency' : r)));
    expect(rules.visible('kept', packument('kept', plain('1.4.0', '1.9.0')))).toEqual(['1.4.0']);
    expect(rules.visible('old', packument('old', plain('1.0.0', '2.0.0', '2.1.0', '3.0.0')))).toEqual(['1.0.0', '2.0.0', '2.1.0']);
    expect(rules.visible('fresh', packument('fresh', { '3.0.0': { dependencies: { deep: '1' } }, '3.1.0-rc.1': {}, '2.0.0': {} }))).toEqual(['3.0.0']);
    expect(rules.judge(metadata('deep')).rule).toBe('new-dependency');
  });

  it('leave out what is deprecated or to be avoided, where there is something else', () => {
    const rules = upgradeRules({ locked: locked(['a', '1.0.0']), upgrades: [{ package: 'a', from: ['1.0.0'], to: '1.1.0' }], avoid: (name, version) => name !== 'only' && version === '1.2.0' });
    rules.visible('a', packument('a', { '1.1.0': { dependencies: { x: '^1.0.0', only: '^1.0.0', dead: '1' } } }));
    expect(rules.visible('x', packument('x', { '1.0.0': {}, '1.1.0': { deprecated: 'no' }, '1.2.0': {}, '1.3.0': { deprecated: '' } }))).toEqual(['1.0.0', '1.3.0']);
    expect(rules.visible('only', packument('only', plain('1.2.0')))).toEqual(['1.2.0']);
    expect(rules.visible('dead', packument('dead', { '1.0.0': { deprecated: true } }))).toEqual(['1.0.0']);
  });

  it('take names of prototypes for what they are', () => {
    const rules = upgradeRules({ locked: locked(['constructor', '1.0.0']), upgrades: [{ package: 'constructor', from: ['1.0.0'], to: '1.0.1' }] });
    expect(rules.visible('constructor', packument('constructor', plain('1.0.1')))).toEqual(['1.0.1']);
    expect(['toString', '__proto__', 'hasOwnProperty'].map((name) => rules.judge(metadata(name)).allow)).toEqual([false, false, false]);
    expect(rules.visible('toString', packument('toString', plain('1.0.0')))).toEqual([]);
  });
});
