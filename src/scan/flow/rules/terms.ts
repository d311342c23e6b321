import { nameOf } from '../ir.js';
import type { CallSite } from '../rule.js';
import { type Danger, type Mark, open, partsOf, type SourceKind, type Value } from '../value.js';

/** Sources that somebody outside the program chooses. */
export const OUTSIDE: readonly SourceKind[] = ['request', 'browser', 'message', 'argument', 'parameter'];

/** Open marks of a value, of these kinds. */
export function openOf(value: Value | undefined, danger: Danger, kinds: readonly SourceKind[] = OUTSIDE): readonly Mark[] {
  return value === undefined ? [] : open(value, danger).filter((mark) => kinds.includes(mark.kind));
}

/** A name that says that a value is secret or must not be guessed. */
export const SECRET_NAME = /(?:pass(?:word|wd|phrase|code)?|secret|token|api_?key|private_?key|access_?key|auth(?:orization)?_?(?:key|code|token)|session_?(?:id|key|token)?|sid|csrf|xsrf|nonce|otp|pin(?:code)?|salt|iv|signature|hmac|digest|credential|reset_?(?:code|token|key)|verification_?code|invite_?code|coupon|voucher|ticket|jwt|cookie_?secret|recovery|captcha|activation|magic_?link|one_?time|temp_?pass\w*|verifier|backup_?codes?|entropy|seed_?phrase|encryption_?key|key_?material)s?$/i;
export const SECRET_WORD = /(?:password|passwd|secret|token|api_?key|session_?id|sess_?id|csrf|nonce|otp|salt|private_?key|reset_?code|verification_?code|invite_?code|recovery_?code|credential|licen[cs]e_?key|encryption_?key|signing_?key|access_?code|pin_?code|passcode|magic_?link)/i;

/** A receiver that runs SQL, by where it comes from or what it is called. */
const SQL_LIBRARY = /^(?:pg|pg-promise|mysql2?|sqlite3?|better-sqlite3|knex|sequelize|typeorm|mariadb|oracledb|mssql|tedious|postgres|@prisma\/client|slonik|node:sqlite|sqlite|@neondatabase\/serverless|@planetscale\/database|@vercel\/postgres|drizzle-orm|mikro-orm|objection|psycopg2?|pymysql|MySQLdb|sqlalchemy|asyncpg|aiomysql|aiosqlite|cx_Oracle|pyodbc|django\.db|peewee)\b/;
const SQL_RECEIVER = /(?:^|_|\b)(?:db|dbs|database|pool|client|conn|connection|knex|sequelize|pg|psql|mysql|mariadb|sqlite|sql|tx|trx|transaction|cursor|cur|session|engine|prisma|orm|manager|entityManager|queryRunner|repository|store|dao|pgClient|writer|reader|master|slave|replica|stmt|raw|\$)s?\d?$/i;
const SQL_METHOD = /^(?:query|execute|exec|raw|run|all|get|each|prepare|executemany|executescript|\$queryRawUnsafe|\$executeRawUnsafe|queryRaw|whereRaw|orderByRaw|havingRaw|selectRaw|joinRaw|groupByRaw|fromRaw|fetch|fetchrow|fetchval|one|oneOrNone|many|any|none|manyOrNone|result|unsafe|simpleQuery|batch|literal|text|read_sql|read_sql_query|queryStream|first|stream|scalar|mogrify|extra|RawSQL|sql_query)$/;
export const SQL_TEXT = /\b(?:select\b[\s\S]{1,400}\bfrom|insert\s+(?:ignore\s+)?into|update\s[\s\S]{1,200}\bset\b|delete\s+from|drop\s+(?:table|database|schema|index|user|role)|alter\s+(?:table|user|role|database)|create\s+(?:table|database|index|user|role|schema|view|or\s+replace)|truncate\s|grant\s|exec(?:ute)?\s+\w|set\s+(?:search_path|role|session|local)|copy\s+[\w"\uFFFC.]+|merge\s+into|replace\s+into|where\s[\s\S]{1,80}(?:=|like|in\b|[<>])|order\s+by|group\s+by|listen\s|notify\s|union\s+(?:all\s+)?select|call\s+\w|explain\s|pragma\s|show\s|use\s|lock\s+table|vacuum\s|select\s+\uFFFC|begin|commit)/i;

/** True where a call hands its first argument to a database. */
export function runsSql(site: CallSite, text: string): boolean {
  if (!SQL_METHOD.test(site.name)) return false;
  if (SQL_LIBRARY.test(site.api)) return true;
  const looks = SQL_TEXT.test(text);
  const receiver = site.receiverExpr === null ? '' : nameOf(site.receiverExpr);
  if (looks && (site.receiverExpr === null ? /^(?:query|execute|raw|sql|unsafe)$/.test(site.name) : true)) return !/^(?:console|log|logger|RegExp)$/.test(receiver);
  return SQL_RECEIVER.test(receiver) && /^(?:query|execute|raw|\$queryRawUnsafe|\$executeRawUnsafe|unsafe)$/.test(site.name);
}

/** Text of a value with holes as \0, also where it is no text but an array of them. */
export function textOf(value: Value | undefined): string {
  if (value === undefined) return '';
  return (partsOf(value) ?? ['\uFFFC']).map((part) => (typeof part === 'string' ? part : '\uFFFC')).join('');
}

/** The holes of a text that are dangerous, with the literal text before and after each. */
export function holes(value: Value, danger: Danger, kinds: readonly SourceKind[] = OUTSIDE): readonly { readonly marks: readonly Mark[]; readonly before: string; readonly after: string; readonly hole: Value }[] {
  const parts = partsOf(value);
  if (parts === undefined) return openOf(value, danger, kinds).length === 0 ? [] : [{ marks: openOf(value, danger, kinds), before: '', after: '', hole: value }];
  return parts.flatMap((part, i) => {
    if (typeof part === 'string') return [];
    const marks = openOf(part, danger, kinds).filter((mark) => value.marks.some((outer) => outer.what === mark.what && !outer.clean.includes(danger) && !outer.clean.includes('all')));
    const text = (all: readonly (string | Value)[]): string => all.map((one) => (typeof one === 'string' ? one : '\uFFFC')).join('');
    return marks.length === 0 ? [] : [{ marks, before: text(parts.slice(0, i)), after: text(parts.slice(i + 1)), hole: part }];
  });
}
