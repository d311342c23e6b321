import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { transformSync } from 'esbuild';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hitByIstanbul, readIstanbul } from '../../../src/gate/inside/coverage/istanbul.js';
import { executedLines, unitsOf } from '../../../src/gate/inside/coverage/units.js';
import { hitByV8, isAsWritten, readV8, type V8Script } from '../../../src/gate/inside/coverage/v8.js';
import { ROOT } from '../../support/sandbox.js';

const ALL = [[1, 1000]] as const;
/** Lines that can be executed, where everything was. */
function executable(path: string, source: string): number[] | null {
  const file = unitsOf(path, source);
  return file === null ? null : executedLines(file, ALL, () => true).executable;
}

describe('lines of JavaScript that can be executed', () => {
  it('are those of statements, of values of fields and of bodies of arrow functions, and of no declaration, type, comment or bracket', () => {
    const lines: readonly (readonly [string, boolean])[] = [
      ["import fs from 'node:fs';", false], ['interface Shape {', false], ['  side: number;', false], ['}', false], ['type Name = string;', false], ['// a comment', false], ['', false],
      ['export function area(shape: Shape): number {', false], ['  const side = shape.side; /* and', true], ['    still a comment */', false], ['  if (side < 0) {', true], ['    throw new Error(', true],
      ["      'negative',", true], ['    );', false], ['  } else {', false], ['    return side * side;', true], ['  }', false], ['}', false], ['class Box {', false], ['  private readonly kept: Name;', false],
      ['  size = 1;', true], ['  grow() {', false], ['    this.size += 1;', true], ['  }', false], ['}', false], ['declare const there: string;', false], ['export const double = (n: number) => n * 2;', true],
      ['export default {', true], ['  names: [fs.constants.R_OK],', true], ['};', false],
    ];
    const expected = lines.flatMap(([, yes], i) => (yes ? [i + 1] : []));
    expect(executable('shapes.ts', lines.map(([text]) => text).join('\n'))).toEqual(expected);
  });

  it('are not told of a file that does not parse', () => {
    expect([executable('broken.js', 'const = 1;'), executable('deep.js', '('.repeat(200_000))]).toEqual([null, null]);
  });
});

describe('coverage as V8 tells it', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'spc-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** What this Node's V8 says of one file, and the lines that were executed by it. */
  function ran(name: string, source: string): { readonly script: V8Script; readonly executable: number[]; readonly executed: number[] } {
    writeFileSync(join(folder, name), source);
    spawnSync(process.execPath, ['--no-warnings', join(folder, name)], { env: { NODE_V8_COVERAGE: join(folder, 'coverage') } });
    const [file = ''] = readdirSync(join(folder, 'coverage'));
    const script = readV8(JSON.parse(readFileSync(join(folder, 'coverage', file), 'utf8')))?.result.find((one) => one.url.endsWith(`/${name}`));
    const units = unitsOf(name, source);
    if (script === undefined || units === null) throw new Error('there is no coverage');
    return { script, ...executedLines(units, ALL, hitByV8(script)) };
  }

  it('is read by functions and blocks: what was skipped, and what was never called though it stands in a line that was loaded', () => {
    const source = ['function pick(n) {', '  if (n > 1) return "many";', '  else if (n < 0) {', '    throw new Error("no");', '  }', '  for (const one of []) {', '    console.log(one);', '  }', '  return "one";', '}', 'const never = (x) => x + 1;', 'const called = (x) => x + 1;', 'pick(called(0));', ''].join('\n');
    const { executable: can, executed } = ran('pick.js', source);
    expect({ can, executed }).toEqual({ can: [2, 3, 4, 6, 7, 9, 11, 12, 13], executed: [2, 3, 6, 9, 12, 13] });
  });

  it('holds for TypeScript whose types Node takes out, letters beyond ASCII among them', () => {
    const source = 'type Größe = { readonly "länge": number };\nfunction twice(n: number, _unit?: Größe): number {\n  return n * 2;\n}\nfunction idle(): string {\n  return "ß";\n}\ntwice(2);\n';
    const { script, executable: can, executed } = ran('twice.mts', source);
    expect({ written: isAsWritten(script, source, true), other: isAsWritten(script, `${source}// more`.repeat(200), true), can, executed }).toEqual({ written: true, other: false, can: [3, 6, 8], executed: [3, 8] });
  });

  it('is followed through the source map of what was compiled, beside a file that was not loaded', () => {
    const source = 'interface A { readonly a: number }\nenum Kind { One, Two }\nexport function pick(a: A, kind = Kind.Two): number {\n  if (a.a > 5) {\n    throw new Error("no");\n  }\n  return a.a + kind;\n}\nexport const never = (a: A): number => a.a;\npick({ a: 1 });\n';
    mkdirSync(join(folder, 'src'));
    writeFileSync(join(folder, 'src/pick.ts'), source);
    writeFileSync(join(folder, 'src/idle.ts'), 'export const idle = 1;\n');
    const compiled = transformSync(source, { loader: 'ts', format: 'cjs', sourcemap: 'inline', sourcefile: '../src/pick.ts' }).code;
    mkdirSync(join(folder, 'out'));
    writeFileSync(join(folder, 'out/pick.js'), compiled);
    spawnSync(process.execPath, [join(folder, 'out/pick.js')], { env: { NODE_V8_COVERAGE: join(folder, 'coverage') } });
    const asked = { form: 'v8', folder: join(folder, 'coverage'), whole: true, files: [{ path: 'src/pick.ts', lines: [[1, 99]] }, { path: 'src/idle.ts', lines: [[1, 1]] }] };
    const done = spawnSync(process.execPath, [join(ROOT, 'dist/inside/coverage.cjs'), folder], { input: JSON.stringify(asked), encoding: 'utf8' });
    expect(JSON.parse(done.stdout)).toEqual({ problem: null, files: [
      { path: 'src/pick.ts', executable: [[4, 5], [7, 7], [9, 10]], executed: [[4, 4], [7, 7], [10, 10]] }, { path: 'src/idle.ts', executable: [[1, 1]], executed: [] },
    ] });
    const direct = spawnSync(process.execPath, [join(ROOT, 'dist/inside/coverage.cjs'), folder], { input: JSON.stringify({ ...asked, direct: true }), encoding: 'utf8' });
    expect((JSON.parse(direct.stdout) as { files: unknown[] }).files[0]).toEqual({ path: 'src/pick.ts', executable: [[4, 5], [7, 7], [9, 10]], executed: [] });
  });

  it('is refused where it is not of the form', () => {
    const script = (functions: unknown) => ({ result: [{ url: 'file:///workspace/a.js', functions }] });
    const range = { startOffset: 0, endOffset: 1, count: 1 };
    const hostile: unknown[] = [null, [], 1, {}, { result: {} }, { result: [null] }, script(null), script([{}]), script([{ ranges: [{ ...range, count: -1 }] }]), script([{ ranges: [{ ...range, endOffset: 'x' }] }]), script([{ ranges: [{ ...range, startOffset: 1e99 }] }]), script([{ ranges: Array(500_001).fill(range) }])];
    expect(hostile.map((one) => readV8(one))).toEqual(hostile.map(() => null));
    const entry = { lineLengths: [1], data: { sources: ['a.ts'], mappings: 'AAAA' } };
    const maps: unknown[] = [{}, null, { ...entry, lineLengths: [-1] }, { ...entry, data: null }, { ...entry, data: { sources: 1, mappings: '' } }, { ...entry, data: { sources: [], mappings: '!' } }, { ...entry, data: { sources: [], mappings: 'gggggggggggg' } }];
    expect(maps.map((map) => readV8({ ...script([{ ranges: [range] }]), 'source-map-cache': { 'file:///workspace/a.js': map } })?.maps.get('file:///workspace/a.js'))).toEqual(maps.map(() => null));
  });

  it('is told for the files that were asked for, by a program that reads no pipe, no link and nothing without end', () => {
    const source = 'const a = 1;\n';
    const coverage = join(folder, 'coverage');
    mkdirSync(coverage);
    writeFileSync(join(folder, 'a.js'), source);
    const told = (name: string, text: string) => {
      writeFileSync(join(coverage, name), text);
      const asked = { form: 'v8', folder: coverage, whole: true, files: [{ path: 'a.js', lines: [[1, 9]] }, { path: 'gone.js', lines: [[1, 1]] }] };
      const done = spawnSync(process.execPath, [join(ROOT, 'dist/inside/coverage.cjs'), folder], { input: JSON.stringify(asked), encoding: 'utf8' });
      rmSync(join(coverage, name));
      return JSON.parse(done.stdout) as unknown;
    };
    const good = JSON.stringify({ result: [{ url: `file://${folder}/a.js`, functions: [{ ranges: [{ startOffset: 0, endOffset: source.length, count: 1 }] }] }] });
    const gone = { path: 'gone.js', reason: 'the file cannot be read' };
    expect(told('coverage-1.json', good)).toEqual({ problem: null, files: [{ path: 'a.js', executable: [[1, 1]], executed: [[1, 1]] }, gone] });
    expect(told('coverage-1.json', good.replace(`"endOffset":${source.length}`, '"endOffset":999'))).toEqual({ problem: null, files: [{ path: 'a.js', reason: 'what ran is not the text of the file (it was compiled or instrumented)' }, gone] });
    const idle = { path: 'a.js', executable: [[1, 1]], executed: [] };
    expect([told('coverage-1.json', '{"result":[{}]}'), told('coverage-1.json', good.slice(0, -9))]).toEqual(Array(2).fill({ problem: 'a file of coverage cannot be read', files: [idle, gone] }));
    expect(told('other.txt', good)).toEqual({ problem: 'the run left no coverage', files: [] });
    symlinkSync('/dev/zero', join(coverage, 'coverage-2.json'));
    expect(told('coverage-1.json', good)).toEqual({ problem: 'a file of coverage cannot be read', files: [{ ...idle, executed: [[1, 1]] }, gone] });
  });
});

describe('coverage in the form of istanbul', () => {
  const SOURCE = 'const cp = require("child_process");\nexports.run = (x) => cp.exec(x);\nfunction total(items) {\n  if (items.length === 0) return 0;\n  return items\n    .length;\n}\ntotal([1]);\n';
  const at = (line: number, column: number, lastLine: number, lastColumn: number | null) => ({ start: { line, column }, end: { line: lastLine, column: lastColumn } });
  /** As jest 30 writes it for SOURCE, when only `total` was called. */
  const TOLD = {
    path: '/workspace/cart.js', s: { 0: 1, 1: 1, 2: 0, 3: 1, 4: 0, 5: 1, 6: 1 },
    statementMap: { 0: at(1, 11, 1, 35), 1: at(2, 0, 2, 32), 2: at(2, 21, 2, 31), 3: at(4, 2, 4, 35), 4: at(4, 26, 4, 35), 5: at(5, 2, 6, 12), 6: at(8, 0, 8, 11) },
  };
  const lines = (told: unknown) => {
    const [statements, units] = [readIstanbul(told), unitsOf('cart.js', SOURCE)];
    return statements === null || units === null ? null : executedLines(units, ALL, hitByIstanbul(statements));
  };

  it('is read by statements: an arrow function that nobody called does not count by the line that it stands in', () => {
    expect(lines(TOLD)).toEqual({ executable: [1, 2, 4, 5, 6, 8], executed: [1, 4, 5, 6, 8] });
  });

  it('is read where each line is told as a whole, as vitest does by V8', () => {
    const map = Object.fromEntries(SOURCE.split('\n').map((text, i) => [i, at(i + 1, 0, i + 1, text.length)]));
    const s = Object.fromEntries(SOURCE.split('\n').map((_, i) => [i, i === 1 ? 0 : 1]));
    expect(lines({ statementMap: map, s })?.executed).toEqual([1, 4, 5, 6, 8]);
  });

  it('is refused where it is not of the form', () => {
    const hostile: unknown[] = [null, [], {}, { statementMap: [], s: {} }, { ...TOLD, s: {} }, { ...TOLD, s: { ...TOLD.s, 0: -1 } }, { ...TOLD, statementMap: { 0: {} } }, { ...TOLD, statementMap: { 0: at(1.5, 0, 2, 0) } }, { statementMap: JSON.parse('{"__proto__":{"start":1}}') as unknown, s: {} }];
    expect(hostile.map(readIstanbul)).toEqual(hostile.map(() => null));
    expect(readIstanbul({ statementMap: { 0: at(1, 0, 1, null) }, s: { 0: 1 } })).toHaveLength(1);
  });
});

describe('notes of a trace of Python', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'spc-'));
    mkdirSync(join(folder, 'notes'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const SOURCE = 'import os\n\n@staticmethod\ndef total(items):\n    """Adds up."""\n    found = [one for one in items\n             if one]\n    try:\n        return sum(found)\n    except TypeError:\n        return 0\n\ndouble = lambda x: x * 2\ndef half(x): return x / 2\n';

  function told(notes: unknown, whole = true): unknown {
    writeFileSync(join(folder, 'cart.py'), SOURCE);
    if (notes !== undefined) writeFileSync(join(folder, 'notes/1.json'), typeof notes === 'string' ? notes : JSON.stringify(notes));
    const asked = { form: 'trace', folder: join(folder, 'notes'), whole, files: [{ path: 'cart.py', lines: [[1, 99]] }] };
    const done = spawnSync('/usr/bin/python3', ['-I', '-S', join(ROOT, 'src/gate/inside/sallyport_lines.py'), folder], { input: JSON.stringify(asked), encoding: 'utf8' });
    return done.stdout === '' ? done.stderr : JSON.parse(done.stdout);
  }
  const EXECUTABLE = [[6, 7], [9, 9], [11, 11], [13, 14]];

  it('are held against the statements of the file, by function', () => {
    const loaded = [[1, '<module>', 1], [1, '<module>', 4], [1, '<module>', 13], [1, '<module>', 14]];
    const called = [[3, 'total', 6], [6, '<listcomp>', 6], [3, 'total', 9]];
    expect(told({ displaced: false, files: { 'cart.py': loaded } })).toEqual({ problem: null, files: [{ path: 'cart.py', executable: EXECUTABLE, executed: [] }] });
    expect(told({ displaced: false, files: { 'cart.py': [...loaded, ...called, [13, '<lambda>', 13], [14, 'half', 14]] } })).toEqual({ problem: null, files: [{ path: 'cart.py', executable: EXECUTABLE, executed: [[6, 7], [9, 9], [13, 14]] }] });
  });

  it('are refused where they are not of the form, and are missed', () => {
    const refused = { problem: 'a file of notes cannot be read', files: [{ path: 'cart.py', executable: EXECUTABLE, executed: [] }] };
    expect(['[]', '{', '{"displaced":1,"files":[]}', '{"displaced":false,"files":{"a":[[1]]}}', '{"displaced":false,"files":{"a":[["x","y","z"]]}}', '['.repeat(100_000)].map((text) => told(text))).toEqual(Array(6).fill(refused));
    rmSync(join(folder, 'notes/1.json'));
    expect([told(undefined), told(undefined, false)]).toEqual([{ problem: 'the run left no notes', files: [] }, { problem: null, files: [{ path: 'cart.py', reason: 'no process of the check told what it executed' }] }]);
    expect(told({ displaced: true, files: {} })).toEqual({ problem: null, files: [{ path: 'cart.py', reason: 'the project measures coverage itself, and Python before 3.12 has one place for that' }] });
  });
});
