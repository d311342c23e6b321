import { ISSUER_RULES } from './issuers.js';

/**
 * A form that a secret has. Sources of the formats: the issuers' own documentation of their token prefixes.
 * Every regex begins with a literal or a bounded class and repeats only disjoint, bounded classes, so matching is linear in the text:
 * the text is hostile.
 */
export interface SecretRule {
  readonly id: string;
  /** What was found, as a noun. */
  readonly title: string;
  /** With the flags `g` and `d`; group `s` is the secret when only a part of the match is one. */
  readonly pattern: RegExp;
  /** Lower-case text one of which must occur, else the regex is not run. */
  readonly hints: readonly string[];
  /** False for placeholders, references and words of the language. */
  readonly accept?: (secret: string) => boolean;
  /** Pieces are joined, so that no file of this repository holds something that looks like a secret. */
  readonly examples: { readonly must: readonly (readonly string[])[]; readonly mustNot: readonly string[] };
}

const BODY = 'Zx8Kq2Lm9Tn4Vb7Wc1Ys6Rd3Pf5Hg0JkQ';

const COMMON: readonly SecretRule[] = [
  {
    id: 'private-key', title: 'a private key', hints: ['private key'],
    // Runs to the next five dashes, so it cannot overlap itself; a key that is cut off before its END still counts.
    pattern: /-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----(?<s>(?:\\[rn]|[\s"'+,]){0,20}(?:[A-Za-z0-9+/=]{16}|Proc-Type:|Version:|Comment:)(?:[^-]|-(?!----)){0,20000})(?:-----END [A-Z0-9 ]{0,60}-----)?/dg,
    examples: {
      must: [['-----BEGIN RSA ', 'PRIVATE KEY-----\n', `MIIEpAIBAAKCAQEA${BODY}\n`, '-----END RSA PRIVATE KEY-----'], ['-----BEGIN ', 'PRIVATE KEY-----\n', BODY]],
      mustNot: ['-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A\n-----END PUBLIC KEY-----', 'startsWith("-----BEGIN PRIVATE KEY-----")', '"-----BEGIN PRIVATE KEY-----" // and here is some more text after it'],
    },
  },
  {
    id: 'aws-access-key', title: 'an AWS access key id', hints: ['akia', 'asia'],
    pattern: /\b(?:AKIA|ASIA)[A-Z2-7]{16}\b/dg, accept: (s) => !s.endsWith('EXAMPLE'),
    examples: { must: [['AK', 'IAQ3EGQZ7HJ2KLM5NP']], mustNot: ['AKIA', `AKIA${'IOSFODNN7EXAMPLE'}`, 'AKIAlowercaseisnotakey'] },
  },
  {
    id: 'github-token', title: 'a GitHub token', hints: ['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_', 'github_pat_'],
    pattern: /\b(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{40,255})/dg,
    examples: { must: [['gh', `p_${BODY}abc`], ['github', `_pat_11${BODY}_${BODY}`]], mustNot: ['ghp_short', 'github_pat_'] },
  },
  {
    id: 'gitlab-token', title: 'a GitLab token', hints: ['glpat-', 'gldt-', 'glrt-', 'glptt-', 'glcbt-'],
    pattern: /\bgl(?:pat|dt|rt|ptt|cbt)-[A-Za-z0-9_-]{20,100}/dg,
    examples: { must: [['glp', 'at-Zx8Kq2Lm9Tn4Vb7Wc1Ys']], mustNot: ['glpat-short'] },
  },
  {
    id: 'slack-token', title: 'a Slack token', hints: ['xoxb-', 'xoxp-', 'xoxa-', 'xoxs-', 'xoxr-', 'xapp-'],
    pattern: /\b(?:xox[bpasr]|xapp)-[A-Za-z0-9-]{20,250}/dg,
    examples: { must: [['xox', 'b-123456789012-123456789012-Zx8Kq2Lm9Tn4Vb7Wc1Ys6Rd3']], mustNot: ['xoxb-your-token'] },
  },
  {
    id: 'slack-webhook', title: 'a Slack webhook address', hints: ['hooks.slack.com'],
    pattern: /hooks\.slack\.com\/(?:services|workflows)\/(?<s>[A-Za-z0-9/]{20,100})/dg, accept: (s) => !/X{6}/.test(s),
    examples: { must: [['hooks.slack', '.com/services/T01ABCDEF/B02GHIJKL/Zx8Kq2Lm9Tn4Vb7Wc1Ys6Rd3']], mustNot: ['https://hooks.slack.com/services/T000/B000', 'hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX'] },
  },
  {
    id: 'stripe-key', title: 'a Stripe key', hints: ['sk_live_', 'rk_live_', 'sk_test_', 'rk_test_', 'whsec_'],
    pattern: /\b(?:[sr]k_(?:live|test)_[A-Za-z0-9]{20,250}|whsec_[A-Za-z0-9+/]{32,100})/dg,
    examples: { must: [['sk_li', `ve_${BODY}`]], mustNot: ['sk_live_', 'pk_live_publishable'] },
  },
  {
    id: 'npm-token', title: 'an npm token', hints: ['npm_'],
    pattern: /\bnpm_[A-Za-z0-9]{36}\b/dg,
    examples: { must: [['np', `m_${BODY.slice(0, 33)}abc`]], mustNot: ['npm_config_registry', 'npm_lifecycle_event'] },
  },
  {
    id: 'google-api-key', title: 'a Google API key', hints: ['aiza'],
    pattern: /\bAIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])/dg,
    examples: { must: [['AI', `za${BODY}ab`]], mustNot: ['AIzaShort'] },
  },
  {
    id: 'google-oauth-secret', title: 'a Google OAuth client secret', hints: ['gocspx-'],
    pattern: /\bGOCSPX-[A-Za-z0-9_-]{28}/dg,
    examples: { must: [['GOC', 'SPX-Zx8Kq2Lm9Tn4Vb7Wc1Ys6Rd3Pf5H']], mustNot: ['GOCSPX-x'] },
  },
  {
    id: 'model-key', title: 'a key of a model provider', hints: ['sk-'],
    pattern: /\bsk-(?:proj-|svcacct-|admin-|ant-[a-z0-9]{2,10}-|or-v1-)?[A-Za-z0-9_-]{40,220}/dg, accept: (s) => /[0-9]/.test(s) && /[A-Za-z]/.test(s.slice(10)) && entropy(s) > 3.8,
    examples: { must: [['sk', `-proj-${BODY}${BODY}`], ['sk', `-ant-api03-${BODY}${BODY}`]], mustNot: ['sk-your-key-here', 'task-list-that-is-a-very-long-class-name-in-some-style-sheet-of-a-page'] },
  },
  {
    id: 'jwt', title: 'a JSON Web Token', hints: ['eyj'],
    pattern: /\beyJ[A-Za-z0-9_-]{10,2000}\.eyJ[A-Za-z0-9_-]{10,4000}\.[A-Za-z0-9_-]{16,1000}/dg,
    examples: { must: [['ey', `JhbGciOiJIUzI1NiJ9.`, `eyJzdWIiOiIxMjM0NTY3ODkwIn0.${BODY}`]], mustNot: ['eyJhbGciOiJIUzI1NiJ9', 'eyJ.eyJ.x'] },
  },
  {
    id: 'url-password', title: 'a URL with a password', hints: ['://'],
    pattern: /(?:postgres(?:ql)?|mysql|mariadb|mongodb(?:\+srv)?|rediss?|amqps?|mssql|sqlserver|ftp|https?):\/\/[^\s:@/'"`<>]{0,100}:(?<s>[^\s@/'"`<>]{3,200})@/dg,
    accept: (s) => !placeholder(s) && !/^(?:postgres|root|admin|guest|mysql|pw|pwd)$/i.test(s),
    examples: { must: [['postgres', '://app:', 'h4rdT0Guess', '@db.internal:5432/app'], ['https', '://me:', 'p4ssw0rd99', '@git.internal/x.git']], mustNot: ['postgres://postgres:postgres@localhost/x', `postgres://me:\${PASSWORD}@db/x`, 'https://host:8080/a@b'] },
  },
  {
    id: 'generic-secret', title: 'a secret written into the source', hints: ['pass', 'secret', 'token', 'key', 'auth', 'pwd'],
    pattern: /(?:passw(?:or)?d|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|signing[_-]?key|credential)[A-Za-z0-9_-]{0,20}["']?\s{0,5}(?::|=>?|:=)\s{0,5}["'`](?<s>[^"'`\s]{8,200})["'`]/dgi,
    accept: (s) => !placeholder(s) && entropy(s) >= 3 && /[0-9]/.test(s) && /[A-Za-z]/.test(s),
    examples: {
      must: [['const pass', 'word = "', 'h4rdT0Gu3ss!x', '"'], ['"api', '_key": "', BODY, '"'], ['clientSe', "cret: '", 'a8f5f167f44f4964e6c998dee827110c', "'"]],
      mustNot: ['password: "changeme123"', 'token = env.TOKEN', `secret: "\${SECRET_1}"`, 'const tokenType = "Bearer"', 'password = "<your-password-1>"', 'tokenUrl: "https://id.example.com/oauth2/token"'],
    },
  },
];

/** Every form. What an issuer's prefix tells comes first, and keeps its name where a general form finds the same. */
export const SECRET_RULES: readonly SecretRule[] = [...ISSUER_RULES, ...COMMON];

/** Shannon entropy in bits a character. */
export function entropy(text: string): number {
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length);
  return bits;
}

function placeholder(text: string): boolean {
  return /^[$%<{[#]|\$\{|\{\{|^(?:https?|file):\/\/|^\.{0,2}\/|x{4}|\*{3}|\.\.\.|example|placeholder|change[-_]?me|your[-_]?|dummy|redacted|^(?:password|secret|token|test)[0-9]{0,4}$/i.test(text);
}
