import { describe, expect, it } from 'vitest';
import type { IndexFile } from '../../../src/egress/pypi-index.js';
import { readMetadata, type Metadata, type Release } from '../../../src/setup/upgrade/python-release.js';
import { editPoetryLock, editPylock, editRequirements, editUvLock, type Exchange } from '../../../src/setup/upgrade/python-text.js';

const HEX = (letter: string): string => letter.repeat(64);
const NOTHING: Metadata = { summary: 'words', requiresPython: '>=3.8', requires: [] };
const file = (name: string, letter: string, more: { readonly url?: IndexFile['url'] } = {}): Release['files'][number] => ({ file: name, url: new URL(`https://files.example/p/${name}`), digest: `sha256:${HEX(letter)}`, requiresPython: null, yanked: false, size: 7, published: '2026-01-02T03:04:05Z', metadata: false, ...more });
const release = (version: string, letter: string, metadata: Metadata = NOTHING, more: { readonly url?: IndexFile['url'] } = {}): Release => ({ version, metadata, files: [file(`a_b-${version}-py3-none-any.whl`, letter, more), file(`a_b-${version}.tar.gz`, letter === 'a' ? 'b' : 'd', more)] });
const WAS = release('1.0', 'a');
const exchange = (metadata: Metadata = NOTHING): Exchange => ({ name: 'a-b', from: '1.0.0', to: release('1.1', 'c', metadata) });
const refused = (reason: RegExp) => expect.objectContaining({ code: 'setup.fetch_failed', message: expect.stringMatching(reason) });

describe('a pin of a requirements file', () => {
  const [A, C, D] = [`--hash=sha256:${HEX('a')}`, `--hash=sha256:${HEX('c')}`, `--hash=sha256:${HEX('d')}`];
  it.each<[string, string, string | null]>([
    ['on several lines', `x==1\nA.b[z]==1.0 \\\n    ${A} \\\n    --hash=sha256:${HEX('b')}\n    # via x\ny==1\n`, `x==1\nA.b[z]==1.1 \\\n    ${C} \\\n    ${D}\n    # via x\ny==1\n`],
    ['with one digest', `a-b==1.0 \\\n  ${A}\n`, `a-b==1.1 \\\n  ${C} \\\n  ${D}\n`],
    ['on one line, with a marker and a comment', `a-b == 1.0.0 ; python_version > "3" ${A} # why`, `a-b == 1.1 ; python_version > "3" ${C} ${D} # why`],
    ['without digests, and with line ends of Windows', 'a-b===1.0\r\nx==1\r\n', 'a-b===1.1\r\nx==1\r\n'],
    ['twice', 'a-b==1.0 ; x\na-b==1.0 ; y\n', 'a-b==1.1 ; x\na-b==1.1 ; y\n'],
    ['of another version', 'a-b==1.0.1\n', null],
    ['of another name', 'a-bc==1.0\n# a-b==1.0\n', null],
    ['that is none', 'a-b>=1.0\n', null],
  ])('%s', (_, before, after) => {
    expect(editRequirements('requirements.txt', before, exchange())).toBe(after);
  });

  it('is refused where something stands between its digests', () => {
    expect(() => editRequirements('requirements.txt', `a-b==1.0 ${A} ; marker ${A}`, exchange())).toThrow(refused(/something stands between/));
  });
});

const UV = `version = 1
requires-python = ">=3.9"

[[package]]
name = "a-b"
version = "1.0"
source = { registry = "https://index.example/simple" }
dependencies = [
    { name = "c" },
]
sdist = { url = "https://files.example/p/a_b-1.0.tar.gz", hash = "sha256:${HEX('b')}", size = 5, upload-time = "2025-01-01T00:00:00Z" }
wheels = [
    { url = "https://files.example/p/a_b-1.0-py3-none-any.whl", hash = "sha256:${HEX('a')}", size = 5, upload-time = "2025-01-01T00:00:00Z" },
]

[[package]]
name = "c"
version = "1"
source = { registry = "https://index.example/simple" }
`;

describe('an entry of uv.lock', () => {
  it('gets the files of the index, and all others keep their text', () => {
    expect(editUvLock(UV, exchange(), WAS)).toBe(UV.replace('version = "1.0"', 'version = "1.1"').replaceAll('a_b-1.0', 'a_b-1.1').replaceAll('size = 5', 'size = 7').replaceAll('2025-01-01T00:00:00Z', '2026-01-02T03:04:05Z').replace(HEX('b'), HEX('d')).replace(HEX('a'), HEX('c')));
    expect(editUvLock(UV.replaceAll('\n', '\r\n'), exchange(), WAS)).toBe(editUvLock(UV, exchange(), WAS).replaceAll('\n', '\r\n'));
  });

  it.each<[string, string, Exchange, Release, RegExp]>([
    ['the new version asks for more', UV, exchange({ ...NOTHING, requires: ['["d","",">=2",""]'] }), WAS, /asks for other packages than 1\.0\.0 \(\+ d>=2\)/],
    ['it needs a later Python than the lockfile is for', UV, exchange({ ...NOTHING, requiresPython: '>=3.10' }), WAS, /needs Python >=3\.10, and the lockfile is for >=3\.9/],
    ['it is there twice', `${UV}\n[[package]]\nname = "A_b"\nversion = "2"\nsource = { registry = "x" }\n`, exchange(), WAS, /several versions/],
    ['the index has its files elsewhere', UV, { ...exchange(), to: release('1.1', 'c', NOTHING, { url: new URL('https://mirror.example/a.whl') }) }, WAS, /other addresses/],
    ['its form is another', UV.replace('[[package]]\nname = "c"', '[[ package ]]\nname = "c"'), exchange(), WAS, /not the usual/],
  ])('is refused where %s', (_, text, to, was, reason) => {
    expect(() => editUvLock(text, to, was)).toThrow(refused(reason));
  });

  it('may need a Python that the lockfile is not below', () => {
    expect(editUvLock(UV, exchange({ ...NOTHING, requiresPython: '>=3.9' }), WAS)).toContain('a_b-1.1');
  });
});

describe('an entry of poetry.lock', () => {
  const text = `[[package]]\nname = "A-b"\nversion = "1.0"\ndescription = "old"\noptional = false\npython-versions = ">=3.8"\nfiles = [\n    {file = "a_b-1.0-py3-none-any.whl", hash = "sha256:${HEX('a')}"},\n]\n\n[package.extras]\nx = ["y"]\n\n[metadata]\npython-versions = ">=3.9"\ncontent-hash = "z"\n`;
  it('gets the files of the index; its content-hash stays', () => {
    expect(editPoetryLock(text, exchange(), WAS)).toBe(text.replace('"1.0"', '"1.1"').replace('"old"', '"words"').replace(`    {file = "a_b-1.0-py3-none-any.whl", hash = "sha256:${HEX('a')}"},\n`, `    {file = "a_b-1.1-py3-none-any.whl", hash = "sha256:${HEX('c')}"},\n    {file = "a_b-1.1.tar.gz", hash = "sha256:${HEX('d')}"},\n`));
    expect(() => editPoetryLock(text.replace(/files = \[\n.*\n\]\n/, ''), exchange(), WAS)).toThrow(refused(/before 1\.3/));
  });
});

describe('an entry of pylock.toml', () => {
  const inline = `lock-version = "1.0"\n\n[[packages]]\nname = "a-b"\nversion = "1.0"\nwheels = [{ url = "https://files.example/p/a_b-1.0-py3-none-any.whl", size = 5, hashes = { sha256 = "${HEX('a')}" } }]\n\n[[packages]]\nname = "c"\nversion = "1"\n`;
  it('keeps the form that it has', () => {
    expect(editPylock(inline, exchange(), WAS)).toBe(inline.replace('"1.0"\nwheels', '"1.1"\nwheels').replace(/wheels = .*/, `wheels = [\n    { url = "https://files.example/p/a_b-1.1-py3-none-any.whl", size = 7, hashes = { sha256 = "${HEX('c')}" } },\n]`));
    const tables = `lock-version = "1.0"\n\n[[packages]]\nname = "a-b"\nversion = "1.0"\n\n[[packages.wheels]]\nname = "a_b-1.0-py3-none-any.whl"\nurl = "https://files.example/p/a_b-1.0-py3-none-any.whl"\n\n[packages.wheels.hashes]\nsha256 = "${HEX('a')}"\n\n`;
    expect(editPylock(tables, exchange(), WAS)).toBe(tables.replaceAll('1.0-py3', '1.1-py3').replace('version = "1.0"\n\n[[packages.wheels', 'version = "1.1"\n\n[[packages.wheels').replace(HEX('a'), HEX('c')));
  });
});

describe('the metadata of a package', () => {
  it('are its headers, with one text for each dependency', () => {
    expect(readMetadata(Buffer.from("Metadata-Version: 2.1\r\nName: a\r\nSummary: words\r\nRequires-Python: >=3.8\r\nRequires-Dist: Z_z (<2,>=1) ; extra == 'x'\r\nRequires-Dist: b\r\n\r\nRequires-Dist: no\r\n"))).toEqual({ summary: 'words', requiresPython: '>=3.8', requires: ['["b","","",""]', '["z-z","","<2,>=1","extra == \\"x\\""]'] });
  });
});
