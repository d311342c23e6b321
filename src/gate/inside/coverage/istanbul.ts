import type { Hit, Unit } from './units.js';

interface Statement {
  readonly line: number;
  readonly column: number;
  readonly lastLine: number;
  readonly lastColumn: number;
  readonly count: number;
}

const MAX_STATEMENTS = 500_000;

/** The statements of one file of coverage-final.json (https://github.com/istanbuljs/istanbuljs/blob/main/docs/raw-output.md); null where it is not of the form. */
export function readIstanbul(value: unknown): readonly Statement[] | null {
  if (!isObject(value) || !isObject(value['statementMap']) || !isObject(value['s'])) return null;
  const [map, counts] = [Object.entries(value['statementMap']), new Map(Object.entries(value['s']))];
  if (map.length > MAX_STATEMENTS) return null;
  const statements: Statement[] = [];
  for (const [id, place] of map) {
    const count = counts.get(id);
    if (!isObject(place) || !isObject(place['start']) || !isObject(place['end']) || !isCount(count)) return null;
    const [line, column, lastLine] = [place['start']['line'], place['start']['column'], place['end']['line']];
    // Where a source map does not say where a line ends, it is told as null or as no number of JSON.
    const lastColumn = place['end']['column'] ?? Number.MAX_SAFE_INTEGER;
    if (!isCount(line) || !isCount(column ?? 0) || !isCount(lastLine) || !isCount(lastColumn)) return null;
    statements.push({ line, column: (column as number | null) ?? 0, lastLine, lastColumn, count });
  }
  return statements.sort((a, b) => a.line - b.line || a.column - b.column || b.lastLine - a.lastLine);
}

/** A unit is the statement that begins with it, else the first inside its first line (a declaration is counted by its value), else the smallest around it. */
export function hitByIstanbul(statements: readonly Statement[]): Hit {
  const byLine = new Map<number, Statement[]>();
  for (const one of statements) {
    const here = byLine.get(one.line) ?? [];
    byLine.set(one.line, here);
    here.push(one);
  }
  return (unit) => {
    const inside = (byLine.get(unit.line) ?? []).find((one) => one.column >= unit.column && (unit.last > unit.line || one.column < unit.column + (unit.end - unit.start)));
    const found = inside ?? statements.filter((one) => holds(one, unit)).at(-1);
    return found === undefined ? null : found.count > 0;
  };
}

function holds(one: Statement, { line, column }: Unit): boolean {
  return (one.line < line || (one.line === line && one.column <= column)) && (line < one.lastLine || (line === one.lastLine && column < one.lastColumn));
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
