import { z } from 'zod';
import { SallyportError } from '../protocol/errors.js';
import { cweName, DEFENCE_FACT, ENTRY_FACT, EXIT_FACT, FILE_FACT } from './build.js';
import { parseFix } from './fix.js';
import { type Entry, MOST_ENTRIES } from './interface/model.js';
import { EntryProperties } from './interface/schema.js';
import type { Defences, Fix, Level } from './model.js';
import type { FileFacts } from './tamper/model.js';
import { FileFactsProperties } from './tamper/schema.js';

/** One result of a log, reduced to what is compared. Paths are relative and stay inside the root. */
export interface SarifResult {
  readonly rule: string;
  readonly level: Level;
  readonly message: string;
  readonly path: string;
  readonly line: number;
  readonly snippet: string;
  /** `CWE-78`; null where the rule names none. */
  readonly cwe: string | null;
  /** The first fix that the log offers; null where there is none, or none of the form that we read (`fix.ts`). */
  readonly fix: Fix | null;
}

/** A log as read. `problem` is null only when every run says of every invocation that it was successful. */
export interface SarifReport {
  readonly results: readonly SarifResult[];
  /** What stands before dangerous calls, where the tool says so. */
  readonly defences: Defences;
  /** What files do to their tests, to tools and to readers, where the tool says so. */
  readonly files: readonly FileFacts[];
  /** What packages of the tree offer to others, where the tool says so. */
  readonly entries: readonly Entry[];
  readonly problem: string | null;
  /** What the tool says that it left out or could not do. */
  readonly notices: readonly { readonly level: string; readonly id: string; readonly message: string; readonly path: string | null }[];
}

export interface SarifLimits {
  /** Characters of the whole log. */
  readonly length: number;
  readonly results: number;
}
export const SARIF_LIMITS: SarifLimits = { length: 32 * 1024 * 1024, results: 20_000 };

const Text = z.string().max(100_000);
const Message = z.object({ text: Text.optional(), markdown: Text.optional() });
const LevelWord = z.enum(['error', 'warning', 'note', 'none']);
const Location = z.object({
  physicalLocation: z.object({
    artifactLocation: z.object({ uri: z.string().max(10_000).optional(), uriBaseId: z.string().max(500).optional(), index: z.int().min(-1).optional() }).optional(),
    region: z.object({
      startLine: z.int().min(1).optional(), snippet: z.object({ text: Text.optional() }).optional(),
    }).optional(),
  }).optional(),
});
const Rule = z.object({
  id: z.string().max(500),
  name: z.string().max(500).optional(),
  shortDescription: Message.optional(),
  fullDescription: Message.optional(),
  help: Message.optional(),
  helpUri: z.string().max(10_000).optional(),
  defaultConfiguration: z.object({ level: LevelWord.optional() }).optional(),
  properties: z.object({ tags: z.array(z.string().max(500)).max(100).optional(), 'security-severity': z.union([z.string().max(50), z.number()]).optional() }).optional(),
  relationships: z.array(z.object({ target: z.object({ id: z.string().max(500).optional(), toolComponent: z.object({ name: z.string().max(500).optional() }).optional() }) })).max(100).optional(),
});
const Notification = z.object({
  level: LevelWord.optional(), message: Message.optional(), descriptor: z.object({ id: z.string().max(500).optional() }).optional(),
  locations: z.array(Location).max(10).optional(),
});
const Run = z.object({
  tool: z.object({
    driver: z.object({ name: z.string().max(500), version: z.string().max(500).optional(), semanticVersion: z.string().max(500).optional(), rules: z.array(Rule).max(5000).optional() }),
    extensions: z.array(z.object({ rules: z.array(Rule).max(5000).optional() })).max(100).optional(),
  }),
  originalUriBaseIds: z.record(z.string().max(500), z.object({ uri: z.string().max(10_000).optional(), uriBaseId: z.string().max(500).optional() })).optional(),
  artifacts: z.array(z.object({ location: z.object({ uri: z.string().max(10_000).optional(), uriBaseId: z.string().max(500).optional() }).optional() })).max(100_000).optional(),
  externalPropertyFileReferences: z.object({ results: z.array(z.unknown()).max(0).optional() }).optional(),
  columnKind: z.string().max(50).optional(),
  invocations: z.array(z.object({
    executionSuccessful: z.boolean(), toolExecutionNotifications: z.array(Notification).max(50_000).optional(),
  })).max(100).optional(),
  results: z.array(z.object({
    ruleId: z.string().max(500).optional(), ruleIndex: z.int().min(-1).optional(), rule: z.object({ id: z.string().max(500).optional(), index: z.int().min(-1).optional(), toolComponent: z.object({ index: z.int().min(-1).optional() }).optional() }).optional(), level: LevelWord.optional(), kind: z.string().max(50).optional(),
    message: Message, locations: z.array(Location).max(100).optional(), fixes: z.unknown().optional(), properties: z.unknown().optional(),
  })).nullish(),
});
/** A log may keep its results elsewhere (3.15): what is not read must not look like nothing. */
const Log = z.object({ version: z.literal('2.1.0'), runs: z.array(Run).min(1).max(20), inlineExternalProperties: z.array(z.unknown()).max(0).optional() });
export type SarifRun = z.infer<typeof Run>;
export type SarifRule = z.infer<typeof Rule>;

/**
 * Reads a SARIF 2.1.0 log as hostile input. Throws `scan.failed` when it is not one or is over the limits: a log that is cut short
 * would hide results. Suppressions and fingerprints that the log claims are ignored: whoever wrote the code could have written them.
 */
export function parseSarif(text: string, limits: SarifLimits = SARIF_LIMITS): SarifReport {
  const runs = readRuns(text, limits);
  return {
    results: runs.flatMap(resultsOf),
    defences: defencesOf(runs),
    files: runs.flatMap(filesOf),
    entries: runs.flatMap(entriesOf),
    problem: problemOf(runs),
    notices: runs.flatMap((run) => (run.invocations ?? []).flatMap((i) => (i.toolExecutionNotifications ?? []).map((n) => ({
      level: n.level ?? 'warning', id: n.descriptor?.id ?? '', message: (n.message?.text ?? '').slice(0, 2000), path: tryPath(n.locations?.[0]?.physicalLocation?.artifactLocation?.uri),
    })))),
  };
}

/** The runs of a log whose form and size were looked at. Throws as `parseSarif` does. */
export function readRuns(text: string, limits: SarifLimits): readonly SarifRun[] {
  if (text.length > limits.length) throw failed(`is ${text.length} characters long, at most ${limits.length} are read`);
  const log = Log.safeParse(json(text));
  if (!log.success) {
    const issue = log.error.issues[0];
    throw failed(`is not SARIF 2.1.0: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'unreadable'}`);
  }
  const count = log.data.runs.reduce((sum, run) => sum + (run.results ?? []).filter((result) => result.kind !== 'informational').length, 0);
  if (count > limits.results) throw failed(`holds ${count} results, at most ${limits.results} are read`);
  return log.data.runs;
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw failed(`is not JSON: ${error instanceof Error ? error.message.slice(0, 200) : 'unreadable'}`);
  }
}

/** Results that say that something is wrong (3.27.9); the others say that nothing is, or are not decided. */
export function failuresOf(run: SarifRun): NonNullable<SarifRun['results']> {
  return (run.results ?? []).filter((result) => result.kind === undefined || result.kind === 'fail' || result.kind === 'review');
}

function resultsOf(run: SarifRun): SarifResult[] {
  const rules = run.tool.driver.rules ?? [];
  return failuresOf(run).map((result) => {
    const byIndex = result.ruleIndex === undefined || result.ruleIndex < 0 ? undefined : rules[result.ruleIndex];
    const id = result.ruleId ?? byIndex?.id;
    if (id === undefined || id === '') throw failed('has a result that names no rule');
    const rule = rules.find((r) => r.id === id) ?? byIndex;
    const place = result.locations?.[0]?.physicalLocation;
    const level = result.level ?? rule?.defaultConfiguration?.level ?? 'warning';
    const path = pathOf(place?.artifactLocation?.uri);
    return {
      rule: id, level: level === 'none' ? 'note' as const : level,
      message: (result.message.text ?? result.message.markdown ?? '').slice(0, 2000),
      path, line: place?.region?.startLine ?? 1, snippet: place?.region?.snippet?.text ?? '',
      cwe: cweOf(rule?.properties?.tags ?? []),
      // Offsets in other units (code points) would cut elsewhere.
      fix: run.columnKind === 'utf16CodeUnits' ? parseFix(result.fixes, (uri) => tryPath(uri) === path) : null,
    };
  });
}

const Short = z.string().max(1000);
const Use = z.object({ rule: Short, cwe: z.string().max(20).nullable(), where: Short, sink: Short, nth: z.int().min(0), open: z.boolean(), defences: z.array(Short).max(50) });
const Exits = z.object({ where: Short, checks: z.array(Short).max(2000) });

/** A fact of a form that is not ours is an error: one that is left out would hide that a defence went. */
function defencesOf(runs: readonly SarifRun[]): Defences {
  const facts = runs.flatMap((run) => (run.results ?? []).filter((result) => result.kind === 'informational' && (result.ruleId === DEFENCE_FACT || result.ruleId === EXIT_FACT)).slice(0, 50_000)).flatMap((result) => {
    const place = result.locations?.[0]?.physicalLocation;
    return [{ id: result.ruleId, path: pathOf(place?.artifactLocation?.uri), line: place?.region?.startLine ?? 1, properties: result.properties }];
  });
  const read = <T>(id: string, schema: z.ZodType<T>): (T & { readonly path: string; readonly line: number })[] => facts.filter((fact) => fact.id === id).flatMap(({ path, line, properties }) => {
    const parsed = schema.safeParse(properties);
    if (!parsed.success) throw failed(`has a fact "${id}" that cannot be read`);
    return [{ ...parsed.data, path, line }];
  });
  return { uses: read(DEFENCE_FACT, Use), exits: read(EXIT_FACT, Exits) };
}

/** Facts that cannot be read are an error: at the head, what is not known would look like nothing to be said. */
function filesOf(run: SarifRun): FileFacts[] {
  return (run.results ?? []).filter((result) => result.kind === 'informational' && result.ruleId === FILE_FACT).map((result) => {
    const parsed = FileFactsProperties.safeParse(result.properties);
    if (!parsed.success) throw failed(`has facts about a file of another form: ${parsed.error.issues[0]?.path.join('.') ?? ''}`);
    return { path: pathOf(result.locations?.[0]?.physicalLocation?.artifactLocation?.uri), ...parsed.data };
  });
}

/** As for files: an entry that is left out would look like one that is gone, or was never there. */
function entriesOf(run: SarifRun): Entry[] {
  const all = (run.results ?? []).filter((result) => result.kind === 'informational' && result.ruleId === ENTRY_FACT);
  if (all.length > MOST_ENTRIES + 1) throw failed(`tells of more than ${MOST_ENTRIES} ways into packages`);
  return all.map((result) => {
    const parsed = EntryProperties.safeParse(result.properties);
    if (!parsed.success) throw failed(`tells what a package offers in another form: ${parsed.error.issues[0]?.path.join('.') ?? ''}`);
    return { path: pathOf(result.locations?.[0]?.physicalLocation?.artifactLocation?.uri), ...parsed.data };
  });
}

/** Only `executionSuccessful: true` counts; a run without an invocation says nothing about its completeness. */
function problemOf(runs: readonly SarifRun[]): string | null {
  for (const run of runs) {
    const name = run.tool.driver.name;
    if (run.invocations === undefined || run.invocations.length === 0) return `${name} does not say whether it finished`;
    if (run.results === undefined || run.results === null) return `${name} reports no list of results`;
    const unfinished = unfinishedOf(run);
    if (unfinished !== null) return unfinished;
  }
  return null;
}

/** What a run says of itself where it did not finish. */
export function unfinishedOf(run: SarifRun): string | null {
  const name = run.tool.driver.name;
  const bad = run.invocations?.find((invocation) => !invocation.executionSuccessful);
  if (bad === undefined) return null;
  const reasons = (bad.toolExecutionNotifications ?? []).filter((n) => n.level === 'error').map((n) => n.message?.text ?? '').slice(0, 3);
  return `${name} did not finish${reasons.length === 0 ? '' : `: ${reasons.join('; ')}`}`.slice(0, 2000);
}

/** A relative path inside the root, or `scan.failed`: the path is shown, compared and perhaps opened later. */
function pathOf(uri: string | undefined): string {
  const path = tryPath(uri);
  if (path === null) throw failed(`has a result whose place ${JSON.stringify((uri ?? 'none').slice(0, 200))} is not a relative path inside the tree`);
  return path;
}

function tryPath(uri: string | undefined): string | null {
  if (uri === undefined || uri === '' || uri.startsWith('/') || uri.startsWith('\\') || /^[a-z][a-z0-9+.-]*:/i.test(uri)) return null;
  try {
    const path = decodeURIComponent(uri);
    const parts = path.split('/');
    return path.startsWith('/') || path.includes('\0') || parts.includes('..') ? null : parts.filter((part) => part !== '.' && part !== '').join('/');
  } catch {
    return null;
  }
}

function cweOf(tags: readonly string[]): string | null {
  for (const tag of tags) {
    const number = /^external\/cwe\/cwe-0*([1-9][0-9]{0,5})$/i.exec(tag)?.[1];
    if (number !== undefined) return cweName(Number(number));
  }
  return null;
}

export function failed(what: string): SallyportError {
  return new SallyportError('scan.failed', `The scanner's report ${what}.`);
}
