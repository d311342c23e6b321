import { relative, resolve, sep } from 'node:path';
import { cwd } from 'node:process';
import { Account } from './account.js';
import { orders } from './handed.js';
import { type Orders, sign } from './orders.js';

/**
 * A reporter for `node --test` (https://nodejs.org/api/test.html#custom-reporters), bundled to one file and laid into the sandbox:
 * one line of JSON for each test as it ends, and a last one with the counts. It runs beside the code of the tree, so its output is
 * read as hostile by ../node-test.ts; nothing here is trusted.
 *
 * A line names the file, the names from the outermost suite inwards, and what the host needs to tell a test from its parent. Suites are
 * told only when they failed or were skipped: their tests may then not appear at all. Works on Node 18 to 24; fields that only
 * newer ones give are optional.
 *
 * With orders (orders.ts) it believes no test of which the process that ran it has not signed that it passed (statement.ts), and signs what it writes.
 */
interface TestEvent {
  readonly type: string;
  readonly data: {
    readonly name?: string;
    readonly nesting?: number;
    readonly file?: string;
    /** The file that was started; `file` is where the test was written, perhaps a helper. Node 24. */
    readonly entryFile?: string;
    readonly skip?: boolean | string;
    readonly todo?: boolean | string;
    readonly message?: string;
    readonly details?: { readonly duration_ms?: number; readonly type?: string; readonly error?: unknown };
  };
}

const MAX_MESSAGE = 3000;
const MAX_STDERR = 2000;

// biome-ignore lint/style/noDefaultExport: node:test loads the default export of a reporter
export { report as default };

/** Turns the runner's events into lines; with orders, the last one signs all before it. */
export async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const own = orders();
  let text = '';
  for await (const one of lines(events, own)) {
    if (own !== null) text += one;
    yield one;
  }
  if (own !== null) yield line({ mac: sign(own, text) });
}

async function* lines(events: AsyncIterable<TestEvent>, own: Orders | null): AsyncGenerator<string> {
  const account = new Account(own);
  const wholes: { readonly file: string; readonly case: { file: string | null; names: string[]; status: string; message: string | null } }[] = [];
  const names: string[] = [];
  const stderr = new Map<string, string>();
  const counts = { passed: 0, failed: 0, skipped: 0, todo: 0 };
  for await (const { type, data } of events) {
    if (type === 'test:start') names.splice(data.nesting ?? 0, Number.POSITIVE_INFINITY, data.name ?? '');
    if (type === 'test:stderr') keep(stderr, data.file, data.message ?? '');
    if (type === 'test:stdout') account.hear(data.file, data.message ?? '');
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    const nesting = data.nesting ?? 0;
    const status = data.todo !== undefined && data.todo !== false ? 'todo' : data.skip !== undefined && data.skip !== false ? 'skipped' : type === 'test:pass' ? 'passed' : 'failed';
    const cause = causeOf(data.details?.error);
    if (data.details?.type === 'suite' && (status === 'passed' || status === 'todo' || cause === 'subtestsFailed')) continue;
    const file = data.entryFile ?? data.file;
    const whole = nesting === 0 && file !== undefined && resolve(data.name ?? '') === resolve(file);
    const path = whole ? [] : [...names.slice(0, nesting), data.name ?? ''];
    const one = {
      file: file === undefined ? null : shown(file), names: path, status, ms: data.details?.duration_ms ?? 0, cause,
      message: status === 'failed' ? messageOf(data.details?.error, whole && file !== undefined ? stderr.get(resolve(file)) : undefined) : null,
    };
    if (whole && status === 'passed' && own !== null) {
      wholes.push({ file: resolve(file), case: one });
      continue;
    }
    if (status === 'passed') account.told(path);
    counts[status] += 1;
    yield line({ case: one });
  }
  // A file without tests that ended its process may have done so before it came to what it checks.
  for (const { file, case: one } of wholes) {
    const status = account.came(file) ? ('passed' as const) : ('skipped' as const);
    counts[status] += 1;
    yield line({ case: { ...one, status } });
  }
  if (own !== null) yield line({ meddled: account.meddled() });
  for (const problem of account.problems()) yield line({ problem });
  yield line({ end: counts });
}

function line(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}

/** A file that does not load says why on standard error only. */
function keep(stderr: Map<string, string>, file: string | undefined, text: string): void {
  if (file === undefined) return;
  const key = resolve(file);
  stderr.set(key, `${stderr.get(key) ?? ''}${text}`.slice(0, MAX_STDERR));
}

function shown(file: string): string {
  return relative(cwd(), file).split(sep).join('/');
}

function causeOf(error: unknown): string | null {
  const type = field(error, 'failureType');
  return typeof type === 'string' ? type.slice(0, 100) : null;
}

/** What was thrown, which the runner wraps in an error of its own, with the top of its stack. */
function messageOf(error: unknown, stderr: string | undefined): string {
  const thrown = field(error, 'cause') ?? error;
  const message = String(field(thrown, 'message') ?? thrown);
  const stack = field(thrown, 'stack');
  const places = typeof stack === 'string' ? stack.split('\n').filter((text) => /^\s+at /.test(text) && !text.includes('node:')).slice(0, 3).join('\n') : '';
  return [message, places, stderr ?? ''].filter((part) => part !== '').join('\n').slice(0, MAX_MESSAGE);
}

function field(value: unknown, name: string): unknown {
  try {
    return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
  } catch {
    // A getter of the tree's own error may throw; the test failed all the same.
    return undefined;
  }
}
