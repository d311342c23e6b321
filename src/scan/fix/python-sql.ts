import type { SgNode } from '@ast-grep/napi';
import type { Edit } from '../../sarif/model.js';
import type { RuleFix } from '../rule.js';
import { assigned } from '../rules/python-shape.js';
import { type FileFacts, insert, replace, together } from './facts.js';
import { pythonArguments } from './python.js';
import { type PythonBuilt, pythonBuilt, pythonExpression } from './python-text.js';
import { HOLE, holeIndex, HOLES } from './text.js';
import { NAME_PART } from './sql.js';

const MARKED: readonly string[] = ['sqlite3', 'aiosqlite', 'apsw', 'pyodbc', 'duckdb'];
const FORMATTED: readonly string[] = ['psycopg2', 'psycopg', 'pymysql', 'MySQLdb', 'mysql', 'aiomysql', 'django'];
/** Statements of SQLAlchemy take named parameters and another call. */
const OTHER: readonly string[] = ['sqlalchemy', 'asyncpg', 'peewee', 'pandas', 'flask_sqlalchemy'];
const BEFORE_VALUE = /(?:[=<>]|\b(?:i?like|regexp|glob|between|then|else)|\bbetween\s+\S+\s+and|\bvalues\s*\((?:[^()]*,)?)\s*$/i;
const AFTER_VALUE = /^(?:\s|\)|,|;|::|$|\\n)/;
const TOKEN = /'(?:[^']|'')*'|"[^"]*"|`[^`]*`|\?|%s|[\uE000-\uF8FF]/g;

type Form = '?' | '%s';

export const PYTHON_SQL: RuleFix = {
  title: 'Pass the values as parameters',
  edits(node, file) {
    const { positional, keywords } = pythonArguments(node);
    const [text, params, ...more] = positional;
    if (text === undefined || more.length > 0 || keywords.length > 0 || !/\.execute$/.test(node.field('function')?.text() ?? '')) return null;
    const source = assigned(text);
    const built = pythonBuilt(source);
    const form = formOf(file);
    // A statement kept in a variable may be used, logged or extended elsewhere too.
    if (built === null || form === null || (source !== text && usesOf(text, node) !== 1)) return null;
    const found = parametersOf(built, form);
    const passed = found === null ? null : passing(text, params, found);
    return found === null || passed === null ? null : together([replace(source, `${built.quote}${found.sql}${built.quote}`)], passed);
  },
  examples: {
    mustChange: [
      [`import sqlite3\ncur.execute(f"select * from t where id = {user_id} and n = '{name}'")\n`, `import sqlite3\ncur.execute("select * from t where id = ? and n = ?", (user_id, name))\n`],
      [`import psycopg2\ncur.execute("select * from t where n = '%s'" % (name))\n`, `import psycopg2\ncur.execute("select * from t where n = %s", (name,))\n`],
      [`import sqlite3\ncur.execute("delete from t where a = ? and n = '" + name + "'", (a,))\n`, `import sqlite3\ncur.execute("delete from t where a = ? and n = ?", (a, name))\n`],
      [`import pymysql\ncur.execute("insert into t (a, b) values ({}, '{}')".format(a, b))\n`, `import pymysql\ncur.execute("insert into t (a, b) values (%s, %s)", (a, b))\n`],
      [`import sqlite3\ndef find(q):\n    sql = f"select a from t where b like '%{q}%'"\n    return db.execute(sql).fetchall()\n`, `import sqlite3\ndef find(q):\n    sql = "select a from t where b like ?"\n    return db.execute(sql, (f"%{q}%",)).fetchall()\n`],
    ],
    mustNotChange: [
      'cur.execute(f"select * from t where id = {i}")\n', 'import sqlite3\ncur.execute(f"select * from t where {condition}")\n', 'import sqlite3\ncur.execute(f"select * from t order by {order}")\n', 'import sqlalchemy\ndb.execute(f"select * from t where id = {i}")\n',
      'import sqlite3\ncur.execute(f"select * from t where id = {i:d}")\n', 'import sqlite3\ncur.execute("select * from t where a in (" + ",".join(ids) + ")")\n', 'import psycopg2\ncur.execute(f"select * from t where a like \'x%\' and b = {b}")\n',
    ],
  },
};

function formOf(file: FileFacts): Form | null {
  const has = (names: readonly string[]): boolean => names.some((name) => file.modules.has(name));
  if (has(OTHER)) return null;
  if (has(MARKED) !== has(FORMATTED)) return has(MARKED) ? '?' : '%s';
  if (has(MARKED)) return null;
  const marked = /(?:[=(,]|\blike)\s*\?(?=[\s,)'"]|$)/im.test(file.text);
  const formatted = /[=(,]\s*%s[^%\n]*["']\s*,\s*[([]/.test(file.text);
  return marked === formatted ? null : marked ? '?' : '%s';
}

function parametersOf({ joined, values, quote }: PythonBuilt, form: Form): { readonly sql: string; readonly added: readonly { readonly source: string; readonly at: number }[]; readonly before: number } | null {
  const added: { source: string; at: number }[] = [];
  let sql = '';
  let end = 0;
  let before = 0;
  for (const match of joined.matchAll(TOKEN)) {
    const [token] = match;
    if (token === form) before++;
    if (!HOLE.test(token)) continue;
    const piece = token.startsWith("'") ? token.slice(1, -1) : token;
    const bare = piece === token;
    const inPlace = BEFORE_VALUE.test(joined.slice(0, match.index).replace(/\\[nrt]/g, ' ').replace(HOLES, 'x')) && AFTER_VALUE.test(joined.slice(match.index + 1));
    const odd = (piece.match(HOLES) ?? []).some((c) => NAME_PART.test(values[holeIndex(c)]?.text() ?? '') || /\.join\(|\.replace\(|\bif\b|\bfor\b/.test(values[holeIndex(c)]?.text() ?? ''));
    if (/^["`]/.test(token) || (bare && !inPlace) || odd || piece.includes("''")) return null;
    const source = pythonExpression(piece, values, quote);
    if (source === null) return null;
    added.push({ source, at: before });
    sql += joined.slice(end, match.index) + form;
    end = match.index + token.length;
  }
  sql += joined.slice(end);
  // Drivers that read %s read every other % as a mistake.
  if (added.length === 0 || HOLE.test(sql) || (form === '%s' && sql.replaceAll('%s', '').includes('%'))) return null;
  return { sql, added, before };
}

/** A tuple behind the statement; values go where they belong among those that are there. */
function passing(text: SgNode, params: SgNode | undefined, { added, before }: { readonly added: readonly { readonly source: string; readonly at: number }[]; readonly before: number }): readonly Edit[] | null {
  const sources = added.map((a) => a.source);
  if (params === undefined) return before > 0 ? null : [insert(text.range().end.index, `, ${tuple(sources)}`)];
  const there = params.namedChildren().filter((child) => !child.is('comment'));
  if (!(params.is('tuple') || params.is('list')) || there.length !== before || there.some((child) => child.is('list_splat'))) return null;
  const all = there.flatMap((child, i) => [...added.filter((a) => a.at === i).map((a) => a.source), child.text()]).concat(added.filter((a) => a.at >= there.length).map((a) => a.source));
  return [replace(params, params.is('list') ? `[${all.join(', ')}]` : tuple(all))];
}

function tuple(sources: readonly string[]): string {
  return sources.length === 1 ? `(${sources[0]},)` : `(${sources.join(', ')})`;
}

/** How often the scope reads a name. */
function usesOf(name: SgNode, node: SgNode): number {
  const scope = node.ancestors().find((a) => a.is('function_definition')) ?? node.ancestors().at(-1);
  return (scope?.findAll({ rule: { kind: 'identifier', regex: `^${name.text()}$` } }).length ?? 2) - 1;
}
