import type { ScanResult, Suppressions, ToolEvidence } from '../protocol/evidence.js';
import type { Level, RuleMeta } from './model.js';
import { sarifSuppression, suppressionOf } from './suppress.js';

/** What stands beside the results of the scan. */
export interface BesideScan {
  /** The project's own tools: a run for each, by the name that the environment gives it. */
  readonly tools?: readonly ToolEvidence[] | undefined;
  readonly suppressions?: Suppressions | undefined;
}

/**
 * The results of a comparison as SARIF 2.1.0, as code hosts take it: `baselineState` of each result, our fingerprint, the CWE of its rule as a tag and its `security-severity`. Results that are gone
 * are part of it (`absent`). Rules that evidence names and this version does not know have their id alone.
 */
export function evidenceSarif(results: readonly ScanResult[], rules: readonly RuleMeta[], tool: { readonly name: string; readonly version: string }, { tools = [], suppressions }: BesideScan = {}): unknown {
  const known = new Map(rules.map((rule): [string, Known] => [rule.id, { title: rule.title, help: rule.help, uri: null, severity: rule.severity, level: rule.level, security: true }]));
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      runOf(tool, true, results, known, suppressions),
      ...tools.map((one) => runOf({ name: one.name, ...(one.head?.version == null ? {} : { version: one.head.version }) }, one.base?.problem === null && one.head?.problem === null, one.results, new Map(one.rules.map((rule): [string, Known] => [rule.id, { ...rule, security: false }])), suppressions)),
    ],
  };
}

/** What is known of a rule. */
interface Known {
  readonly title: string | null;
  readonly help: string | null;
  readonly uri: string | null;
  readonly severity: number | null;
  readonly level: Level | null;
  readonly security: boolean;
}

function runOf(driver: { readonly name: string; readonly version?: string }, successful: boolean, results: readonly ScanResult[], known: ReadonlyMap<string, Known>, suppressions: Suppressions | undefined): unknown {
  const weaknesses = new Map(results.map((result) => [result.rule, result.cwe]));
  const ids = [...weaknesses.keys()].sort();
  const index = new Map(ids.map((id, i) => [id, i]));
  const held = results.map((result) => suppressionOf(result, suppressions));
  // Where one result of a run has the property, all must (3.27.23).
  const anyHeld = held.some((one) => one !== null);
  return {
    tool: { driver: { ...driver, rules: ids.map((id) => ruleOf(id, known.get(id), weaknesses.get(id) ?? null)) } },
    invocations: [{ executionSuccessful: successful }],
    results: results.map((result, i) => ({
      ruleId: result.rule, ruleIndex: index.get(result.rule), level: result.level, message: { text: result.message }, baselineState: result.state,
      partialFingerprints: { 'sallyport/v1': result.fingerprint },
      locations: [{ physicalLocation: { artifactLocation: { uri: result.path.split('/').map((part) => encodeURIComponent(part.toWellFormed())).join('/'), uriBaseId: 'SRCROOT' }, region: { startLine: result.line } } }],
      ...(anyHeld ? { suppressions: [held[i] ?? null].flatMap((one) => (one === null ? [] : [sarifSuppression(one)])) } : {}),
    })),
  };
}

function ruleOf(id: string, meta: Known | undefined, cwe: string | null): unknown {
  const number = /^CWE-(\d+)$/.exec(cwe ?? '')?.[1];
  const security = meta?.security !== false || number !== undefined || meta.severity !== null;
  return {
    id, ...(meta?.title == null ? {} : { shortDescription: { text: meta.title } }), ...(meta?.help == null ? {} : { help: { text: meta.help } }), ...(meta?.uri == null ? {} : { helpUri: meta.uri }),
    ...(meta?.level == null ? {} : { defaultConfiguration: { level: meta.level } }),
    properties: { tags: [...(security ? ['security'] : []), ...(number === undefined ? [] : [`external/cwe/cwe-${number.padStart(3, '0')}`])], ...(meta?.severity == null ? {} : { 'security-severity': meta.severity.toFixed(1) }) },
  };
}
