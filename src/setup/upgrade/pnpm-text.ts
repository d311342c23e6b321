import { isDeepStrictEqual } from 'node:util';
import { parse } from 'yaml';
import { z } from 'zod';
import { SallyportError } from '../../protocol/errors.js';
import { type Block, blocksOf, ordered } from './blocks.js';

/** Parts of a lockfile of pnpm that an upgrade changes: all others keep their text. */
const CHANGING = new Set(['overrides:', 'importers:', 'packages:', 'snapshots:', 'dependencies:', 'devDependencies:', 'optionalDependencies:', 'specifiers:']);
const Entry = z.looseObject({ resolution: z.looseObject({ integrity: z.string().optional() }).optional() });

/**
 * The lockfile that pnpm made, with the old one's text for everything that did not change: parts that an upgrade has no say in, and entries that say the
 * same but for what pnpm did not see (addresses of tarballs) or notes anew (deprecations; what it found in the files of the same package, or did not look for).
 */
export function mergePnpmLock(before: string, made: string): string {
  const at = before.lastIndexOf('\n---\n');
  const [kept, old] = at === -1 ? ['', before] : [before.slice(0, at + 5), before.slice(at + 5)];
  const was = blocksOf(old, 0);
  const now = blocksOf(made.slice(made.lastIndexOf('\n---\n') === -1 ? 0 : made.lastIndexOf('\n---\n') + 5), 0);
  const [oldParts, newParts] = [new Map(was.blocks.map((b) => [b.key, b])), new Map(now.blocks.map((b) => [b.key, b]))];
  const staying = was.blocks.filter((b) => !CHANGING.has(b.key)).map((b) => b.key);
  const keys = ordered(was.blocks.map((b) => b.key), [...now.blocks.map((b) => b.key).filter((key) => CHANGING.has(key) || oldParts.has(key)), ...staying.filter((key) => !newParts.has(key))]);
  const text = keys.map((key) => {
    const [mine, theirs] = [oldParts.get(key), newParts.get(key)];
    if (theirs === undefined || (mine !== undefined && !CHANGING.has(key))) return (mine as Block).text;
    return mine !== undefined && (key === 'packages:' || key === 'snapshots:') ? entries(mine.text, theirs.text) : theirs.text;
  });
  // The last part of each text ends it, without the empty line that stands between parts.
  return kept + was.head + text.map((part, i) => (i < text.length - 1 ? part.replace(/\n*$/, '\n\n') : part.replace(/\n*$/, '\n'))).join('');
}

function entries(old: string, made: string): string {
  const was = new Map(blocksOf(old.slice(old.indexOf('\n') + 1), 2).blocks.map((b) => [entryKey(b), b]));
  const { head, blocks } = blocksOf(made.slice(made.indexOf('\n') + 1), 2);
  const text = blocks.map((b) => {
    const known = was.get(entryKey(b));
    return (known !== undefined && says(known) === says(b) ? known : b).text.replace(/\n*$/, '\n\n');
  });
  return made.slice(0, made.indexOf('\n') + 1) + head + text.join('');
}

/** The key of an entry, whatever its quotes. */
function entryKey(block: Block): string {
  return Object.keys(entryOf(block))[0] ?? '';
}

/** What of an entry counts, as one text. */
function says(block: Block): string {
  const value = Object.values(entryOf(block))[0];
  const { resolution, deprecated: _deprecated, requiresBuild: _requiresBuild, hasBin: _hasBin, ...rest } = Entry.parse(value ?? {});
  return JSON.stringify([resolution?.integrity ?? null, Object.entries(rest).sort(([a], [b]) => (a < b ? -1 : 1))]);
}

function entryOf(block: Block): Record<string, unknown> {
  return z.record(z.string(), z.unknown()).parse(parse(block.text, { maxAliasCount: 0, logLevel: 'error' }));
}

/** A pnpm-workspace.yaml in which an override stands; all else keeps its text. Throws `setup.fetch_failed` where its form does not let one. */
export function setWorkspaceOverride(text: string, key: string, version: string): string {
  const { head, blocks } = blocksOf(text, 0);
  const line = `  ${/^[A-Za-z][\w./>@^-]*$/.test(key) ? key : JSON.stringify(key)}: ${/^\d+\.\d+\.\d+[\w.+-]*$/.test(version) ? version : JSON.stringify(version)}\n`;
  const at = blocks.findIndex((b) => b.key === 'overrides:');
  const ended = (part: string): string => (part === '' || part.endsWith('\n') ? part : `${part}\n`);
  let after: string;
  if (at === -1) after = `${ended(text)}${text.trim() === '' ? '' : '\n'}overrides:\n${line}`;
  else {
    const inner = blocksOf((blocks[at] as Block).text.slice('overrides:'.length).replace(/^[^\n]*\n/, ''), 2);
    const known = inner.blocks.findIndex((b) => Object.keys(entryOf(b))[0] === key);
    const rules = inner.blocks.map((b, i) => (i === known ? line : ended(b.text)));
    after = head + blocks.map((b, i) => (i === at ? `overrides:\n${inner.head}${rules.join('')}${known === -1 ? line : ''}` : ended(b.text))).join('');
  }
  const meant = { ...readWorkspace(text), overrides: { ...z.record(z.string(), z.unknown()).parse(readWorkspace(text)['overrides'] ?? {}), [key]: version } };
  if (isDeepStrictEqual(readWorkspace(after), meant)) return after;
  throw new SallyportError('setup.fetch_failed', `Cannot write an override for ${key.slice(0, 200)} into pnpm-workspace.yaml: its overrides have a form that would not keep its text`);
}

export function readWorkspace(text: string): Record<string, unknown> {
  try {
    return z.record(z.string(), z.unknown()).parse(parse(text, { maxAliasCount: 20, logLevel: 'error' }) ?? {});
  } catch (cause) {
    throw new SallyportError('setup.fetch_failed', 'Cannot read pnpm-workspace.yaml: it is not YAML of keys with values', { cause });
  }
}
