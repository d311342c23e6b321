import { expect, it } from 'vitest';
import type { ScanResult } from '../../src/protocol/evidence.js';
import { evidenceSarif } from '../../src/sarif/evidence.js';
import { parseSarif } from '../../src/sarif/parse.js';

const RESULT: ScanResult = { rule: 'js/sql-injection', level: 'error', message: 'A value becomes part of the SQL text.', path: 'src/a b.js', line: 3, fingerprint: 'sha256:1', state: 'new', cwe: 'CWE-89' };

it('says of each result whether it is new, with our fingerprint and what code hosts sort by', () => {
  const log = evidenceSarif([RESULT, { ...RESULT, rule: 'other/x', state: 'absent', cwe: null, level: 'note' }], [{ id: 'js/sql-injection', title: 'SQL built from text', help: 'Pass values as parameters.', cwe: 89, severity: 9.8, level: 'error' }], { name: 'sallyport', version: '1.2.3' });
  expect(log).toMatchObject({ version: '2.1.0', runs: [{
    tool: { driver: { name: 'sallyport', version: '1.2.3', rules: [
      { id: 'js/sql-injection', shortDescription: { text: 'SQL built from text' }, defaultConfiguration: { level: 'error' }, properties: { tags: ['security', 'external/cwe/cwe-089'], 'security-severity': '9.8' } },
      { id: 'other/x', properties: { tags: ['security'] } },
    ] } },
    results: [
      { ruleId: 'js/sql-injection', ruleIndex: 0, level: 'error', baselineState: 'new', partialFingerprints: { 'sallyport/v1': 'sha256:1' }, locations: [{ physicalLocation: { artifactLocation: { uri: 'src/a%20b.js' }, region: { startLine: 3 } } }] },
      { ruleId: 'other/x', ruleIndex: 1, baselineState: 'absent' },
    ],
  }] });
  expect(parseSarif(JSON.stringify(log)).results.map((r) => [r.rule, r.path, r.cwe])).toEqual([['js/sql-injection', 'src/a b.js', 'CWE-89'], ['other/x', 'src/a b.js', null]]);
});
