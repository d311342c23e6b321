import type { RuleFix } from '../rule.js';
import { argumentsOf, insert, replace, together } from './facts.js';
import { editsOfJoin } from './paths.js';
import { withProperty } from './web.js';

/** What a caller passes on from outside, by its name. */
export const OUTSIDE_NAME = /(?:^|_|[a-z])(?:name|title|id|slug|key|user|upload|attachment|invoice|report|avatar|document|image|photo)$/i;

export const INSIDE_PARAMETER: RuleFix = {
  title: 'Keep the path below its folder',
  edits(node, file) {
    const [join] = argumentsOf(node);
    if (join === undefined || file.moduleOf('path') !== 'path') return null;
    return editsOfJoin(join, (part) => part.is('identifier') && OUTSIDE_NAME.test(part.text()), file);
  },
  examples: {
    mustChange: [
      [
        `const path = require('path');\nfunction files(root) {\n  return {\n    readInvoice(name) {\n      return fs.readFileSync(path.join(root, 'invoices', name), 'utf8');\n    },\n  };\n}\n`,
        `const path = require('path');\nfunction files(root) {\n  return {\n    readInvoice(name) {\n      return fs.readFileSync(path.join(root, 'invoices', path.basename(name)), 'utf8');\n    },\n  };\n}\n`,
      ],
      [
        `import path from 'path'\nexport const load = (report) => fs.readFileSync(path.join(dir, report))\n`,
        `import path from 'path'\n\n/** Like path.join, but what leads out of \`root\` is refused. */\nfunction joinInside(root, ...parts) {\n  const file = path.join(root, ...parts)\n  const rest = path.relative(root, file)\n  if (rest === '..' || rest.startsWith('..' + path.sep) || path.isAbsolute(rest)) throw new Error('the path leads out of its folder')\n  return file\n}\n\nexport const load = (report) => fs.readFileSync(joinInside(dir, report))\n`,
      ],
    ],
    mustNotChange: ['const load = (name) => fs.readFileSync(path.join(dir, name));\n', `import path from 'path';\nconst load = (report) => fs.readFileSync(path.resolve(dir, report));\n`],
  },
};

export const HTTP_ONLY: RuleFix = {
  title: 'Keep the cookie from scripts',
  edits(node, file) {
    const same = `${file.style.quote}lax${file.style.quote}`;
    const [, value, options] = argumentsOf(node);
    if (value === undefined) return null;
    if (options === undefined) return [insert(value.range().end.index, `, { httpOnly: true, sameSite: ${same} }`)];
    const has = (name: string): boolean => options.namedChildren().some((pair) => new RegExp(`^["']?${name}["']?$`).test(pair.field('key')?.text() ?? ''));
    if (options.namedChildren().length === 0) return [replace(options, `{ httpOnly: true, sameSite: ${same} }`)];
    return together(withProperty(options, 'httpOnly', 'true'), has('sameSite') ? [] : withProperty(options, 'sameSite', same));
  },
  examples: {
    mustChange: [
      [`res.cookie('session', live.start(user), { httpOnly: false });\n`, `res.cookie('session', live.start(user), { httpOnly: true, sameSite: 'lax' });\n`], [`res.cookie('sid', id);\n`, `res.cookie('sid', id, { httpOnly: true, sameSite: 'lax' });\n`],
      [`res.cookie("sid", id, { sameSite: "strict", maxAge: 5 });\n`, `res.cookie("sid", id, { sameSite: "strict", maxAge: 5, httpOnly: true });\n`], [`res.cookie('sid', id, {});\n`, `res.cookie('sid', id, { httpOnly: true, sameSite: 'lax' });\n`],
    ],
    mustNotChange: [`res.cookie('sid');\n`],
  },
};
