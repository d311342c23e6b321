import { fitsGlob } from '../protocol/glob.js';

export { isTestFile } from '../scan/test-files.js';

const SECURITY_TEST = /(^|[/._-])(security|authz?|permissions?|acl|csrf|xss|injection|sanitiz|validat)[\w-]*[/._-].*(test|spec)|(test|spec)s?\/.*(security|authz|permission|csrf|xss|injection|sanitiz)/i;

/** True for a test that checks that a defence stands: by its path, or by what the environment says (`security_tests`). */
export function isSecurityTest(path: string, declared: readonly string[]): boolean {
  return SECURITY_TEST.test(path) || declared.some((pattern) => fitsGlob(pattern, path));
}
