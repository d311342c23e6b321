import { describe, expect, it } from 'vitest';
import { removedDefences } from '../../src/sarif/defences.js';
import type { Defences } from '../../src/sarif/model.js';
import { analyse } from '../../src/scan/flow/analyse.js';
import { flowRulesFor } from '../../src/scan/flow/rules.js';

const of = (source: string, path: string): Defences => analyse(path, source, { mode: 'package', rules: flowRulesFor(path) }).defences;
const removed = (base: string, head: string, path = 'src/a.js'): readonly string[] => removedDefences(of(base, path), of(head, path)).map((one) => `${one.level} ${one.path}:${one.line} ${one.cwe} ${one.message}`);

/** A guard, the line of it, and what is said when it goes. */
const CASES: readonly (readonly [what: string, base: string, without: string, said: RegExp])[] = [
  ['a check for __proto__', `exports.merge = function merge(target, source) {\n  for (const key in source) {\n    if (key === '__proto__') continue;\n    target[key] = source[key];\n  }\n};\n`, `    if (key === '__proto__') continue;\n`, /^warning src\/a\.js:3 CWE-1321 .*"merge" lost a defence.*is not __proto__/],
  ['a folder that a path must lie in', `const fs = require('fs');\nconst path = require('path');\nexports.read = function read(root, name) {\n  const file = path.resolve(root, name);\n  if (!file.startsWith(root + path.sep)) throw new Error('no');\n  return fs.readFileSync(file);\n};\n`, `  if (!file.startsWith(root + path.sep)) throw new Error('no');\n`, /CWE-22 .*fs\.readFileSync.*starts with root \+ path\.sep/],
  ['a middleware of a route', `const app = require('express')();\napp.delete('/users/:id', requireAdmin, (req, res) => res.end());\n`, `requireAdmin, `, /^warning src\/a\.js:2 CWE-306 .*DELETE \/users\/:id.*guard requireAdmin/],
  ['an escape', `exports.show = function show(el, text) {\n  el.innerHTML = escapeHtml(text);\n};\n`, 'escapeHtml', /CWE-79 .*escapeHtml\(\)/],
  ['the anchor of a pattern', `const { exec } = require('child_process');\nexports.go = function go(name) {\n  if (!/^[a-z]+$/.test(name)) throw new Error('no');\n  exec('ls ' + name);\n};\n`, '$/', /CWE-78 .*matches \/\^\[a-z\]\+\$\//],
  ['a bound', `const crypto = require('crypto');\nexports.read = function read(buffer, size) {\n  if (size > 65536) throw new RangeError('too large');\n  if (size < 0) return null;\n  return Buffer.alloc(size);\n};\n`, `  if (size > 65536) throw new RangeError('too large');\n`, /^note src\/a\.js:3 CWE-754 A check that ended "read" early is gone: size>65536/],
];

describe('what a change takes away', () => {
  it.each(CASES)('is a finding: %s', (_what, base, gone, said) => {
    const head = gone === '$/' ? base.replace('$/', '/') : base.replace(gone, '');
    expect(head).not.toBe(base);
    const found = removed(base, head);
    expect(found).toEqual([expect.stringMatching(said)]);
    expect([removed(base, base), removed(head, base), removed(head, head)]).toEqual([[], [], []]);
  });

  it('is none where another defence is good enough, or the call went too', () => {
    const base = `const fs = require('fs');\nconst path = require('path');\nexports.read = (name) => {\n  if (!/^\\w+$/.test(name)) throw new Error('no');\n  return fs.readFileSync(path.join('/srv/files', name));\n};\n`;
    expect(removed(base, base.replace("  if (!/^\\w+$/.test(name)) throw new Error('no');\n", '').replace("path.join('/srv/files', name)", "path.join('/srv/files', path.basename(name))"))).toEqual([expect.stringMatching(/^note .*CWE-754/)]);
    expect(removed(base, base.replace("  return fs.readFileSync(path.join('/srv/files', name));\n", ''))).toEqual([]);
  });
});
