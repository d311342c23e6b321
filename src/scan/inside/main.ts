import { scanTree } from '../tree.js';
import { ALWAYS_EXCLUDED } from './walk.js';

/**
 * `scan.cjs ROOT [--exclude NAME]... [--fragment]`: a program of its own that runs in a sandbox without a network, bundled to one file with
 * `@ast-grep/napi` (a native module) outside of it. One SARIF log on standard output; exit 0 when it was written, whatever it says.
 * Whoever starts it also bounds its time and memory from outside: one hostile file can hold a parser longer than `late` notices.
 */
const SECONDS = 120;

function main(args: readonly string[]): void {
  const fragment = args.includes('--fragment');
  const [root, ...rest] = args.filter((word) => word !== '--fragment');
  const named = rest.filter((_, i) => i % 2 === 1);
  if (root === undefined || named.length * 2 !== rest.length || rest.some((word, i) => i % 2 === 0 && word !== '--exclude')) {
    process.stderr.write('usage: scan.cjs ROOT [--exclude NAME]... [--fragment]\n');
    process.exitCode = 2;
    return;
  }
  const exclude = new Set([...ALWAYS_EXCLUDED, ...named]);
  const end = Date.now() + SECONDS * 1000;
  const limits = { fileBytes: 1024 * 1024, entries: 200_000, depth: 100, results: 10_000, notices: 5_000, late: () => Date.now() > end };
  process.stdout.write(`${JSON.stringify(scanTree({ root, exclude, limits, mode: fragment ? 'fragment' : 'package' }))}\n`);
}

main(process.argv.slice(2));
