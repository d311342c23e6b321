import { parse } from '@ast-grep/napi';
import type { FileFacts } from '../../sarif/tamper/model.js';
import { PYTHON } from '../grammars.js';
import { grammarOf } from '../shapes.js';
import { isTestFile } from '../test-files.js';
import { javascriptTests } from './javascript.js';
import { pythonTests } from './python.js';

/** A call that names a case: tests may stand beside the code, in files of any name. */
const CASES = /(?:^|[^.\w$])(?:it|test|specify|xit|fit|xtest|describe|Deno\.test)(?:\.\w+)*\s*\(\s*['"`]/;

/** How the tests of a file judge, null for a file that has none, or whose language has no grammar here. */
export function testsOf(path: string, text: string): FileFacts['tests'] {
  if (!isTestFile(path) && !CASES.test(text)) return null;
  const language = grammarOf(path, text);
  if (language === null) return null;
  const root = parse(language, text).root();
  const found = language === PYTHON ? pythonTests(root) : javascriptTests(root);
  // A helper of tests that ends the process may be a program that tests start.
  return found.cases.length > 0 ? found : { cases: [], marks: found.marks.filter((mark) => mark.what !== 'exit') };
}
