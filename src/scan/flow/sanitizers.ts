import { nameOf } from './ir.js';
import type { Called } from './machine.js';
import { allMarks, type Danger, defended, derived, joinMarks, type Mark, type Value } from './value.js';

interface Sanitizer {
  readonly name: RegExp;
  readonly dangers: readonly Danger[];
}

/** By the last name of the function, first match; what a function is called for is believed where its body is not known. */
const SANITIZERS: readonly Sanitizer[] = [
  { name: /^(?:encodeURIComponent|encodeURI|quote_plus|urlencode|quote|encodeUrl|urlEncode)$/, dangers: ['url', 'html', 'redirect', 'path', 'sql', 'header', 'xpath', 'ldap', 'command'] },
  { name: /^(?:basename|secure_filename|sanitizeFilename|sanitize_filename|safe_join|safeJoin)$/, dangers: ['path'] },
  { name: /^(?:escapeRegExp|escapeRegex|escapeStringRegexp|regexEscape|escape_regex|quoteRegex|escapeForRegex|RE2)$/i, dangers: ['regex', 'html'] },
  { name: /^(?:shellescape|shellEscape|shellQuote|escapeShell\w*|quoteShell\w*|escapeArg\w*|shlex_quote)$/i, dangers: ['command'] },
  { name: /^(?:escapeId|escapeLiteral|escapeIdentifier|quoteIdent\w*|quoteLiteral|quoteId\w*|quote_ident|quote_literal|sqlEscape|escapeSql\w*|pgFormat|mogrify|Identifier|quoteName)$/, dangers: ['sql'] },
  { name: /^(?:escapeFilter|escapeDN|escapeLdap\w*|ldapEscape|ldap_escape|escape_filter_chars|escapeDn)$/i, dangers: ['ldap'] },
  { name: /^(?:escapeXpath\w*|xpathEscape|xpathLiteral|xpathString|toXPathLiteral|quoteXPath\w*)$/i, dangers: ['xpath'] },
  { name: /^(?:escapeHtml|escapeHTML|htmlEscape|escape_html|encodeHtml|encodeHTML|sanitizeHtml|sanitizeHTML|sanitize_html|escapeXml|escapeXML|encodeForHTML|he|stripTags|strip_tags|conditional_escape|bleach|createHTML|DOMPurify|purify|xss|filterXSS|escapeMarkup|format_html|escapeAttribute|htmlspecialchars)$/, dangers: ['html', 'template', 'xml'] },
  { name: /^(?:omit|pick|zod|safeParse|parseAsync|validateSync|validated|object_validate|strict|cast|validateAsync|validate|whitelist|sanitizeBody|matchedData|full_clean|is_valid)$/, dangers: ['all'] },
  { name: /^(?:hash|digest|createHash|sha\d+|md5|hexdigest|hashSync|hmac|encrypt|randomUUID|nanoid|uuid\w*|uuidv4|slugify|kebabCase|snakeCase|camelCase|slug|hexlify)$/, dangers: ['all'] },
];
const GENERIC = /^(?:sanitize|sanitise|purify|clean|cleanse|escape|neutrali[sz]e|allowlist|whitelist|safe|toSafe|makeSafe|assertSafe|assertValid|ensureSafe|ensureValid|validateAnd|strip|scrub|coerce|normalizeAnd)(?:[A-Z_]\w*)?$/;
/** Which dangers a function of that name is about; everything where it does not say. */
const ABOUT: readonly (readonly [RegExp, readonly Danger[]])[] = [
  [/html|xss|markup|tag|script|entit/i, ['html', 'template', 'xml']], [/url|uri|redirect|link|href/i, ['url', 'redirect', 'html']], [/sql|query|ident/i, ['sql']], [/shell|cmd|command|arg/i, ['command']], [/path|file|folder|directory/i, ['path']],
  [/reg/i, ['regex']], [/key|proto/i, ['key']], [/ldap|dn/i, ['ldap']], [/xpath/i, ['xpath']], [/log|newline|crlf/i, ['log', 'header']], [/mongo|nosql/i, ['nosql']],
];

/** Libraries that are nothing but a sanitizer, whatever they are called here. */
const LIBRARIES: readonly (readonly [RegExp, readonly Danger[]])[] = [
  [/^escape-string-regexp\b|^regexp\.escape|^#RegExp\.escape$/, ['regex']], [/^(?:escape-html|escape-goat|html-escaper|he|sanitize-html|xss|dompurify|isomorphic-dompurify|html-entities)\b/, ['html', 'template', 'xml']], [/^sanitize-filename\b/, ['path']],
  [/^(?:shell-escape|shell-quote|any-shell-escape|shescape)\b/, ['command']], [/^(?:sqlstring|pg-format)\b/, ['sql']], [/^(?:ldap-escape|ldap-filter)\b/, ['ldap']],
];

/** The result of a sanitizer, or null. */
export function sanitized(called: Called): Value | null {
  const { name, args, receiver, api } = called;
  if (called.callee.closure !== undefined) return null;
  const given = args.reduce<readonly Mark[]>((all, arg) => joinMarks(all, allMarks(arg.value)), receiver?.marks ?? []);
  if (given.length === 0) return null;
  const kind = args[0]?.value.kind === 'string' || name.startsWith('escape') || name.startsWith('encode') ? { kind: 'string' as const } : {};
  const dangers = dangersOf(name, api, called);
  return dangers === null ? null : defended(derived(given, { ...kind, ...(args[0]?.value.parts === undefined ? {} : { parts: args[0].value.parts }) }), dangers, `${name}()`);
}

function dangersOf(name: string, api: string, called: Called): readonly Danger[] | null {
  if (api === 'shell-quote.quote' || api === 'shlex.quote' || api === 'pipes.quote') return ['command'];
  if (/^(?:validator|he|lodash|_|underscore|html-entities|markupsafe|html|cgi|django\.utils\.html)\.(?:escape|encode)/.test(api) || (name === 'escape' && /^(?:_|he|html|validator)$/.test(called.receiverExpr === null ? '' : nameOf(called.receiverExpr)))) return ['html', 'template'];
  if (/^(?:mysql2?|sqlstring|pg|pg-format)/.test(api) && /^(?:escape|format|ident|literal)/.test(name)) return ['sql'];
  if (name === 'sanitize' && /purify/i.test(api + (called.receiverExpr === null ? '' : nameOf(called.receiverExpr)))) return ['html'];
  const library = LIBRARIES.find(([module]) => module.test(api));
  if (library !== undefined) return library[1];
  const named = SANITIZERS.find((sanitizer) => sanitizer.name.test(name));
  if (named !== undefined) return named.dangers;
  if (!GENERIC.test(name)) return null;
  return ABOUT.find(([word]) => word.test(name))?.[1] ?? ['all'];
}

/**
 * `x.replace(/[^a-z]/g, '')` leaves only what the class names; replacing one character everywhere is good against what needs it.
 */
export function replaced(of: Value, what: Value, by: Value): Value {
  const after: Value = { ...derived(joinMarks(of.marks, by.marks), of.tags === undefined ? {} : { tags: of.tags }), kind: 'string', ...(of.api === undefined ? {} : { api: `${of.api}.replace()`.slice(0, 140) }) };
  if (what.regex === undefined) return after;
  const { pattern, flags } = what.regex;
  if (!flags.includes('g')) return after;
  const said = `replaces /${pattern}/`;
  if (/^\(?\[\^[^\]]*\]\+?\)?$/.test(pattern) && !/\[\^[^\]]*[<'"`;$|&]/.test(pattern)) return defended(after, pattern.includes('.') && pattern.includes('/') ? ['command', 'sql', 'html', 'ldap', 'xpath', 'header', 'log'] : ['all'], said);
  const dangers: Danger[] = [];
  if (/</.test(pattern)) dangers.push('html');
  if (/\\r|\\n|\\s|\\x0|\\uFFFC/.test(pattern)) dangers.push('log', 'header');
  if (/\[.*[.*+?^${}()|[\]\\\\].*\]/.test(pattern) && /\\\]|\\\\/.test(pattern) && /\$&|\\\\/.test(String(by.literal ?? ''))) dangers.push('regex');
  if (/\\\.\\?\./.test(pattern) || /\\\.\{2/.test(pattern)) dangers.push('path');
  if (/\(|\*|\\28/.test(pattern) && /\\\(|\[[^\]]*\(/.test(pattern) && dangers.length === 0) dangers.push('ldap');
  if (/^\[?['"\\]/.test(pattern) && /'/.test(pattern)) dangers.push('xpath');
  if (/\\W|\\D/.test(pattern) && pattern.length < 6) return defended(after, ['all'], said);
  return defended(after, dangers, said);
}
