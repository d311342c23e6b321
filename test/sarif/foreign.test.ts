import { describe, expect, it } from 'vitest';
import { parseForeignSarif } from '../../src/sarif/foreign.js';

const at = (uri: string | undefined, line = 3, more: object = {}) => [{ physicalLocation: { artifactLocation: { ...(uri === undefined ? {} : { uri }), ...more }, region: { startLine: line } } }];
const result = (ruleId: string, uri: string | undefined, more: object = {}) => ({ ruleId, message: { text: `says ${ruleId}` }, locations: at(uri), ...more });
const log = (run: object, name = 'tool') => JSON.stringify({ version: '2.1.0', runs: [{ tool: { driver: { name } }, results: [], ...run }] });
const places = (run: object) => {
  const { results, outside } = parseForeignSarif(log(run));
  return { paths: results.map((one) => one.path), outside };
};

describe('the log of another tool', () => {
  it('has absolute addresses, bases and none at all', () => {
    expect(places({
      originalUriBaseIds: { ROOT: { uri: 'file:///workspace/' }, SRC: { uri: 'src/', uriBaseId: 'ROOT' }, LOOP: { uri: 'a', uriBaseId: 'LOOP' }, '__proto__': { uri: 'file:///etc/' } },
      artifacts: [{ location: { uri: 'kept/by-index.c' } }],
      results: [result('a', 'file:///workspace/src/a%20b.js'), result('a', '/workspace/src/b.js'), result('a', './src/c.js'), result('a', 'file://localhost/workspace/d.js'), { ...result('a', 'x'), locations: at('e.js', 1, { uriBaseId: 'SRC' }) }, { ...result('a', 'x'), locations: at('f.js', 1, { uriBaseId: '%NOT_TOLD%' }) },
        { ...result('a', 'x'), locations: at(undefined, 1, { index: 0 }) }, { ...result('a', 'x'), locations: [] }, result('a', 'file:///workspace'), result('a', '100%.js'),
        // Not of the tree.
        result('a', '/etc/passwd'), result('a', '../x'), result('a', 'file:///workspace/../etc/passwd'), result('a', 'https://example.com/a.js'), result('a', '%2e%2e/%2e%2e/x'), result('a', 'a\0b'), { ...result('a', 'x'), locations: at('g.js', 1, { uriBaseId: 'LOOP' }) }],
    })).toEqual({ paths: ['src/a b.js', 'src/b.js', 'src/c.js', 'd.js', 'src/e.js', 'f.js', 'kept/by-index.c', '.', '.', '100%.js'], outside: 7 });
  });

  it('names rules, levels, weaknesses and severities in the ways of several tools', () => {
    const rules = [
      { id: 'js/xss', shortDescription: { text: 'XSS' }, help: { text: 'Escape.' }, helpUri: 'https://example.com/xss', defaultConfiguration: { level: 'error' }, properties: { tags: ['security', 'external/cwe/cwe-079'], 'security-severity': '7.8' } },
      { id: 'semgrep', fullDescription: { text: 'long' }, helpUri: 'javascript:alert(1)', properties: { tags: ['CWE-89: SQL', 'OWASP'], 'security-severity': 99 } },
      { id: 'G401', name: 'weak', relationships: [{ target: { id: '326', toolComponent: { name: 'CWE' } } }] },
    ];
    const { results, rules: told } = parseForeignSarif(log({
      tool: { driver: { name: 't', semanticVersion: '1.2.3', version: '9', rules }, extensions: [{ rules: [{ id: 'ext/a', defaultConfiguration: { level: 'note' } }] }] },
      results: [result('js/xss', 'a'), result('semgrep', 'a', { level: 'none' }), { ...result('x', 'a'), ruleId: undefined, ruleIndex: 2 }, { ...result('x', 'a'), ruleId: undefined, rule: { index: 0, toolComponent: { index: 0 } } }, result('unknown', 'a', { kind: 'review' }), result('js/xss', 'a', { kind: 'pass' })],
    }));
    expect(results.map((one) => [one.rule, one.level, one.cwe])).toEqual([['js/xss', 'error', 'CWE-79'], ['semgrep', 'note', 'CWE-89'], ['G401', 'warning', 'CWE-326'], ['ext/a', 'note', null], ['unknown', 'warning', null]]);
    expect(told).toEqual([
      { id: 'js/xss', title: 'XSS', help: 'Escape.', uri: 'https://example.com/xss', severity: 7.8, level: 'error' }, { id: 'semgrep', title: 'long', help: null, uri: null, severity: null, level: null },
      { id: 'G401', title: 'weak', help: null, uri: null, severity: null, level: null }, { id: 'ext/a', title: null, help: null, uri: null, severity: null, level: 'note' }, { id: 'unknown', title: null, help: null, uri: null, severity: null, level: null },
    ]);
  });

  it('need not say that it finished, and is not believed where it says that it did not', () => {
    const problem = (run: object) => parseForeignSarif(log(run)).problem;
    expect([problem({}), problem({ results: undefined }), problem({ results: null }), problem({ invocations: [{ executionSuccessful: true }] }), problem({ invocations: [{ executionSuccessful: false, toolExecutionNotifications: [{ level: 'error', message: { text: 'out of memory' } }] }] })])
      .toEqual([null, null, 'tool says that it could not start', null, 'tool did not finish: out of memory']);
  });

  it('silences nothing by suppressions of its own', () => {
    expect(parseForeignSarif(log({ results: [result('a', 'a.js', { suppressions: [{ kind: 'inSource' }], baselineState: 'unchanged', partialFingerprints: { x: '1' } })] })).results).toHaveLength(1);
  });

  it('is refused in another form or size', () => {
    for (const text of ['', '[]', '{"version":"2.0.0","runs":[]}', '{"version":"2.1.0","runs":[]}', log({ results: [{ message: { text: 'no rule' } }] }), log({ externalPropertyFileReferences: { results: [{ itemCount: 3 }] } }), '{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"x"}}}],"inlineExternalProperties":[{}]}', log({ results: [{ ...result('a', 'a'), locations: at('a', 0) }] })]) expect(() => parseForeignSarif(text)).toThrow(/The scanner's report/);
    expect(() => parseForeignSarif(log({ results: [result('a', 'a'), result('b', 'b')] }), { length: 1e6, results: 1 })).toThrow('holds 2 results');
  });
});
