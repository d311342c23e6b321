import { sriOfHex } from '../integrity.js';
import type { Inventory } from '../inventory.js';
import { type NamedPackage, PACKAGE_NAME, VERSION } from '../lockfile.js';
import { bounded, inventoryOf, notFetched, registryPackage, unreadable } from './entry.js';
import { type Origin, registryOrigin, sourceOf, sriDigests } from './origin.js';

const FILE = 'yarn.lock';

export interface ClassicLock {
  readonly packages: readonly NamedPackage[];
  /** The same lockfile with the addresses of tarballs exchanged: yarn 1 follows them whatever registry it is told to use. */
  relocated(urlOf: (name: string, version: string) => string): string;
}

interface Block {
  readonly patterns: readonly string[];
  readonly fields: Map<string, { readonly value: string; readonly line: number }>;
  /** What it asks for: name and range. */
  readonly needs: [string, string][];
}

export function isClassicLock(text: string): boolean {
  return /^# yarn lockfile v1$/m.test(text.slice(0, 1000));
}

/** The packages that a yarn.lock of yarn 1 names. What does not come from a registry is an error that names it. */
export function parseClassicLock(text: string): ClassicLock {
  const lines = text.split(/\r?\n/);
  const blocks = bounded(FILE, readBlocks(lines));
  const found = blocks.map((block) => ({ block, package: packageOf(block) }));
  return {
    packages: found.map((f) => f.package),
    relocated: (urlOf) => {
      const copy = [...lines];
      for (const { block, package: { name, version } } of found) {
        const resolved = block.fields.get('resolved');
        if (resolved === undefined) continue;
        const fragment = /#[0-9a-f]{40}$/.exec(resolved.value)?.[0] ?? '';
        copy[resolved.line] = `  resolved "${urlOf(name, version)}${fragment}"`;
      }
      return copy.join('\n');
    },
  };
}

/** Blocks of the form that yarn 1 writes: patterns, then fields by two spaces, then groups by four. */
function readBlocks(lines: readonly string[]): Block[] {
  const blocks: Block[] = [];
  let current: Block | undefined;
  let group = '';
  for (const [line, raw] of lines.entries()) {
    if (raw.trim() === '' || raw.startsWith('#')) continue;
    if (!raw.startsWith(' ')) {
      if (!raw.endsWith(':') || raw.length > 100_000) throw unreadable(FILE, `line ${line + 1} is not one of a lockfile of yarn 1`);
      current = { patterns: raw.slice(0, -1).split(', ').map(unquote), fields: new Map(), needs: [] };
      blocks.push(current);
      continue;
    }
    const field = /^ {2}([a-z][\w-]*) (.+)$/i.exec(raw);
    if (field !== null && current !== undefined) current.fields.set(field[1] as string, { value: unquote(field[2] as string), line });
    if (!raw.startsWith('   ')) group = raw.trim();
    const need = /^ {4}("[^"]+"|[^\s"]+) (.+)$/.exec(raw);
    if (need !== null && (group === 'dependencies:' || group === 'optionalDependencies:')) current?.needs.push([unquote(need[1] as string), unquote(need[2] as string)]);
  }
  return blocks;
}

/** The registry's name of what a pattern asks for, and by which range. */
function askedBy(pattern: string): { readonly name: string; readonly range: string; readonly alias: boolean } {
  const alias = /^(?:@[^/]+\/)?[^@]+@npm:((?:@[^/]+\/)?[^@]+)(?:@.*)?$/.exec(pattern);
  const [, own = '', range = ''] = /^((?:@[^/]+\/)?[^@]+)@(.*)$/.exec(pattern) ?? [];
  return { name: alias?.[1] ?? own, range, alias: alias !== null };
}

/** Every package that a yarn.lock of yarn 1 says is installed, and who asks for it, by the key `name@version`. `asked` is what the project itself asks for. */
export function classicInventory(text: string, asked: Iterable<readonly [string, string]>): Inventory {
  const blocks = bounded(FILE, readBlocks(text.split(/\r?\n/)));
  return inventoryOf(blocks.flatMap(({ patterns, fields, needs }) => {
    const { name } = askedBy(patterns[0] ?? '');
    const version = fields.get('version')?.value ?? '';
    return VERSION.test(version) && PACKAGE_NAME.test(name) ? [{ name, version, patterns, needs }] : [];
  }), asked, 1);
}

/** The same lockfile without what is to be resolved anew. */
export function pruneClassicLock(text: string, gone: (name: string, version: string) => boolean): string {
  const lines = text.split(/\r?\n/);
  const away = readBlocks(lines).filter((b) => gone(askedBy(b.patterns[0] ?? '').name, b.fields.get('version')?.value ?? '')).map((b) => b.patterns.join(', '));
  let inside = false;
  return lines.filter((line) => {
    if (!/^[\s#]/.test(line) && line !== '') inside = away.includes(line.slice(0, -1).split(', ').map(unquote).join(', '));
    return !inside;
  }).join('\n');
}

function packageOf({ patterns, fields }: Block): NamedPackage {
  const [pattern = ''] = patterns;
  const { name, range, alias } = askedBy(pattern);
  const version = fields.get('version')?.value ?? '';
  const resolved = fields.get('resolved')?.value ?? '';
  const integrity = fields.get('integrity')?.value;
  if (!alias && /^(?:git|https?|file|link|ssh|github|bitbucket|gitlab|gist)[:+@]|^[\w.-]+\/[\w.-]+(?:#.*)?$/.test(range)) throw notFetched(FILE, pattern, 'it does not come from the registry');
  if (!/^https?:\/\//.test(resolved)) throw notFetched(FILE, pattern, 'it has no address of a registry');
  if (integrity !== undefined) return registryPackage(FILE, name, version, integrity);
  // Lockfiles of before 2018 have the SHA-1 alone; behind another address than a registry's these digits would be those of a commit.
  const sha1 = /\/-\/[^/?#]+\.tgz(?:\?[^#]*)?#([0-9a-f]{40})$/.exec(resolved)?.[1];
  const weak = sha1 === undefined ? null : sriOfHex('sha1', sha1);
  if (weak === null) throw notFetched(FILE, pattern, 'it has no integrity');
  return registryPackage(FILE, name, version, weak);
}

function unquote(text: string): string {
  return text.startsWith('"') && text.endsWith('"') && text.length > 1 ? text.slice(1, -1) : text;
}

/** What a yarn.lock of yarn 1 says of every package that is no folder of the tree. */
export function classicOrigins(text: string): Origin[] {
  return bounded(FILE, readBlocks(text.split(/\r?\n/))).flatMap(({ patterns, fields }) => {
    const [pattern = ''] = patterns;
    const { name, range, alias } = askedBy(pattern);
    const resolved = fields.get('resolved')?.value ?? null;
    if (resolved === null && /^(?:link|workspace):/.test(range)) return [];
    const asked = alias ? 'registry' : sourceOf(range);
    const from = resolved === null ? 'file' : sourceOf(resolved);
    const sha1 = /#([0-9a-f]{40})$/.exec(resolved ?? '')?.[1];
    const digests = [...sriDigests(fields.get('integrity')?.value), ...(sha1 === undefined ? [] : sriDigests(sriOfHex('sha1', sha1) ?? ''))];
    const source = asked !== 'registry' ? asked : from === 'url' && /\/-\/[^/?#]+\.tgz(?:[?#]|$)/.test(resolved ?? '') ? 'registry' : from;
    return [registryOrigin({ name, version: fields.get('version')?.value ?? '' }, { source, address: resolved, digests })];
  });
}
