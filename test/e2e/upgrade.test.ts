import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Evidence } from '../../src/protocol/evidence.js';
import { type Home, openHome } from '../support/cli.js';
import { realRegistry } from '../support/preparing.js';
import { type FakeIndex, startIndex, wheel } from '../support/pypi.js';
import { type FakePackage, type FakeRegistry, startRegistry } from '../support/registry.js';
import { makeRepo, write } from '../support/repo.js';

/** Real clients make and check the lockfiles; packages and advisories are those of this test. */
const says = (word: string, more: object = {}): Partial<FakePackage> => ({ files: { 'index.js': `module.exports = () => ${JSON.stringify(word)};\n` }, manifest: { license: 'MIT', ...more } });
/** kind: a direct dependency. pinned: what holder pins. loose: what holder asks for by range. rude: its fixed release behaves differently. */
const PACKAGES: readonly FakePackage[] = [
  { name: 'kind', version: '1.0.0', ...says('kind') }, { name: 'kind', version: '1.0.1', ...says('kind', { dependencies: { fresh: '^1.0.0' } }) }, { name: 'kind', version: '1.0.2', ...says('kind') },
  { name: 'fresh', version: '1.0.0', ...says('fresh') },
  { name: 'pinned', version: '1.0.0', ...says('pinned') }, { name: 'pinned', version: '1.0.1', ...says('pinned') },
  { name: 'loose', version: '1.0.0', ...says('loose') }, { name: 'loose', version: '1.0.1', ...says('loose') }, { name: 'loose', version: '1.0.2', ...says('loose') },
  { name: 'rude', version: '1.0.0', ...says('rude') }, { name: 'rude', version: '1.0.1', ...says('changed') },
  { name: 'holder', version: '1.0.0', manifest: { dependencies: { pinned: '1.0.0', loose: '^1.0.0' } }, files: { 'index.js': "module.exports = () => require('pinned')() + require('loose')();\n" } },
  { name: 'other', version: '1.0.0', ...says('other') }, { name: 'other', version: '1.9.0', ...says('other') },
];
const DEPS = { holder: '1.0.0', kind: '^1.0.0', other: '^1.0.0', rude: '1.0.0' };
const HIT = ['kind', 'loose', 'pinned', 'rude'];
const TEST = `const assert = require('node:assert');\nconst { test } = require('node:test');\n${[['kind', 'kind'], ['holder', 'pinnedloose'], ['rude', 'rude'], ['other', 'other']].map(([name, word]) => `test('${name} stays', () => assert.strictEqual(require('${name}')(), '${word}'));\n`).join('')}`;
const osv = (name: string, ecosystem = 'npm'): string => JSON.stringify({ id: `GHSA-${name}`, modified: '2026-10-01T00:00:00Z', summary: `flaw in ${name}`, affected: [{ package: { ecosystem, name }, ranges: [{ type: ecosystem === 'npm' ? 'SEMVER' : 'ECOSYSTEM', events: [{ introduced: '0' }, { fixed: '1.0.1' }] }] }] });

let home: Home;
let registry: FakeRegistry;
beforeAll(async () => {
  registry = await startRegistry(PACKAGES);
});
afterAll(() => registry[Symbol.asyncDispose]());
beforeEach(() => {
  home = openHome();
});
afterEach(() => home[Symbol.asyncDispose]());

/** pnpm 11 needs a newer Node than that of the machine may be: the one that runs the tests, as an installation names it. */
function newNode(): string {
  write(home.home, { 'environments.yaml': `toolchains: { node: [${JSON.stringify(dirname(dirname(process.execPath)))}] }\n` });
  return `version: 1\nadvisories: known\ntoolchains: { node: "${process.versions.node.split('.')[0] ?? ''}" }\n`;
}

interface Outcome {
  readonly kept: readonly (readonly [string, boolean])[];
  readonly why: string;
  readonly left: readonly string[];
  readonly patch: string;
}
async function fix(files: Readonly<Record<string, string>>, env: Readonly<Record<string, string>> = {}): Promise<Outcome> {
  const repo = join(home.folder, 'project');
  makeRepo(repo, files);
  const ran = await home.sally(['fix', '--only', 'deps', '--repo', repo], { env });
  expect({ code: ran.code, stderr: ran.code === 0 ? '' : ran.stderr }).toEqual({ code: 0, stderr: '' });
  const { remedies, advisories, verdict } = (await home.sally(['evidence', 'last', '--json'])).json as Evidence;
  expect(verdict).toBe('passed');
  return {
    kept: remedies.map((r) => [r.title.replace(/;.*$/s, ')'), r.kept] as const).toSorted(), why: remedies.filter((r) => !r.kept).map((r) => `${r.title.split(' ')[0]}: ${r.reason ?? ''}`).toSorted().join('\n'),
    left: advisories.results.filter((a) => a.state !== 'absent').map((a) => a.package), patch: (await home.sally(['diff', 'last'])).stdout,
  };
}
/** Lines that a patch takes away or adds, without what names files, without digests and without blanks: they differ by client in nothing that counts. */
const changed = (patch: string): string[] => patch.split('\n').filter((line) => /^[-+](?![-+]{2} ).*\S/.test(line.slice(0, 1) + line.slice(1).trim())).map((line) => line.replace(/(?:sha512-|10c0\/)[\w+/=]+/, '…').replace(/^([-+]) +/, '$1'));
const classicEntry = (mark: string, name: string, version = '1.0.0'): string[] => [`${mark}version "${version}"`, `${mark}resolved "https://registry.example/${name}/-/${name}-${version}.tgz"`, `${mark}integrity …`];
const berryEntry = (mark: string, name: string, version = '1.0.0'): string[] => [`${mark}version: ${version}`, `${mark}resolution: "${name}@npm:${version}"`];
const MANIFEST = (...more: readonly string[]): string[] => ['-"kind": "^1.0.0",', '+"kind": "^1.0.1",', '+},', ...more];

const integrity = (name: string, version = '1.0.0'): string => registry.integrity(name, version);
const pnpmLock = (): string => `lockfileVersion: '9.0'

settings:
  autoInstallPeers: true
  excludeLinksFromLockfile: false

importers:

  .:
    dependencies:
${Object.entries(DEPS).map(([name, range]) => `      ${name}:\n        specifier: ${range}\n        version: 1.0.0\n`).join('')}
packages:
${['holder', 'kind', 'loose', 'other', 'pinned', 'rude'].map((name) => `\n  ${name}@1.0.0:\n    resolution: {integrity: ${integrity(name)}${name === 'other' ? ', tarball: https://registry.example/other.tgz' : ''}}\n`).join('')}
snapshots:

  holder@1.0.0:
    dependencies:
      loose: 1.0.0
      pinned: 1.0.0

  kind@1.0.0: {}

  loose@1.0.0: {}

  other@1.0.0: {}

  pinned@1.0.0: {}

  rude@1.0.0: {}
`;
/** What is asked for, by range, and what it asks for. */
const ENTRIES = [['holder', '1.0.0'], ['kind', '^1.0.0'], ['loose', '^1.0.0'], ['other', '^1.0.0'], ['pinned', '1.0.0'], ['rude', '1.0.0']] as const;
const classicLock = (): string => `# THIS IS AN AUTOGENERATED FILE. DO NOT EDIT THIS FILE DIRECTLY.\n# yarn lockfile v1\n\n${ENTRIES.map(([name, range]) => `
${name}@${range}:
  version "1.0.0"
  resolved "https://registry.example/${name}/-/${name}-1.0.0.tgz"
  integrity ${integrity(name)}
${name === 'holder' ? '  dependencies:\n    loose "^1.0.0"\n    pinned "1.0.0"\n' : ''}`).join('')}`;
/** Of the archives that yarn 4 makes of these packages. */
const SUMS: Readonly<Record<string, string>> = {
  holder: '5e9d1656fc62d6340ad6a6cd5c5b624f22b2250a1745d33c6505f9ca191ff287ebf30c43c7482437451c73ce4d95a2a63ed2e1caccaeb09b83dd3b36b0fba86a',
  kind: '6702db6bbd8fa366c51c4bfcec483ad0dbfa1876f82cffad63c407661c29cc0353536ceb2848ee3a0f5bcb35c114ea37463b461617d8394bea2e2df6c57e01a5',
  loose: '70697ded6dd27840e5192a55159e20e754ab35f84cd4c0c85fbae01f1dc50c03f8809afe37310bb4ec7b90d79e39228c06a128a1efb65b3381ca6574548cc704',
  other: '39cc992f1edf9d3bb620fa1628924c0b5194022d740e6dd5d167a22ffb3617b74f6b2f740c4e6e49a68a1761d198a60811be367d0c40436d6222d34d90931940',
  pinned: 'ac9ff76336cdfac089ee1e63244149780777e2ed2485e5a941638cb23b227fc05015b4bfea7373bd302f9bf2cf2cad39987e2bb754b623fbc71ddd65dc8eca86',
  rude: 'dac7cc1af61be2159ffa09400cd431a8ea08006316baaef8be6f2265c2601c2b51de1c1ace850c4b6c1b20975cfa53a193706198539f33135af5ef4ddbe8bda0',
};
const berryLock = (): string => `# This file is generated by running "yarn install" inside your project.\n# Manual changes might be lost - proceed with caution!\n\n__metadata:\n  version: 8\n  cacheKey: 10c0\n${ENTRIES.map(([name, range]) => `${name === 'rude' ? `
"project@workspace:.":
  version: 0.0.0-use.local
  resolution: "project@workspace:."
  dependencies:
${Object.entries(DEPS).map(([wanted, by]) => `    ${wanted}: "npm:${by}"\n`).join('')}  languageName: unknown
  linkType: soft
` : ''}
"${name}@npm:${range}":
  version: 1.0.0
  resolution: "${name}@npm:1.0.0"
${name === 'holder' ? '  dependencies:\n    loose: "npm:^1.0.0"\n    pinned: "npm:1.0.0"\n' : ''}  checksum: 10c0/${SUMS[name]}
  languageName: node
  linkType: hard
`).join('')}`;
const PROJECT = (more: object = {}): Record<string, string> => ({
  'package.json': `${JSON.stringify({ name: 'project', version: '1.0.0', scripts: { test: 'node --test' }, dependencies: DEPS, ...more }, null, 2)}\n`, 'test/words.test.js': TEST,
  'sallyport.yaml': 'version: 1\nadvisories: known\n', ...Object.fromEntries(HIT.map((name) => [`known/${name}.json`, osv(name)])),
});
const KEPT = [
  ['kind 1.0.0 → 1.0.1 (package.json)', true], ['loose 1.0.0 → 1.0.1 (lockfile only)', true], ['pinned 1.0.0 → 1.0.1 (override)', true], ['rude 1.0.0 → 1.0.1 (package.json)', false],
];

const pnpmLines = [
  '+overrides:', '+holder>pinned: 1.0.1', '-specifier: ^1.0.0', '-version: 1.0.0', '+specifier: ^1.0.1', '+version: 1.0.1',
  '+fresh@1.0.0:', '+resolution: {integrity: …}', ...['kind', 'loose', 'pinned'].flatMap((name) => [`-${name}@1.0.0:`, '-resolution: {integrity: …}', `+${name}@1.0.1:`, '+resolution: {integrity: …}']),
  '+fresh@1.0.0: {}', '-loose: 1.0.0', '-pinned: 1.0.0', '+loose: 1.0.1', '+pinned: 1.0.1', '-kind@1.0.0: {}', '+kind@1.0.1:', '+dependencies:', '+fresh: 1.0.0', '-loose@1.0.0: {}', '+loose@1.0.1: {}', '-pinned@1.0.0: {}', '+pinned@1.0.1: {}',
];

describe('sallyport fix --only deps', () => {
  it.for<[string, () => Record<string, string>, readonly string[]]>([
    ['pnpm', () => ({ ...PROJECT(), 'pnpm-lock.yaml': pnpmLock() }), [...MANIFEST('+"pnpm": {', '+"overrides": {', '+"holder>pinned": "1.0.1"', '+}'), ...pnpmLines]],
    ['pnpm 11, which has overrides in a file of its own', () => ({ ...PROJECT({ packageManager: 'pnpm@11.3.0' }), 'pnpm-lock.yaml': pnpmLock(), 'sallyport.yaml': newNode() }), ['-"kind": "^1.0.0",', '+"kind": "^1.0.1",', ...pnpmLines, '+overrides:', '+holder>pinned: 1.0.1']],
    ['yarn 1', () => ({ ...PROJECT(), 'yarn.lock': classicLock() }), [
      ...MANIFEST('+"resolutions": {', '+"**/holder/pinned": "1.0.1"'), '+fresh@^1.0.0:', ...classicEntry('+', 'fresh'), '-kind@^1.0.0:', ...classicEntry('-', 'kind'), '+kind@^1.0.1:', ...classicEntry('+', 'kind', '1.0.1'), '+dependencies:', '+fresh "^1.0.0"',
      ...classicEntry('-', 'loose'), ...classicEntry('+', 'loose', '1.0.1'), '-pinned@1.0.0:', ...classicEntry('-', 'pinned'), '+pinned@1.0.0, pinned@1.0.1:', ...classicEntry('+', 'pinned', '1.0.1'),
    ]],
    ['yarn 4', () => ({ ...PROJECT(), 'yarn.lock': berryLock() }), [
      ...MANIFEST('+"resolutions": {', '+"holder/pinned": "1.0.1"'), '+"fresh@npm:^1.0.0":', ...berryEntry('+', 'fresh'), '+checksum: …', '+languageName: node', '+linkType: hard', '-"kind@npm:^1.0.0":', ...berryEntry('-', 'kind'), '-checksum: …',
      '+"kind@npm:^1.0.1":', ...berryEntry('+', 'kind', '1.0.1'), '+dependencies:', '+fresh: "npm:^1.0.0"', '+checksum: …', ...berryEntry('-', 'loose'), '-checksum: …', ...berryEntry('+', 'loose', '1.0.1'), '+checksum: …',
      '-"pinned@npm:1.0.0":', ...berryEntry('-', 'pinned'), '-checksum: …', '+"pinned@npm:1.0.1":', ...berryEntry('+', 'pinned', '1.0.1'), '+checksum: …', '-kind: "npm:^1.0.0"', '+kind: "npm:^1.0.1"',
    ]],
  ])('of a project of %s keeps what the tests allow and moves nothing else', { timeout: 300_000 }, async ([_, files, lines], context) => {
    registry.clients = await realRegistry(context);
    write(join(home.folder, 'person'), { '.npmrc': `registry=${registry.url}/\n` });
    const { kept, why, left, patch } = await fix(files());
    expect({ kept, why, left }).toEqual({ kept: KEPT, why: expect.stringContaining('rude stays'), left: ['rude'] });
    expect(patch).not.toMatch(/127\.0\.0\.1/);
    expect(changed(patch).filter((line) => /other|rude|holder@1|1\.0\.2/.test(line))).toEqual([]);
    expect(changed(patch)).toEqual(lines);
  });
});

describe('sallyport fix --only deps for packages of Python', () => {
  const code = (word: string): { readonly code: string } => ({ code: `def say(): return '${word}'\n` });
  /** kind and rude: direct. loose, strict: what holder asks for, one by range, one exactly. grown: its fixed release needs another package. */
  const WHEELS = [
    wheel('kind', '1.0.0', code('kind')), wheel('kind', '1.0.1', code('kind')), wheel('kind', '1.0.2', code('kind')), wheel('rude', '1.0.0', code('rude')), wheel('rude', '1.0.1', code('changed')),
    wheel('loose', '1.0.0', code('loose')), wheel('loose', '1.0.1', code('loose')), wheel('strict', '1.0.0', code('strict')), wheel('strict', '1.0.1', code('strict')), wheel('grown', '1.0.0', code('grown')), wheel('grown', '1.0.1', { ...code('grown'), requires: ['more>=2'] }),
    wheel('holder', '1.0.0', { code: 'import loose, strict\ndef say(): return loose.say() + strict.say()\n', requires: ['loose>=1', 'strict==1.0.0'] }), wheel('other', '1.0.0', code('other')), wheel('other', '1.9.0', code('other')),
  ];
  const NAMES = ['grown', 'holder', 'kind', 'loose', 'other', 'rude', 'strict'];
  const TESTS = `import unittest\nimport ${NAMES.join(', ')}\n\nclass Words(unittest.TestCase):\n${NAMES.map((name) => `    def test_${name}(self): self.assertEqual(${name}.say(), '${name === 'holder' ? 'loosestrict' : name}')\n`).join('')}`;
  let index: FakeIndex;
  beforeAll(async () => {
    index = await startIndex(WHEELS);
  });
  afterAll(() => index[Symbol.asyncDispose]());
  const file = (name: string, version = '1.0.0'): string => `${name}-${version}-py3-none-any.whl`;
  const url = (name: string, version?: string): string => `${index.url.replace('/simple', '')}/files/${file(name, version)}`;
  const digest = (name: string, version?: string): string => `sha256:${index.digest(file(name, version))}`;
  const direct = NAMES.filter((name) => name !== 'loose' && name !== 'strict');
  const requirements = (): string => NAMES.map((name) => `${name}==1.0.0 \\\n    --hash=sha256:${'0'.repeat(64)} \\\n    --hash=${digest(name)}\n    # via someone\n`).join('');
  const uv = (): string => `version = 1\nrevision = 3\nrequires-python = ">=3.9"\n\n[[package]]\nname = "project"\nversion = "0.1.0"\nsource = { virtual = "." }\ndependencies = [\n${direct.map((name) => `    { name = "${name}" },\n`).join('')}]\n\n[package.metadata]\nrequires-dist = [\n${direct.map((name) => `    { name = "${name}", specifier = "${name === 'kind' ? '==1.0.0' : '>=1,<2'}" },\n`).join('')}]\n${NAMES.map((name) => `
[[package]]
name = "${name}"
version = "1.0.0"
source = { registry = "${index.url}" }
${name === 'holder' ? 'dependencies = [\n    { name = "loose" },\n    { name = "strict" },\n]\n' : ''}wheels = [
    { url = "${url(name)}", hash = "${digest(name)}", size = 1 },
]
`).join('')}`;
  const poetry = (): string => `# This file is automatically @generated by Poetry 2.1.1 and should not be changed by hand.\n${NAMES.map((name) => `
[[package]]
name = "${name}"
version = "1.0.0"
description = ""
optional = false
python-versions = "*"
groups = ["main"]
files = [
    {file = "${file(name)}", hash = "${digest(name)}"},
]
${name === 'holder' ? '\n[package.dependencies]\nloose = ">=1"\nstrict = "1.0.0"\n' : ''}`).join('')}\n[metadata]\nlock-version = "2.1"\npython-versions = ">=3.9"\ncontent-hash = "${'a'.repeat(64)}"\n`;
  const pylock = (): string => `lock-version = "1.0"\ncreated-by = "pip"\n${NAMES.map((name) => `
[[packages]]
name = "${name}"
version = "1.0.0"

[[packages.wheels]]
name = "${file(name)}"
url = "${url(name)}"

[packages.wheels.hashes]
sha256 = "${digest(name).slice(7)}"
`).join('')}`;
  const project = (more: Readonly<Record<string, string>>): Record<string, string> => ({
    'test_words.py': TESTS, 'sallyport.yaml': 'version: 1\nadvisories: known\n', ...Object.fromEntries(['grown', 'kind', 'loose', 'rude', 'strict'].map((name) => [`known/${name}.json`, osv(name, 'PyPI')])), ...more,
  });
  const PYPROJECT = `[project]\nname = "project"\nversion = "0.1.0"\ndependencies = [${direct.map((name) => `"${name}>=1,<2"`).join(', ')}]\n`;
  const hash = (name: string, version = '1.0.0'): string => index.digest(file(name, version));

  it.for<[string, () => Record<string, string>, string, (mark: '-' | '+', name: string, version: string) => readonly string[]]>([
    ['requirements.txt', () => ({ 'requirements.txt': requirements() }), 'own pin', (mark, name, version) => [`${mark}${name}==${version} \\`, ...(mark === '-' ? [`-    --hash=sha256:${'0'.repeat(64)} \\`] : []), `${mark}    --hash=sha256:${hash(name, version)}`]],
    ['uv.lock', () => ({ 'uv.lock': uv(), 'pyproject.toml': PYPROJECT.replace('kind>=1,<2', 'kind==1.0.0') }), 'lockfile only', (mark, name, version) => [
      ...(name === 'kind' ? [`${mark}    { name = "kind", specifier = "==${version}" },`, ...PYPROJECT.split('\n').filter((line) => line.startsWith('dependencies')).map((line) => mark + line.replace('kind>=1,<2', `kind==${version}`))] : []), `${mark}version = "${version}"`, `${mark}    { url = "${url(name, version)}", hash = "${digest(name, version)}", size = 1 },`,
    ]],
    ['poetry.lock', () => ({ 'poetry.lock': poetry(), 'pyproject.toml': PYPROJECT }), 'lockfile only', (mark, name, version) => [`${mark}version = "${version}"`, `${mark}    {file = "${file(name, version)}", hash = "${digest(name, version)}"},`]],
    ['pylock.toml', () => ({ 'pylock.toml': pylock() }), 'lockfile only', (mark, name, version) => [`${mark}version = "${version}"`, `${mark}name = "${file(name, version)}"`, `${mark}url = "${url(name, version)}"`, `${mark}sha256 = "${hash(name, version)}"`]],
  ])('by %s keeps what the tests allow and moves nothing else', { timeout: 300_000 }, async ([format, files, how, lines]) => {
    index.form = 'json';
    const { kept, why, left, patch } = await fix(project(files()), { PIP_INDEX_URL: index.url });
    expect(kept).toEqual([['grown', false], ['kind', true], ['loose', true], ['rude', false], ['strict', false]].map(([name, good]) => [`${name as string} 1.0.0 → 1.0.1 (${format === 'uv.lock' && name === 'kind' ? 'own pin' : how})`, good]));
    expect(why).toMatch(format === 'requirements.txt' ? /^grown: .*more/s : /^grown: .*it asks for other packages than 1\.0\.0 \(\+ more>=2\)/s);
    expect(why).toMatch(/^rude: .*test_rude/m);
    expect(why).toMatch(/^strict: .*its dependencies cannot be set up.*pip could not fetch/m);
    expect(left.toSorted()).toEqual(['grown', 'rude', 'strict']);
    const lined = (mark: '-' | '+'): string[] => patch.split('\n').filter((line) => line.startsWith(mark) && !line.startsWith(mark.repeat(3))).toSorted();
    for (const mark of ['-', '+'] as const) expect(lined(mark)).toEqual(['kind', 'loose'].flatMap((name) => lines(mark, name, mark === '-' ? '1.0.0' : '1.0.1')).toSorted());
  });
});
