import { z } from 'zod';
import { BlobReader } from '../../git/blobs.js';
import { type ChangeEntry, importChange, readFileAt } from '../../git/change.js';
import { changedLines } from '../../git/lines.js';
import { collectChecks, collectScan, type Collector, type ScanSide, type Side } from '../../gate/collect.js';
import { type Further, lookFurther } from '../../gate/further.js';
import { type Subject, tryMutants } from '../../gate/mutants/run.js';
import { languageOf } from '../../gate/coverage/languages.js';
import { isTestFile } from '../../gate/test-files.js';
import { collectTools } from '../../gate/tools/collect.js';
import { SallyportError } from '../../protocol/errors.js';
import type { Journal } from '../../protocol/event.js';
import { Coverage } from '../../protocol/coverage.js';
import { Mutants } from '../../protocol/mutants.js';
import { BodyRef, CheckRun, RunAgain } from '../../protocol/evidence.js';
import { listTree } from '../../git/tree.js';
import { EntryBody } from '../../sarif/interface/schema.js';
import { FileFactsBody } from '../../sarif/tamper/schema.js';
import { dependenciesOf, layersOf, type Snapshot } from '../../setup/snapshot.js';
import { EXIT } from '../../protocol/exit.js';
import { servicesOf } from '../../setup/services.js';
import type { RunContext } from '../context.js';
import { advisorySide, AdvisorySide } from './advisories.js';
import { headSnapshots, setupHead, setupLayers } from './setup.js';
import { baseFolder, environmentOf, groundOf, runFolder } from './source.js';
import { openToolTree, ToolBody } from './tools.js';

const Fix = z.strictObject({ title: z.string(), edits: z.array(z.strictObject({ start: z.int(), end: z.int(), text: z.string() })) });
const SarifResult = z.strictObject({ rule: z.string(), level: z.enum(['error', 'warning', 'note']), message: z.string(), path: z.string(), line: z.int(), snippet: z.string(), cwe: z.string().nullable(), fix: Fix.nullable() });
const Defences = z.strictObject({
  uses: z.array(z.strictObject({ rule: z.string(), cwe: z.string().nullable(), path: z.string(), line: z.int(), where: z.string(), sink: z.string(), nth: z.int(), open: z.boolean(), defences: z.array(z.string()) })),
  exits: z.array(z.strictObject({ path: z.string(), line: z.int(), where: z.string(), checks: z.array(z.string()) })),
});
/** What one side gave, kept as one body; a step carries only the reference. */
export const SideBody = z.strictObject({
  checks: z.array(CheckRun),
  red: z.array(CheckRun),
  old: z.array(CheckRun).optional(),
  again: z.array(RunAgain).optional(),
  coverage: Coverage.optional(),
  mutants: Mutants.optional(),
  scan: z.strictObject({ results: z.array(SarifResult), defences: Defences.default({ uses: [], exits: [] }), files: z.array(FileFactsBody).default([]), entries: z.array(EntryBody).optional(), sarif: BodyRef.nullable(), problem: z.string().nullable() }),
  /** Absent where the environment declares no tools. */
  tools: z.array(ToolBody).optional(),
  advisories: AdvisorySide,
  snapshot: z.string().nullable(),
});
export type SideBody = z.infer<typeof SideBody>;

/** Files of a change whose lines are asked for in one call of git. */
const MAX_MEASURED = 500;

/** Bytes of a file that faults are put into. */
const MAX_MUTATED = 512 * 1024;

export async function collector(context: RunContext, journal: Journal): Promise<Collector> {
  const { spec } = await environmentOf(context);
  const { driver } = await groundOf(context);
  const { servicePrograms } = context.equipment;
  return { driver, services: servicesOf(spec, servicePrograms), limits: spec.limits, variables: spec.variables, journal, signal: context.signal };
}

/** The base as it is, before anything was changed. */
export async function verifyBase(context: RunContext, tree: string, snapshot: Snapshot, journal: Journal): Promise<{ readonly body: BodyRef }> {
  const { checks } = await environmentOf(context);
  const { baseCommit } = context.request;
  const { snapshots } = context.equipment.folders;
  const side = { round: 0, side: 'base' as const, lowers: [...(await setupLayers(context, snapshot)), await baseFolder(context, tree)], dependencies: dependenciesOf(snapshots, snapshot) };
  const using = await collector(context, journal);
  const runs = await collectChecks(using, side, checks);
  const scan = await collectScan(using, side, []);
  return { body: await keepSide(journal, { checks: runs, red: [], scan: mutable(scan), ...(await tools(context, using, side, baseCommit)), advisories: await advisorySide(context, baseCommit), snapshot: snapshot.id }) };
}

/** A change to be measured against the base. */
export interface Measured {
  readonly round: number;
  readonly baseTree: string;
  readonly base: Snapshot;
  readonly change: { readonly commit: string; readonly tree: string; readonly files: readonly { readonly path: string; readonly status: 'added' | 'modified' | 'deleted'; readonly mode: string }[] };
  /** A scan that holds for this head too, because nothing that is scanned changed; null = scan it. */
  readonly scanned: SideBody['scan'] | null;
  /** What the base gave: runs of the checks beyond those that give the verdict are held against it. Null = none are made. */
  readonly further: BodyRef | null;
}

/** The head of a round, kept as one body. */
export async function verifyHead(context: RunContext, what: Measured, journal: Journal): Promise<{ readonly body: BodyRef }> {
  return { body: await keepSide(journal, await measureHead(context, what, journal)) };
}

/** The head in fresh sandboxes; when tests changed, the head's tests on the base's code (were they red before?) and the base's tests on the head's code (do they still say so?). */
export async function measureHead(context: RunContext, { round, baseTree, base, change, scanned, further }: Measured, journal: Journal): Promise<SideBody> {
  const changed = change.files.map((f) => f.path);
  const headFolder = await runFolder(context, change.tree);
  const using = await collector(context, journal);
  const { checks } = await environmentOf(context);
  const advisories = await advisorySide(context, change.commit);
  const scan = async (lowers: readonly string[]): Promise<SideBody['scan']> => scanned ?? mutable(await collectScan(using, { round, side: 'head', lowers }, changed));
  const head = await tryHeadSetup(context, baseTree, change.tree, changed, base, journal);
  if ('failed' in head) return { checks: [head.failed], red: [], scan: await scan([headFolder]), advisories, snapshot: null };
  const snapshots = head === base ? context.equipment.folders.snapshots : headSnapshots(context);
  const layers = head === base ? await setupLayers(context, base) : layersOf(snapshots, head);
  const dependencies = dependenciesOf(snapshots, head);
  const lowers = [...layers, headFolder];
  const runs = await collectChecks(using, { round, side: 'head', lowers, dependencies }, checks);
  const tests = change.files.filter((f) => f.status !== 'deleted' && f.mode !== '160000' && isTestFile(f.path));
  const redLowers = tests.length === 0 ? null : [...layers, await layTests(context, `red-${round}`, change.commit, context.request.baseCommit, tests)];
  const red = redLowers === null ? [] : await collectChecks(using, { round, side: 'red', lowers: redLowers, dependencies }, checks);
  // A deleted or edited test speaks for the base: what it says of the head's code is asked once more.
  const edited = change.files.filter((f) => f.status !== 'added' && isTestFile(f.path));
  const old = edited.length === 0 ? [] : await collectChecks(using, { round, side: 'old', lowers: [...layers, await layTests(context, `old-${round}`, context.request.baseCommit, change.commit, edited)], dependencies }, checks);
  const given = further === null ? null : { base: (await context.loadJson(further, (v) => SideBody.parse(v))).checks, head: runs, red };
  const more = given === null ? {} : await lookFurther(using, {
    round, checks, ...(await codeLines(context, change)), runs: given,
    sides: {
      base: { lowers: [...(await setupLayers(context, base)), await baseFolder(context, baseTree)], dependencies: dependenciesOf(context.equipment.folders.snapshots, base) },
      head: { lowers, dependencies }, red: redLowers === null ? null : { lowers: redLowers, dependencies },
    },
  });
  const mutants = given === null || context.request.kind !== 'test' ? {} : { mutants: await tryMutants(using, { round, checks, runs: { ...given, ...more }, head: { lowers, dependencies }, tests: tests.map((f) => f.path), ...(await productOf(context, change.commit)) }) };
  return { checks: runs, red, old, ...more, ...mutants, scan: await scan(lowers), ...(await tools(context, using, { round, side: 'head', lowers, dependencies }, change.commit)), advisories, snapshot: head.id };
}

/** Lines of code outside of tests that the change added or edited, and how many files of it are not looked at. */
async function codeLines(context: RunContext, change: Measured['change']): Promise<Pick<Further, 'lines' | 'more'>> {
  const code = change.files.filter((f) => f.status !== 'deleted' && /^100/.test(f.mode) && languageOf(f.path) !== null).map((f) => f.path);
  return { lines: await changedLines(await context.mirror(), context.request.baseCommit, change.commit, code.slice(0, MAX_MEASURED)), more: Math.max(0, code.length - MAX_MEASURED) };
}

/** Files of code outside of tests, and their texts: what faults are put into. */
async function productOf(context: RunContext, commit: string): Promise<Pick<Subject, 'product' | 'read'>> {
  const mirror = await context.mirror();
  const files = (await listTree(mirror, commit)).filter((one) => one.mode.startsWith('100') && one.size <= MAX_MUTATED).map((one) => one.path.toString('utf8'));
  return {
    product: files.filter((path) => !/(?:^|\/)(?:node_modules|vendor|dist|build)\//.test(path) && ['javascript', 'python'].includes(languageOf(path) ?? '')),
    read: async (path) => (await readFileAt(mirror, commit, path, MAX_MUTATED))?.toString('utf8') ?? null,
  };
}

/** The project's own linters, type checker and scanners. */
async function tools(context: RunContext, using: Collector, side: Side, commit: string): Promise<Pick<SideBody, 'tools'>> {
  const { spec } = await environmentOf(context);
  if (Object.keys(spec.tools).length === 0) return {};
  await using tree = await openToolTree(await context.mirror(), commit);
  return { tools: (await collectTools(using, side, spec.tools, tree)).map((one) => ToolBody.parse(one)) };
}

/** A head whose dependencies cannot be set up is a finding about the change, not a fault of the machine. */
async function tryHeadSetup(context: RunContext, baseTree: string, headTree: string, changed: readonly string[], base: Snapshot, journal: Journal): Promise<Snapshot | { readonly failed: CheckRun }> {
  try {
    return await setupHead(context, baseTree, headTree, changed, base, journal);
  } catch (error) {
    if (!(error instanceof SallyportError) || error.exitCode === EXIT.interrupted || !(error.code.startsWith('setup.') || error.code === 'egress.denied')) throw error;
    return { failed: { name: 'setup', runner: 'command', argv: [], exit: 1, reason: 'exited', ms: 0, cases: null, problem: [error.message.slice(0, 1000), ...(error.code === 'egress.denied' && error.hint !== undefined ? [error.hint] : [])].join('\n').slice(0, 2000), output: null } };
  }
}

/** A tree of one commit's code with the named tests of another in it. */
async function layTests(context: RunContext, name: string, from: string, over: string, tests: readonly { readonly path: string }[]): Promise<string> {
  const mirror = await context.mirror();
  const entries: ChangeEntry[] = [];
  await using reader = await BlobReader.open(mirror);
  const wanted = new Set(tests.map((t) => t.path));
  for (const { path: raw, mode, blob } of await listTree(mirror, from)) {
    const path = raw.toString('utf8');
    if (!wanted.has(path)) continue;
    const data = await reader.read(blob);
    entries.push(mode === '120000' ? { kind: 'link', path: Buffer.from(path), data } : { kind: 'file', path: Buffer.from(path), mode: mode === '100755' ? '100755' : '100644', data });
  }
  const laid = await importChange(mirror, over, entries, `refs/sallyport/${context.run}/${name}`);
  return await runFolder(context, laid.tree);
}

export function mutable(scan: ScanSide): SideBody['scan'] {
  return { results: scan.results.map((result) => ({ ...result, fix: result.fix === null ? null : { title: result.fix.title, edits: [...result.fix.edits] } })), defences: { uses: scan.defences.uses.map((use) => ({ ...use, defences: [...use.defences] })), exits: scan.defences.exits.map((exit) => ({ ...exit, checks: [...exit.checks] })) }, files: [...scan.files], entries: [...scan.entries], sarif: scan.sarif, problem: scan.problem };
}

export function keepSide(journal: Journal, body: SideBody): Promise<BodyRef> {
  return journal.keep(JSON.stringify(SideBody.parse(body)), 'application/json');
}
