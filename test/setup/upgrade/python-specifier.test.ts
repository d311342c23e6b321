import { describe, expect, it } from 'vitest';
import { editPyproject, editUvSpecifier, isExact } from '../../../src/setup/upgrade/python-specifier.js';

const SPECIFIER = { name: 'a-b', from: '==1.0', to: '==1.1' };
const refused = expect.objectContaining({ code: 'setup.fetch_failed' });

describe('an exact version that a project asks for', () => {
  it('is exchanged where it stands in pyproject.toml', () => {
    const text = `[project]\nname = "a-b"\ndescription = "a-b ==1.0 it's" # "a-b==1.0"\ndependencies = ["A.b[x] == 1.0 ; python_version > '3'", 'a_b (==1.0)', "a-b==1.0.1", "c==1.0"]\n[dependency-groups]\ndev = [\n  "a-b==1.0",\n]\n`;
    const plain = text.replace(`"a-b ==1.0 it's" # "a-b==1.0"`, '"words"');
    expect(editPyproject(plain, SPECIFIER)).toBe(plain.replace("A.b[x] == 1.0 ;", 'A.b[x] ==1.1 ;').replace('(==1.0)', '(==1.1)').replace('"a-b==1.0",\n]', '"a-b==1.1",\n]'));
    expect(() => editPyproject('[project]\ndependencies = ["a-b>=1"]\n', SPECIFIER)).toThrow(refused);
    expect(() => editPyproject('[project]\ndependencies = ["a-b==1.0", "\\u0061-b==1.0"]\n', SPECIFIER)).toThrow(refused);
  });

  it('is exchanged in the copy that uv.lock has', () => {
    const text = `[[package]]\nname = "me"\n\n[package.metadata]\nrequires-dist = [\n    { name = "a-b", extras = ["x"], marker = "python_version > '3'", specifier = "==1.0" },\n    { name = "a-b", specifier = "==1.0.1" },\n    { name = "c", specifier = "==1.0" },\n]\n\n[package.metadata.requires-dev]\ndev = [{ name = "a-b", specifier = "==1.0" }]\n`;
    expect(editUvSpecifier(text, SPECIFIER)).toBe(text.replace('specifier = "==1.0" },\n    { name = "a-b", specifier = "==1.0.1"', 'specifier = "==1.1" },\n    { name = "a-b", specifier = "==1.0.1"').replace('dev = [{ name = "a-b", specifier = "==1.0"', 'dev = [{ name = "a-b", specifier = "==1.1"'));
    expect(editUvSpecifier('[package.metadata]\nrequires-dist = [{ name = "a-b", specifier = "==1.0" }]\n', SPECIFIER)).toBe('[package.metadata]\nrequires-dist = [{ name = "a-b", specifier = "==1.1" }]\n');
    expect(() => editUvSpecifier('[[package]]\nname = "a-b"\n', SPECIFIER)).toThrow(refused);
  });

  it('is the one kind that is', () => {
    expect(['==1.0', '==1.*', '>=1', '===1', '==1,!=2', ''].map(isExact)).toEqual([true, false, false, false, false, false]);
  });
});
