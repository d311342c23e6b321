import { parse } from '@ast-grep/napi';
import type { Mark } from '../../sarif/tamper/model.js';
import { grammarOf } from '../shapes.js';

/** Prose says how tools are silenced without silencing one. */
const PROSE = /\.(?:md|mdx|markdown|rst|txt|adoc|html?|snap|lock)$|(?:^|\/)(?:changelog|licen[cs]e|readme)[^/]*$/i;
/** Marks, with what they name. What a person adds as a reason is no part of it, so that another reason is no new mark. */
const MARKS: readonly (readonly [what: string, pattern: RegExp])[] = [
  ['eslint-disable', /\beslint-disable(?:-next-line|-line)?\b(?:(?! --)[^*\n]){0,150}|\beslint [\w@/-]{1,80} ?: ?["']?(?:off|0)\b/],
  ['biome-ignore', /\bbiome-ignore(?:-all|-start|-end)? [\w/]{1,100}|\brome-ignore\b/],
  ['oxlint-disable', /\boxlint-disable(?:-next-line|-line)?\b[^*\n]{0,100}|\bdeno-lint-ignore(?:-file)?\b[^*\n]{0,100}|\btslint:disable[\w:-]{0,40}|\bjshint ignore\b|\bstandard-ignore\b/],
  ['ts-ignore', /@ts-ignore\b|@ts-nocheck\b|\$FlowFixMe\b|@flow-ignore\b/],
  ['ts-expect-error', /@ts-expect-error\b/],
  ['nosec', /#\s*nosec\b[\w ,:]{0,80}|\bnosec\b|#\s*skipcq\b|\bskipcq\b/i],
  ['noqa', /\bnoqa\b(?: ?: ?[A-Z]+[0-9]+(?:, ?[A-Z]+[0-9]+){0,30})?|\bflake8[:=] ?noqa\b|\bruff: ?noqa\b/i],
  ['type: ignore', /\b(?:type|pyright|mypy|pyre)[:-] ?(?:ignore|ignore-errors|basic)\b(?:\[[\w, -]{0,100}\])?/],
  ['pylint: disable', /\bpylint: ?(?:disable|skip-file)[\w=, -]{0,150}/],
  ['coverage', /\b(?:istanbul|c8|v8|node:coverage) ignore\b[\w ]{0,40}|\bnode:coverage (?:disable|ignore)\b|\bpragma: ?no ?cover\b|\bLCOV_EXCL_\w{1,20}/],
  ['NOSONAR', /\bNOSONAR\b|\bNOPMD\b|\bNOLINT(?:NEXTLINE|BEGIN)?\b|\bnolint\b(?::[\w,]{1,100})?|@SuppressWarnings\b|@SuppressFBWarnings\b|#\[allow\([^)\n]{0,80}\)|\brubocop:disable\b[\w/, ]{0,100}|\bphpcs:ignore\b|\bshellcheck disable=[\w,]{0,80}|\bhadolint ignore=[\w,]{0,80}|\bcheckov:skip=[\w]{0,60}|\btfsec:ignore:[\w-]{0,80}|\btrivy:ignore:[\w-]{0,80}|\bzizmor: ?ignore\b|\bcodeql\[[\w/-]{0,80}\]|\blgtm ?\[/],
  ['nosemgrep', /\bnosem(?:grep)?\b(?: ?: ?[\w.,-]{1,200})?/],
  ['gitleaks:allow', /\bgitleaks:allow\b|\btrufflehog:ignore\b|\bpragma: ?allowlist\b|\bdetect-secrets:allow\b/],
];
const ANY = new RegExp(MARKS.map(([, pattern]) => pattern.source).join('|'), 'i');
/** What begins a comment in most languages, before a mark on its line; attributes of languages are no comments. */
const COMMENT = /\/\/|\/\*|^\s*\*|#|<!--|--|;|%/;

/** Comments by which a file tells a tool to look away: in the comments of the grammar where there is one, else after what begins a comment. */
export function suppressionsOf(path: string, text: string): Mark[] {
  if (PROSE.test(path) || !ANY.test(text)) return [];
  const language = grammarOf(path, text);
  if (language === null) return text.split('\n').flatMap((line, i) => (ANY.test(line.slice(0, 5000)) ? marksIn(line.slice(0, 5000), i + 1, true) : []));
  const comments = parse(language, text).root().findAll({ rule: { kind: 'comment' } });
  return comments.flatMap((comment) => comment.text().split('\n').flatMap((line, i) => marksIn(line, comment.range().start.line + 1 + i, false)));
}

function marksIn(line: string, number: number, anywhere: boolean): Mark[] {
  return MARKS.flatMap(([what, pattern]) => {
    const found = pattern.exec(line);
    if (found === null || (anywhere && !/^(?:@|#\[)/.test(found[0]) && !COMMENT.test(line.slice(0, found.index + 1)))) return [];
    return [{ what, text: found[0].replace(/\s+/g, ' ').trim().slice(0, 200), line: number }];
  });
}
