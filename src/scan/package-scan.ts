import { posix } from 'node:path';
import { analyse, type Analysis } from './flow/analyse.js';
import { flowRulesFor } from './flow/rules.js';
import type { Value } from './flow/value.js';
import { type CodeScan, combined, hasFlow, isGenerated } from './code.js';

/** Files whose exports are kept; more are analysed again when they are asked for. */
const MOST_MODULES = 400;
/** Modules that import each other in a row. */
const MOST_CHAIN = 24;
const ENDINGS = ['', '.js', '.ts', '.tsx', '.jsx', '.mjs', '.cjs', '.mts', '.cts', '/index.js', '/index.ts', '/index.tsx', '/index.mjs', '/index.jsx'];

interface Module {
  readonly analysis: Analysis;
}

/**
 * All code of a package, file by file, with data flow through what its files import from each other. `read` gives the text of a file of the tree, null for
 * anything else.
 */
export class PackageScan {
  readonly #read: (path: string) => string | null;
  readonly #modules = new Map<string, Module | 'running'>();
  /** Files that were analysed because another imports them: their results, until it is their turn. */
  readonly #ahead = new Map<string, Analysis>();
  #chain = 0;

  constructor(read: (path: string) => string | null) {
    this.#read = read;
  }

  /** Results in this file, and those that its calls show in others. */
  scan(path: string, source: string): CodeScan {
    if (!hasFlow(path) || isGenerated(path, source)) return combined(path, source, null);
    const ahead = this.#ahead.get(path);
    this.#ahead.delete(path);
    return combined(path, source, ahead ?? this.#analyse(path, source));
  }

  #analyse(path: string, source: string): Analysis {
    this.#modules.set(path, 'running');
    this.#chain++;
    try {
      const analysis = analyse(path, source, { mode: 'package', rules: flowRulesFor(path), resolve: (specifier) => this.#exports(path, specifier) });
      if (this.#modules.size > MOST_MODULES) this.#modules.delete(this.#modules.keys().next().value as string);
      this.#modules.set(path, { analysis });
      return analysis;
    } finally {
      if (this.#modules.get(path) === 'running') this.#modules.delete(path);
      this.#chain--;
    }
  }

  #exports(from: string, specifier: string): ReadonlyMap<string, Value> | null {
    if (this.#chain >= MOST_CHAIN) return null;
    const base = posix.normalize(posix.join(posix.dirname(from), specifier));
    if (base.startsWith('..') || base.startsWith('/')) return null;
    // TypeScript imports `./a.js` and means a.ts.
    const bases = /\.[cm]?jsx?$/.test(base) ? [base, base.replace(/\.([cm]?)js(x?)$/, '.$1ts$2')] : [base];
    for (const candidate of bases.flatMap((one) => (one === base ? ENDINGS.map((ending) => `${one}${ending}`) : [one]))) {
      const known = this.#modules.get(candidate);
      if (known === 'running') return null;
      if (known !== undefined) return known.analysis.exports;
      if (!hasFlow(candidate)) continue;
      const source = this.#read(candidate);
      if (source === null) continue;
      if (isGenerated(candidate, source)) return null;
      const analysis = this.#analyse(candidate, source);
      this.#ahead.set(candidate, analysis);
      return analysis.exports;
    }
    return null;
  }
}
