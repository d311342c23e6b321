import { buildSarif } from '../sarif/build.js';
import { REMOVED_DEFENCE_META } from '../sarif/defences.js';
import type { Defences, Found, Notice, RuleMeta, SarifLog } from '../sarif/model.js';
import { TAMPER_RULES } from '../sarif/tamper/rules.js';
import { AUTOMATION_RULES, findAutomation } from './automation/find.js';
import { onceEach, scanFragment } from './code.js';
import { FLOW_RULES } from './flow/rules.js';
import { readWithin, type WalkLimits, walk } from './inside/walk.js';
import { interfaceOf } from './interface/find.js';
import { PackageScan } from './package-scan.js';
import { findSecrets, SECRET_RULE_META, withoutSecrets } from './secrets.js';
import { hasShapeRules, missingGrammar, SHAPE_RULES } from './shapes.js';
import { FactsOfTree } from './tamper/facts.js';

/** Version of the rules and of how they are applied; a change makes base and head be scanned anew. */
export const SCANNER = { name: 'sallyport-scan', version: '6' } as const;

/** Each rule once: what is known of one class by shape and by flow has one id. */
export const RULES: readonly RuleMeta[] = [...new Map([...FLOW_RULES, ...SHAPE_RULES, ...AUTOMATION_RULES, ...SECRET_RULE_META, REMOVED_DEFENCE_META, ...TAMPER_RULES].map((rule) => [rule.id, rule])).values()];

/** Facts of each kind about what stands before dangerous calls. */
const MOST_FACTS = 20_000;

export interface ScanOptions {
  readonly root: string;
  /** `fragment`: each file by itself, what its functions are given being data from outside. Default `package`. */
  readonly mode?: 'package' | 'fragment';
  /** Names of files and folders that are not entered. */
  readonly exclude: ReadonlySet<string>;
  readonly limits: WalkLimits & {
    readonly results: number;
    /** Notices kept; more are counted. */
    readonly notices: number;
  };
}

/** Scans every file below a root with the shape and the secret rules: one SARIF log, which is successful only when it is complete. */
export function scanTree({ root, exclude, limits, mode = 'package' }: ScanOptions): SarifLog {
  const notices: Notice[] = [];
  let untold = 0;
  const note = (notice: Notice): void => {
    if (notices.length < limits.notices || notice.level === 'error') notices.push(notice);
    else untold++;
  };
  const results: Found[] = [];
  const defences: Defences[] = [];
  const missing = new Set<string>();
  const facts = new FactsOfTree(note);
  const read = (path: string): string | null => (path.split('/').some((name) => exclude.has(name)) ? null : (readWithin(root, path, limits)?.toString('utf8') ?? null));
  const code = mode === 'fragment' ? { scan: scanFragment } : new PackageScan(read);
  const paths = new Set<string>();
  for (const file of walk(root, exclude, limits, note)) {
    const grammar = missingGrammar(file.path);
    if (grammar !== null && !missing.has(grammar)) note({ level: 'note', id: 'no_rules', message: grammar, path: null });
    if (grammar !== null) missing.add(grammar);
    paths.add(file.path);
    results.push(...scanFile(file.path, file.bytes, code, defences, note));
    facts.add(file.path, file.bytes);
    if (results.length > limits.results) {
      note({ level: 'error', id: 'results', message: `The scan stopped: more than ${limits.results} results.`, path: null });
      break;
    }
  }
  const told = gathered(defences);
  // A fact that is left out would hide that a defence went.
  if (Math.max(told.uses.length, told.exits.length) > MOST_FACTS) note({ level: 'error', id: 'facts', message: `The scan stopped: more than ${MOST_FACTS} calls or functions whose defences could be compared.`, path: null });
  // What was left out unnamed cannot be compared with the files that changed, so the scan does not count.
  if (untold > 0) note({ level: 'error', id: 'notices', message: `${untold} more files were left out than can be named.`, path: null });
  return buildSarif({ tool: { ...SCANNER, mode }, rules: RULES, results: onceEach(results).slice(0, limits.results), defences: { uses: told.uses.slice(0, MOST_FACTS), exits: told.exits.slice(0, MOST_FACTS) }, files: facts.all, entries: mode === 'fragment' ? [] : interfaceOf(paths, read, limits.late), notices: notices.slice(0, limits.notices + 100) });
}

/** Facts as they may leave the sandbox: conditions and calls are source text, which may hold secrets. */
function gathered(all: readonly Defences[]): Defences {
  return {
    uses: all.flatMap((one) => one.uses).map((use) => ({ ...use, sink: withoutSecrets(use.sink), defences: use.defences.map(withoutSecrets) })),
    exits: all.flatMap((one) => one.exits).map((exit) => ({ ...exit, checks: exit.checks.map(withoutSecrets) })),
  };
}

/** What is said of a file that was not searched whole. */
const PROBLEMS = {
  too_deep: { id: 'too_nested', message: 'nests too deeply to be searched' },
  unreadable: { id: 'no_flow', message: 'cannot be read as a program, so no data flow was followed' },
  too_long: { id: 'no_flow', message: 'is too long for all of its data flow to be followed' },
} as const;

function scanFile(path: string, bytes: Buffer, code: Pick<PackageScan, 'scan'>, defences: Defences[], note: (notice: Notice) => void): readonly Found[] {
  // Node runs a .js file with a NUL in it, so only files without rules are left out for being binary.
  if (!hasShapeRules(path) && bytes.includes(0)) {
    note({ level: 'note', id: 'binary', message: 'is not text', path });
    return [];
  }
  const text = bytes.toString('utf8');
  const { found, problems, defences: mine } = code.scan(path, text);
  if (mine.uses.length + mine.exits.length > 0) defences.push(mine);
  for (const problem of problems) note({ level: 'note', id: PROBLEMS[problem].id, message: PROBLEMS[problem].message, path });
  // Bytes that are no UTF-8 would be written back as something else.
  const whole = found.some((one) => one.fix !== undefined) && Buffer.from(text, 'utf8').equals(bytes);
  const automation = findAutomation(path, text);
  if (!automation.whole) note({ level: 'note', id: 'no_rules', message: 'cannot be read as YAML to its end', path });
  return [...[...found, ...automation.found].map((one) => shown(one, whole)), ...findSecrets(path, text)];
}

/** A result as it may leave the sandbox: no secret in its snippet, and none in its fix, which therefore goes. */
function shown(found: Found, fixable: boolean): Found {
  const { fix, ...rest } = found;
  const clean = { ...rest, snippet: withoutSecrets(found.snippet.slice(0, 10_000)) };
  return fix === undefined || !fixable || fix.edits.some(({ text }) => withoutSecrets(text) !== text) ? clean : { ...clean, fix };
}
