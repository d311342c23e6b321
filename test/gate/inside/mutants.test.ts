import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Candidate, candidatesIn } from '../../../src/gate/inside/mutants/javascript.js';
import { applyEdits } from '../../../src/sarif/edits.js';
import { ROOT } from '../../support/sandbox.js';

/** `operator: the line with the fault in it`. */
function told(source: string, candidates: readonly Candidate[]): string[] {
  return candidates.map((one) => `${one.operator}: ${applyEdits(source, [one]).split('\n')[one.line - 1]?.trim()}`);
}

describe('faults in JavaScript', () => {
  const named = (body: string, path = 'a.js') => {
    const source = `function f(a, b) {\n${body}\n}\n`;
    return told(source, candidatesIn(path, source, () => true));
  };

  it('are the classic ones, in executed lines inside functions', () => {
    expect(named('if (a < 0) throw new Error("no");')).toEqual(['removed-guard: ;', 'negated-condition: if (!(a < 0)) throw new Error("no");', 'comparison: if ((a) <= (0)) throw new Error("no");', 'off-by-one: if (a < 1) throw new Error("no");']);
    expect(named('return a && b + 2;')).toEqual(['return-value: return undefined;', 'logic: return (a) || (b + 2);', 'arithmetic: return a && (b) - (2);', 'off-by-one: return a && b + 3;']);
    expect(named('log(a); return true;')).toEqual(['removed-call: ; return true;', 'return-value: log(a); return false;']);
    expect(named('const g = (x: number) => x as unknown; return a ? g(b) : 1;', 'a.ts')).toEqual(['return-value: const g = (x: number) => undefined; return a ? g(b) : 1;', 'return-value: const g = (x: number) => x as unknown; return undefined;', 'negated-condition: const g = (x: number) => x as unknown; return !(a) ? g(b) : 1;', 'off-by-one: const g = (x: number) => x as unknown; return a ? g(b) : 2;']);
  });

  it('are none where a file is loaded, in texts that are put together, in types, in lines that did not run', () => {
    expect(candidatesIn('a.js', 'const a = 1 + 2;\nif (a > 3) throw new Error();\nstart();\n', () => true)).toEqual([]);
    expect(named('b = "x" + a;')).toEqual([]);
    expect(candidatesIn('a.js', 'function f(a) {\n  return a;\n}\n', () => false)).toEqual([]);
    expect(candidatesIn('a.js', 'function (', () => true)).toEqual([]);
  });

  it('leave a file that still parses', () => {
    const source = 'export async function f(a, ...b) {\n  if (!a) return;\n  else if (b.length > 1) { throw 1; }\n  for (const c of b) if (c) continue;\n  await a.b?.(c => ({ d: c * 2 }));\n  const { e = 5 } = a;\n  return a ? e - 1 : (b, a);\n}\nclass G extends H {\n  constructor() { super(); this.x(); }\n}\n';
    const all = candidatesIn('a.mjs', source, () => true);
    const broken = all.filter((one) => candidatesIn('b.mjs', `${applyEdits(source, [one])}function z() { return 1; }`, () => true).length === 0);
    expect({ broken, count: all.length, operators: new Set(all.map((one) => one.operator)).size }).toEqual({ broken: [], count: 18, operators: 7 });
  });
});

describe('faults in Python', () => {
  function named(source: string): string[] {
    const folder = mkdtempSync(join(tmpdir(), 'spm-'));
    try {
      writeFileSync(join(folder, 'a.py'), source);
      const done = spawnSync('/usr/bin/python3', ['-I', '-S', join(ROOT, 'src/gate/inside/sallyport_mutants.py'), folder], { input: JSON.stringify({ files: [{ path: 'a.py', lines: [[1, 99]] }, { path: 'gone.py', lines: [[1, 1]] }] }), encoding: 'utf8' });
      return told(source, (JSON.parse(done.stdout) as { candidates: Candidate[] }).candidates);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  it('are the same ones, at places that hold for letters beyond ASCII', () => {
    expect(named('def f(ä, b):\n    if ä < 0: raise ValueError("😀")\n    print(ä); return ä in b and True\n')).toEqual([
      'removed-guard: pass', 'negated-condition: if (not (ä < 0)): raise ValueError("😀")', 'comparison: if ((ä) <= (0)): raise ValueError("😀")', 'off-by-one: if ä < 1: raise ValueError("😀")',
      'removed-call: pass; return ä in b and True', 'return-value: print(ä); return None', 'logic: print(ä); return ((ä in b) or (True))', 'comparison: print(ä); return ((ä) not in (b)) and True',
    ]);
  });

  it('are none where a file is loaded, nor in one that does not parse', () => {
    expect([named('x = 1 + 2\nif x > 3:\n    raise ValueError\nprint(x)\ndef f(a=1): pass\n'), named('def f(:\n'), named('def f(a):\r\n    return a\r\n')]).toEqual([[], [], []]);
  });
});
