import { describe, expect, it } from 'vitest';
import { type Origin, registryOrigin } from '../../../src/egress/locks/origin.js';
import { comparePackages, type Packages } from '../../../src/gate/dependencies/compare.js';
import { examine, type ExamineRules } from '../../../src/gate/dependencies/examine.js';
import { dependencyText } from '../../../src/gate/dependencies/text.js';
import { Dependency } from '../../../src/protocol/dependencies.js';

const SHA = (letter: string): string => `sha512-${letter.repeat(86)}==`;
const one = (spec: string, more: Partial<Origin> = {}): Origin => {
  const at = spec.lastIndexOf('@');
  const [name, version] = [spec.slice(0, at), spec.slice(at + 1)];
  return registryOrigin({ name, version }, { address: `https://r.test/${name}/-/${name.split('/').at(-1)}-${version}.tgz`, digests: [SHA('A')], scripts: false, licence: 'MIT', ...more });
};
const packages = (...origins: readonly Origin[]): Packages => ({ ecosystem: 'npm', origins, direct: new Set(origins.slice(0, 1).map((o) => o.name)) });
const RULES: ExamineRules = {
  internal: [], registries: [], configured: { npm: 'r.test', pypi: null, go: null, cargo: null }, known: [], licences: { allow: [], deny: [] }, scripts: [], listedByChange: [], malicious: () => null, advisories: () => ({ hits: [], unknown: [] }), tooYoung: new Set(),
};
const BASE = packages(one('base-thing@1.0.0'), one('@acme/auth@1.0.0'));

function examined(base: Packages, head: Packages, rules: Partial<ExamineRules> = {}): Dependency[] {
  return examine(comparePackages('npm', base, head), { base: [base], head: [head] }, { ...RULES, ...rules }).map((d) => Dependency.parse(d));
}

describe('packages before and after', () => {
  it('are told apart as added, moved, altered and removed', () => {
    const base = packages(one('kept@1.0.0'), one('up@1.0.0'), one('twice@1.0.0'), one('gone@1.0.0'), one('dropped@1.0.0'), one('dropped@2.0.0'), one('changed@1.0.0'));
    const head = packages(one('kept@1.0.0'), one('up@2.0.0'), one('twice@1.0.0'), one('twice@2.0.0'), one('dropped@1.0.0'), one('changed@1.0.0', { digests: [SHA('B')] }), one('fresh@1.0.0'));
    expect(comparePackages('npm', base, head).map(({ state, name, version, from }) => [state, name, version, from.join(' ')].join(' ').trim())).toEqual([
      'moved up 2.0.0 1.0.0', 'moved twice 2.0.0 1.0.0', 'altered changed 1.0.0', 'added fresh 1.0.0', 'removed gone 1.0.0', 'removed dropped 2.0.0',
    ]);
    expect([comparePackages('npm', undefined, packages(one('a@1.0.0'))).map((c) => c.state), comparePackages('npm', packages(one('a@1.0.0')), undefined).map((c) => c.state)]).toEqual([['added'], ['removed']]);
    expect(comparePackages('npm', packages(one('a@1.0.0')), packages(one('a@1.0.0'), one('a@1.0.0')))).toEqual([]);
  });

  it('have names that are also those of prototypes', () => {
    expect(comparePackages('npm', packages(), packages(one('__proto__@1.0.0'), one('constructor@1.0.0'))).map((c) => c.name)).toEqual(['__proto__', 'constructor']);
  });
});

describe('what is against a package that a change brings', () => {
  const adds = (spec: string, more: Partial<Origin> = {}): Packages => packages(...BASE.origins, one(spec, more));
  it.each<[string, Packages, Partial<ExamineRules>, string[]]>([
    ['nothing', adds('honest-package@1.0.0'), {}, []],
    ['a record that calls it malicious', adds('honest-package@1.0.0'), { malicious: (ecosystem, name, version) => (`${ecosystem} ${name} ${version}` === 'npm honest-package 1.0.0' ? 'MAL-1' : null) }, ['no malicious it is known to be malicious (MAL-1)']],
    ['an advisory that names it', adds('honest-package@1.0.0'), { advisories: (_, name) => ({ hits: name === 'honest-package' ? ['GHSA-1'] : [], unknown: [] }) }, ['no advisories known advisories name it (GHSA-1)']],
    ['an advisory that may mean it', adds('honest-package@1.0.0'), { advisories: () => ({ hits: [], unknown: ['GHSA-2'] }) }, ['unknown advisories whether advisories mean it is not known (GHSA-2)']],
    ['an advisory that named what it moved from', packages(one('base-thing@2.0.0'), one('@acme/auth@1.0.0')), { advisories: (_, __, version) => ({ hits: version === '1.0.0' ? ['GHSA-1'] : ['GHSA-1', 'GHSA-3'], unknown: [] }) }, ['no advisories known advisories name it (GHSA-3)']],
    ['a name like a well known one', adds('lodahs@1.0.0'), {}, ['no names its name resembles "lodash", which is well known (two letters are exchanged)']],
    ['a name like one in use', adds('base-thing2@1.0.0'), {}, ['no names its name resembles "base-thing", which the base uses (one letter differs)']],
    ['a name that a person has looked at', adds('lodahs@1.0.0'), { known: ['lodahs'] }, []],
    ['a name with letters of another alphabet', adds('l\u043edash@1.0.0'), {}, ['no names its name has letters that no registry takes, which look like others']],
    ['an internal name from another registry', adds('@acme/new@1.0.0', { address: 'https://elsewhere.test/@acme/new/-/new-1.0.0.tgz' }), { internal: ['@acme/*'] }, ['no confusion it is internal, and comes from elsewhere.test instead of the configured registry', 'no sources it comes from elsewhere.test, which is neither the configured registry nor one of the base']],
    ['an internal name from a registry that is declared, and not the configured one', adds('@acme/new@1.0.0', { address: 'https://elsewhere.test/@acme/new/-/new-1.0.0.tgz' }), { internal: ['@acme/*'], registries: ['elsewhere.test'] }, ['no confusion it is internal, and comes from elsewhere.test instead of the configured registry']],
    ['an internal name from the configured one', adds('@acme/new@1.0.0'), { internal: ['@acme/*'] }, []],
    ['an internal name where no registry is configured', adds('@acme/new@1.0.0'), { internal: ['@acme/*'], configured: { ...RULES.configured, npm: null } }, ['unknown confusion it is internal, and the registry that this installation asks is not known']],
    ['an internal name out of git', adds('@acme/new@1.0.0', { source: 'git', address: 'git+ssh://x.test/y.git', digests: [] }), { internal: ['@acme/*'] }, ['no confusion it is internal, and comes from git+ssh://x.test/y.git', 'no sources it comes from a git repository (git+ssh://x.test/y.git), not from a registry']],
    ['the name of an internal one without its scope', adds('auth@1.0.0'), { internal: ['@acme/*'] }, ['no confusion its name is that of the internal "@acme/auth" without the scope']],
    ['the same with the scope as a prefix', adds('acme-auth@1.0.0'), { internal: ['@acme/auth'] }, ['no names its name resembles "@acme/auth", which the base uses (the scope and the separators differ)', 'no confusion its name is that of the internal "@acme/auth" without the scope']],
    ['an address of its own', adds('honest-package@1.0.0', { source: 'url', address: 'https://x.test/y.tgz' }), {}, ['no sources it comes from an address of its own (https://x.test/y.tgz), not from a registry']],
    ['a file', adds('honest-package@1.0.0', { source: 'file', address: 'file:y.tgz' }), {}, ['no sources it comes from a file (file:y.tgz), not from a registry']],
    ['no lockfile', adds('honest-package@^1', { source: 'unlocked', address: null, digests: [], pinned: false }), {}, ['unknown sources no lockfile says which version of it is installed']],
    ['another host', adds('honest-package@1.0.0', { address: 'https://r.test.evil.test/honest-package/-/honest-package-1.0.0.tgz' }), {}, ['no sources it comes from r.test.evil.test, which is neither the configured registry nor one of the base']],
    ['another host that is declared', adds('honest-package@1.0.0', { address: 'https://two.test/honest-package/-/honest-package-1.0.0.tgz' }), { registries: ['two.test'] }, []],
    ['no TLS', adds('honest-package@1.0.0', { address: 'http://r2.test/honest-package/-/honest-package-1.0.0.tgz' }), {}, ['no sources its address has no TLS (http://r2.test/honest-package/-/honest-package-1.0.0.tgz)', 'no sources it comes from r2.test, which is neither the configured registry nor one of the base']],
    ['the address of another package', adds('honest-package@1.0.0', { address: 'https://r.test/evil/-/evil-1.0.0.tgz' }), {}, ['no sources its address is that of "evil"']],
    ['no digest', adds('honest-package@1.0.0', { digests: [] }), {}, ['no sources the lockfile has no digest of it']],
    ['no digest where the lockfile keeps none', adds('honest-package@1.0.0', { digests: [], pinned: false }), {}, []],
    ['install scripts that the change lists', adds('honest-package@1.0.0', { scripts: true }), { listedByChange: ['honest-package'] }, ['no scripts the change that brings it lists it among those whose install scripts run']],
    ['install scripts', adds('honest-package@1.0.0', { scripts: true }), {}, []],
    ['its age', adds('honest-package@1.0.0'), { tooYoung: new Set(['honest-package@1.0.0']) }, ['no age it is younger than the minimum age, or its age is not known, and was not fetched']],
    ['a licence that is not allowed', adds('honest-package@1.0.0', { licence: 'GPL-3.0-only' }), { licences: { allow: ['MIT'], deny: [] } }, ['no licences its licence is GPL-3.0-only, which the environment does not allow']],
    ['a licence that is allowed', adds('honest-package@1.0.0'), { licences: { allow: ['MIT'], deny: [] } }, []],
    ['no licence that is known', adds('honest-package@1.0.0', { licence: null }), { licences: { allow: [], deny: ['GPL-3.0-only'] } }, ['unknown licences the lockfile does not say its licence']],
    ['a licence of another form', adds('honest-package@1.0.0', { licence: 'see the file' }), { licences: { allow: [], deny: ['GPL-3.0-only'] } }, ['unknown licences its licence is not understood (see the file)']],
  ])('%s', (_, head, rules, expected) => {
    expect(examined(BASE, head, rules).flatMap((d) => d.problems.map((p) => `${p.holds} ${p.rule} ${p.why}`))).toEqual(expected);
  });

  it.each<[string, Partial<Origin>, Partial<Origin>, string[]]>([
    ['another digest', {}, { digests: [SHA('B')] }, ['its digest changed and its version did not']],
    ['a second digest of the same algorithm', {}, { digests: [SHA('A'), SHA('B')] }, ['its digest changed and its version did not']],
    ['a stronger algorithm', { digests: [`sha1-${'A'.repeat(27)}=`] }, {}, []],
    ['a weaker algorithm', {}, { digests: [`sha1-${'A'.repeat(27)}=`] }, ['its digest is of a weaker algorithm than it was']],
    ['no digest any more', {}, { digests: [] }, ['the lockfile has no digest of it']],
    ['another place', {}, { source: 'git', address: 'git+https://x.test/y.git' }, ['it comes from a git repository (git+https://x.test/y.git), not from a registry']],
    ['another licence', {}, { licence: 'ISC' }, []],
  ])('the same version with %s', (_, before, after, expected) => {
    const found = examined(packages(one('thing@1.0.0', before), one('other@1.0.0')), packages(one('thing@1.0.0', after), one('other@1.0.0')));
    expect([found.map((d) => d.state), found.flatMap((d) => d.problems.map((p) => p.why))]).toEqual([['altered'], expected]);
  });

  it('a base that names no registry and another than the configured one leave it open', () => {
    const head = packages(one('honest-package@1.0.0', { address: 'https://two.test/honest-package/-/honest-package-1.0.0.tgz' }));
    expect(examined(packages(), head).flatMap((d) => d.problems)).toEqual([{ rule: 'sources', holds: 'unknown', why: 'it comes from two.test, which is neither the configured registry nor one of the base, which names none; packages.registries of the environment can' }]);
  });

  it('is nothing for what was there before, or is gone', () => {
    const base = packages(one('lodahs@1.0.0'), one('reacts@1.0.0'));
    expect(examined(base, packages(one('lodahs@1.0.1'))).map((d) => [d.state, d.name, d.problems])).toEqual([['moved', 'lodahs', []], ['removed', 'reacts', []]]);
  });

  it('is nothing for a name of Python that a person looked at, in whatever spelling', () => {
    const head: Packages = { ecosystem: 'pypi', origins: [one('reqeusts-x@1.0.0', { address: null }), one('djang-o@1.0.0', { address: null })], direct: new Set() };
    const names = (known: readonly string[]): string[] => examine(comparePackages('pypi', undefined, head), { base: [], head: [head] }, { ...RULES, known }).flatMap((d) => d.problems.map(() => d.name));
    expect([names([]), names(['Djang_O'])]).toEqual([['djang-o'], []]);
  });

  it('stands with the package in one line', () => {
    const [found] = examined(BASE, packages(...BASE.origins, one('lodahs@1.0.0', { scripts: true })));
    expect(found === undefined ? '' : dependencyText(found)).toBe('added   npm lodahs 1.0.0 (MIT, has install scripts, which do not run): ✗ its name resembles "lodash", which is well known (two letters are exchanged)');
    const [moved] = examined(packages(one('up@1.0.0')), packages(one('up@2.0.0', { scripts: true })), { scripts: ['up'] });
    expect(moved === undefined ? '' : dependencyText(moved)).toBe('moved   npm up 1.0.0 → 2.0.0 (direct, MIT, has install scripts, which the environment lets run)');
  });
});
