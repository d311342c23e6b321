import { describe, expect, it } from 'vitest';
import { parsePoetryLock } from '../../../src/egress/locks/poetry.js';
import { parsePylock } from '../../../src/egress/locks/pylock.js';
import { lockOfRequirements, readRequirements } from '../../../src/egress/locks/requirements.js';
import { parseUvLock } from '../../../src/egress/locks/uv.js';

const [A, B] = ['a'.repeat(64), 'b'.repeat(64)];
const refused = expect.objectContaining({ code: 'setup.fetch_failed' });

describe('requirements files', () => {
  const lock = (files: Record<string, string>) => lockOfRequirements(readRequirements(['requirements.txt'], (path) => files[path] ?? null));

  it('pin projects by version and digest, with what they include', () => {
    expect(lock({
      'requirements.txt': `#\n-i https://x.example/simple\n--trusted-host x.example\nFlask[async] == 3.0.0 ; python_version >= "3.8" \\\n    --hash=sha256:${A} \\\n    --hash=sha256:${B}   # via -r requirements.in\n-r sub/more.txt\n`,
      'sub/more.txt': `-c ../constraints.txt\nzope.interface==6.0.0 --hash=sha256:${B}\r\n`, 'constraints.txt': '',
    })).toEqual({
      locked: [{ name: 'flask', version: '3', digests: [`sha256:${A}`, `sha256:${B}`] }, { name: 'zope-interface', version: '6', digests: [`sha256:${B}`] }],
      requirements: [`Flask[async]==3.0.0 ; python_version >= "3.8" --hash=sha256:${A} --hash=sha256:${B}`, `zope.interface==6.0.0 --hash=sha256:${B}`],
    });
  });

  it.each<[string, string]>([
    ['no digest', 'a==1.0'], ['a digest of MD5 alone', `a==1.0 --hash=md5:${'a'.repeat(32)}`], ['a range', `a>=1.0 --hash=sha256:${A}`], ['any of a version', `a==1.* --hash=sha256:${A}`],
    ['a folder', './local'], ['something editable', '-e .'], ['an address', 'a @ https://x.example/a.whl'], ['a repository', 'git+https://x.example/a.git'], ['an option that is none', `a==1.0 --global-option=x --hash=sha256:${A}`],
    ['a version that is none', `a==what --hash=sha256:${A}`], ['a file outside', '-r ../x.txt'], ['a file that is not there', '-r x.txt'], ['an option behind a marker', `a==1.0 ; python_version > "3" --index-url=http://x --hash=sha256:${A}`],
  ])('with %s are refused', (_, text) => {
    expect(() => lock({ 'requirements.txt': text })).toThrow(refused);
  });
});

describe('uv.lock', () => {
  const entry = (name: string, source: string, more = ''): string => `[[package]]\nname = "${name}"\nversion = "1.0"\nsource = ${source}\n${more}\n`;
  const wheels = `wheels = [{ url = "https://x.example/x.whl", hash = "sha256:${A}" }]`;

  it('names packages with digests, and what those of the tree ask for', () => {
    const root = `[[package]]\nname = "root"\nversion = "0"\nsource = { editable = "." }\ndependencies = [{ name = "a", extra = ["x"], marker = "python_full_version >= '3.9'" }, { name = "member" }, { name = "b", version = "1.0", marker = "extra == 'extra-4-root-cpu'" }]\n[package.dev-dependencies]\ndev = [{ name = "b" }]\ndocs = [{ name = "c" }]\n[package.optional-dependencies]\ntest = [{ name = "c" }]\nweb = [{ name = "a" }]\n`;
    expect(parseUvLock(`version = 1\n${entry('a', '{ registry = "https://x.example" }', wheels)}${entry('b', '{ registry = "https://x.example" }', `sdist = { hash = "sha256:${B}" }`)}${entry('c', '{ registry = "x" }', wheels)}${entry('member', '{ directory = "m" }')}${root}`)).toEqual({
      locked: [{ name: 'a', version: '1', digests: [`sha256:${A}`] }, { name: 'b', version: '1', digests: [`sha256:${B}`] }, { name: 'c', version: '1', digests: [`sha256:${A}`] }],
      requirements: ["a[x] ; python_full_version >= '3.9'", 'b', 'c'],
    });
  });

  it.each<[string, string]>([
    ['git', entry('a', '{ git = "https://x.example/a.git" }', wheels)], ['an address', entry('a', '{ url = "https://x.example/a.whl" }', wheels)], ['no digest', entry('a', '{ registry = "x" }')],
    ['a name that is none', entry('../a', '{ registry = "x" }', wheels)], ['a marker that is none', entry('r', '{ virtual = "." }', 'dependencies = [{ name = "a", marker = "x\\n--index-url http://x" }]')],
    ['a name that is an option', entry('r', '{ virtual = "." }', 'dependencies = [{ name = "--index-url=http://x" }]')], ['no TOML', '['], ['nothing', ''],
  ])('with %s is refused', (_, text) => {
    expect(() => parseUvLock(text)).toThrow(refused);
  });
});

describe('poetry.lock', () => {
  const entry = (name: string, more = ''): string => `[[package]]\nname = "${name}"\nversion = "1.0"\n${more}\nfiles = [{file = "x", hash = "sha256:${A}"}]\n`;
  const locked = (...names: string[]): object[] => names.map((name) => ({ name, version: '1', digests: [`sha256:${A}`] }));

  it('names packages; pyproject.toml says which of them are asked for', () => {
    const text = `${entry('a', 'optional = false\nmarkers = "python_version < \\"4\\""')}${entry('b', 'optional = true')}${entry('c')}`;
    expect(parsePoetryLock(text, null)).toEqual({ locked: locked('a', 'b', 'c'), requirements: ['a ; python_version < "4"', 'c'] });
    expect(parsePoetryLock(text, '[tool.poetry.dependencies]\npython = "^3"\nA = { version = "*", extras = ["x"] }\nb = { version = "*", optional = true }\n[tool.poetry.group.test.dependencies]\nc = "*"\n').requirements).toEqual(['A[x]', 'c']);
    expect(parsePoetryLock(text, '[project]\ndependencies = ["a[y]>=1", "unknown"]\n[dependency-groups]\ndev = ["b"]\ndocs = ["c"]\n').requirements).toEqual(['a[y]', 'b']);
  });

  it('of before poetry 1.3 has its digests elsewhere', () => {
    expect(parsePoetryLock(`[[package]]\nname = "a"\nversion = "1.0"\n[metadata.files]\na = [{file = "x", hash = "sha256:${A}"}]\n`, null).locked).toEqual(locked('a'));
  });

  it.each([entry('a', '[package.source]\ntype = "git"\n'), '[[package]]\nname = "a"\nversion = "1.0"\n', '['])('%j is refused', (text) => {
    expect(() => parsePoetryLock(text, null)).toThrow(refused);
  });
});

describe('pylock.toml', () => {
  it('names all that is to be installed', () => {
    expect(parsePylock(`lock-version = "1.0"\n[[packages]]\nname = "a"\nversion = "1.0"\nmarker = "os_name == 'posix'"\n[packages.sdist]\nhashes = {sha256 = "${A}"}\n[[packages.wheels]]\nhashes = {sha512 = "${A}${A}", sha256 = "${A}"}\n[[packages]]\nname = "local"\ndirectory = {path = "."}\n`)).toEqual({
      locked: [{ name: 'a', version: '1', digests: [`sha256:${A}`, `sha512:${A}${A}`] }], requirements: ["a==1.0 ; os_name == 'posix'"],
    });
  });

  it.each(['[[packages]]\nname = "a"\nvcs = {type = "git"}\n', '[[packages]]\nname = "a"\nversion = "1.0"\n'])('%j is refused', (text) => {
    expect(() => parsePylock(text)).toThrow(refused);
  });
});
