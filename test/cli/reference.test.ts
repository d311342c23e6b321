import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cliPage, exampleOf, leaves, nameOf } from '../../scripts/docs.mjs';
import { buildProgram } from '../../src/cli/program.js';
import type { Surface } from '../../src/cli/surface.js';

const root = join(import.meta.dirname, '../..');
const program = buildProgram({ version: '0.0.0' } as Surface, () => async () => undefined);

describe('docs/cli.md', () => {
  it('is what `npm run docs` makes of the code', () => {
    expect(readFileSync(join(root, 'docs/cli.md'), 'utf8')).toBe(cliPage(program));
  });
});

describe('every command', () => {
  it('has --json', () => {
    expect(leaves(program).filter((c) => !c.options.some((o) => o.long === '--json')).map(nameOf)).toEqual([]);
  });

  it('shows an example of itself in its help', () => {
    expect(leaves(program).filter((c) => !exampleOf(c).startsWith(`${nameOf(c)}`) && !exampleOf(c).includes(` && ${nameOf(c)}`)).map(nameOf)).toEqual([]);
  });

  it('that a page names exists, with the options that stand there', () => {
    const pages = ['README.md', 'AGENTS.md', 'SECURITY.md', ...readdirSync(join(root, 'docs')).filter((f) => f.endsWith('.md')).map((f) => `docs/${f}`)];
    const known = new Map(leaves(program).map((c) => [nameOf(c), c.options.map((o) => o.long)]));
    const wrong = pages.flatMap((page) => calls(readFileSync(join(root, page), 'utf8')).flatMap((call) => {
      const options = known.get(call.name);
      return options === undefined ? [`${page}: ${call.name}`] : call.options.filter((o) => !options.includes(o) && o !== '--help').map((o) => `${page}: ${call.name} ${o}`);
    }));
    expect(wrong).toEqual([]);
  });
});

/** Calls of `sallyport` in code spans and blocks: the name of the command and the long options of that line. */
function calls(text: string): { readonly name: string; readonly options: readonly string[] }[] {
  const code = [...text.matchAll(/```[^\n]*\n([\s\S]*?)```|`([^`\n]+)`/g)].map((m) => m[1] ?? m[2] ?? '');
  return code.flatMap((c) => c.split(/\n|&&|\||, (?=\.\/)/)).flatMap((line) => {
    const match = /(?:^|\s)(?:\.\/)?sallyport ((?:(?:audit|env|models|sandbox) )?[a-z]+)\b(.*)$/.exec(line);
    return match === null ? [] : [{ name: `sallyport ${match[1]}`, options: (match[2] ?? '').match(/--[a-z][a-z-]*/g) ?? [] }];
  });
}
