import type { RuleFix } from '../rule.js';
import { replace, together } from './facts.js';
import { pythonArguments, withoutArgument } from './python.js';

export const PYTHON_SHA256: RuleFix = {
  title: 'Use SHA-256',
  edits(node, file) {
    const callee = node.field('function');
    const name = callee?.is('attribute') === true ? callee.field('attribute') : null;
    const [algorithm] = pythonArguments(node).positional;
    if (name?.text() === 'new' && algorithm !== undefined) return [replace(algorithm, `${algorithm.text().charAt(0)}sha256${algorithm.text().charAt(0)}`)];
    if (name != null) return [replace(name, 'sha256')];
    const use = callee?.is('identifier') === true ? file.use('hashlib', 'sha256') : null;
    return use === null || callee === null ? null : together(use.edits, [replace(callee, use.name)]);
  },
  examples: {
    mustChange: [
      ['def hash_password(p):\n    return hashlib.md5(p.encode()).hexdigest()\n', 'def hash_password(p):\n    return hashlib.sha256(p.encode()).hexdigest()\n'], ['token = hashlib.new("sha1", seed)\n', 'token = hashlib.new("sha256", seed)\n'],
      ['from hashlib import md5, sha256\ntoken = md5(seed)\n', 'from hashlib import md5, sha256\ntoken = sha256(seed)\n'],
    ],
    mustNotChange: ['hashlib = 1\ntoken = md5(seed)\n'],
  },
};

export const DRAW_SECRETS: RuleFix = {
  title: 'Draw it from secrets',
  edits(node, file) {
    const callee = node.field('function');
    const method = callee?.field('attribute')?.text();
    if (callee === null || method === undefined || file.moduleOf('random') === null && file.declares('random')) return null;
    const [member, call] = method === 'choice' ? ['choice', ''] : method === 'randbytes' ? ['token_bytes', ''] : ['SystemRandom', `().${method}`];
    const use = file.use('secrets', member);
    return use === null ? null : together(use.edits, [replace(callee, `${use.name}${call}`)]);
  },
  examples: {
    mustChange: [
      ['import random\n\ntoken = "".join(random.choice(chars) for _ in range(32))\n', 'import random\nimport secrets\n\ntoken = "".join(secrets.choice(chars) for _ in range(32))\n'],
      ['import random\nimport secrets\nuser.otp = random.randint(1000, 9999)\n', 'import random\nimport secrets\nuser.otp = secrets.SystemRandom().randint(1000, 9999)\n'],
    ],
    mustNotChange: ['def f(random):\n    token = random.choice(chars)\n', 'secrets = load()\ntoken = random.choice(chars)\n'],
  },
};

export const VERIFY_TLS: RuleFix = {
  title: 'Check certificates',
  edits(node, file) {
    const callee = node.field('function');
    if (callee?.text() === 'ssl._create_unverified_context') return [replace(callee, 'ssl.create_default_context')];
    const verify = node.is('call') ? pythonArguments(node).keyword('verify') : undefined;
    return verify === undefined ? null : [withoutArgument(verify, file.text)];
  },
  examples: {
    mustChange: [
      ['r = requests.get(url, verify=False, timeout=5)\n', 'r = requests.get(url, timeout=5)\n'], ['r = requests.get(\n    url,\n    verify=False,\n)\n', 'r = requests.get(\n    url,\n)\n'], ['c = httpx.Client(verify=False)\n', 'c = httpx.Client()\n'],
      ['ctx = ssl._create_unverified_context()\n', 'ctx = ssl.create_default_context()\n'],
    ],
    mustNotChange: ['ctx.check_hostname = False\n', 'session.verify = False\n'],
  },
};

export const CONSTANT_TIME: RuleFix = {
  title: 'Compare in constant time',
  edits(node, file) {
    const [left, right] = node.namedChildren();
    const use = file.use('hmac', 'compare_digest');
    if (left === undefined || right === undefined || use === null) return null;
    const call = `${use.name}(${left.text()}, ${right.text()})`;
    const not = node.children()[1]?.text() === '!=';
    // `not` binds weaker than everything but `and` and `or`.
    const alone = /^(?:if_statement|elif_clause|while_statement|boolean_operator|not_operator|return_statement|assert_statement|parenthesized_expression|assignment|conditional_expression|argument_list|keyword_argument)$/.test(String(node.parent()?.kind()));
    return together(use.edits, [replace(node, not ? (alone ? `not ${call}` : `(not ${call})`) : call)]);
  },
  examples: {
    mustChange: [
      ['import hmac\nif given != hmac.new(k, m, "sha256").hexdigest():\n    deny()\n', 'import hmac\nif not hmac.compare_digest(given, hmac.new(k, m, "sha256").hexdigest()):\n    deny()\n'],
      ['"""Doc."""\nfrom x import y\n\ndef f(given, api_key):\n    return given == api_key\n', '"""Doc."""\nimport hmac\nfrom x import y\n\ndef f(given, api_key):\n    return hmac.compare_digest(given, api_key)\n'],
    ],
    mustNotChange: ['hmac = None\nif signature == expected:\n    ok()\n'],
  },
};
