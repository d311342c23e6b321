import { describe, expect, it } from 'vitest';
import { EnvironmentSpec } from '../../src/protocol/environment.js';
import { decideEnvironment, parseEnvironment } from '../../src/setup/environment.js';
import { siftNpmrc } from '../../src/setup/npmrc.js';


describe('sallyport.yaml', () => {
  const PACKAGES = { minimum_age: 0, exempt: [], deny: [], internal: [], registries: [], known: [], licences: { allow: [], deny: [] }, advisory_age: 0 };
  it('fills in what is not said', () => {
    expect(parseEnvironment('version: 1', 'f')).toEqual({ version: 1, setup: { fetch: [], secrets: [], install_scripts: [], resolve: false, timeout: 900 }, rootfs: 'host-usr', toolchains: {}, packages: PACKAGES, hosts: [], tools: {}, suppressions: [], limits: { memory: 4096, pids: 512, cpus: 2, disk: 8192 }, variables: {}, services: {}, security_tests: [], ignore: [] });
    expect(parseEnvironment('{version: 1, setup: {script: make}, limits: {cpus: 0.5}, checks: {unit: {runner: node-test}}}', 'f')).toEqual({
      version: 1, setup: { script: 'make', fetch: [], secrets: [], install_scripts: [], resolve: false, timeout: 900 }, rootfs: 'host-usr', toolchains: {}, packages: PACKAGES, hosts: [], tools: {}, suppressions: [], limits: { memory: 4096, pids: 512, cpus: 0.5, disk: 8192 }, variables: {}, services: {}, security_tests: [], ignore: [], checks: { unit: { runner: 'node-test', args: [], timeout: 600 } },
    });
  });

  it.each<[string, string, string]>([
    ['empty', '', 'the file'],
    ['a list', '- 1', 'the file'],
    ['not YAML', 'a: [', 'Cannot read'],
    ['another version', 'version: 2', 'version'],
    ['an unknown key', 'version: 1\nnetwork: true', 'network'],
    ['an unknown key inside', 'version: 1\nsetup: {scripts: x}', 'scripts'],
    ['a number as text', 'version: 1\nlimits: {memory: "4096"}', 'limits.memory'],
    ['a path out of the repository', 'version: 1\nignore: ["../x"]', 'ignore.0'],
    ['an absolute path', 'version: 1\nignore: ["/etc"]', 'ignore.0'],
    ['advisories out of the repository', 'version: 1\nadvisories: a/../../x', 'advisories'],
    ['advisories by address', 'version: 1\nadvisories: /etc', 'advisories'],
    ['a variable with an odd name', 'version: 1\nvariables: {"A B": x}', 'variables'],
    ['a tool without a form of report', 'version: 1\ntools: {eslint: {command: eslint}}', 'tools.eslint.report'],
    ['a tool whose name looks like our rules', 'version: 1\ntools: {tamper: {command: x, report: lines}}', 'tools.tamper'],
    ['a report out of the repository', 'version: 1\ntools: {a: {command: x, report: sarif, output: ../x}}', 'tools.a.output'],
    ['a suppression without a reason', 'version: 1\nsuppressions: [{rule: a/b, path: x, until: 2026-01-01}]', 'suppressions.0.reason'],
    ['a suppression without an end', 'version: 1\nsuppressions: [{rule: a/b, path: x, reason: y}]', 'suppressions.0.until'],
    ['a suppression of all', 'version: 1\nsuppressions: [{rule: "*", path: "**", reason: y, until: 2020-01-01}]', 'takes in flow/removed-defence, which is never suppressed'],
    ['an unknown runner', 'version: 1\nchecks: {t: {runner: magic}}', 'checks.t'],
    ['a bomb of aliases', `version: 1\nx: &a [1,1,1,1,1,1,1,1,1,1]\ny: &b [${'*a,'.repeat(20)}]\nz: [${'*b,'.repeat(20)}]`, 'Cannot read'],
    ['a tag that would make an object', 'version: 1\nvariables: !!js/function "x"', 'variables'],
  ])('is refused with the key that is wrong: %s', (_, text, part) => {
    expect(() => parseEnvironment(text, 'sallyport.yaml')).toThrow(expect.objectContaining({ code: 'env.invalid', message: expect.stringContaining(part) }));
  });

  it('may suppress for a year from today, and what was accepted once is never refused later', () => {
    const until = (day: string, now: string) => () => parseEnvironment(`version: 1\nsuppressions: [{rule: js/x, path: a.js, reason: y, until: ${day}}]`, 'f', new Date(now)).suppressions.map((one) => one.until);
    expect([until('2027-11-21', '2026-11-21T23:59:59Z')(), until('2027-11-21', '2030-01-01T00:00:00Z')()]).toEqual([['2027-11-21'], ['2027-11-21']]);
    expect(until('2027-11-22', '2026-11-21T23:59:59Z')).toThrow(expect.objectContaining({ code: 'env.invalid', message: expect.stringContaining('suppressions.0.until: 2027-11-22 is more than a year ahead') }));
  });

  it('decides alone what is checked; otherwise the files of the base are asked', async () => {
    const base = { read: async (path: string) => (path === 'package.json' ? '{"scripts":{"test":"node --test"}}' : null), list: async () => [] };
    expect(await decideEnvironment({ text: 'version: 1\nchecks: {}', source: 's' }, base)).toEqual({ spec: { ...EnvironmentSpec.parse({ version: 1 }), checks: {} }, checks: {}, source: 's' });
    expect(await decideEnvironment(null, base)).toEqual({ spec: EnvironmentSpec.parse({ version: 1 }), checks: { test: { runner: 'node-test', args: [], timeout: 600 } }, source: 'detected' });
  });
});

describe('an .npmrc', () => {
  it('keeps keys of layout and names what it drops', () => {
    expect(siftNpmrc('; c\n# c\nlegacy-peer-deps = true\r\n  omit[]=dev\nregistry=http://evil/\n//h/:_authToken=x\nscript-shell=/x\nnode-options=--require=x\nignore-scripts=false\n@s:registry=x\ngit=/x\ncafile=/x\nproxy=http://x\nprefix=/x\nunsafe-perm\n[section]\nomit=$HOME\ninclude=a\u2028b\nuserconfig=/x\nengine-strict="true"\n')).toEqual({
      kept: 'legacy-peer-deps=true\nomit=dev\n',
      dropped: ['registry', '//h/:_authToken', 'script-shell', 'node-options', 'ignore-scripts', '@s:registry', 'git', 'cafile', 'proxy', 'prefix', 'omit', 'include', 'userconfig', 'engine-strict'],
    });
  });
});
