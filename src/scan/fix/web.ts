import type { SgNode } from '@ast-grep/napi';
import type { Edit } from '../../sarif/model.js';
import type { RuleFix } from '../rule.js';
import { argumentsOf, type FileFacts, insert, replace, type Style, together, type Use } from './facts.js';
import { operands } from './text.js';

const REQUEST = /\b(?:req|request|ctx)\.(?:query|body|params|param|headers|header|cookies|url|originalUrl|hostname)\b|\bsearchParams\.get\(/;
/** Places where escaping for HTML is not enough: a script, a style, an address, a handler, an attribute without quotes. */
const OTHER_CONTEXT = /<(?:script|style)\b(?![\s\S]*<\/(?:script|style)>)|(?:href|src|action|formaction|data|style|on\w+)\s*=\s*["']?[^"'<>]*$|=\s*$/i;

const escapeHtml = ({ type }: Style): readonly string[] => [
  '/** Text for a page: no character of it begins markup. */',
  `function escapeHtml(text${type(': unknown')})${type(': string')} {`,
  `  return String(text).replace(/[&<>"']/g, (character) => \`&#\${character.charCodeAt(0)};\`);`,
  '}',
];

export const ESCAPE_HTML: RuleFix = {
  title: 'Escape the value for HTML',
  edits(node, file) {
    const [sent] = argumentsOf(node);
    const values = sent === undefined ? null : valuesOf(sent);
    const escaping = values === null ? null : escapeFunction(file);
    if (values === null || values.length === 0 || escaping === null) return null;
    return together(escaping.edits, values.flatMap((value) => around(value, escaping.name)));
  },
  examples: {
    mustChange: [
      [
        `'use strict';\nconst express = require('express');\n\napp.get('/', (req, res) => {\n  res.send(\`<h1>\${req.query.q}</h1>\`);\n});\n`,
        `'use strict';\nconst express = require('express');\n\n/** Text for a page: no character of it begins markup. */\nfunction escapeHtml(text) {\n  return String(text).replace(/[&<>"']/g, (character) => \`&#\${character.charCodeAt(0)};\`);\n}\n\napp.get('/', (req, res) => {\n  res.send(\`<h1>\${escapeHtml(req.query.q)}</h1>\`);\n});\n`,
      ],
      [`const _ = require('lodash');\nres.send('<p title="' + req.query.a + '">' + n + req.body.b);\n`, `const _ = require('lodash');\nres.send('<p title="' + _.escape(req.query.a) + '">' + n + _.escape(req.body.b));\n`],
      [`import { escapeHTML } from './html.js'\nres.end(req.query.q)\n`, `import { escapeHTML } from './html.js'\nres.end(escapeHTML(req.query.q))\n`],
    ],
    mustNotChange: [`res.send(\`<script>const q = "\${req.query.q}"</script>\`);\n`, `res.send('<a href="' + req.query.u + '">');\n`, 'res.send(req.body);\n', 'res.send(render(req.query.q));\n', `res.send(\`<p>\${marked(req.query.q)}</p>\`);\n`],
  },
};

/** The values of the request in what is sent, each in a place where text is meant; null when one of them is not. */
function valuesOf(sent: SgNode): readonly SgNode[] | null {
  if (REQUEST.test(sent.text()) && isPlain(sent)) return /\.(?:body|query|params|headers|cookies)$/.test(sent.text()) ? null : [sent];
  const pieces = sent.is('template_string') ? sent.children().slice(1, -1) : operands(sent);
  if (!sent.is('template_string') && pieces.length < 2) return null;
  const values: SgNode[] = [];
  let before = '';
  for (const piece of pieces) {
    const value = piece.is('template_substitution') ? piece.namedChildren()[0] ?? piece : piece;
    if (piece.is('template_string')) {
      const inner = valuesOf(piece);
      if (inner === null) return null;
      values.push(...inner);
    } else if (REQUEST.test(value.text()) && (piece.is('template_substitution') || !piece.is('string'))) {
      if (!isPlain(value) || OTHER_CONTEXT.test(before)) return null;
      values.push(value);
    }
    before += piece.is('string') ? piece.text().slice(1, -1) : piece.text();
  }
  return values;
}

/** Data of the request as it came, or with a default; not what a function made of it, which may be markup on purpose. */
function isPlain(value: SgNode): boolean {
  if (value.is('parenthesized_expression')) return value.namedChildren().every(isPlain);
  if (value.is('binary_expression')) return /^(?:\?\?|\|\|)$/.test(value.field('operator')?.text() ?? '') && [value.field('left'), value.field('right')].every((side) => side !== null && (isPlain(side) || side.is('string')));
  if (value.is('call_expression')) return /\.(?:trim|toLowerCase|toUpperCase|toString|slice|substring|get|header|param)$/.test(value.field('function')?.text() ?? '') && REQUEST.test(value.text());
  return value.is('member_expression') || value.is('subscript_expression');
}

function around(value: SgNode, name: string): readonly Edit[] {
  // Parentheses that are there serve as those of the call.
  if (value.is('parenthesized_expression')) return [insert(value.range().start.index, name)];
  return [insert(value.range().start.index, `${name}(`), insert(value.range().end.index, ')')];
}

function escapeFunction(file: FileFacts): Use | null {
  for (const name of ['escapeHtml', 'escapeHTML', 'htmlEscape', 'encodeHtml', 'encodeHTML', 'escapeHtmlEntities']) {
    if (file.declares(name)) return { name, edits: [] };
  }
  for (const [module, member] of [['lodash', 'escape'], ['underscore', 'escape'], ['he', 'escape'], ['validator', 'escape']] as const) {
    if (file.modules.has(module)) {
      const use = file.use(module, member);
      if (use !== null && use.edits.length === 0 && /escape/i.test(use.name)) return use;
    }
  }
  return file.modules.has('escape-html') ? null : file.helper('escapeHtml', escapeHtml);
}

const localPath = ({ type, quote }: Style): readonly string[] => [
  '/** A path of this site; anything else becomes its start page. */',
  `function localPath(target${type(': unknown')})${type(': string')} {`,
  '  const text = String(target);',
  `  return /^\\/(?![/\\\\])[^\\t\\r\\n]*$/.test(text) ? text : ${quote}/${quote};`,
  '}',
];

export const LOCAL_REDIRECT: RuleFix = {
  title: 'Redirect to paths of this site only',
  edits(node, file) {
    const target = argumentsOf(node).find((argument) => REQUEST.test(argument.text()));
    // An absolute address, or the page before, is meant to lead elsewhere.
    if (target === undefined || /^[`"']\w+:|referr?er|origin|hostname|\.host\b/i.test(target.text()) || /^(?:conditional|ternary|arrow|function)/.test(String(target.kind()))) return null;
    const helper = file.helper('localPath', localPath);
    return helper === null ? null : together(helper.edits, [insert(target.range().start.index, `${helper.name}(`), insert(target.range().end.index, ')')]);
  },
  examples: {
    mustChange: [
      [
        `import express from "express"\n\nexport const go = (req, res) => res.redirect(302, req.query.to || "/")\n`,
        `import express from "express"\n\n/** A path of this site; anything else becomes its start page. */\nfunction localPath(target) {\n  const text = String(target)\n  return /^\\/(?![/\\\\])[^\\t\\r\\n]*$/.test(text) ? text : "/"\n}\n\nexport const go = (req, res) => res.redirect(302, localPath(req.query.to || "/"))\n`,
      ],
      [
        `#!/usr/bin/env node\n'use strict';\nres.setHeader('Location', req.query.to);\n`,
        `#!/usr/bin/env node\n'use strict';\n/** A path of this site; anything else becomes its start page. */\nfunction localPath(target) {\n  const text = String(target);\n  return /^\\/(?![/\\\\])[^\\t\\r\\n]*$/.test(text) ? text : '/';\n}\n\nres.setHeader('Location', localPath(req.query.to));\n`,
      ],
    ],
    mustNotChange: [`res.redirect('https://' + req.hostname + req.url);\n`, 'res.redirect(req.headers.referer);\n', 'function localPath(x) {\n  return x;\n}\nres.redirect(req.query.to);\n'],
  },
};

/** Replaces one property's value of an object literal, or adds it at the end. */
export function withProperty(object: SgNode, name: string, value: string): readonly Edit[] {
  const pairs = object.namedChildren().filter((child) => !child.is('comment'));
  const there = pairs.find((pair) => pair.is('pair') && pair.field('key')?.text().replace(/["']/g, '') === name)?.field('value');
  if (there != null) return [replace(there, value)];
  const last = pairs.at(-1);
  return last === undefined ? [replace(object, `{ ${name}: ${value} }`)] : [insert(last.range().end.index, `, ${name}: ${value}`)];
}
