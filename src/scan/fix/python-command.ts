import type { SgNode } from '@ast-grep/napi';
import type { RuleFix } from '../rule.js';
import { replace, together } from './facts.js';
import { pythonArguments, withoutArgument } from './python.js';
import { pythonBuilt, pythonExpression } from './python-text.js';
import { splitWords } from './command.js';
import { HOLE, holeIndex } from './text.js';

/** Names of what is read as data, so that evaluating it was meant to parse it. */
export const DATA_NAME = /(?:^|[._])(?:data|text|value|raw|payload|line|row|cell|content|contents|string|response|body|json|literal|config|settings|arg|param|inp|user_input|answer)s?(?:\[[^\]]*\])?(?:\.strip\(\))?$|\.read\(\)$|\.text$/;
const IS_TEXT = /^(?:str|os\.path\.\w+)\(|(?:path|file|filename|dir|directory|folder|name|title|url|uri|host|hostname|branch|tag|ref|text|slug|src|dest|target|input|output)$/i;

export const PYTHON_COMMAND: RuleFix = {
  title: 'Run the program itself, without a shell',
  edits(node, file) {
    const { positional: [text, ...rest], keyword, keywords } = pythonArguments(node);
    const callee = node.field('function')?.text() ?? '';
    const built = text === undefined ? null : pythonBuilt(text);
    const words = built === null ? null : splitWords(built.joined, built.values);
    if (text === undefined || built === null || words === null || rest.length > 0 || keyword('executable') !== undefined) return null;
    const list = words.map((word) => wordSource(word, built.values, built.quote));
    if (list.some((word) => word === null)) return null;
    const shell = keyword('shell');
    if (shell !== undefined) return together([replace(text, `[${list.join(', ')}]`)], [withoutArgument(shell, file.text)]);
    // What os.system returns is the shell's: only a call whose result nobody reads can be another.
    const run = callee === 'os.system' && keywords.length === 0 && node.parent()?.is('expression_statement') === true ? file.use('subprocess', 'run') : null;
    return run === null ? null : together(run.edits, [replace(node, `${run.name}([${list.join(', ')}])`)]);
  },
  examples: {
    mustChange: [
      ['subprocess.run(f"ls -l {path}", shell=True, check=True)\n', 'subprocess.run(["ls", "-l", path], check=True)\n'], ['subprocess.check_output("hg log " + ref, shell=True)\n', 'subprocess.check_output(["hg", "log", ref])\n'],
      ['import os\nos.system(f"rm {folder}/a.txt \'{name}\'")\n', 'import os\nimport subprocess\nsubprocess.run(["rm", f"{folder}/a.txt", name])\n'],
      ['subprocess.call(\n    "kill -9 %d" % pid,\n    shell=True,\n)\n', 'subprocess.call(\n    ["kill", "-9", str(pid)],\n)\n'],
    ],
    mustNotChange: ['subprocess.run(f"ls {path} | wc", shell=True)\n', 'subprocess.run(f"{cmd} x", shell=True)\n', 'subprocess.run(f"git {args}", shell=True)\n', 'status = os.system(f"ls {path}")\n', 'subprocess.run(f"echo $HOME {path}", shell=True)\n', 'subprocess.run(f"ls {n:>3}", shell=True)\n'],
  },
};

function wordSource(word: string, values: readonly SgNode[], quote: string): string | null {
  const source = pythonExpression(word, values, quote);
  const value = word.length === 1 && HOLE.test(word) ? values[holeIndex(word)] : undefined;
  return source === null || value === undefined || value.is('string') || IS_TEXT.test(source) ? source : `str(${source})`;
}

export const LITERAL_EVAL: RuleFix = {
  title: 'Read the text as a literal',
  edits(node, file) {
    const { positional: [text, ...rest], keywords } = pythonArguments(node);
    const eval_ = node.field('function');
    if (text === undefined || eval_?.text() !== 'eval' || rest.length > 0 || keywords.length > 0 || !(DATA_NAME.test(text.text()) || /^input\(|^(?:sys\.)?argv\[|^os\.(?:environ|getenv)|^request\./.test(text.text()))) return null;
    const use = file.use('ast', 'literal_eval');
    return use === null ? null : together(use.edits, [replace(eval_, use.name)]);
  },
  examples: {
    mustChange: [['import sys\n\nx = eval(line)\n', 'import ast\nimport sys\n\nx = ast.literal_eval(line)\n'], ['from ast import literal_eval\nn = eval(input("n: "))\n', 'from ast import literal_eval\nn = literal_eval(input("n: "))\n']],
    mustNotChange: ['exec(request.form["code"])\n', 'eval(f"{a} + {b}")\n', 'ast = 1\nx = eval(line)\n'],
  },
};

export const SAFE_YAML: RuleFix = {
  title: 'Read plain data only',
  edits(node, file) {
    const { positional: [, second], keyword } = pythonArguments(node);
    const name = node.field('function')?.field('attribute');
    const loader = keyword('Loader') ?? second;
    if (name == null) return null;
    return together([replace(name, /_all$/.test(name.text()) ? 'safe_load_all' : 'safe_load')], loader === undefined ? [] : [withoutArgument(loader, file.text)]);
  },
  examples: {
    mustChange: [['c = yaml.load(f)\n', 'c = yaml.safe_load(f)\n'], ['c = yaml.load(f, Loader=yaml.Loader)\n', 'c = yaml.safe_load(f)\n'], ['c = list(yaml.load_all(f, yaml.UnsafeLoader))\n', 'c = list(yaml.safe_load_all(f))\n'], ['c = yaml.unsafe_load(text)\n', 'c = yaml.safe_load(text)\n']],
    mustNotChange: [],
  },
};
