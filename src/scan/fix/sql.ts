import type { SgNode } from '@ast-grep/napi';
import type { RuleFix } from '../rule.js';
import { argumentsOf, type FileFacts, insert, replace, together } from './facts.js';
import { type Built, builtFrom, expression, HOLE, holeIndex, HOLES, written } from './text.js';
import type { Edit } from '../../sarif/model.js';

/** Drivers by the form of their parameters. */
const NUMBERED: ReadonlySet<string> = new Set(['pg', 'pg-promise', 'pg-pool', '@vercel/postgres', '@neondatabase/serverless', 'postgres', 'slonik']);
const MARKED: ReadonlySet<string> = new Set(['mysql', 'mysql2', 'mysql2/promise', 'mariadb', 'sqlite3', 'sqlite', 'better-sqlite3', 'sql.js', 'knex']);
/** Parts of a statement that cannot be parameters, by the names people give them; what quotes itself, and constants. */
const CONSTANT = /(?:^|\.)[A-Z][A-Z0-9_]*$/;
export const NAME_PART = /quote|escape|ident|schema|table|column|placeholder/i;

/** True for a value that is a name or a constant by its text. */
export function isNamePart(text: string): boolean {
  return CONSTANT.test(text) || NAME_PART.test(text);
}
/** What stands before a value. After any other word a table, a column or a piece of SQL may be meant. */
const BEFORE_VALUE = /(?:[=<>]|\b(?:i?like|regexp|glob|between|then|else)|\bbetween\s+\S+\s+and|\bvalues\s*\((?:[^()]*,)?)\s*$/i;
const AFTER_VALUE = /^(?:\s|\)|,|;|::|$|\\n)/;
/** A string of SQL, a quoted name, a placeholder, a hole. Strings have no backslash: what it means depends on the server. */
const TOKEN = /'(?:[^']|'')*'|"[^"]*"|\\?`[^`]*`|\?|\$\d+|[\uE000-\uF8FF]/g;

interface Parameters {
  readonly sql: string;
  /** The source of each new parameter, and where it comes among those that were there: `at` of them stand before it. */
  readonly added: readonly { readonly source: string; readonly at: number }[];
  /** How many the statement had. */
  readonly before: number;
}

export const SQL_PARAMETERS: RuleFix = {
  title: 'Pass the values as parameters',
  edits(node, file) {
    const [text] = argumentsOf(node);
    const callee = node.field('function')?.text() ?? '';
    const form = text === undefined ? null : placeholder(text, file);
    if (text === undefined || form === null || /(?:sequelize|prisma)\b|\.(?:exec|each|\$\w+)$|typeorm/i.test(callee)) return null;
    const built = builtFrom(text);
    const found = built === null ? null : parametersOf(built, form, file);
    if (built === null || found === null || found.added.length === 0) return null;
    if (built.quote !== '`' && found.sql.length > 160) return null;
    const sql = written({ ...built, joined: found.sql }, file.style);
    const passed = /\.prepare$/.test(callee) ? passedLater(node, found) : passedHere(node, found, form);
    return sql === null || passed === null ? null : together([replace(text, sql)], passed);
  },
  examples: {
    mustChange: [
      [`rows = db.query(\`select a from b where c = ? and d like '%\${req.query.q ?? ''}%' order by id\`, [c]);\n`, `rows = db.query('select a from b where c = ? and d like ? order by id', [c, \`%\${req.query.q ?? ''}%\`]);\n`],
      [`const { Pool } = require('@vercel/postgres');\npool.query(\`SELECT * FROM t WHERE id = \${id} AND n = '\${req.body.n}'\`);\n`, `const { Pool } = require('@vercel/postgres');\npool.query('SELECT * FROM t WHERE id = $1 AND n = $2', [id, req.body.n]);\n`],
      [`const mysql = require('mysql2');\ndb.query("select * from u where n = '" + name + "'", (e, rows) => done(rows));\n`, `const mysql = require('mysql2');\ndb.query("select * from u where n = ?", [name], (e, rows) => done(rows));\n`],
      [`import pg from '@vercel/postgres'\nawait pool.query(\`\n  SELECT *\n  FROM t\n  WHERE a = $1 AND id = \${id}\n\`, [a])\n`, `import pg from '@vercel/postgres'\nawait pool.query(\`\n  SELECT *\n  FROM t\n  WHERE a = $1 AND id = $2\n\`, [a, id])\n`],
      [`const Database = require('better-sqlite3');\ndb.prepare(\`select a from b where c = \${c}\`).get();\n`, `const Database = require('better-sqlite3');\ndb.prepare('select a from b where c = ?').get(c);\n`],
      [`import pg from '@vercel/postgres';\npool.query(\`insert into \${quoteIdent(t)} (a, b) values (\${a}, 'x\${b}')\`);\n`, `import pg from '@vercel/postgres';\npool.query(\`insert into \${quoteIdent(t)} (a, b) values ($1, $2)\`, [a, \`x\${b}\`]);\n`],
    ],
    mustNotChange: [
      `db.query(\`SELECT * FROM t WHERE id = \${id}\`);\n`, `const pg = require('@vercel/postgres');\npool.query(\`SELECT * FROM \${what} WHERE id = \${id}\`);\n`, `const pg = require('@vercel/postgres');\npool.query(\`SELECT * FROM t ORDER BY \${order}\`);\n`,
      `const pg = require('@vercel/postgres');\npool.query(\`SELECT * FROM t WHERE \${filter}\`, params);\n`, `const pg = require('@vercel/postgres');\npool.query(\`SELECT * FROM t WHERE a in (\${ids.join(',')})\`);\n`,
      `const pg = require('@vercel/postgres');\npool.query(\`SELECT * FROM t WHERE id = \${id}\`, params);\n`, `const pg = require('@vercel/postgres');\npool.query('SELECT * FROM t' + (id ? ' where id = ' + id : ''));\n`,
      `const pg = require('@vercel/postgres');\npool.query(\`SELECT * FROM t WHERE n = '\${n.replace(/'/g, "''")}'\`);\n`, `const pg = require('@vercel/postgres');\nconst mysql = require('mysql');\npool.query(\`SELECT * FROM t WHERE id = \${id}\`);\n`,
    ],
  },
};

/** The form of parameters: that of the statement itself, of the one driver that the file imports, or of the file's other statements. */
function placeholder(text: SgNode, file: FileFacts): '?' | '$' | null {
  const drivers = [...file.modules];
  const numbered = drivers.some((m) => NUMBERED.has(m));
  const marked = drivers.some((m) => MARKED.has(m));
  if (numbered !== marked) return numbered ? '$' : '?';
  const source = numbered ? text.text() : file.text;
  const uses = { '$': /[=(,]\s*\$\d+\b/.test(source), '?': /(?:[=(,]|\blike)\s*\?(?=[\s,)'"`;]|$)/i.test(source) };
  return uses.$ === uses['?'] ? null : uses.$ ? '$' : '?';
}

function parametersOf({ joined, values }: Built, form: '?' | '$', file: FileFacts): Parameters | null {
  const tokens = [...joined.matchAll(TOKEN)];
  const before = form === '?' ? tokens.filter(([t]) => t === '?').length : Math.max(0, ...tokens.flatMap(([t]) => /^\$(\d+)$/.exec(t)?.[1] ?? []).map(Number));
  const added: { source: string; at: number }[] = [];
  let sql = '';
  let end = 0;
  let passed = 0;
  for (const match of tokens) {
    const [token] = match;
    if (token === '?') passed++;
    if (!HOLE.test(token) || isName(token, values)) continue;
    const piece = token.startsWith("'") ? token.slice(1, -1) : token;
    const bare = piece === token;
    if (/^["`\\]/.test(token) || (bare && !inValuePlace(joined, match.index))) return null;
    const source = piece.includes("''") || handEscaped(piece, values) ? null : expression(piece, values, file.style);
    if (source === null) return null;
    added.push({ source, at: form === '?' ? passed : before });
    sql += `${joined.slice(end, match.index)}${form === '?' ? '?' : `$${before + added.length}`}`;
    end = match.index + token.length;
  }
  return { sql: sql + joined.slice(end), added, before };
}

function isName(token: string, values: readonly SgNode[]): boolean {
  return (token.match(HOLES) ?? []).every((c) => isNamePart(values[holeIndex(c)]?.text() ?? ''));
}

/** A parameter must not be escaped as well; a value that is a list or a choice of SQL is none. */
function handEscaped(piece: string, values: readonly SgNode[]): boolean {
  return (piece.match(HOLES) ?? []).some((c) => {
    const text = values[holeIndex(c)]?.text() ?? '';
    return /\.replace(?:All)?\(.*'|\.join\(|\.map\(|escape/s.test(text) || /\b(?:select|where|and|or|order by)\b/i.test(text);
  });
}

function inValuePlace(joined: string, at: number): boolean {
  return BEFORE_VALUE.test(joined.slice(0, at).replace(/\\[nrt]/g, ' ').replace(HOLES, 'x')) && AFTER_VALUE.test(joined.slice(at + 1));
}

/** Into the array of the call, one that is new, or not at all where the parameters come from elsewhere. */
function passedHere(node: SgNode, { added, before }: Parameters, form: '?' | '$'): readonly Edit[] | null {
  const [text, second, ...rest] = argumentsOf(node);
  if (text === undefined) return null;
  const all = `[${added.map((a) => a.source).join(', ')}]`;
  const isCallback = second !== undefined && (second.is('arrow_function') || second.is('function_expression') || (second.is('identifier') && /^(?:cb|callback|done|next)$/.test(second.text())));
  if (second === undefined || (isCallback && rest.length === 0)) return before === 0 ? [insert(text.range().end.index, `, ${all}`)] : null;
  if (!second.is('array')) return null;
  const elements = second.namedChildren().filter((child) => !child.is('comment'));
  if (elements.length !== before || elements.some((element) => element.is('spread_element'))) return null;
  if (before === 0) return [replace(second, all)];
  return added.map(({ source, at }) => {
    const element = elements[form === '?' ? at : before];
    return element === undefined ? insert(elements.at(-1)?.range().end.index ?? 0, `, ${source}`) : insert(element.range().start.index, `${source}, `);
  });
}

/** `prepare(sql).get()`: the parameters belong to the call that follows. */
function passedLater(node: SgNode, { added, before }: Parameters): readonly Edit[] | null {
  const member = node.parent();
  const later = member?.parent();
  if (member == null || later == null || !later.is('call_expression') || !/^(?:get|all|run|iterate)$/.test(member.field('property')?.text() ?? '')) return null;
  if (before > 0 || argumentsOf(later).length > 0) return null;
  return [insert(later.range().end.index - 1, added.map((a) => a.source).join(', '))];
}
