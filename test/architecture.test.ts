import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

/** Layer of each folder below src/: imports go to a strictly lower number, or stay in the folder. */
const LAYERS: Readonly<Record<string, number>> = {
  protocol: 0,
  policy: 1, screen: 1, sarif: 1, attest: 1, redact: 1,
  process: 2, store: 2, artifacts: 2,
  audit: 3, git: 3,
  sandbox: 4, scan: 4, egress: 4, gateway: 4, forge: 4,
  setup: 5, gate: 5, instructions: 5,
  agent: 6,
  workflow: 7,
  app: 8,
  server: 9, worker: 9, cli: 9, client: 9,
  main: 10,
};
const MAX_LINES = 500;
/** Programs that run inside a sandbox. */
const INSIDE = /^(?:sandbox|gate)\/inside\//;
const root = resolve(import.meta.dirname, '..');
const files = walk(join(root, 'src')).map((path) => {
  const text = readFileSync(path, 'utf8');
  const code = withoutComments(text);
  return { path: relative(join(root, 'src'), path), text, code, imports: importsOf(code) };
});

describe('the structure of src/', () => {
  it('has only folders that have a layer', () => {
    expect(files.map((f) => layerName(f.path)).filter((name) => LAYERS[name] === undefined)).toEqual([]);
  });

  it('imports downwards only', () => {
    const wrong = files.flatMap((f) =>
      f.imports.filter((i) => i.startsWith('.')).map((i) => relative(join(root, 'src'), resolve(root, 'src', dirname(f.path), i)))
        .filter((to) => layerName(to) !== layerName(f.path) && layer(to) >= layer(f.path))
        .map((to) => `${f.path} -> ${to}`));
    expect(wrong).toEqual([]);
  });

  it('has no import cycle', () => {
    const graph = new Map(files.map((f) => [f.path, f.imports.filter((i) => i.startsWith('.'))
      .map((i) => relative(join(root, 'src'), resolve(root, 'src', dirname(f.path), i)).replace(/\.js$/, '.ts'))]));
    expect([...graph.keys()].map((start) => cycleFrom(start, graph)).filter((c) => c !== null)).toEqual([]);
  });

  it(`has no file over ${MAX_LINES} lines`, () => {
    expect(files.filter((f) => f.text.split('\n').length > MAX_LINES).map((f) => f.path)).toEqual([]);
  });

  it('spawns processes in process/ only, and inside the sandbox', () => {
    expect(importersOf(/^node:(child_process|cluster|worker_threads)$/).filter((f) => !['process', 'inside'].includes(f))).toEqual([]);
  });

  it('names the SQL driver in store/ only', () => {
    expect(importersOf(/^(pg|kysely)(\/|$)/).filter((f) => f !== 'store')).toEqual([]);
  });

  it('calls git in git/ only', () => {
    expect(files.filter((f) => /[[(]\s*['"`](\/usr\/bin\/)?git['"`]/.test(f.code)).map((f) => layerName(f.path)).filter((l) => l !== 'git')).toEqual([]);
  });

  it('reads the environment in main/ only', () => {
    const readers = files.filter((f) => /process\s*\.\s*env\b|process\[['"]env/.test(f.code) || /import\s*\{[^}]*\benv\b[^}]*\}\s*from 'node:process'/.test(f.code));
    // Rules look for the words in other people's code.
    const rules = ['redact/rules.ts', 'scan/rules/crypto.ts'];
    expect(readers.map((f) => f.path).filter((p) => layerName(p) !== 'main' && !INSIDE.test(p) && !p.startsWith('scan/flow/') && !rules.includes(p))).toEqual([]);
  });

  it('has no default export and no any', () => {
    expect(files.filter((f) => /^export default/m.test(f.code) || /:\s*any\b|\bas any\b/.test(f.code)).map((f) => f.path)).toEqual([]);
  });
});

/** Takes comments out and leaves strings alone: `/*` and `//` stand in them too. */
function withoutComments(text: string): string {
  return text.replace(/('(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`)|\/\*[\s\S]*?\*\/|\/\/.*$/gm, (_all, string: string | undefined) => string ?? '');
}
function walk(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((e) =>
    e.isDirectory() ? walk(join(folder, e.name)) : e.name.endsWith('.ts') ? [join(folder, e.name)] : []);
}
function importsOf(code: string): string[] {
  // At the beginning of a line: rules hold programs as texts.
  return [...code.matchAll(/^(?:import|export)\b[^'"`;]*?from\s*['"]([^'"]+)['"]|^import\s*['"]([^'"]+)['"]|[^\w'"`.]import\(\s*'([^']+)'/gm)].map((m) => (m[1] ?? m[2] ?? m[3]) as string);
}
function layerName(path: string): string {
  return path.split('/')[0] as string;
}
function layer(path: string): number {
  return LAYERS[layerName(path)] ?? Number.POSITIVE_INFINITY;
}
function importersOf(pattern: RegExp): string[] {
  const where = files.filter((f) => f.imports.some((i) => pattern.test(i)))
    .map((f) => (INSIDE.test(f.path) ? 'inside' : layerName(f.path)));
  return [...new Set(where)].sort();
}
function cycleFrom(start: string, graph: ReadonlyMap<string, readonly string[]>): string | null {
  const stack: [string, string[]][] = [[start, [start]]];
  const seen = new Set<string>();
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const [at, path] = next;
    for (const to of graph.get(at) ?? []) {
      if (to === start) return [...path, to].join(' -> ');
      if (!seen.has(to)) {
        seen.add(to);
        stack.push([to, [...path, to]]);
      }
    }
  }
  return null;
}
