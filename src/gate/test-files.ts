import { fitsGlob } from './glob.js';

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

const SECURITY_TEST = /(^|[/._-])(security|authz?|permissions?|acl|csrf|xss|injection|sanitiz|validat)[\w-]*[/._-].*(test|spec)|(test|spec)s?\/.*(security|authz|permission|csrf|xss|injection|sanitiz)/i;

/** True for a test that checks that a defence stands: by its path, or by what the environment says (`security_tests`). */
export function isSecurityTest(path: string, declared: readonly string[]): boolean {
  return SECURITY_TEST.test(path) || declared.some((pattern) => fitsGlob(pattern, path));
}
