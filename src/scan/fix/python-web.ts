import type { RuleFix } from '../rule.js';
import { insert, replace, together } from './facts.js';
import { pythonArguments, withoutArgument } from './python.js';

const REQUEST = /^request\.(?:args|form|values|cookies|headers|GET|POST|query_params)\b/;

export const DEBUG_OFF: RuleFix = {
  title: 'Leave the debugger off',
  edits(node, file) {
    const debug = pythonArguments(node).keyword('debug');
    return debug === undefined ? null : [withoutArgument(debug, file.text)];
  },
  examples: { mustChange: [['app.run(debug=True)\n', 'app.run()\n'], ['app.run(debug=True, port=80)\n', 'app.run(port=80)\n'], ['app.run(host=h, debug=True)\n', 'app.run(host=h)\n']], mustNotChange: [] },
};

export const AUTOESCAPE_ON: RuleFix = {
  title: 'Escape values in templates',
  edits(node) {
    const value = pythonArguments(node).keyword('autoescape')?.field('value');
    return value == null ? null : [replace(value, 'True')];
  },
  examples: { mustChange: [['env = Environment(loader=l, autoescape=False)\n', 'env = Environment(loader=l, autoescape=True)\n']], mustNotChange: [] },
};

export const DATA_FILTER: RuleFix = {
  title: 'Extract data only',
  edits(node, file) {
    const { positional, keywords } = pythonArguments(node);
    const last = [...positional, ...keywords].at(-1);
    const { quote } = file.style;
    const text = `filter=${quote}data${quote}`;
    return positional.length > 1 ? null : [last === undefined ? insert(node.range().end.index - 1, text) : insert(last.range().end.index, `, ${text}`)];
  },
  examples: { mustChange: [['import tarfile\ntar.extractall(path)\n', "import tarfile\ntar.extractall(path, filter='data')\n"], ['import tarfile\nwith tarfile.open("a") as tar:\n    tar.extractall()\n', 'import tarfile\nwith tarfile.open("a") as tar:\n    tar.extractall(filter="data")\n']], mustNotChange: ['import tarfile\ntar.extractall(path, names)\n'] },
};

export const ESCAPE_MARKUP: RuleFix = {
  title: 'Escape the value for HTML',
  edits(node, file) {
    const flask = file.modules.has('flask') || file.modules.has('markupsafe');
    const use = flask ? file.use('markupsafe', 'escape') : file.modules.has('django') ? file.use('django.utils.html', 'escape') : null;
    if (use === null || !node.is('return_statement')) return null;
    const holes = node.findAll({ rule: { kind: 'interpolation' } });
    const values = holes.flatMap((hole) => hole.namedChildren().slice(0, 1)).filter((value) => /\brequest\./.test(value.text()));
    // Only values in an f-string, taken as they came, and between tags: an attribute or a script needs other rules.
    if (values.length === 0 || values.some((value) => !REQUEST.test(value.text()) || value.parent()?.namedChildren().length !== 1)) return null;
    if (/<script|=\s*["']?\{|=\s*$/i.test(node.text())) return null;
    return together(use.edits, values.flatMap((value) => [insert(value.range().start.index, `${use.name}(`), insert(value.range().end.index, ')')]));
  },
  examples: {
    mustChange: [[`from flask import request\nfrom markupsafe import escape\ndef f():\n    return f"<h1>{request.args['q']}</h1>"\n`, `from flask import request\nfrom markupsafe import escape\ndef f():\n    return f"<h1>{escape(request.args['q'])}</h1>"\n`], [`import os\nfrom flask import request\n\ndef f():\n    return f"<h1>{request.args.get('q')}</h1>"\n`, `import markupsafe\nimport os\nfrom flask import request\n\ndef f():\n    return f"<h1>{markupsafe.escape(request.args.get('q'))}</h1>"\n`]],
    mustNotChange: [`from flask import request\ndef f():\n    return "<h1>" + request.args["q"] + "</h1>"\n`, `from flask import request\ndef f():\n    return f"<a href='{request.args['u']}'>x</a>"\n`],
  },
};
