import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Evidence } from '../../src/protocol/evidence.js';
import { type Home, openHome } from '../support/cli.js';
import { realRegistry } from '../support/preparing.js';
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

interface Outcome {
  readonly kept: readonly (readonly [string, boolean])[];
  readonly why: string;
  readonly left: readonly string[];
  readonly patch: string;
}
async function fix(files: Readonly<Record<string, string>>): Promise<Outcome> {
  const repo = join(home.folder, 'project');
  makeRepo(repo, files);
  const ran = await home.sally(['fix', '--only', 'deps', '--repo', repo]);
  expect({ code: ran.code, stderr: ran.stderr }).toMatchObject({ code: 0 });
  const { remedies, advisories, verdict } = (await home.sally(['evidence', 'last', '--json'])).json as Evidence;
  expect(verdict).toBe('passed');
  return {
    kept: remedies.map((r) => [r.title.replace(/;.*$/s, ')'), r.kept] as const).toSorted(), why: remedies.find((r) => !r.kept)?.reason ?? '',
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

describe('sallyport fix --only deps', () => {
  it.for<[string, () => Record<string, string>, readonly string[]]>([
    ['pnpm', () => ({ ...PROJECT(), 'pnpm-lock.yaml': pnpmLock() }), [
      ...MANIFEST('+"pnpm": {', '+"overrides": {', '+"holder>pinned": "1.0.1"', '+}'), '+overrides:', '+holder>pinned: 1.0.1', '-specifier: ^1.0.0', '-version: 1.0.0', '+specifier: ^1.0.1', '+version: 1.0.1',
      '+fresh@1.0.0:', '+resolution: {integrity: …}', ...['kind', 'loose', 'pinned'].flatMap((name) => [`-${name}@1.0.0:`, '-resolution: {integrity: …}', `+${name}@1.0.1:`, '+resolution: {integrity: …}']),
      '+fresh@1.0.0: {}', '-loose: 1.0.0', '-pinned: 1.0.0', '+loose: 1.0.1', '+pinned: 1.0.1', '-kind@1.0.0: {}', '+kind@1.0.1:', '+dependencies:', '+fresh: 1.0.0', '-loose@1.0.0: {}', '+loose@1.0.1: {}', '-pinned@1.0.0: {}', '+pinned@1.0.1: {}',
    ]],
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
