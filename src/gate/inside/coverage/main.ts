import { closeSync, constants, fstatSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';
import { type Asked, rangesOf, type Reduced, type Report } from './form.js';
import { hitByMap } from './maps.js';
import { hitByIstanbul, readIstanbul } from './istanbul.js';
import { executedLines, type Hit, unitsOf } from './units.js';
import { countsOf, hitByAny, hitByV8, isAsWritten, readV8 } from './v8.js';

/**
 * `coverage.cjs`: runs inside a sandbox after a run of tests, reads the coverage that the run left, and prints what of the lines that it is asked for was executed. Code of the tree
 * ran there before, so what it reads may be anything and what it prints is read as hostile.
 */
/** Where the tree lies; another place only where this is tried outside of a sandbox. */
const ROOT = argv[2] ?? '/workspace';
const MAX_FILES = 5000;
const MAX_FILE = 64 * 1024 * 1024;
const MAX_TOTAL = 1024 * 1024 * 1024;
const MAX_SOURCE = 2 * 1024 * 1024;
const COMPILED = 'what ran is not the text of the file (it was compiled or instrumented)';

type Source = ReturnType<typeof unitsOf>;

function main(asked: Asked): Report {
  return asked.form === 'v8' ? fromV8(asked) : fromIstanbul(asked);
}

function fromV8(asked: Asked): Report {
  const paths = new Map(asked.files.map(({ path }) => [join(ROOT, path), path]));
  const hits = new Map<string, Hit[]>();
  const other = new Set<string>();
  const hit = (path: string, one: Hit): unknown => hits.set(path, [...(hits.get(path) ?? []), one]);
  const sources = new Map(asked.files.map(({ path }) => [path, readText(path)]));
  let [read, typedRan, compiledRan] = [0, false, false];
  const { texts, problem } = jsonFiles(asked.folder);
  const problems = problem === null ? [] : [problem];
  for (const text of texts) {
    read += 1;
    const file = text === null ? null : readV8(parsed(text), isOwn);
    if (file === null) problems.push('a file of coverage cannot be read');
    if (file === null) continue;
    for (const script of file.result.filter((one) => isOwn(one.url))) {
      const at = pathOf(script.url) ?? '';
      const path = paths.get(at);
      const map = file.maps.get(script.url);
      if (map === null) compiledRan = true;
      if (isTyped(at) && map === undefined) typedRan = true;
      for (const [from, lines] of map?.sources ?? []) {
        const named = paths.get(from);
        if (isTyped(from)) typedRan = true;
        if (named !== undefined && (asked.direct !== true || from === at)) hit(named, hitByMap(lines, countsOf(script)));
      }
      if (path === undefined || map?.sources.has(at) === true) continue;
      if (map === undefined && isAsWritten(script, sources.get(path) ?? '', isTyped(path))) hit(path, hitByV8(script));
      else other.add(path);
    }
  }
  if (read === 0) return asked.whole ? { problem: 'the run left no coverage', files: [] } : { problem: null, files: asked.files.map(({ path }) => ({ path, reason: 'no process of the check told what it executed' })) };
  // What a part of the processes executed was executed, whatever became of the others.
  return { problem: problems[0] ?? null, files: asked.files.map(({ path, lines }) => {
    const [ran, source] = [hits.get(path) ?? [], sources.get(path) ?? null];
    if (source === null) return { path, reason: 'the file cannot be read' };
    if (other.has(path)) return { path, reason: COMPILED };
    if (ran.length === 0 && (!asked.whole || compiledRan || /x$/.test(path) || (isTyped(path) && !typedRan))) return { path, reason: 'the file was not loaded as it stands, and may have run in another form' };
    return reduce(path, unitsOf(path, source), lines, hitByAny(ran));
  }) };
}

/** Code of the tree itself. */
function isOwn(url: string): boolean {
  const at = pathOf(url);
  return at?.startsWith(`${ROOT}/`) === true && !at.includes('/node_modules/');
}

function isTyped(path: string): boolean {
  return /\.[cm]?tsx?$/.test(path);
}

function fromIstanbul(asked: Asked): Report {
  const value = readJson(join(asked.folder, 'coverage-final.json'));
  if (typeof value !== 'object' || value === null) return { problem: 'the run left no coverage that can be read', files: [] };
  const found = new Map(Object.entries(value));
  const files = asked.files.map(({ path, lines }): Reduced => {
    const source = readText(path);
    const one: unknown = found.get(join(ROOT, path));
    if (source === null) return { path, reason: 'the file cannot be read' };
    if (one === undefined) return { path, reason: 'the runner tells nothing of the file' };
    const statements = readIstanbul(one);
    return statements === null ? { path, reason: 'what the runner tells of the file is not of the form' } : reduce(path, unitsOf(path, source), lines, hitByIstanbul(statements));
  });
  return { problem: files.length > 0 && files.every((one) => 'reason' in one) ? 'the coverage names none of the changed files' : null, files };
}

function reduce(path: string, source: Source, lines: Asked['files'][number]['lines'], hit: Hit): Reduced {
  if (source === null) return { path, reason: 'the file cannot be parsed' };
  const { executable, executed } = executedLines(source, lines, hit);
  return { path, executable: rangesOf(executable), executed: rangesOf(executed) };
}

/** Each text as it is needed; null for one that cannot be read. The sandbox's disk may have been full, or somebody wrote what they liked. */
function jsonFiles(folder: string): { readonly texts: Iterable<string | null>; readonly problem: string | null } {
  let names: string[] = [];
  try {
    names = readdirSync(folder).filter((name) => name.endsWith('.json')).sort();
  } catch {
    // the run made none
  }
  return { texts: textsOf(folder, names.slice(0, MAX_FILES)), problem: names.length > MAX_FILES ? `the run left ${names.length} files of coverage, at most ${MAX_FILES} are read` : null };
}

function* textsOf(folder: string, names: readonly string[]): Generator<string | null> {
  let total = 0;
  for (const name of names) {
    const text = readRegular(join(folder, name), Math.min(MAX_FILE, MAX_TOTAL - total));
    total += text?.length ?? 0;
    yield text;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function readJson(file: string): unknown {
  const text = readRegular(file, MAX_FILE);
  return text === null ? null : parsed(text);
}

/** The text as Node runs it: without the mark of its encoding. */
function readText(path: string): string | null {
  return readRegular(join(ROOT, path), MAX_SOURCE)?.replace(/^\ufeff/, '') ?? null;
}

/** A pipe never ends and a link leads elsewhere: only plain files are read. */
function readRegular(file: string, most: number): string | null {
  try {
    const descriptor = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const { size } = fstatSync(descriptor);
      return fstatSync(descriptor).isFile() && size <= most ? readFileSync(descriptor, 'utf8') : null;
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return null;
  }
}

function pathOf(url: string): string | null {
  try {
    return url.startsWith('file:') ? fileURLToPath(url.replace(/[?#].*$/s, '')) : null;
  } catch {
    return null;
  }
}

function run(): Report {
  try {
    return main(JSON.parse(readFileSync(0, 'utf8')) as Asked);
  } catch (error) {
    return { problem: (error instanceof Error ? error.message : String(error)).slice(0, 500), files: [] };
  }
}

process.stdout.write(`${JSON.stringify(run())}\n`);
