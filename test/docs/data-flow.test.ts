import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');

/** Modules that can open a connection, by import; and calls that need no import. */
const MODULES = /(?:from|import|require)\s*\(?\s*['"](?:node:(?:net|tls|http|https|http2|dgram|dns|dns\/promises|quic)|(?:net|tls|http|https|http2|dgram|dns|dns\/promises)|undici(?:\/[^'"]*)?|ws|axios|got|pg|pg-[^'"]+|@dbos-inc\/[^'"]+|ai|@ai-sdk\/[^'"]+|@opentelemetry\/[^'"]+)['"]/;
const CALLS = /\bfetch\s*\(|globalThis\s*\.\s*fetch|globalThis\s*\[|#fetch\s*\(|\bnew\s+(?:WebSocket|EventSource|XMLHttpRequest)\b|\bsendBeacon\b|\btransports\??\s*:/;

describe('docs/data-flow.md', () => {
  it('names every file of src/ that can open a connection, and no other', () => {
    const found = walk(join(root, 'src')).map((path) => relative(root, path)).filter((path) => opens(path, readFileSync(join(root, path), 'utf8')));
    expect(named()).toEqual(found.sort());
  });
});

describe('the search', () => {
  it('sees the ways to open a connection, and takes none where there is none', () => {
    const opening = [
      `import { connect } from 'node:net';`, `import type { Server } from "node:http";`, `const https = await import('https');`, `const r = await fetch(url);`, `const f = globalThis.fetch;`,
      `new WebSocket(url)`, `import { Pool } from 'pg';`, `export { request } from 'undici';`, `git(mirror, args, { transports: ['https'] })`, `globalThis['fe' + 'tch']`, `const refs = '+refs/heads/*:x'; fetch(u); const y = '*/';`,
    ];
    const harmless = [`// fetch(url)`, `/* new WebSocket(x) */`, `await fetchPhase(request)`, `prefetch(x)`, `import { z } from 'zod';`, `import { join } from 'node:path';`];
    expect([...opening, ...harmless].filter((code) => opens('src/x.ts', code))).toEqual(opening);
  });
});

function opens(path: string, text: string): boolean {
  // Only comments that begin a line are left out: one that seems to begin later may stand in a string ('refs/heads/*') and would hide code.
  const code = text.replace(/^\s*\/\*[\s\S]*?\*\//gm, '').replace(/^\s*\/\/.*$/gm, '');
  // Rules hold, as text, the very calls that they look for in other people's code; what they import counts all the same.
  if (path.startsWith('src/scan/rules/') || path.startsWith('src/scan/flow/')) return code.split('\n').some((line) => /^(?:import|export)\b/.test(line) && MODULES.test(line));
  return MODULES.test(code) || CALLS.test(code);
}

/** Files of the table under "Every place that can open a connection". */
function named(): string[] {
  const page = readFileSync(join(root, 'docs/data-flow.md'), 'utf8').split('## Every place that can open a connection')[1] ?? '';
  return [...page.matchAll(/^\| `(src\/[^`]+)` \|/gm)].map((m) => m[1] as string).sort();
}

function walk(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((e) => (e.isDirectory() ? walk(join(folder, e.name)) : [join(folder, e.name)])).sort();
}
