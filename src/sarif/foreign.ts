import type { ToolRule } from '../protocol/evidence.js';
import { workspaceFile, WORKSPACE } from '../protocol/workspace.js';
import { cweName } from './build.js';
import type { Level } from './model.js';
import { failed, failuresOf, readRuns, SARIF_LIMITS, type SarifLimits, type SarifResult, type SarifRule, type SarifRun, unfinishedOf } from './parse.js';

/** A log of somebody else's tool as read. Rules have the ids that the tool gives them. */
export interface ForeignReport {
  readonly results: readonly SarifResult[];
  readonly rules: readonly ToolRule[];
  /** Results whose place is outside of the workspace. */
  readonly outside: number;
  readonly version: string | null;
  readonly problem: string | null;
}

/** Stands for the tree as a whole, where a result names no place. */
export const WHOLE_TREE = '.';
/** What formatters call a file that they would write otherwise: it is told at some line and is about all of them. */
export const WHOLE_FILE = 'format';
const MAX_BASES = 5;

/** What a finding about a file as a whole is found again by: no line is its own. */
export function wholeFile(message: string): string {
  return `whole: ${message.slice(0, 500)}`;
}

/**
 * Reads the SARIF 2.1.0 log of a tool that ran in /workspace. Other than our own scanner's it may have absolute addresses and bases for relative ones, rules in extensions, and need not say
 * that it finished: the exit code does. Suppressions and fingerprints that the log claims are ignored. Throws `scan.failed` as `parseSarif` does.
 */
export function parseForeignSarif(text: string, limits: SarifLimits = SARIF_LIMITS): ForeignReport {
  const runs = readRuns(text.replace(/^\uFEFF/, ''), limits);
  const read = runs.map(readRun);
  const rules = new Map(read.flatMap((one) => one.rules).map((rule) => [rule.id, rule]));
  return {
    results: read.flatMap((one) => one.results), rules: [...rules.values()], outside: read.reduce((sum, one) => sum + one.outside, 0),
    version: runs.map(({ tool: { driver } }) => driver.semanticVersion ?? driver.version).find((version) => version !== undefined)?.slice(0, 200) ?? null,
    problem: read.map((one) => one.problem).find((problem) => problem !== null) ?? null,
  };
}

function readRun(run: SarifRun): Omit<ForeignReport, 'version'> {
  const components = [run.tool.driver, ...(run.tool.extensions ?? [])].map((component) => component.rules ?? []);
  const byId = new Map(components.flat().map((rule) => [rule.id, rule]));
  const used = new Map<string, ToolRule>();
  const results: SarifResult[] = [];
  let outside = 0;
  for (const result of failuresOf(run)) {
    const index = result.rule?.index ?? result.ruleIndex ?? -1;
    const named = components[(result.rule?.toolComponent?.index ?? -1) + 1]?.[index];
    const id = result.ruleId ?? result.rule?.id ?? named?.id;
    if (id === undefined || id === '') throw failed('has a result that names no rule');
    const rule = byId.get(id) ?? named;
    const place = result.locations?.[0]?.physicalLocation;
    const path = placeOf(place?.artifactLocation, run);
    if (path === null) {
      outside += 1;
      continue;
    }
    const level = result.level ?? rule?.defaultConfiguration?.level ?? 'warning';
    results.push({
      rule: id, level: level === 'none' ? 'note' : level, message: (result.message.text ?? result.message.markdown ?? '').slice(0, 2000), path, line: place?.region?.startLine ?? 1,
      snippet: place?.region?.snippet?.text ?? (place?.region?.startLine === undefined || id === WHOLE_FILE ? wholeFile(result.message.text ?? '') : ''), cwe: rule === undefined ? null : weakness(rule), fix: null,
    });
    if (!used.has(id)) used.set(id, metaOf(id, rule));
  }
  return { results, rules: [...used.values()], outside, problem: run.results === null ? `${run.tool.driver.name.slice(0, 200)} says that it could not start` : unfinishedOf(run) };
}

type Address = { readonly uri?: string | undefined; readonly uriBaseId?: string | undefined; readonly index?: number | undefined };

/** Where a result is: a path of the tree, `.` where it names no place, null outside of the tree. */
function placeOf(address: Address | undefined, run: SarifRun): string | null {
  const known = address?.uri === undefined && address?.index !== undefined ? run.artifacts?.[address.index]?.location : address;
  if (known?.uri === undefined) return WHOLE_TREE;
  const path = resolved(known.uri, known.uriBaseId, new Map(Object.entries(run.originalUriBaseIds ?? {})), 0);
  if (path === null) return null;
  return /^\/workspace\/?$/.test(path) ? WHOLE_TREE : workspaceFile(path);
}

/** An absolute path inside the sandbox. A base that is not told is the workspace, where the tool was started (3.14.14). */
function resolved(uri: string, baseId: string | undefined, bases: ReadonlyMap<string, Address>, depth: number): string | null {
  if (uri.includes('\0') || depth > MAX_BASES) return null;
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(uri)?.[1]?.toLowerCase();
  if (scheme !== undefined) return scheme === 'file' ? decoded(uri.slice(5).replace(/^\/\/(?:localhost)?(?=\/)/, '')) : null;
  const path = decoded(uri);
  if (path.startsWith('/')) return path;
  const base = baseId === undefined ? undefined : bases.get(baseId);
  const root = base?.uri === undefined ? WORKSPACE : resolved(base.uri, base.uriBaseId, bases, depth + 1);
  return root === null ? null : `${root}/${path}`;
}

/** Not every tool writes addresses as RFC 3986 has them: what is none is taken as it stands. */
function decoded(uri: string): string {
  try {
    return decodeURIComponent(uri);
  } catch {
    return uri;
  }
}

/** As code-scanning hosts read it, as semgrep writes it (`CWE-89: …`), and as a relationship to the taxonomy. */
function weakness(rule: SarifRule): string | null {
  const tags = [...(rule.properties?.tags ?? []), ...(rule.relationships ?? []).flatMap(({ target }) => (target.toolComponent?.name?.toUpperCase() === 'CWE' && target.id !== undefined ? [`CWE-${target.id.replace(/^CWE-/i, '')}`] : []))];
  for (const tag of tags) {
    const number = /^(?:external\/cwe\/)?cwe-0{0,5}([1-9][0-9]{0,5})(?:$|:)/i.exec(tag)?.[1];
    if (number !== undefined) return cweName(Number(number));
  }
  return null;
}

function metaOf(id: string, rule: SarifRule | undefined): ToolRule {
  const severity = Number(rule?.properties?.['security-severity'] ?? Number.NaN);
  const level: Level | 'none' | undefined = rule?.defaultConfiguration?.level;
  const text = (message: { readonly text?: string | undefined; readonly markdown?: string | undefined } | undefined, most: number): string | null => (message?.text ?? message?.markdown)?.slice(0, most) ?? null;
  return {
    id, title: text(rule?.shortDescription, 500) ?? text(rule?.fullDescription, 500) ?? rule?.name ?? null, help: text(rule?.help, 2000), uri: /^https?:\/\//.test(rule?.helpUri ?? '') ? (rule?.helpUri ?? '').slice(0, 1000) : null,
    severity: severity >= 0 && severity <= 10 ? severity : null, level: level === 'none' ? 'note' : (level ?? null),
  };
}
