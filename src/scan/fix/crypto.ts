import type { SgNode } from '@ast-grep/napi';
import type { RuleFix } from '../rule.js';
import { argumentsOf, replace } from './facts.js';

/** Words of hashes that something else fixes: another value would not be understood there. Words of passwords and tokens are not among them. */
const FIXED_ELSEWHERE = /e-?tag|content-?md5|check-?sum|integrity|git|blob|tree-?hash|object-?id|gravatar|websocket|258EAFA5|\buuid|v[35]\b|h?otp|oauth|hmac-?sha1|aws|s3|cache|finger-?print|dedup|file-?hash|hash-?file|asset|bundle|chunk|manifest|legacy|compat|known-?hosts|thumb-?print|x5t|wechat|alipay|signature_method/i;

export const WEAK_HASH: RuleFix = {
  title: 'Use SHA-256',
  edits(node) {
    const [name] = argumentsOf(node);
    if (name === undefined || isFixedElsewhere(node)) return null;
    const quote = name.text().charAt(0);
    return [replace(name, `${quote}sha256${quote}`)];
  },
  examples: {
    mustChange: [
      [`function hashPassword(p) {\n  return crypto.createHash('md5').update(p).digest('hex');\n}\n`, `function hashPassword(p) {\n  return crypto.createHash('sha256').update(p).digest('hex');\n}\n`],
      ['const token = createHmac("sha1", key).update(id).digest()\n', 'const token = createHmac("sha256", key).update(id).digest()\n'],
    ],
    mustNotChange: [
      `const etag = crypto.createHash('md5').update(body).digest('base64');\n`, `function gitBlobId(data) {\n  return crypto.createHash('sha1').update(data).digest('hex');\n}\n`,
      `res.setHeader('Content-MD5', createHash('md5').update(body).digest('base64'));\n`, `export const cacheKey = (s) => createHash('md5').update(s).digest('hex');\n`,
    ],
  },
};

/** By the words of the statement and of the names of the functions around it. */
function isFixedElsewhere(node: SgNode): boolean {
  const around = node.ancestors();
  const statement = around.find((a) => /statement$|declaration$/.test(String(a.kind())) && !a.is('statement_block'));
  const names = around.flatMap((a) => a.field('name')?.text() ?? (a.is('pair') ? a.field('key')?.text() : undefined) ?? []);
  return [...(statement === undefined || statement.text().length > 2000 ? [] : [statement.text()]), ...names].some((text) => FIXED_ELSEWHERE.test(text));
}
