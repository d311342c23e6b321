import type { ScanResult } from '../protocol/evidence.js';
import type { RuleMeta } from './model.js';

/**
 * The results of a comparison as SARIF 2.1.0, as code hosts take it: `baselineState` of each result, our fingerprint, the CWE of its rule as a tag and its `security-severity`. Results that are gone
 * are part of it (`absent`). Rules that evidence names and this version does not know have their id alone.
 */
export function evidenceSarif(results: readonly ScanResult[], rules: readonly RuleMeta[], tool: { readonly name: string; readonly version: string }): unknown {
  const ids = [...new Set(results.map((result) => result.rule))].sort();
  const known = new Map(rules.map((rule) => [rule.id, rule]));
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [{
      tool: { driver: { name: tool.name, version: tool.version, rules: ids.map((id) => ruleOf(id, known.get(id), results.find((result) => result.rule === id)?.cwe ?? null)) } },
      invocations: [{ executionSuccessful: true }],
      results: results.map((result) => ({
        ruleId: result.rule, ruleIndex: ids.indexOf(result.rule), level: result.level, message: { text: result.message }, baselineState: result.state,
        partialFingerprints: { 'sallyport/v1': result.fingerprint },
        locations: [{ physicalLocation: { artifactLocation: { uri: result.path.split('/').map(encodeURIComponent).join('/'), uriBaseId: 'SRCROOT' }, region: { startLine: result.line } } }],
      })),
    }],
  };
}

function ruleOf(id: string, meta: RuleMeta | undefined, cwe: string | null): unknown {
  const number = /^CWE-(\d+)$/.exec(cwe ?? '')?.[1];
  return {
    id, ...(meta === undefined ? {} : { shortDescription: { text: meta.title }, help: { text: meta.help }, defaultConfiguration: { level: meta.level } }),
    properties: { tags: ['security', ...(number === undefined ? [] : [`external/cwe/cwe-${number.padStart(3, '0')}`])], ...(meta === undefined ? {} : { 'security-severity': meta.severity.toFixed(1) }) },
  };
}
