import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { argv } from 'node:process';
import { type Candidate, candidatesIn } from './javascript.js';

/** `mutants.cjs [ROOT]`: names the faults that could be put into files of the tree, in a sandbox without a network; nothing of the tree runs. Asked on standard input, told on standard output. */
const ROOT = argv[2] ?? '/workspace';
const MAX_SOURCE = 512 * 1024;
const MAX_ALL = 20_000;

interface Asked {
  readonly files: readonly { readonly path: string; readonly lines: readonly (readonly [number, number])[] }[];
}

function main({ files }: Asked): Candidate[] {
  const found: Candidate[] = [];
  for (const { path, lines } of files) {
    const source = read(path);
    if (source !== null && found.length < MAX_ALL) found.push(...candidatesIn(path, source, (line) => lines.some(([from, to]) => from <= line && line <= to)));
  }
  return found.slice(0, MAX_ALL);
}

function read(path: string): string | null {
  try {
    const descriptor = openSync(join(ROOT, path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const about = fstatSync(descriptor);
      return about.isFile() && about.size <= MAX_SOURCE ? readFileSync(descriptor, 'utf8') : null;
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return null;
  }
}

process.stdout.write(`${JSON.stringify({ candidates: main(JSON.parse(readFileSync(0, 'utf8')) as Asked) })}\n`);
