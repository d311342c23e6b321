import { describe, expect, it } from 'vitest';
import { declaredIn, projectFolders, unreadLockfiles } from '../../src/setup/declared.js';

const SRI = `sha512-${'A'.repeat(86)}==`;
const files = (texts: Readonly<Record<string, unknown>>): Map<string, Buffer> => new Map(Object.entries(texts).map(([path, value]) => [path, Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))]));
const lock = (...names: readonly string[]): object => ({ lockfileVersion: 3, packages: Object.fromEntries([['', {}], ...names.map((name) => [`node_modules/${name}`, { version: '1.0.0', integrity: SRI }])]) });
const shown = (manifests: Map<string, Buffer>, folder = ''): string[] => declaredIn(manifests, folder).map((d) => `${d.ecosystem} ${d.path}: ${d.origins.map((o) => `${o.name}@${o.version} ${o.source}${d.direct.has(o.name) ? ' direct' : ''}`).join(', ')}`);

describe('what lockfiles and manifests of a project say', () => {
  it.each<[string, Record<string, unknown>, string[]]>([
    ['a lockfile, and who asks', { 'package.json': { dependencies: { a: '^1' } }, 'package-lock.json': lock('a', 'b') }, ['npm package-lock.json: a@1.0.0 registry direct, b@1.0.0 registry']],
    ['what is asked for and not locked, in whatever package.json', { 'package.json': { dependencies: { a: '^1' } }, 'packages/x/package.json': { devDependencies: { c: 'github:u/c', real: 'npm:d@2' } }, 'package-lock.json': lock('a') }, ['npm package-lock.json: a@1.0.0 registry direct, c@github:u/c git direct, d@2 unlocked direct']],
    ['packages of the tree that ask for one another', { 'package.json': { dependencies: { mine: '^1', near: 'file:near' } }, 'packages/x/package.json': { name: 'mine' }, 'package-lock.json': lock() }, ['npm package-lock.json: ']],
    ['a package.json alone', { 'package.json': { dependencies: { a: '^1' } } }, ['npm package.json: a@^1 unlocked direct']],
    ['nothing', { 'package.json': {}, 'README.md': 'x' }, []],
    ['several ecosystems', { 'requirements.txt': 'a==1.0\n', 'go.mod': 'module x\ngo 1.21\nrequire example.com/m v1.0.0\n', 'Cargo.lock': 'version = 3\n' }, ['pypi requirements.txt: a@1.0 registry direct', 'go go.mod: example.com/m@1.0.0 registry direct', 'cargo Cargo.lock: ']],
  ])('%s', (_, texts, expected) => {
    expect(shown(files(texts))).toEqual(expected);
  });

  it('a project in a folder is another one', () => {
    const manifests = files({ 'package.json': { dependencies: { a: '^1' } }, 'package-lock.json': lock('a'), 'site/package.json': { dependencies: { s: '^1' } }, 'site/package-lock.json': lock('s') });
    expect([shown(manifests), shown(manifests, 'site')]).toEqual([['npm package-lock.json: a@1.0.0 registry direct'], ['npm site/package-lock.json: s@1.0.0 registry direct']]);
    const changed = ['package.json', 'site/package.json', 'packages/x/package.json', 'tools/requirements.txt', 'requirements/dev.txt'];
    expect(projectFolders(changed, [...changed, 'package-lock.json', 'site/package-lock.json', 'other/yarn.lock'])).toEqual(['', 'site', 'tools']);
  });

  it('requirements files that changed are read by whatever name, beside what counts', () => {
    const manifests = files({ 'uv.lock': '[[package]]\nname = "a"\nversion = "1"\nsource = { registry = "x" }\n', 'requirements-docs.txt': 'a>=1\nb==2.0\n', 'requirements/ci.txt': 'c\n', 'requirements-old.txt': 'd==1.0\n' });
    expect(declaredIn(manifests, '', ['requirements-docs.txt', 'requirements/ci.txt', 'gone.txt', 'src/a.py']).map((d) => [d.path, ...d.origins.map((o) => `${o.name}@${o.version} ${o.source}`)])).toEqual([['uv.lock', 'a@1 registry', 'b@2.0 registry', 'c@* unlocked']]);
    expect(declaredIn(files({ 'requirements-docs.txt': 'b==2.0\n' }), '', ['requirements-docs.txt']).map((d) => d.path)).toEqual(['requirements-docs.txt']);
  });

  it('a lockfile that nobody goes by is named when it changed', () => {
    const manifests = files({ 'package.json': {}, 'package-lock.json': lock('a'), 'yarn.lock': '# yarn lockfile v1\n' });
    expect(unreadLockfiles(['package-lock.json', 'yarn.lock', 'package.json', 'requirements.txt'], declaredIn(manifests, ''))).toEqual(['yarn.lock']);
  });

  it('a lockfile that cannot be read ends with an error that names it', () => {
    expect(() => declaredIn(files({ 'package.json': {}, 'package-lock.json': '{' }), '')).toThrow('Cannot read package-lock.json');
    expect(() => declaredIn(files({ 'package.json': '{' }), '')).toThrow('package.json');
  });
});
