import { describe, expect, it } from 'vitest';
import { SallyportError } from '../../src/protocol/errors.js';
import { buildSarif } from '../../src/sarif/build.js';
import { compare, fingerprints } from '../../src/sarif/compare.js';
import { type Found, type Notice, type RuleMeta, NO_DEFENCES } from '../../src/sarif/model.js';
import { parseSarif, type SarifResult } from '../../src/sarif/parse.js';

const RULE: RuleMeta = { id: 'js/x', title: 'X', help: 'Do y.', cwe: 78, severity: 8.8, level: 'error' };
const FOUND: Found = { rule: 'js/x', message: 'm', path: 'src/a b%.js', line: 3, column: 1, endLine: 3, endColumn: 9, snippet: 'exec(x)' };
function log(results: readonly Found[] = [FOUND], notices: readonly Notice[] = []) {
  return JSON.parse(JSON.stringify(buildSarif({ tool: { name: 't', version: '1' }, rules: [RULE], results, notices })));
}
function refusal(text: string, limits?: { length: number; results: number }): string {
  try {
    parseSarif(text, limits);
  } catch (error) {
    if (error instanceof SallyportError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'read';
}
const result = (more: Partial<SarifResult> = {}): SarifResult => ({ rule: 'r', level: 'error', message: 'm', path: 'a.js', line: 1, snippet: 'f(x)', cwe: null, fix: null, ...more });
const states = (base: SarifResult[], head: SarifResult[]) => compare(base, head).map((r) => `${r.state} ${r.rule} ${r.path}:${r.line}`);

describe('a log that we build', () => {
  it('carries rule metadata, CWE tag, severity and place, and is read back', () => {
    const built = log();
    expect(built.runs[0].tool.driver.rules[0]).toEqual({
      id: 'js/x', shortDescription: { text: 'X' }, help: { text: 'Do y.' }, defaultConfiguration: { level: 'error' },
      properties: { tags: ['security', 'external/cwe/cwe-078'], 'security-severity': '8.8', precision: 'medium' },
    });
    expect(built.runs[0].results[0].locations[0].physicalLocation.artifactLocation.uri).toBe('src/a%20b%25.js');
    expect(parseSarif(JSON.stringify(built))).toEqual({
      results: [{ rule: 'js/x', level: 'error', message: 'm', path: 'src/a b%.js', line: 3, snippet: FOUND.snippet, cwe: 'CWE-78', fix: null }],
      problem: null, notices: [], defences: NO_DEFENCES, files: [], entries: [],
    });
  });

  it('is not successful when something was left unscanned, and says what', () => {
    const notices: Notice[] = [{ level: 'error', id: 'time', message: 'time is up', path: null }, { level: 'note', id: 'symlink', message: 'not followed', path: 'l\nink' }];
    expect(parseSarif(JSON.stringify(log([], notices)))).toEqual({
      results: [], problem: 't did not finish: time is up',
      defences: NO_DEFENCES, files: [], entries: [],
      notices: [{ level: 'error', id: 'time', message: 'time is up', path: null }, { level: 'note', id: 'symlink', message: 'not followed', path: 'l\nink' }],
    });
  });
});

describe('reading a hostile log', () => {
  it.each([
    ['nothing', ''], ['no JSON', '{"version"'], ['null', 'null'], ['another version', '{"version":"2.0.0","runs":[]}'], ['no run', '{"version":"2.1.0","runs":[]}'],
    ['a very deep value', '['.repeat(100_000)],
  ])('refuses %s', (_what, text) => {
    expect(refusal(text)).toMatch(/^scan\.failed: /);
  });

  it.each(['/etc/passwd', '../x', 'a/%2e%2e/x', 'file:///etc/passwd', 'a%00b', '%zz', '', '\\\\host\\x'])('refuses the place %j', (uri) => {
    const bad = log();
    bad.runs[0].results[0].locations[0].physicalLocation.artifactLocation.uri = uri;
    expect(refusal(JSON.stringify(bad))).toMatch(/not a relative path/);
  });

  it('refuses too long a log and too many results, and never cuts', () => {
    const text = JSON.stringify(log([FOUND, FOUND, FOUND]));
    expect(refusal(text, { length: 10, results: 10 })).toMatch(/at most 10/);
    expect(refusal(text, { length: 1e6, results: 2 })).toMatch(/3 results, at most 2/);
  });

  it('believes no run that does not say that it finished, or has no list of results', () => {
    const silent = log();
    delete silent.runs[0].invocations;
    expect(parseSarif(JSON.stringify(silent)).problem).toBe('t does not say whether it finished');
    const empty = log();
    empty.runs[0].invocations = [];
    expect(parseSarif(JSON.stringify(empty)).problem).toBe('t does not say whether it finished');
    const none = log();
    delete none.runs[0].results;
    expect(parseSarif(JSON.stringify(none)).problem).toBe('t reports no list of results');
  });

  it('counts suppressed results, takes the level of the rule, and ignores fingerprints of the log', () => {
    const suppressed = log();
    const [first] = suppressed.runs[0].results;
    delete first.level;
    Object.assign(first, { suppressions: [{ kind: 'inSource' }], partialFingerprints: { a: 'b' } });
    expect(parseSarif(JSON.stringify(suppressed)).results.map((r) => r.level)).toEqual(['error']);
  });

  it('refuses a result that names no rule', () => {
    const nameless = log();
    delete nameless.runs[0].results[0].ruleId;
    delete nameless.runs[0].results[0].ruleIndex;
    expect(refusal(JSON.stringify(nameless))).toMatch(/names no rule/);
  });
});

describe('comparing two scans', () => {
  it('keeps a result whose line moved or whose white space changed', () => {
    expect(states([result()], [result({ line: 40, snippet: 'f( x )' })])).toEqual(['unchanged r a.js:40']);
  });
  it('tells new from absent, by rule, path and snippet', () => {
    expect(states([result({ snippet: 'g(x)', line: 2 })], [result()])).toEqual(['new r a.js:1', 'absent r a.js:2']);
    expect(states([result({ rule: 's' })], [result()])).toEqual(['new r a.js:1', 'absent s a.js:1']);
  });
  it('follows a moved file where the snippet is the same', () => {
    expect(states([result()], [result({ path: 'lib/b.js', line: 9 })])).toEqual(['unchanged r lib/b.js:9']);
  });
  it('does not let one moved result cover two new ones', () => {
    expect(states([result()], [result({ path: 'b.js' }), result({ path: 'c.js' })])).toEqual(['unchanged r b.js:1', 'new r c.js:1']);
  });
  it('counts occurrences: one more of the same is new, and a copy elsewhere is new while the first stays', () => {
    expect(states([result()], [result(), result({ line: 5 })])).toEqual(['unchanged r a.js:1', 'new r a.js:5']);
    expect(states([result()], [result(), result({ path: 'b.js' })])).toEqual(['unchanged r a.js:1', 'new r b.js:1']);
  });
  it('does not depend on the order of the results', () => {
    const many = [result({ line: 3 }), result({ line: 1 }), result({ path: 'b.js' })];
    expect(compare([], many)).toEqual(compare([], many.toReversed()));
    expect(new Set(fingerprints(many)).size).toBe(3);
  });
  it('tells results without a snippet by their message', () => {
    expect(states([result({ snippet: '' })], [result({ snippet: '', line: 7 }), result({ snippet: '', message: 'n' })])).toEqual(['new r a.js:1', 'unchanged r a.js:7']);
  });
});

describe('a fact about defences', () => {
  it('that cannot be read is an error: left out, it would hide that a defence went', () => {
    const built = JSON.parse(JSON.stringify(log())) as { runs: [{ results: unknown[] }] };
    built.runs[0].results.push({ ruleId: 'flow/defence', kind: 'informational', level: 'none', message: { text: 'x' }, locations: [{ physicalLocation: { artifactLocation: { uri: 'a.js' }, region: { startLine: 1 } } }], properties: { rule: 'x' } });
    expect(() => parseSarif(JSON.stringify(built))).toThrow(/fact "flow\/defence" that cannot be read/);
  });
});
