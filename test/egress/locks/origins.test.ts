import { describe, expect, it } from 'vitest';
import { cargoOrigins } from '../../../src/egress/locks/cargo.js';
import { goOrigins, parseGoMod, parseGoSum } from '../../../src/egress/locks/go-mod.js';
import { npmOrigins } from '../../../src/egress/locks/npm-origins.js';
import { hostOf, type Origin, sourceOf, tarballName } from '../../../src/egress/locks/origin.js';
import { pnpmOrigins } from '../../../src/egress/locks/pnpm.js';
import { poetryOrigins, pylockOrigins, requirementsOrigins, uvOrigins } from '../../../src/egress/locks/python-origins.js';
import { readRequirements } from '../../../src/egress/locks/requirements.js';
import { berryOrigins } from '../../../src/egress/locks/yarn-berry.js';
import { classicOrigins } from '../../../src/egress/locks/yarn-classic.js';

const SRI = `sha512-${'A'.repeat(86)}==`;
const HEX = 'a'.repeat(64);
/** `name@version source address digests [unpinned] [scripts] [licence]`. */
const shown = (origins: readonly Origin[]): string[] => origins.map((o) => [`${o.name}@${o.version}`, o.source, o.address ?? '-', o.digests.length, ...(o.pinned ? [] : ['unpinned']), ...(o.scripts === null ? [] : [o.scripts ? 'scripts' : 'quiet']), ...(o.licence === null ? [] : [o.licence])].join(' '));

describe('what a lockfile says of where packages come from', () => {
  it('of npm', () => {
    const packages = {
      '': { name: 'project', license: 'MIT' }, 'node_modules/a': { version: '1.0.0', resolved: 'https://r.test/a/-/a-1.0.0.tgz', integrity: SRI, license: 'MIT', hasInstallScript: true },
      'node_modules/a/node_modules/al': { name: '@s/b', version: '2.0.0', resolved: 'https://r.test/@s%2fb/-/b-2.0.0.tgz', integrity: 'sha1-none' }, 'node_modules/g': { version: '1.0.0', resolved: 'git+ssh://git@host.test/g.git#abc', license: { type: 'ISC' } },
      'node_modules/t': { version: '1.0.0', resolved: 'https://elsewhere.test/t.tgz', integrity: SRI }, 'node_modules/f': { version: '1.0.0', resolved: 'file:f.tgz', integrity: SRI }, 'node_modules/l': { resolved: 'packages/l', link: true }, 'packages/l': { version: '1.0.0' },
      'node_modules/d': { version: '1.0.0', resolved: 'https://r.test/download/d/1.0.0/abc', integrity: SRI }, 'node_modules/a/node_modules/in': { version: '1.0.0', inBundle: true },
    };
    expect(shown(npmOrigins('package-lock.json', JSON.stringify({ lockfileVersion: 3, packages })))).toEqual([
      'a@1.0.0 registry https://r.test/a/-/a-1.0.0.tgz 1 scripts MIT', '@s/b@2.0.0 registry https://r.test/@s%2fb/-/b-2.0.0.tgz 0 quiet', 'g@1.0.0 git git+ssh://git@host.test/g.git#abc 0 quiet ISC',
      't@1.0.0 url https://elsewhere.test/t.tgz 1 quiet', 'f@1.0.0 file file:f.tgz 1 quiet', 'd@1.0.0 registry https://r.test/download/d/1.0.0/abc 1 quiet', 'in@1.0.0 registry - 0 unpinned quiet',
    ]);
    expect(() => npmOrigins('package-lock.json', '{"lockfileVersion":1,"dependencies":{}}')).toThrow('expected lockfileVersion 2 or 3');
    expect(() => npmOrigins('package-lock.json', '{')).toThrow('not JSON');
  });

  it('of pnpm', () => {
    expect(shown(pnpmOrigins(`lockfileVersion: '9.0'\npackages:\n  a@1.0.0: {resolution: {integrity: ${SRI}}}\n  h@https://x.test/h.tgz: {resolution: {tarball: https://x.test/h.tgz}, name: h, version: 1.0.0}\n  g@https://codeload.test/x: {resolution: {type: git, repo: x, commit: y}, version: 2.0.0}\n  l@file:l: {resolution: {directory: l, type: directory}}\n`))).toEqual(['a@1.0.0 registry - 1', 'h@1.0.0 url https://x.test/h.tgz 0', 'g@2.0.0 git - 0']);
    expect(shown(pnpmOrigins(`lockfileVersion: '6.0'\npackages:\n  /a@1.0.0: {resolution: {integrity: ${SRI}}, requiresBuild: true}\n`))).toEqual(['a@1.0.0 registry - 1 scripts']);
  });

  it('of yarn', () => {
    const classic = `# yarn lockfile v1\n\n\na@^1:\n  version "1.0.0"\n  resolved "https://r.test/a/-/a-1.0.0.tgz#${'0'.repeat(40)}"\n  integrity ${SRI}\n\n"g@git+https://host.test/g.git":\n  version "1.0.0"\n  resolved "git+https://host.test/g.git#abc"\n\nal@npm:b@1:\n  version "1.0.0"\n  resolved "https://r.test/b/-/b-1.0.0.tgz"\n\n"t@https://x.test/t.tgz":\n  version "1.0.0"\n  resolved "https://x.test/t.tgz"\n`;
    expect(shown(classicOrigins(classic))).toEqual([`a@1.0.0 registry https://r.test/a/-/a-1.0.0.tgz#${'0'.repeat(40)} 2`, 'g@1.0.0 git git+https://host.test/g.git#abc 0', 'b@1.0.0 registry https://r.test/b/-/b-1.0.0.tgz 0', 't@1.0.0 url https://x.test/t.tgz 0']);
    const entry = (key: string, resolution: string, more = ''): string => `\n"${key}":\n  version: 1.0.0\n  resolution: "${resolution}"\n${more}`;
    const berry = `__metadata:\n  version: 8\n${entry('a@npm:^1', 'a@npm:1.0.0', `  checksum: 10c0/${'b'.repeat(128)}\n`)}${entry('b@npm:^1', 'b@npm:1.0.0::__archiveUrl=https%3A%2F%2Fx.test%2Fb.tgz')}${entry('c@npm:^1', 'c@npm:1.0.0::__archiveUrl=https%3A%2F%2Fx.test%2F%ff')}${entry('g@x', 'g@https://host.test/g.git#commit=abc')}${entry('me@workspace:.', 'me@workspace:.')}${entry('a@patch:a', 'a@patch:a@npm%3A1.0.0#x')}`;
    expect(shown(berryOrigins(berry))).toEqual(['a@1.0.0 registry - 1 unpinned', 'b@1.0.0 registry https://x.test/b.tgz 0 unpinned', 'c@1.0.0 registry https%3A%2F%2Fx.test%2F%ff 0 unpinned', 'g@1.0.0 git https://host.test/g.git#commit=abc 0 unpinned']);
  });

  it('of Python', () => {
    expect(shown(uvOrigins(`[[package]]\nname = "A_b"\nversion = "1.0"\nsource = { registry = "https://i.test/simple" }\nwheels = [{ hash = "sha256:${HEX}" }]\n[[package]]\nname = "g"\nversion = "1"\nsource = { git = "https://host.test/g?rev=x" }\n[[package]]\nname = "me"\nversion = "0"\nsource = { virtual = "." }\n`))).toEqual(['a-b@1.0 registry https://i.test/simple 1', 'g@1 git https://host.test/g?rev=x 0']);
    expect(shown(poetryOrigins(`[[package]]\nname = "a"\nversion = "1.0"\nfiles = [{ hash = "sha256:${HEX}" }]\n[[package]]\nname = "u"\nversion = "1"\n[package.source]\ntype = "url"\nurl = "https://x.test/u.whl"\n`))).toEqual(['a@1.0 registry - 1', 'u@1 url https://x.test/u.whl 0']);
    expect(shown(pylockOrigins(`[[packages]]\nname = "a"\nversion = "1.0"\nindex = "https://i.test/simple"\nwheels = [{ hashes = { sha256 = "${HEX}" } }]\n[[packages]]\nname = "v"\nversion = "1"\nvcs = { type = "git", url = "https://host.test/v" }\n`))).toEqual(['a@1.0 registry https://i.test/simple 1', 'v@1 git https://host.test/v 0']);
    const requirements = (text: string): string[] => shown(requirementsOrigins(readRequirements(['requirements.txt'], (path) => (path === 'requirements.txt' ? text : null))));
    expect([requirements(`a==1.0 --hash=sha256:${HEX}\nb==2.0\n`), requirements('a==1.0\nloose>=1\n')]).toEqual([['a@1.0 registry - 1', 'b@2.0 registry - 0'], ['a@1.0 registry - 0 unpinned', 'loose@>=1 unlocked - 0 unpinned']]);
  });

  it('of Go and of crates', () => {
    const sums = parseGoSum(`example.com/a v1.0.0 h1:${'A'.repeat(43)}=\n`);
    expect(shown(goOrigins(parseGoMod('module x\ngo 1.21\nrequire (\n\texample.com/a v1.0.0\n\texample.com/b v1.0.0\n)\n'), sums))).toEqual(['example.com/a@1.0.0 registry - 1 quiet', 'example.com/b@1.0.0 registry - 0 quiet']);
    expect(shown(cargoOrigins(`version = 3\n[[package]]\nname = "a"\nversion = "1.0.0"\nsource = "registry+https://i.test/index"\nchecksum = "${HEX}"\n[[package]]\nname = "g"\nversion = "1.0.0"\nsource = "git+https://host.test/g#abc"\n[[package]]\nname = "me"\nversion = "0.1.0"\n`))).toEqual(['a@1.0.0 registry registry+https://i.test/index 1', 'g@1.0.0 git git+https://host.test/g#abc 0']);
  });
});

describe('an address of a lockfile', () => {
  it.each<[string, Origin['source']]>([['^1.0.0', 'registry'], ['*', 'registry'], ['latest', 'registry'], ['user/repo#v1', 'git'], ['github:user/repo', 'git'], ['git+ssh://git@host.test/x.git', 'git'], ['https://host.test/x.git#v1', 'git'], ['https://host.test/x.tgz', 'url'], ['file:../x', 'file'], ['./x', 'file']])('%s is of a %s', (address, source) => {
    expect(sourceOf(address)).toBe(source);
  });

  it.each<[string, string | null, string | null]>([
    ['https://r.test/a/-/a-1.0.0.tgz', 'r.test', 'a'], ['https://r.test:8443/api/npm/@s/b/-/b-1.tgz', 'r.test:8443', '@s/b'], ['https://r.test/@s%2fb/-/b-1.tgz', 'r.test', '@s/b'], ['sparse+https://i.test/', 'i.test', null], ['https://r.test/download/a/1', 'r.test', null], ['none', null, null], ['https://r.test/%zz/-/a.tgz', 'r.test', '%zz'],
  ])('%s has the host %s and the name %s', (address, host, name) => {
    expect([hostOf(address), tarballName(address)]).toEqual([host, name]);
  });
});
