import type { SecretRule } from './rules.js';

/** How the characters behind a prefix are written, as a class of a regex, with one example character set to draw from. */
const HEX = { set: '[a-f0-9]', draw: '3b9f1c7e5a20d846' } as const;
const ALNUM = { set: '[A-Za-z0-9]', draw: 'Zx8Kq2Lm9Tn4Vb7Wc1Ys6Rd3Pf5Hg0Jk' } as const;
const WORD = { set: '[A-Za-z0-9_-]', draw: 'Zx8Kq2Lm9Tn4Vb7Wc1Ys6Rd3Pf5Hg0Jk' } as const;
const UPPER = { set: '[A-Z0-9]', draw: 'K8Q2L9T4V7W1Y6R3P5H0JZXMNB' } as const;
const LOWER = { set: '[a-z0-9]', draw: 'k8q2l9t4v7w1y6r3p5h0jzxmnb' } as const;
const LETTERS = { set: '[A-Za-z]', draw: 'ZxKqLmTnVbWcYsRdPfHgJk' } as const;

type Body = { readonly set: string; readonly draw: string };
/** Issuer, prefixes (one of them), characters behind, their least and greatest number. */
type Issuer = readonly [id: string, title: string, prefixes: readonly string[], body: Body, least: number, most: number];

/**
 * Tokens that begin with a prefix of their issuer, as its own documentation or its support for secret scanning describes them. Lengths are as issued; where an issuer names only a least one, the
 * greatest bounds the match.
 */
const ISSUERS: readonly Issuer[] = [
  ['age-key', 'an age secret key', ['AGE-SECRET-KEY-1'], UPPER, 58, 58],
  ['alibaba-key', 'an Alibaba Cloud access key id', ['LTAI5t', 'LTAI4'], ALNUM, 16, 20],
  ['atlassian-token', 'an Atlassian token', ['ATATT3xFf', 'ATCTT3xFf', 'ATBB'], { ...WORD, set: '[A-Za-z0-9_=-]' }, 24, 250],
  ['buildkite-token', 'a Buildkite token', ['bkua_'], HEX, 40, 40],
  ['cargo-token', 'a token of a crate registry', ['cio'], ALNUM, 32, 32],
  ['circleci-token', 'a CircleCI token', ['CCIPAT_', 'CCIPRJ_'], WORD, 40, 120],
  ['databricks-token', 'a Databricks token', ['dapi'], HEX, 32, 32],
  ['digitalocean-token', 'a DigitalOcean token', ['dop_v1_', 'doo_v1_', 'dor_v1_'], HEX, 64, 64],
  ['docker-token', 'a Docker Hub token', ['dckr_pat_', 'dckr_oat_'], WORD, 27, 60],
  ['doppler-token', 'a Doppler token', ['dp.pt.', 'dp.st.', 'dp.ct.', 'dp.sa.'], ALNUM, 40, 60],
  ['figma-token', 'a Figma token', ['figd_'], WORD, 40, 60],
  ['grafana-token', 'a Grafana token', ['glsa_', 'glc_'], { ...WORD, set: '[A-Za-z0-9_+/=]' }, 40, 400],
  ['groq-key', 'a Groq key', ['gsk_'], ALNUM, 52, 52],
  ['heroku-key', 'a Heroku key', ['HRKU-AA'], WORD, 50, 70],
  ['huggingface-token', 'a Hugging Face token', ['hf_', 'api_org_'], LETTERS, 34, 34],
  ['linear-key', 'a Linear key', ['lin_api_'], ALNUM, 40, 40],
  ['mapbox-secret', 'a Mapbox secret token', ['sk.eyJ1'], { ...WORD, set: '[A-Za-z0-9_.-]' }, 40, 300],
  ['newrelic-key', 'a New Relic key', ['NRAK-', 'NRII-'], UPPER, 27, 32],
  ['notion-token', 'a Notion token', ['ntn_'], ALNUM, 40, 60],
  ['onepassword-token', 'a 1Password service account token', ['ops_eyJ'], { ...WORD, set: '[A-Za-z0-9_+/=-]' }, 200, 2000],
  ['perplexity-key', 'a Perplexity key', ['pplx-'], ALNUM, 48, 48],
  ['planetscale-token', 'a PlanetScale token', ['pscale_tkn_', 'pscale_pw_', 'pscale_oauth_'], { ...WORD, set: '[A-Za-z0-9_.=-]' }, 32, 64],
  ['postman-key', 'a Postman key', ['PMAK-'], { ...HEX, set: '[a-f0-9-]' }, 50, 64],
  ['pulumi-token', 'a Pulumi token', ['pul-'], HEX, 40, 40],
  ['pypi-token', 'a PyPI token', ['pypi-AgEIcHlwaS5vcmc', 'pypi-AgENdGVzdC5weXBpLm9yZw'], WORD, 50, 300],
  ['replicate-token', 'a Replicate token', ['r8_'], ALNUM, 37, 37],
  ['rubygems-key', 'a RubyGems key', ['rubygems_'], HEX, 48, 48],
  ['sendinblue-key', 'a Brevo key', ['xkeysib-', 'xsmtpsib-'], { ...HEX, set: '[a-zA-Z0-9-]' }, 64, 100],
  ['sentry-token', 'a Sentry token', ['sntrys_', 'sntryu_'], { ...WORD, set: '[A-Za-z0-9_+/=]' }, 60, 300],
  ['shopify-token', 'a Shopify token', ['shpat_', 'shpca_', 'shppa_', 'shpss_'], { ...HEX, set: '[a-fA-F0-9]' }, 32, 32],
  ['sonar-token', 'a SonarQube token', ['sqp_', 'squ_', 'sqa_'], HEX, 40, 40],
  ['square-token', 'a Square token', ['sq0atp-', 'sq0csp-', 'EAAAE'], WORD, 22, 60],
  ['supabase-token', 'a Supabase token', ['sbp_', 'sb_secret_'], { ...HEX, set: '[A-Za-z0-9_]' }, 31, 44],
  ['tailscale-key', 'a Tailscale key', ['tskey-auth-', 'tskey-api-', 'tskey-client-'], WORD, 20, 100],
  ['vault-token', 'a HashiCorp Vault token', ['hvs.', 'hvb.', 'hvr.'], WORD, 24, 300],
  ['vercel-token', 'a Vercel token', ['vercel_blob_rw_'], WORD, 30, 80],
  ['xai-key', 'an xAI key', ['xai-'], ALNUM, 70, 90],
  ['yandex-key', 'a Yandex Cloud key', ['AQVN', 't1.9eu'], WORD, 35, 250],
  ['aws-bedrock-key', 'an Amazon Bedrock key', ['ABSKQmVkcm9ja0FQSUtleS'], { ...ALNUM, set: '[A-Za-z0-9+/=]' }, 60, 300],
  ['nuget-key', 'a NuGet key', ['oy2'], LOWER, 43, 43],
];

/** Distinct digits and letters: a prefix in front of a word or of the same character again is no token. */
function varied(secret: string): boolean {
  return /\d/.test(secret) && new Set(secret.toLowerCase()).size >= 9;
}

function ruleOf([id, title, prefixes, body, least, most]: Issuer): SecretRule {
  const start = prefixes.map((prefix) => prefix.replace(/[.+]/g, '\\$&')).join('|');
  const first = prefixes[0] as string;
  const drawn = Array.from({ length: least }, (_, i) => body.draw[(i * 5 + (i >> 4)) % body.draw.length]).join('');
  return {
    id, title, hints: prefixes.map((prefix) => prefix.toLowerCase()), pattern: new RegExp(`(?<![A-Za-z0-9_-])(?:${start})${body.set}{${least},${most}}(?![A-Za-z0-9])`, 'dg'), accept: (secret) => {
      const behind = secret.slice(prefixes.find((prefix) => secret.startsWith(prefix))?.length ?? 0);
      return body === LETTERS ? new Set(behind).size >= 12 && /[a-z][A-Z]/.test(behind) : varied(behind);
    },
    examples: { must: [[first.slice(0, 2), `${first.slice(2)}${drawn}`]], mustNot: [first, `${first}${'x'.repeat(least)}`, `a${first}${drawn}`] },
  };
}

const BODY = 'Zx8Kq2Lm9Tn4Vb7Wc1Ys6Rd3Pf5Hg0JkQ';

/** Forms that have a mark in the middle, or are known by the name in front of them. */
const FORMS: readonly SecretRule[] = [
  {
    id: 'sendgrid-key', title: 'a SendGrid key', hints: ['sg.'], pattern: /\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])/dg,
    examples: { must: [['S', `G.${BODY.slice(0, 22)}.${BODY}${BODY.slice(0, 10)}`]], mustNot: ['SG.short.x'] },
  },
  {
    id: 'telegram-token', title: 'a Telegram bot token', hints: [':aa'], pattern: /(?<![\w:])\d{8,10}:AA[A-Za-z0-9_-]{33}(?![A-Za-z0-9_-])/dg,
    examples: { must: [['1234567', `890:AA${BODY}`]], mustNot: ['12:34:AA', '1234567890:AAx'] },
  },
  {
    id: 'discord-webhook', title: 'a Discord webhook address', hints: ['/api/webhooks/'], pattern: /\bdiscord(?:app)?\.com\/api\/webhooks\/\d{17,20}\/(?<s>[A-Za-z0-9_-]{60,80})/dg,
    examples: { must: [['discord', `.com/api/webhooks/123456789012345678/${BODY}${BODY}`]], mustNot: ['https://discord.com/api/webhooks/123456789012345678/TOKEN'] },
  },
  {
    id: 'twilio-key', title: 'a Twilio key', hints: ['sk'], pattern: /\bSK[0-9a-f]{32}\b/dg, accept: varied,
    examples: { must: [['S', 'K3b9f1c7e5a20d8463b9f1c7e5a20d846']], mustNot: ['SK00000000000000000000000000000000', 'SKU-1234'] },
  },
  {
    id: 'mailgun-key', title: 'a Mailgun key', hints: ['key-'], pattern: /\bkey-[0-9a-f]{32}\b/dg, accept: varied,
    examples: { must: [['ke', 'y-3b9f1c7e5a20d8463b9f1c7e5a20d846']], mustNot: ['key-value', 'key-00000000000000000000000000000000'] },
  },
  {
    id: 'mailchimp-key', title: 'a Mailchimp key', hints: ['-us'], pattern: /\b[0-9a-f]{32}-us\d{1,2}\b/dg, accept: varied,
    examples: { must: [['3b9f1c7e5a20d8463b9f1c7e', '5a20d846-us12']], mustNot: ['en-us', '00000000000000000000000000000000-us1'] },
  },
  {
    id: 'terraform-token', title: 'a Terraform Cloud token', hints: ['.atlasv1.'], pattern: /\b[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_-]{60,70}(?![A-Za-z0-9_-])/dg,
    examples: { must: [[BODY.slice(0, 14), `.atlas`, `v1.${BODY}${BODY}`]], mustNot: ['x.atlasv1.y'] },
  },
  {
    id: 'azure-storage-key', title: 'a key of an Azure storage account', hints: ['accountkey='], pattern: /\bAccountKey=(?<s>[A-Za-z0-9+/]{86}==)/dg,
    examples: { must: [['Account', `Key=${BODY}${BODY}${BODY.slice(0, 20)}==`]], mustNot: ['AccountKey=<key>;EndpointSuffix=core'] },
  },
  {
    id: 'azure-client-secret', title: 'a secret of an Azure application', hints: ['8q~'], pattern: /(?<![A-Za-z0-9_~.-])[A-Za-z0-9_~.-]{3}8Q~[A-Za-z0-9_~.-]{31,34}(?![A-Za-z0-9_~.-])/dg,
    examples: { must: [['abc', `8Q~${BODY}`]], mustNot: ['8Q~'] },
  },
  {
    id: 'aws-secret-key', title: 'an AWS secret access key', hints: ['secret_access_key', 'secretaccesskey', 'secret-access-key'],
    pattern: /secret[_-]?access[_-]?key["']?\s{0,5}[:=]{1,2}\s{0,5}["']?(?<s>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])/dgi, accept: (s) => varied(s) && !/EXAMPLE/i.test(s),
    examples: { must: [['aws_secret_access', `_key = ${BODY}abcd9Z/`]], mustNot: ['aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY', 'secret_access_key: process.env.AWS_SECRET'] },
  },
  {
    id: 'openshift-token', title: 'an OpenShift token', hints: ['sha256~'], pattern: /\bsha256~[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])/dg,
    examples: { must: [['sha25', `6~${BODY}${BODY.slice(0, 10)}`]], mustNot: ['sha256~'] },
  },
  {
    id: 'cloudflare-ca-key', title: 'a Cloudflare origin CA key', hints: ['v1.0-'], pattern: /\bv1\.0-[a-f0-9]{24}-[a-f0-9]{140,150}\b/dg,
    examples: { must: [['v1.', `0-${'3b9f1c7e5a20d846'.repeat(2).slice(0, 24)}-${'3b9f1c7e5a20d846'.repeat(10).slice(0, 146)}`]], mustNot: ['v1.0-beta'] },
  },
  {
    id: 'slack-config-token', title: 'a Slack configuration token', hints: ['xoxe'], pattern: /\bxoxe(?:\.xox[bp])?-\d-[A-Za-z0-9]{100,400}/dg,
    examples: { must: [['xox', `e-1-${BODY.repeat(5)}`]], mustNot: ['xoxe-1-short'] },
  },
];

export const ISSUER_RULES: readonly SecretRule[] = [...ISSUERS.map(ruleOf), ...FORMS];
