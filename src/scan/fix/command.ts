import type { SgNode } from '@ast-grep/napi';
import type { Edit } from '../../sarif/model.js';
import type { RuleFix } from '../rule.js';
import { argumentsOf, type FileFacts, replace, together } from './facts.js';
import { builtFrom, expression, HOLE, holeIndex } from './text.js';

/** Commands that are the shell's own, that are given a command, or that are scripts on Windows, which only a shell starts there. */
const NO_PROGRAM: ReadonlySet<string> = new Set(['cd', 'export', 'source', '.', 'set', 'unset', 'eval', 'exec', 'alias', 'type', 'ulimit', 'umask', 'exit', 'read', 'trap', 'wait', 'command', 'if', 'for', 'while', 'case', 'time', 'sh', 'bash', 'zsh', 'npm', 'npx', 'pnpm', 'yarn']);
/** Values that hold several words or commands, by the names people give them; and ones quoted for the shell. */
const SEVERAL = /(?<!t)arg|opt(?:ion)?s?\b|flag|cmd|command|params?(?!s?\.)|list|files\b|paths\b|(?<!path)\.join\(|quote|escape|shell|script|redirect|pipe/i;
/** Expressions that are text: `execFile` takes nothing else, where a shell's text took anything. */
const IS_TEXT = /^(?:path\.\w+|String|\w+\.toString|JSON\.stringify)\(|(?:path|file|filename|dir|directory|folder|name|title|url|uri|host|hostname|branch|tag|ref|text|slug|src|dest|target|input|output)$/i;

export const COMMAND_WITHOUT_SHELL: RuleFix = {
  title: 'Run the program itself, without a shell',
  edits(node, file) {
    const [text, ...rest] = argumentsOf(node);
    const built = text === undefined ? null : builtFrom(text);
    const list = built === null ? null : splitWords(built.joined, built.values);
    if (text === undefined || built === null || list === null || rest.some((a) => /\bshell\b/.test(a.text()))) return null;
    const [program, ...words] = list.map((word) => wordSource(word, built.values, file));
    if (program == null || words.some((word) => word === null)) return null;
    const callee = calleeOf(node, file);
    return callee === null ? null : together(callee, [replace(text, `${program}, [${words.join(', ')}]`)]);
  },
  examples: {
    mustChange: [
      [`const { exec } = require('child_process');\nexec(\`wc -l \${path.join(root, title)}\`, (error, out) => done(error, out));\n`, `const { execFile } = require('child_process');\nexecFile('wc', ['-l', path.join(root, title)], (error, out) => done(error, out));\n`],
      [`import { exec, execSync } from 'child_process'\nexecSync('hg log --author=' + n + ' "' + file + '"', { cwd })\nexec('ls')\nexecSync('ls')\n`, `import { exec, execSync, execFileSync } from 'child_process'\nexecFileSync('hg', ['log', \`--author=\${n}\`, file], { cwd })\nexec('ls')\nexecSync('ls')\n`],
      [`const cp = require("child_process");\ncp.execSync(\`kill -9 \${pid}\`);\n`, `const cp = require("child_process");\ncp.execFileSync("kill", ["-9", String(pid)]);\n`],
      [`require('child_process').exec(\`convert \${name}.png '\${name} small.png'\`, cb);\n`, `require('child_process').execFile('convert', [\`\${name}.png\`, \`\${name} small.png\`], cb);\n`],
    ],
    mustNotChange: [
      `const { exec } = require('child_process');\nexec(\`ls \${dir} | wc -l\`);\n`, `const { exec } = require('child_process');\nexec(\`\${tool} --version\`);\n`, `const { exec } = require('child_process');\nexec(\`git \${args}\`);\n`,
      `const { exec } = require('child_process');\nexec(\`rm \${dir}/*\`);\n`, `const { exec } = require('child_process');\nexec(\`cd \${dir}\`);\n`, `const { exec } = require('child_process');\nexec(\`echo \${text} > out\`);\n`,
      `const execAsync = promisify(exec);\nexecAsync(\`ls \${dir}\`);\n`, `const { exec } = require('child_process');\nexec(\`ls \${dir}\`, { shell: '/bin/bash' });\n`, `const { exec } = require('child_process');\nexec(\`FOO=1 make \${target}\`);\n`, `const { exec } = require('child_process');\nexec(\`npm view \${name}\`);\n`, 'exec(req.query.cmd);\n',
    ],
  },
};

/**
 * The words of a command line that needs no shell, quotes taken off, holes as in `Built`. Null where a shell would do more than split it, where a
 * value may be several words, and where the first word is no program.
 */
export function splitWords(joined: string, values: readonly SgNode[]): readonly string[] | null {
  const words: string[] = [];
  const word = /\s*(?:((?:[\w\-./:=,@%+\uE000-\uF8FF]|"[^"$`\\]*"|'[^'\\]*')+)(?=\s|$)|$)/y;
  while (word.lastIndex < joined.length) {
    const found = word.exec(joined);
    if (found === null) return null;
    const [, text] = found;
    if (text !== undefined) words.push(text.replace(/"([^"]*)"|'([^']*)'/g, (_all, double: string | undefined, single: string | undefined) => double ?? single ?? ''));
  }
  const [program] = words;
  if (program === undefined || HOLE.test(program) || program.includes('=') || NO_PROGRAM.has(program)) return null;
  return values.some((value) => SEVERAL.test(value.text())) ? null : words;
}

function wordSource(word: string, values: readonly SgNode[], file: FileFacts): string | null {
  const source = expression(word, values, file.style);
  const value = word.length === 1 && HOLE.test(word) ? values[holeIndex(word)] : undefined;
  return source === null || value === undefined || value.is('template_string') || value.is('string') || IS_TEXT.test(source) ? source : `String(${source})`;
}

/** The call of `execFile` in place of `exec`, through the same import. */
function calleeOf(node: SgNode, file: FileFacts): readonly Edit[] | null {
  const callee = node.field('function');
  if (callee === null) return null;
  if (callee.is('member_expression')) {
    const object = callee.field('object');
    const property = callee.field('property');
    if (object === null || property === null || !(file.moduleOf(object.text()) === 'child_process' || /^require\(.(?:node:)?child_process.\)$/.test(object.text()))) return null;
    return fileForm(property.text()) === null ? null : [replace(property, fileForm(property.text()) ?? '')];
  }
  const name = callee.text();
  const wanted = fileForm(name);
  if (wanted === null || file.use('child_process', name)?.name !== name) return null;
  return renamed(name, wanted, file) ?? added(callee, wanted, file);
}

function fileForm(name: string): string | null {
  return name === 'exec' ? 'execFile' : name === 'execSync' ? 'execFileSync' : null;
}

function added(callee: SgNode, wanted: string, file: FileFacts): readonly Edit[] | null {
  const use = file.use('child_process', wanted);
  return use === null ? null : together(use.edits, [replace(callee, use.name)]);
}

/** Where this is the only call, the import changes with it and nothing unused stays. */
function renamed(name: string, wanted: string, file: FileFacts): readonly Edit[] | null {
  if (file.declares(wanted)) return null;
  const uses = file.root.findAll({ rule: { any: [{ kind: 'identifier', regex: `^${name}$` }, { kind: 'shorthand_property_identifier_pattern', regex: `^${name}$` }, { kind: 'shorthand_property_identifier', regex: `^${name}$` }] } });
  return uses.length === 2 ? uses.map((use) => replace(use, wanted)) : null;
}
