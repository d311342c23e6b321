/**
 * True for a file that is there for the tests: by the names that test runners look for, and the folders that tests live in
 * (fixtures and helpers too). These are laid over the base's code for the red run, and an edit to one weakens what it proves.
 */
export function isTestFile(path: string): boolean {
  const parts = path.toLowerCase().split('/');
  const name = parts.at(-1) ?? '';
  return parts.slice(0, -1).some((part) => FOLDERS.has(part))
    || /(?:^|[._-])(?:test|tests|spec|specs)[._-]?(?:\.|$)/.test(name.replace(/\.snap$/, '.test.js')) || /^test[-_.]/.test(name) || /^conftest\.py$/.test(name);
}

const FOLDERS: ReadonlySet<string> = new Set(['test', 'tests', '__tests__', 'spec', 'specs', '__mocks__', '__snapshots__', 'e2e']);
