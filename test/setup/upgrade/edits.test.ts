import { describe, expect, it } from 'vitest';
import { type Edit, editManifest, setValue } from '../../../src/setup/upgrade/edits.js';
import { JsonText } from '../../../src/setup/upgrade/json-text.js';
import { allows, changeRange } from '../../../src/setup/upgrade/ranges.js';

const range = (name: string, to: string, group: 'dependencies' | 'devDependencies' = 'dependencies'): Edit => ({ kind: 'range', group, name, range: to });
const override = (version: string, ...path: string[]): Edit => ({ kind: 'override', path, version });

describe('an edit of package.json', () => {
  it('touches the value and nothing else', () => {
    const text = '\t{ "z": [1,  2], "name":"x",\r\n   "dependencies" : { "a":"1.0.0" , "b" : "2.0.0"},\r\n "x": "\\u0041 \\" } {" }\r\n\r\n';
    expect(editManifest(text, [range('b', '^3.0.0')])).toBe(text.replace('2.0.0', '^3.0.0'));
    expect(editManifest(text, [])).toBe(text);
  });

  it.each<[string, string, Edit, string]>([
    ['two blanks', '{\n  "name": "x"\n}\n', override('2.0.0', 'p', 'a'), '{\n  "name": "x",\n  "overrides": {\n    "p": {\n      "a": "2.0.0"\n    }\n  }\n}\n'],
    ['tabs and CRLF, no newline at the end', '{\r\n\t"name": "x"\r\n}', override('2.0.0', 'a@1'), '{\r\n\t"name": "x",\r\n\t"overrides": {\r\n\t\t"a@1": "2.0.0"\r\n\t}\r\n}'],
    ['one line', '{"name":"x"}', override('2.0.0', 'p', 'a'), '{"name":"x","overrides":{"p":{"a":"2.0.0"}}}'],
    ['an empty object', '{}', override('2.0.0', 'a'), '{"overrides":{"a":"2.0.0"}}'],
    ['a group on one line', '{\n    "dependencies": { "a": "1" }\n}\n', range('b', '2'), '{\n    "dependencies": { "a": "1", "b": "2" }\n}\n'],
    ['an empty group', '{\n  "overrides": {}\n}\n', override('2.0.0', 'a'), '{\n  "overrides": {\n    "a": "2.0.0"\n  }\n}\n'],
    ['beside overrides that are there', '{\n  "overrides": {\n    "b": "1.0.0"\n  }\n}\n', override('2.0.0', 'p', 'a'), '{\n  "overrides": {\n    "b": "1.0.0",\n    "p": {\n      "a": "2.0.0"\n    }\n  }\n}\n'],
    ['below one that is there', '{\n  "overrides": {\n    "p": {\n      "b": "1.0.0"\n    }\n  }\n}\n', override('2.0.0', 'p', 'a'), '{\n  "overrides": {\n    "p": {\n      "b": "1.0.0",\n      "a": "2.0.0"\n    }\n  }\n}\n'],
    ['below a version that is there', '{\n  "overrides": {\n    "p": "1.0.0"\n  }\n}\n', override('2.0.0', 'p', 'a'), '{\n  "overrides": {\n    "p": {\n      ".": "1.0.0",\n      "a": "2.0.0"\n    }\n  }\n}\n'],
    ['in place of an own version', '{"overrides":{"p":{".":"1.0.0","a":"1"}}}', override('2.0.0', 'p'), '{"overrides":{"p":{".":"2.0.0","a":"1"}}}'],
    ['a name of a prototype', '{"a":1}', override('2.0.0', '__proto__', 'constructor'), '{"a":1,"overrides":{"__proto__":{"constructor":"2.0.0"}}}'],
    ['the last of two of a name', '{"dependencies":{"a":"1","a":"2"}}', range('a', '3'), '{"dependencies":{"a":"1","a":"3"}}'],
  ])('keeps the form: %s', (_, before, edit, after) => {
    expect(editManifest(before, [edit])).toBe(after);
    expect(editManifest(after, [edit])).toBe(after);
  });

  it.each(['', '{', '[1]', '{"dependencies":5}', `{"dependencies":${'['.repeat(500)}${']'.repeat(500)}}`])('refuses %j', (text) => {
    expect(() => setValue(text, ['dependencies', 'a'], '1')).toThrow(SyntaxError);
  });

  it('finds every value where JSON.parse does', () => {
    const text = '{"a\\"b":{"x":"}\\\\","y":[{"z":"]"},-1.5e3,true,null]} ,"e":{},"n":-0}';
    const json = new JsonText(text);
    expect((json.root.members ?? []).map((m) => [m.key, json.value(m.value)])).toEqual(Object.entries(JSON.parse(text)));
  });
});

describe('the change of a range', () => {
  it.each<[string, string, string | null]>([
    ['1.2.3', '1.3.0', '1.3.0'], ['=1.2.3', '1.3.0', '=1.3.0'], ['v1.2.3', '1.3.0', 'v1.3.0'], ['^1.2.3', '1.3.0', '^1.3.0'], ['~1.2.3', '1.3.0', '~1.3.0'], ['^1', '1.3.0', '^1.3.0'], ['~1.2', '2.0.0', '~2.0.0'], ['^1.x', '1.3.0', '^1.3.0'],
    ['1.2.3-rc.1', '1.2.3', '1.2.3'], ['>=1.0.0', '1.3.0', null], ['1.x', '1.3.0', null], ['1.x', '2.0.0', '^2.0.0'], ['1', '1.3.0', null], ['*', '2.0.0', null], ['', '2.0.0', null], ['^1.0.0 || ^2.0.0', '2.1.0', null], ['^1.0.0 || ^2.0.0', '3.0.0', '^3.0.0'],
    ['>=1 <1.3', '1.3.0', '^1.3.0'], ['1.0.0 - 1.2.9', '1.3.0', '^1.3.0'], ['npm:other@^1.0.0', '1.3.0', 'npm:other@^1.3.0'], ['npm:@s/other@1.0.0', '1.3.0', 'npm:@s/other@1.3.0'],
  ])('%j for %s', (before, to, after) => {
    expect(changeRange(before, to)).toEqual(after === null ? { kind: 'kept' } : { kind: 'changed', range: after });
  });

  it.each(['latest', 'git+ssh://git@example.com/x.git', 'https://example.com/x.tgz', 'file:../x', 'user/repo', 'user/repo#v1.0.0', 'workspace:*', 'link:../x', 'npm:other'])('%j is refused', (before) => {
    expect([changeRange(before, '2.0.0').kind, allows(before, '2.0.0')]).toEqual(['refused', false]);
  });

  it('takes no time on a hostile range', () => {
    expect(changeRange(`^1${'.0'.repeat(50_000)}x`, '2.0.0').kind).toBe('refused');
    expect(changeRange(`=${' '.repeat(100_000)}x`, '2.0.0').kind).toBe('kept');
  });
});
