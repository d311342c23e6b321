import { workspaceFile } from '../../protocol/workspace.js';
import type { Level } from '../../sarif/model.js';
import { WHOLE_FILE, WHOLE_TREE } from '../../sarif/foreign.js';
import { linesOf, type ReadReport, reportOf, type ToldFinding, unreadable } from './report.js';

const LEVELS: ReadonlyMap<string, Level> = new Map([['error', 'error'], ['fatal error', 'error'], ['warning', 'warning'], ['note', 'note'], ['info', 'note'], ['message', 'note'], ['notice', 'note'], ['style', 'note']]);
const levelOf = (word: string | undefined, otherwise: Level): Level => LEVELS.get(word?.toLowerCase() ?? '') ?? otherwise;

/** A finding that later lines may add to. */
type Open = { -readonly [K in keyof ToldFinding]: ToldFinding[K] };
const MAX_MESSAGE = 2000;

const TSC = /^(.{1,2000}?)\((\d{1,9}),\d{1,9}\): (error|warning|message) (TS\d{1,6}): (.*)$/;
const TSC_GLOBAL = /^(error|warning|message) (TS\d{1,6}): (.*)$/;
/** Codes about options and the project file (5xxx, 6xxx, 18xxx): with one of them tsc did not look at what it should. */
const TSC_CONFIGURATION = /^TS(?:[56]\d{3}|18\d{3})$/;

/** `tsc --pretty false`: `file(line,column): error TS2345: …`, and lines that begin with white space belong to the one before. */
export const readTsc: ReadReport = (text) => {
  const told: Open[] = [];
  let problem: string | null = null;
  for (const line of linesOf(text)) {
    const last = told.at(-1);
    if (/^\s+\S/.test(line) && last !== undefined) {
      last.message = `${last.message} ${line.trim()}`.slice(0, MAX_MESSAGE);
      continue;
    }
    const [, path, at, word, code, message] = TSC.exec(line) ?? [];
    const [, globalWord, globalCode, globalMessage] = path === undefined ? (TSC_GLOBAL.exec(line) ?? []) : [];
    const rule = code ?? globalCode;
    if (rule === undefined) continue;
    const said = message ?? globalMessage ?? '';
    if (TSC_CONFIGURATION.test(rule) && (path === undefined || path.endsWith('.json'))) problem ??= `it could not check the project: ${rule}: ${said.slice(0, 500)}`;
    told.push({ path: path ?? WHOLE_TREE, line: Number(at ?? 0), rule, level: levelOf(word ?? globalWord, 'error'), message: said });
  }
  return reportOf(told, problem);
};

const MYPY = /^(.{1,2000}?):(\d{1,9})(?::\d{1,9}){0,3}: (error|warning|note): (.*)$/;
const MYPY_FILE = /^([^:\s]{1,2000}): (error|warning|note): (.*)$/;

/** mypy without `--pretty`: `file:line: error: …  [code]`. Where its last line counts the errors, the count must be right. */
export const readMypy: ReadReport = (text) => {
  const told: Open[] = [];
  let counted: number | null = null;
  for (const line of linesOf(text)) {
    const found = /^Found (\d{1,9}) errors? in /.exec(line)?.[1];
    if (found !== undefined) counted = Number(found);
    const [, path, at, word, message] = MYPY.exec(line) ?? [];
    const [, file, fileWord, fileMessage] = path === undefined ? (MYPY_FILE.exec(line) ?? []) : [];
    const place = path ?? file;
    if (place === undefined) continue;
    const { said, code } = coded(message ?? fileMessage ?? '');
    const level = levelOf(word ?? fileWord, 'error');
    told.push({ path: place, line: Number(at ?? 0), rule: code ?? level, level, message: said });
  }
  const errors = told.filter((one) => one.level === 'error').length;
  return reportOf(told, counted !== null && counted !== errors ? `the report counts ${counted} errors, and names ${errors}` : null);
};

const LINE = /^(.{1,2000}?):(\d{1,9})(?::\d{1,9})?:\s?(.*)$/;

/** `path:line: message`, `path:line:column: message`, as compilers write it; lines that begin with no file of the tree are left alone. A level (`error:`) and a code (`E501 …`, `… [SC2086]`) are taken from the message. */
export const readLines: ReadReport = (text, { paths }) => reportOf(linesOf(text).flatMap((line): ToldFinding[] => {
  const [, told, at, rest = ''] = LINE.exec(line) ?? [];
  const path = workspaceFile(told?.trim() ?? null);
  if (path === null || !paths.has(path)) return [];
  const [, word, after] = /^\[?(fatal error|error|warning|note|info|style)\]?:?\s(.*)$/i.exec(rest) ?? [];
  const { said, code } = coded(after ?? rest);
  return [{ path, line: Number(at), rule: code ?? 'finding', level: levelOf(word, 'warning'), message: said }];
}), null);

/** The code of a message: at its end in brackets, or in front of it. */
function coded(message: string): { readonly said: string; readonly code: string | null } {
  const text = message.trimEnd();
  const open = text.endsWith(']') ? text.lastIndexOf('[') : -1;
  const last = open < 0 ? '' : text.slice(open + 1, -1);
  if (/^[A-Za-z][\w/@.-]{0,99}$/.test(last)) return { said: text.slice(0, open).trimEnd(), code: last };
  const [, first] = /^([A-Z]{1,5}\d{1,6}):?\s/.exec(text) ?? [];
  return first === undefined ? { said: text, code: null } : { said: text.slice(first.length).replace(/^:?\s+/, ''), code: first };
}

/** Workflow commands of GitHub (`::error file=a.js,line=3,title=rule::message`), which many tools write when asked for `github`. */
export const readGithub: ReadReport = (text) => reportOf(linesOf(text).flatMap((line): ToldFinding[] => {
  const [, word, , properties = '', message = ''] = /^::(error|warning|notice)( (.{0,8000}?))?::(.*)$/.exec(line) ?? [];
  if (word === undefined) return [];
  const values = new Map(properties.split(',').map((part): [string, string] => [part.slice(0, part.indexOf('=')).trim(), unescaped(part.slice(part.indexOf('=') + 1))]));
  const title = values.get('title') ?? '';
  const code = /\(([\w./@-]{1,100})\)$/.exec(title)?.[1];
  return [{ path: values.get('file') ?? WHOLE_TREE, line: Number(/^\d{1,9}$/.exec(values.get('line') ?? '')?.[0] ?? 0), rule: code ?? title, level: levelOf(word, 'warning'), message: unescaped(message) }];
}), null);

const ESCAPES: ReadonlyMap<string, string> = new Map([['%25', '%'], ['%0D', '\r'], ['%0A', '\n'], ['%3A', ':'], ['%2C', ',']]);
function unescaped(text: string): string {
  return text.replace(/%(?:25|0D|0A|3A|2C)/g, (one) => ESCAPES.get(one) ?? one);
}

/** One path a line (`prettier --list-different`, `gofmt -l`). Each must be one of the tree: what else a tool says there is not known to be harmless. */
export const readFiles: ReadReport = (text, { paths }) => {
  const named = linesOf(text).map((line) => line.trim().replace(/^(?:\/workspace\/|\.\/)/, '')).filter((line) => line !== '');
  const strange = named.find((path) => !paths.has(path));
  if (strange !== undefined) return unreadable(`the report names ${JSON.stringify(strange.slice(0, 200))}, which is no file of the tree`);
  return reportOf([...new Set(named)].map((path) => ({ path, line: 0, rule: WHOLE_FILE, level: 'warning' as const, message: 'The tool lists this file as one that is not as it should be.' })), null);
};
