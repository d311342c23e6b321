import { describe, expect, it } from 'vitest';
import { READERS } from '../../../src/gate/tools/registry.js';
import type { ToolReport } from '../../../src/gate/tools/report.js';
import type { ToolSpec } from '../../../src/protocol/tools.js';

const TREE = { paths: new Set(['src/a.ts', 'src/b.py', 'a(1).ts', 'odd:name.sh', 'x.go', 'tsconfig.json']) };
const ESC = String.fromCharCode(27);
const read = (form: ToolSpec['report'], text: string): ToolReport => READERS[form](text, TREE);
/** Findings in one line each, then what else there is to tell. */
const shown = ({ results, outside, problem }: ToolReport) => ({ results: results.map((r) => `${r.level} ${r.rule} ${r.path}:${r.line} ${r.message}`), outside, problem });
const none = (problem: string | null) => ({ results: [], outside: 0, problem });

describe('tsc', () => {
  it('tells file, line, code and what belongs to a message', () => {
    expect(shown(read('tsc', "src/a.ts(12,5): error TS2345: Argument of type 'A'\n  is not assignable.\n/workspace/a(1).ts(1,1): error TS1005: ';' expected.\n\nFound 2 errors.\n"))).toEqual({
      results: ["error TS2345 src/a.ts:12 Argument of type 'A' is not assignable.", "error TS1005 a(1).ts:1 ';' expected."], outside: 0, problem: null,
    });
  });

  it('counts what is outside, and keeps what is about the project as a whole', () => {
    expect(shown(read('tsc', "../lib/x.ts(1,1): error TS1: a\n/usr/lib/y.d.ts(2,2): error TS2: b\nerror TS2688: Cannot find type definition file for 'x'.\n"))).toEqual({ results: ["error TS2688 .:1 Cannot find type definition file for 'x'."], outside: 2, problem: null });
  });

  it('is not believed where its options or the project file are wrong', () => {
    expect(read('tsc', "error TS18003: No inputs were found in config file 'tsconfig.json'.").problem).toContain('TS18003');
    expect(read('tsc', "tsconfig.json(1,21): error TS5023: Unknown compiler option 'foo'.").problem).toContain('TS5023');
    expect(read('tsc', "src/a.ts(1,21): error TS6133: 'x' is declared but its value is never read.").problem).toBe(null);
  });
});

describe('mypy', () => {
  it('tells line, level and code, and a count that is right', () => {
    expect(shown(read('mypy', 'src/b.py:3: error: Incompatible types  [assignment]\nsrc/b.py:4:10:4:12: error: Bad [x] thing  [arg-type]\nsrc/b.py:5: note: See here\nsrc/b.py: error: Cannot find it  [import]\nFound 3 errors in 1 file (checked 1 source file)\n'))).toEqual({
      results: ['error assignment src/b.py:3 Incompatible types', 'error arg-type src/b.py:4 Bad [x] thing', 'note note src/b.py:5 See here', 'error import src/b.py:1 Cannot find it'], outside: 0, problem: null,
    });
  });

  it('is not believed where it counts more than it names', () => {
    expect(read('mypy', 'src/b.py:3: error: x  [y]\nFound 2 errors in 1 file (checked 1 source file)\n').problem).toBe('the report counts 2 errors, and names 1');
  });

  it('finds nothing where there is nothing', () => {
    expect(shown(read('mypy', 'Success: no issues found in 3 source files\n'))).toEqual(none(null));
  });
});

describe('lines', () => {
  it('takes levels and codes out of messages, and leaves alone what begins with no file of the tree', () => {
    expect(shown(read('lines', `# example.com/x\n./x.go:5:2: result of fmt.Sprint call not used\nsrc/b.py:1:80: E501 line too long\nodd:name.sh:3:5: ${ESC}[31mwarning${ESC}[0m: Double quote [SC2086]\nsrc/a.ts:9: error: no\nhttp://localhost:3000: ready\n12:30:01: done\n/etc/passwd:1: x\n`))).toEqual({
      results: ['warning finding x.go:5 result of fmt.Sprint call not used', 'warning E501 src/b.py:1 line too long', 'warning SC2086 odd:name.sh:3 Double quote', 'error finding src/a.ts:9 no'], outside: 0, problem: null,
    });
  });
});

describe('github', () => {
  it('reads workflow commands', () => {
    expect(shown(read('github', '::error title=lint/suspicious/noDoubleEquals,file=src/a.ts,line=2,endLine=1,col=4::Use === %25 and%0Anot ==\n::warning title=Ruff (F401),file=/workspace/src/b.py,line=1::unused\n::notice::whole\n::group::x\n'))).toEqual({
      results: ['error lint/suspicious/noDoubleEquals src/a.ts:2 Use === % and\nnot ==', 'warning F401 src/b.py:1 unused', 'note finding .:1 whole'], outside: 0, problem: null,
    });
  });
});

describe('files', () => {
  it('takes a path a line, once', () => {
    expect(shown(read('files', './src/a.ts\nsrc/a.ts\n\n/workspace/src/b.py\n')).results.map((one) => one.slice(0, 26))).toEqual(['warning format src/a.ts:1 ', 'warning format src/b.py:1 ']);
  });

  it('is not believed where it says anything else', () => {
    expect(shown(read('files', 'src/a.ts\nAll matched files use the style!\n'))).toEqual(none('the report names "All matched files use the style!", which is no file of the tree'));
  });
});

describe('eslint-json', () => {
  const file = (more: object) => JSON.stringify([{ filePath: '/workspace/src/a.ts', messages: [], ...more }]);
  const message = { ruleId: '@x/no-any', severity: 2, message: 'no any', line: 3, column: 1 };

  it('tells rules, levels, what cannot be parsed and what a comment silences', () => {
    const text = file({ messages: [message, { ruleId: null, fatal: true, severity: 2, message: 'Parsing error', line: 1 }, { ruleId: null, severity: 1, message: 'File ignored' }], suppressedMessages: [{ ...message, severity: 1, line: 9, suppressions: [] }] });
    expect(shown(read('eslint-json', text))).toEqual({ results: ['error @x/no-any src/a.ts:3 no any', 'error fatal src/a.ts:1 Parsing error', 'warning message src/a.ts:1 File ignored', 'warning @x/no-any src/a.ts:9 no any'], outside: 0, problem: null });
  });

  it('is not believed in another form', () => {
    for (const text of ['', 'null', '{}', '[1]', '[{"filePath":"a"}]', '{"__proto__":[]}', file({ messages: [{ ...message, severity: 3 }] }), file({ messages: [{ ...message, message: { text: 'x' } }] }), `${'['.repeat(200_000)}`]) {
      expect(shown(read('eslint-json', text))).toEqual(none(expect.stringMatching(/^the report (is not JSON|has another form)/)));
    }
  });

  it('makes nothing of odd ids and lines', () => {
    const odd = read('eslint-json', file({ messages: [{ ...message, ruleId: `a\nb ${ESC}[2J\`<x>`, line: -1 }, { ...message, ruleId: '__proto__', line: 1e300 }] }));
    expect(odd.results.map((one) => [one.rule, one.line])).toEqual([[expect.stringMatching(/^[\w@/.:+-]+$/), 1], ['__proto__', 1]]);
  });
});

it('ruff-json tells codes, and code that it cannot parse as an error', () => {
  const text = JSON.stringify([{ code: 'S307', filename: '/workspace/src/b.py', location: { row: 2, column: 1 }, message: 'eval' }, { code: null, filename: 'src/b.py', location: { row: 1 }, message: 'SyntaxError' }, { code: 'E1', filename: '/usr/x.py', location: null, message: 'out' }]);
  expect(shown(read('ruff-json', text))).toEqual({ results: ['warning S307 src/b.py:2 eval', 'error invalid-syntax src/b.py:1 SyntaxError'], outside: 1, problem: null });
});

describe('every reader', () => {
  it('refuses more findings than are compared', () => {
    expect(read('tsc', 'src/a.ts(1,1): error TS1: x\n'.repeat(20_001)).problem).toContain('20001 findings');
    expect(read('github', '::error file=src/a.ts::x\n'.repeat(20_001)).problem).toContain('20001 findings');
  });

  it('comes to an end over hostile text', () => {
    const hostile = ['('.repeat(200_000), 'a:1'.repeat(70_000), `${'1'.repeat(100_000)}:${'1'.repeat(100_000)}`, `::error ${'x='.repeat(100_000)}`, `${ESC}${';'.repeat(200_000)}`, `${ESC}[${'1;'.repeat(100_000)}`, `a(1,1): error TS1: ${' '.repeat(200_000)}[`, 'src/a.ts:1:1: ['.repeat(10_000), '\n'.repeat(200_000), ' \t'.repeat(100_000)];
    const forms = (Object.keys(READERS) as ToolSpec['report'][]).filter((form) => form !== 'sarif');
    expect(hostile.flatMap((text) => forms.map((form) => read(form, text).results.length > 1))).not.toContain(true);
  });
});
