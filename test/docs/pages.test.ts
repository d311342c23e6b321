import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readRules } from '../../src/policy/rules.js';
import { foldersOf } from '../../src/workflow/folders.js';

const root = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const pages = ['README.md', 'AGENTS.md', 'SECURITY.md', 'CHANGELOG.md', ...walk(join(root, 'docs')).map((p) => relative(root, p))];

describe('every page', () => {
  it('names only files and folders that exist', () => {
    const wrong = pages.flatMap((page) => [...read(page).matchAll(/`((?:src|test|scripts|docs|policies|examples)\/[\w./-]+)`/g)].map((m) => m[1] as string)
      .filter((path) => !existsSync(join(root, path))).map((path) => `${page}: ${path}`));
    expect(wrong).toEqual([]);
  });

  it('links only to what exists, anchors included', () => {
    const wrong = pages.flatMap((page) => [...read(page).matchAll(/\]\(([^)\s]+)\)/g)].map((m) => m[1] as string).filter((to) => !/^https?:/.test(to) && !goes(page, to)).map((to) => `${page}: ${to}`));
    expect(wrong).toEqual([]);
  });

  it('names only npm scripts that exist', () => {
    const scripts: readonly string[] = Object.keys(JSON.parse(read('package.json')).scripts);
    const wrong = pages.flatMap((page) => [...read(page).matchAll(/npm run ([\w:-]+)/g)].map((m) => m[1] as string).filter((name) => !scripts.includes(name)).map((name) => `${page}: ${name}`));
    expect(wrong).toEqual([]);
  });

  it('claims of no result what no result can show', () => {
    const claim = /\b(?:is|are|was|been|now|provably|guaranteed) (?:secure|safe|audited)\b/i;
    expect(pages.filter((page) => claim.test(read(page)))).toEqual([]);
  });
});

describe('docs/policy.md', () => {
  it('lists the rules of the solo policy with their effect', () => {
    const rules = readRules([{ level: 'organisation', text: read('policies/solo.cedar') }]);
    const rows = [...read('docs/policy.md').matchAll(/^\| `([a-z-]+)` \| (permit|forbid|ask) \|/gm)].map((m) => [m[1], m[2]]);
    expect(rows).toEqual(rules.map((r) => [r.id, r.effect]));
  });
});

describe('docs/architecture.md', () => {
  it('has a row for every layer and every folder of the state directory', () => {
    const page = read('docs/architecture.md');
    const layers = readdirSync(join(root, 'src')).filter((name) => !page.includes(`| \`src/${name}\` |`));
    const { home, ...folders } = foldersOf('/home');
    const states = Object.values(folders).map((f) => relative(home, f)).filter((name) => !page.includes(`| \`${name}/\` |`));
    expect({ layers, states }).toEqual({ layers: [], states: [] });
  });

  it('has a row for every condition of the gate', () => {
    const page = read('docs/architecture.md');
    const code = ['judge', 'conditions', 'kinds', 'remedies'].map((name) => read(`src/gate/${name}.ts`)).join('\n');
    const ids = [...new Set([...code.matchAll(/'((?:evidence|change|tree|citations|checks|tests|cases|scan|proof|mutants|advisory)\.[a-z_]+)'/g)].map((m) => m[1] as string))];
    expect(ids.filter((id) => !page.includes(`\`${id}\``))).toEqual([]);
    expect(ids.length).toBeGreaterThan(12);
  });
});

function goes(page: string, to: string): boolean {
  const [path, anchor] = to.split('#');
  const target = path === '' ? page : relative(root, join(root, dirname(page), path ?? ''));
  if (!existsSync(join(root, target))) return false;
  if (anchor === undefined) return true;
  const text = read(target);
  return text.includes(`<a id="${anchor}">`) || [...text.matchAll(/^#+ (.+)$/gm)].some((m) => (m[1] as string).toLowerCase().replace(/[^\w -]/g, '').replaceAll(' ', '-') === anchor);
}

function walk(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((e) => (e.isDirectory() ? walk(join(folder, e.name)) : e.name.endsWith('.md') ? [join(folder, e.name)] : [])).sort();
}
