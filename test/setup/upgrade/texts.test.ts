import { describe, expect, it } from 'vitest';
import { blocksOf } from '../../../src/setup/upgrade/blocks.js';
import { mergePnpmLock, setWorkspaceOverride } from '../../../src/setup/upgrade/pnpm-text.js';
import { mergeBerryLock, mergeClassicLock } from '../../../src/setup/upgrade/yarn-text.js';

const refused = expect.objectContaining({ code: 'setup.fetch_failed' });

describe('the blocks of a text', () => {
  it('are the text when they are joined', () => {
    const text = '# head\n\na:\n  x: 1\n\n  y: 2\n# note\nb: 3\r\n  z\nend';
    const { head, blocks } = blocksOf(text, 0);
    expect([head + blocks.map((b) => b.text).join(''), head, blocks.map((b) => b.key)]).toEqual([text, '# head\n\n', ['a:', 'b: 3', 'end']]);
    expect(blocksOf('', 0)).toEqual({ head: '', blocks: [] });
  });
});

describe('a lockfile of pnpm', () => {
  const lock = (more: { settings?: string; a?: string; b?: string; tail?: string; overrides?: string } = {}): string =>
    `lockfileVersion: '9.0'\n\nsettings:\n  autoInstallPeers: ${more.settings ?? 'true'}\n\n${more.overrides ?? ''}importers:\n\n  .: {}\n\npackages:\n\n  '@s/a@1.0.0':\n    resolution: {integrity: sha512-a==${more.a ?? ''}}\n    hasBin: true\n\n  b@1.0.0:\n    resolution: {integrity: ${more.b ?? 'sha512-b=='}}\n${more.tail ?? ''}`;

  it('keeps the old text of parts that an upgrade has no say in, of addresses and of notes', () => {
    const old = `${lock({ a: ', tarball: https://registry.example/a.tgz', tail: '    deprecated: old words\n' })}\npatchedDependencies:\n  x: y\n`;
    const made = lock({ settings: 'false', tail: '    deprecated: new words\n    requiresBuild: true\n    hasBin: true\n', overrides: 'overrides:\n  b: 1.0.0\n\n' });
    expect(mergePnpmLock(old, made)).toBe(old.replace('importers:', 'overrides:\n  b: 1.0.0\n\nimporters:'));
    expect(mergePnpmLock(old, old)).toBe(old);
  });

  it('takes what is another package, and keeps a document that stands before it', () => {
    const first = "---\nlockfileVersion: '9.0'\nimporters: {}\n---\n";
    expect(mergePnpmLock(first + lock(), `---\nother: true\n---\n${lock({ b: 'sha512-c==' })}`)).toBe(first + lock({ b: 'sha512-c==' }));
  });
});

describe('an override in pnpm-workspace.yaml', () => {
  it.each<[string, string, string]>([
    ['nothing', '', "overrides:\n  a>b: 1.0.1\n"],
    ['other settings', '# mine\npackages: []', '# mine\npackages: []\n\noverrides:\n  a>b: 1.0.1\n'],
    ['other rules', 'overrides:\n  # why\n  x: 1.0.0\nhoist: true\n', 'overrides:\n  # why\n  x: 1.0.0\n  a>b: 1.0.1\nhoist: true\n'],
    ['the rule itself', 'overrides:\n  "a>b": 1.0.0 # old\n  x: 2.0.0\n', 'overrides:\n  a>b: 1.0.1\n  x: 2.0.0\n'],
  ])('is set beside %s', (_, before, after) => {
    expect(setWorkspaceOverride(before, 'a>b', '1.0.1')).toBe(after);
  });

  it('has quotes where YAML needs them, and is refused where the text could not be kept', () => {
    expect(setWorkspaceOverride('', '@s/a@1>@s/b', 'npm:c@1.0.0')).toBe('overrides:\n  "@s/a@1>@s/b": "npm:c@1.0.0"\n');
    expect(() => setWorkspaceOverride('overrides: { x: 1.0.0 }\n', 'a', '1.0.1')).toThrow(refused);
    expect(() => setWorkspaceOverride('- a\n', 'a', '1.0.1')).toThrow(refused);
  });
});

describe('a lockfile of yarn', () => {
  const INSIDE = 'http://127.0.0.1:4873/npm';
  const entry = (pattern: string, name: string, version: string, base: string, mark = ''): string => `${pattern}:\n  version "${version}"\n  resolved "${base}/${name}/-/${name.split('/').at(-1)}-${version}.tgz${mark}"\n  integrity sha512-${name.at(-1)}${version}\n`;
  const head = '# yarn lockfile v1\n\n\n';

  it('of yarn 1 has the addresses of the old one, and of the sandbox none', () => {
    const sha = `#${'a'.repeat(40)}`;
    const old = `${head}${entry('a@^1', 'a', '1.0.0', 'https://r.example', sha)}\n${entry('"@s/b@^1"', '@s/b', '1.0.0', 'https://r.example')}`;
    const made = `${head}${entry('a@^1, a@^1.0.0', 'a', '1.0.0', INSIDE)}\n${entry('"@s/b@^1"', '@s/b', '1.0.1', INSIDE, sha)}\n${entry('c@1', 'c', '1.0.0', INSIDE, '#undefined')}`;
    expect(mergeClassicLock(old, made, INSIDE)).toBe(`${head}${entry('a@^1, a@^1.0.0', 'a', '1.0.0', 'https://r.example', sha)}\n${entry('"@s/b@^1"', '@s/b', '1.0.1', 'https://r.example', sha)}\n${entry('c@1', 'c', '1.0.0', 'https://r.example')}`);
    expect(() => mergeClassicLock(old, `${head}${entry('a@^1', 'a', '1.0.0', 'https://r.example').replace('sha512', `x ${INSIDE}`)}`, INSIDE)).toThrow(refused);
  });

  it('of yarn 2 and later keeps its metadata, and the text of what says the same', () => {
    const old = '# head\n\n__metadata:\n  version: 8\n\n"a@npm:^1":\n  version: 1.0.0\n  resolution: "a@npm:1.0.0"\n  checksum: 10c0/a\n\n"b@npm:1":\n  version: 1.0.0\n  resolution: "b@npm:1.0.0"\n';
    const made = '# other\n\n__metadata:\n  version: 9\n\n"a@npm:^1":\n  resolution: "a@npm:1.0.0"\n  version: "1.0.0"\n  checksum: 10c0/a\n\n"b@npm:1":\n  version: 1.0.1\n  resolution: "b@npm:1.0.1"\n';
    expect(mergeBerryLock(old, made)).toBe(old.replace('  version: 1.0.0\n  resolution: "b@npm:1.0.0"', '  version: 1.0.1\n  resolution: "b@npm:1.0.1"'));
    expect(mergeBerryLock(old.replaceAll('\n', '\r\n'), made)).toBe(mergeBerryLock(old, made).replaceAll('\n', '\r\n'));
  });
});
