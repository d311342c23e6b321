import type { SgNode } from '@ast-grep/napi';
import type { Edit } from '../../sarif/model.js';
import type { RuleFix } from '../rule.js';
import { argumentsOf, insert, replace, together } from './facts.js';

/** Names by which a key reaches a prototype. */
const KEYS = ['__proto__', 'constructor', 'prototype'];

export const SKIP_PROTOTYPE: RuleFix = {
  title: 'Skip the keys that reach a prototype',
  edits(node, file) {
    const key = node.getMatch('K')?.text();
    const [body, leave] = node.is('for_in_statement') ? [node.field('body'), 'continue'] : [callbackOf(node)?.field('body') ?? null, 'return'];
    const names = node.is('for_in_statement') ? node.field('left') : callbackOf(node)?.field('parameters') ?? callbackOf(node)?.field('parameter') ?? null;
    if (key === undefined || body === null || names === null || !/^[\w$]+$/.test(key) || !new RegExp(`(?<![\\w$])${key.replaceAll('$', '\\$')}(?![\\w$])`).test(names.text())) return null;
    const { quote, semicolon, eol, indent } = file.style;
    const test = `if (${KEYS.map((name) => `${key} === ${quote}${name}${quote}`).join(' || ')}) ${leave}${semicolon}`;
    const first = body.namedChildren().find((child) => !child.is('comment'));
    const inner = body.range().start.line === body.range().end.line;
    if (body.is('statement_block')) {
      if (first === undefined) return null;
      if (inner) return [insert(first.range().start.index, `if (${KEYS.map((name) => `${key} === ${quote}${name}${quote}`).join(' || ')}) ${leave}; `)];
      return [insert(first.range().start.index, `${test}${eol}${margin(file.text, first)}`)];
    }
    // A lone statement gets a block around it; an expression whose value may be used does not.
    if (!node.is('for_in_statement') || !inner) return null;
    const outer = margin(file.text, node);
    return together([insert(body.range().start.index, `{${eol}${outer}${indent}${test}${eol}${outer}${indent}`)], [insert(body.range().end.index, `${eol}${outer}}`)]);
  },
  examples: {
    mustChange: [
      [
        `function merge(a, b) {\n  for (const k in b) {\n    if (typeof b[k] === 'object') a[k] = merge(a[k], b[k]);\n    else a[k] = b[k];\n  }\n  return a;\n}\n`,
        `function merge(a, b) {\n  for (const k in b) {\n    if (k === '__proto__' || k === 'constructor' || k === 'prototype') continue;\n    if (typeof b[k] === 'object') a[k] = merge(a[k], b[k]);\n    else a[k] = b[k];\n  }\n  return a;\n}\n`,
      ],
      [
        `function m(a, b) {\n\tObject.keys(b).forEach((k) => {\n\t\ta[k] = m(a[k], b[k])\n\t})\n}\n`,
        `function m(a, b) {\n\tObject.keys(b).forEach((k) => {\n\t\tif (k === '__proto__' || k === 'constructor' || k === 'prototype') return\n\t\ta[k] = m(a[k], b[k])\n\t})\n}\n`,
      ],
      [
        `function m(a, b) {\n  for (const k of Object.keys(b)) m(a[k], b[k]);\n}\n`,
        `function m(a, b) {\n  for (const k of Object.keys(b)) {\n    if (k === '__proto__' || k === 'constructor' || k === 'prototype') continue;\n    m(a[k], b[k]);\n  }\n}\n`,
      ],
    ],
    mustNotChange: ['_.merge(config, req.body);\n', 'function m(a, b, k) { for (const i of list) { a[k] = m(a[k], b[k]); } }\n'],
  },
};

function callbackOf(call: SgNode): SgNode | undefined {
  return argumentsOf(call).find((argument) => argument.is('arrow_function') || argument.is('function_expression'));
}

/** White space before the first thing of a node's line. */
function margin(text: string, node: SgNode): string {
  const line = text.slice(text.lastIndexOf('\n', node.range().start.index - 1) + 1, node.range().start.index);
  return /^\s*/.exec(line)?.[0] ?? '';
}

export const PARSE_JSON: RuleFix = {
  title: 'Parse the text as JSON',
  edits(node) {
    // Parentheses around the text are how JSON was read with eval; other code is not data by its form.
    const value = node.getMatch('DATA') ?? /^(?:globalThis\.|window\.)?eval$/.test(node.field('function')?.text() ?? '') ? wrapped(argumentsOf(node)[0]) : null;
    return value === null ? null : [replace(node, `JSON.parse(${value.text()})`)];
  },
  examples: {
    mustChange: [[`const data = eval('(' + text + ')');\n`, 'const data = JSON.parse(text);\n'], ['return eval("(" + xhr.responseText + ")")\n', 'return JSON.parse(xhr.responseText)\n'], [`x = eval(\`(\${body})\`);\n`, 'x = JSON.parse(body);\n']],
    mustNotChange: ['eval(code);\n', `eval('a' + b);\n`, `const f = eval('(' + fn.toString() + ')');\n`, `const f = eval('(' + source + ')');\n`],
  },
};

function wrapped(argument: SgNode | undefined): SgNode | null {
  if (argument === undefined) return null;
  const parts = argument.is('template_string') && /^`\(\$\{[^{}]*\}\)`$/.test(argument.text()) ? argument.child(2)?.namedChildren() ?? [] : /^(["'])\(\1\s*\+[^+]*\+\s*(["'])\)\2$/.test(argument.text()) ? [argument.field('left')?.field('right') ?? null] : [];
  const value = parts[0] ?? null;
  return value !== null && /(?:json|data|text|body|response|str|string|payload|content)$/i.test(value.text()) && !/func|code|source|script|src/i.test(value.text()) ? value : null;
}

export const CHECK_CERTIFICATES: RuleFix = {
  title: 'Check certificates',
  edits(node, file) {
    if (isChosen(node)) return null;
    if (node.is('pair')) return withoutPair(node, file.text);
    const statement = node.parent();
    // A statement that stands alone on its line goes with it.
    if (statement === null || !statement.is('expression_statement') || statement.parent()?.is('if_statement') === true) return null;
    return statement.parent()?.is('statement_block') !== true && statement.parent()?.is('program') !== true ? null : [wholeLine(statement, file.text)];
  },
  examples: {
    mustChange: [
      [`https.request({ host, rejectUnauthorized: false, port });\n`, 'https.request({ host, port });\n'], ['https.request({ host, rejectUnauthorized: false });\n', 'https.request({ host });\n'],
      ['const agent = new https.Agent({ rejectUnauthorized: false });\n', 'const agent = new https.Agent({});\n'],
      ['const o = {\n  host,\n  rejectUnauthorized: false, // for now\n  port,\n};\n', 'const o = {\n  host,\n  port,\n};\n'],
      [`start();\nenv.NODE_TLS_REJECT_UNAUTHORIZED = '0';\nrun();\n`, 'start();\nrun();\n'],
      ['const o = {\n  host,\n  rejectUnauthorized: false\n};\n', 'const o = {\n  host\n};\n'],
    ],
    mustNotChange: [`switch (mode) {\n  case 'no-verify':\n    config.ssl.rejectUnauthorized = false;\n}\n`, 'const tls = options.insecure ? { rejectUnauthorized: false } : {};\n', `if (insecure) env.NODE_TLS_REJECT_UNAUTHORIZED = '0';\n`],
  },
};

export const NAMED_BUFFER: RuleFix = {
  title: 'Say what the buffer is made of',
  edits(node) {
    const [value, encoding] = argumentsOf(node);
    const constructor_ = node.field('constructor');
    if (value === undefined || constructor_ === null) return null;
    // What is only a name may be a number or a text: the two need different calls.
    const made = value.is('number') || /\.(?:length|byteLength)$/.test(value.text()) ? 'alloc'
      : value.is('string') || value.is('template_string') || value.is('array') || encoding?.is('string') === true || /^JSON\.stringify\(|\.toString\(/.test(value.text()) ? 'from' : null;
    return made === null ? null : [{ start: node.range().start.index, end: constructor_.range().end.index, text: `Buffer.${made}` }];
  },
  examples: {
    mustChange: [[`const b = new Buffer('a', 'hex');\n`, `const b = Buffer.from('a', 'hex');\n`], ['f(new Buffer(16));\n', 'f(Buffer.alloc(16));\n'], [`x = new Buffer(text, "base64")\n`, `x = Buffer.from(text, "base64")\n`], ['new Buffer([1, 2]);\n', 'Buffer.from([1, 2]);\n']],
    mustNotChange: ['const b = new Buffer(value);\n', 'new Buffer();\n'],
  },
};

/** Somebody asks for it there: what the option should do is for a person to say. */
function isChosen(node: SgNode): boolean {
  return node.ancestors().some((a) => {
    const condition = /^(?:if_statement|ternary_expression|binary_expression)$/.test(String(a.kind())) ? a.field('condition') ?? a.field('left') : a.is('switch_case') ? a.field('value') : null;
    return condition !== null && condition.id() !== node.id() && /verify|insecure|unsafe|reject|strict|ssl|tls|cert|trust|self.?signed|production|dev/i.test(condition.text());
  });
}

/** Takes a property out of its object, with one comma, and with its line where nothing else stands there. */
export function withoutPair(pair: SgNode, text: string): readonly Edit[] {
  const { start, end } = pair.range();
  const follows = /^\s*,/.exec(text.slice(end.index))?.[0];
  const own = wholeLine(pair, text);
  const precedes = /,\s*$/.exec(text.slice(0, start.index))?.[0];
  if (own.end > end.index + 1 || own.start < start.index) {
    // The last line without a comma leaves that of the line before.
    return follows === undefined && precedes !== undefined && text.slice(own.start, own.end).includes('\n')
      ? [{ start: start.index - precedes.length, end: end.index, text: '' }] : [own];
  }
  if (follows !== undefined) return [{ start: start.index, end: end.index + (/^\s*,[ \t]*/.exec(text.slice(end.index))?.[0].length ?? 0), text: '' }];
  if (precedes !== undefined) return [{ start: start.index - precedes.length, end: end.index, text: '' }];
  const before = /\s*$/.exec(text.slice(0, start.index))?.[0].length ?? 0;
  const after = /^\s*/.exec(text.slice(end.index))?.[0].length ?? 0;
  return [{ start: start.index - before, end: end.index + after, text: '' }];
}

/** The node with its line, comma or semicolon and comment, where it has the line for itself; otherwise the node alone. */
export function wholeLine(node: SgNode, text: string): Edit {
  const { start, end } = node.range();
  const lineStart = text.lastIndexOf('\n', start.index - 1) + 1;
  const rest = /^[ \t]*[,;]?[ \t]*(?:\/\/[^\r\n]*)?\r?(?:\n|$)/.exec(text.slice(end.index))?.[0];
  const alone = text.slice(lineStart, start.index).trim() === '' && rest !== undefined;
  return alone ? { start: lineStart, end: end.index + rest.length, text: '' } : { start: start.index, end: end.index, text: '' };
}
