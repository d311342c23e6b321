import type { ProposedLine } from '../protocol/environment.js';

/** A line of sallyport.yaml that would let through what was refused. Who may write it is a person: it is read from the protected base. */
export interface Line {
  /** Path of a list in the file. */
  readonly key: ProposedLine['key'];
  readonly value: string;
}

/** A refusal that a client was told. */
export interface Denial {
  readonly rule: string;
  /** Why, as a sentence without a full stop. */
  readonly why: string;
  /** Null: no line of the environment allows it. */
  readonly line: Line | null;
  /** The command that asked. */
  readonly by: string;
}

const MAX_NAMED = 10;
/** An event has room for 4,000 characters. */
const MAX_LINES = 3400;
/** Of one line, beside its value. */
const MAX_COMMENT = 160;

/** One line each, at most ten: what was refused and who asked for it. */
export function reasonsOf(denials: readonly Denial[]): string[] {
  const distinct = [...new Set(denials.map((d) => `${d.why} [${d.rule}], asked for by ${d.by}`))];
  return [...distinct.slice(0, MAX_NAMED), ...(distinct.length > MAX_NAMED ? [`and ${distinct.length - MAX_NAMED} more`] : [])];
}

/** The lines to add to sallyport.yaml, as they stand there, with who asked as a comment; null where none helps. Values are of a form that YAML reads back as it is written. */
export function linesToAdd(denials: readonly Pick<Denial, 'line' | 'by'>[]): string | null {
  const values = new Map<Line['key'], Map<string, string>>();
  let [count, length] = [0, 0];
  for (const { line, by } of denials) {
    if (line === null || values.get(line.key)?.has(line.value) === true || ++count > MAX_NAMED || (length += line.value.length + MAX_COMMENT) > MAX_LINES) continue;
    values.set(line.key, (values.get(line.key) ?? new Map<string, string>()).set(line.value, comment(by)));
  }
  if (values.size === 0) return null;
  return [...values].map(([key, list]) => block(key.split('.'), list)).join('\n');
}

function block(path: readonly string[], values: ReadonlyMap<string, string>): string {
  const heads = path.map((part, depth) => `${'  '.repeat(depth)}${part}:`);
  return [...heads, ...[...values].map(([value, by]) => `${'  '.repeat(path.length)}- ${JSON.stringify(value)} # asked for by ${by}`)].join('\n');
}

/** On one line, in characters that nothing can be hidden in. */
function comment(by: string): string {
  return by.replace(/[^\x20-\x7e]+/g, '?').slice(0, MAX_COMMENT - 40);
}

/** For the hint of an error. */
export function hintOf(denials: readonly Denial[]): string | undefined {
  const lines = linesToAdd(denials);
  return lines === null ? undefined : `A person may allow it by these lines in sallyport.yaml on the base, or in a file given with --env:\n${lines}`;
}
