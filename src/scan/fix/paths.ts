import type { SgNode } from '@ast-grep/napi';
import type { RuleFix } from '../rule.js';
import { argumentsOf, insert, replace, type Style, together } from './facts.js';
import type { Edit } from '../../sarif/model.js';

const REQUEST = /\b(?:req|request|ctx)\.(?:query|body|params|param|headers|header|cookies|url|originalUrl)\b|\bsearchParams\.get\(/;
/** Last word of an expression that names one file, not a path to it. */
export const ONE_NAME = /(?:name|file|filename|file_name|id|slug|title|key|uuid|hash)['"\])]*$/i;
/** Calls that take away: the folder itself must not be meant either, and `..` is a name too. */
const DESTROYS = /(?:^|\.)(?:rm|rmSync|rmdir|rmdirSync)$/;

const joinInside = ({ type, quote }: Style): readonly string[] => [
  '/** Like path.join, but what leads out of `root` is refused. */',
  `function joinInside(root${type(': string')}, ...parts${type(': string[]')})${type(': string')} {`,
  '  const file = path.join(root, ...parts);',
  '  const rest = path.relative(root, file);',
  `  if (rest === ${quote}..${quote} || rest.startsWith(${quote}..${quote} + path.sep) || path.isAbsolute(rest)) throw new Error(${quote}the path leads out of its folder${quote});`,
  '  return file;',
  '}',
];

export const PATH_INSIDE: RuleFix = {
  title: 'Keep the path below its folder',
  edits(node, file) {
    const callee = node.field('function')?.text() ?? '';
    const join = /^path\.(?:join|resolve)$/.test(callee) ? node : node.find({ rule: { kind: 'call_expression', has: { field: 'function', regex: '^path\\.(join|resolve)$' } } });
    if (join === null || file.moduleOf('path') !== 'path' || DESTROYS.test(callee) || /^path\./.test(callee) && DESTROYS.test(node.parent()?.parent()?.field('function')?.text() ?? '')) return null;
    return editsOfJoin(join, (part) => REQUEST.test(part.text()), file);
  },
  examples: {
    mustChange: [
      [`const path = require('path');\nres.sendFile(path.join(dir, req.params.name));\n`, `const path = require('path');\nres.sendFile(path.join(dir, path.basename(req.params.name)));\n`],
      [
        `import path from 'node:path';\nfs.readFile(path.join(dir, 'a', req.query.p), cb);\n`,
        `import path from 'node:path';\n\n/** Like path.join, but what leads out of \`root\` is refused. */\nfunction joinInside(root, ...parts) {\n  const file = path.join(root, ...parts);\n  const rest = path.relative(root, file);\n  if (rest === '..' || rest.startsWith('..' + path.sep) || path.isAbsolute(rest)) throw new Error('the path leads out of its folder');\n  return file;\n}\n\nfs.readFile(joinInside(dir, 'a', req.query.p), cb);\n`,
      ],
    ],
    mustNotChange: [`const path = require('path');\nfs.rm(path.join(dir, req.params.name), cb);\n`, `const path = require('path');\nres.sendFile(path.join(req.query.root, 'a'));\n`, `fs.readFile('./up/' + req.query.p, cb);\n`],
  },
};

/** `path.basename` around parts that name one file; `joinInside` in place of the call where a part may be a path. */
export function editsOfJoin(join: SgNode, tainted: (part: SgNode) => boolean, file: Parameters<RuleFix['edits']>[1]): readonly Edit[] | null {
  const [root, ...parts] = argumentsOf(join);
  const function_ = join.field('function');
  if (root === undefined || function_ === null || tainted(root)) return null;
  const from = parts.filter(tainted);
  if (from.length === 0 || from.some((part) => part.is('spread_element'))) return null;
  if (from.every((part) => ONE_NAME.test(part.text()) && (part.is('identifier') || part.is('member_expression') || part.is('subscript_expression')))) {
    return together(from.flatMap((part) => [insert(part.range().start.index, 'path.basename('), insert(part.range().end.index, ')')]));
  }
  const helper = file.helper('joinInside', joinInside);
  // `resolve` also takes absolute parts, which `join` reads as relative ones.
  return helper === null || !function_.text().endsWith('.join') ? null : together(helper.edits, [replace(function_, helper.name)]);
}
