import { z } from 'zod';
import { SallyportError } from '../../protocol/errors.js';
import { ordered } from './blocks.js';
import { type Edit, setValue } from './edits.js';
import { type JsonMember, JsonText, type Piece } from './json-text.js';
import { LockEntry, packageName } from './lock-entry.js';
import { legacyText } from './lockfile-legacy.js';
import { type ResolvedStyle, resolvedStyle } from './resolved-style.js';

const Lockfile = z.looseObject({ lockfileVersion: z.literal([2, 3]), packages: z.record(z.string(), LockEntry), dependencies: z.unknown().optional() });

/** They leave a package out of some installations, so they are taken away when npm takes them away, and never added to an entry that stays. */
const FLAGS: readonly string[] = ['dev', 'optional', 'devOptional', 'peer'];

export interface MergeOptions {
  /** Changes that were made to package.json: the lockfile repeats its ranges. */
  readonly edits: readonly Edit[];
  /** Address under which npm saw the registry; it must not be left in the result. */
  readonly insideUrl: string;
}

/**
 * The lockfile that npm made, with the old one's text for everything that did not change: an entry with the same name, version and integrity is
 * the old one byte by byte, wherever it lies now. New entries name the registry as the old ones did, or not at all. Order, indentation,
 * line ends, final newline and version stay. `made` comes out of a sandbox; throws `setup.fetch_failed` when it is not a lockfile.
 */
export function mergeLockfile(before: string, made: string, options: MergeOptions): string {
  const old = new JsonText(before);
  const now = readMade(made);
  const was = Lockfile.parse(old.value(old.root));
  const style = resolvedStyle(was.packages, options.insideUrl);
  const packages = old.member(old.root, 'packages') as JsonMember;
  const text = old.object(old.root, 0, (old.root.members ?? []).map((keep): Piece => {
    if (keep === packages) return { keep, text: old.object(keep.value, 1, packagePieces(old, packages, now.packages, style)) };
    if (keep.key === 'dependencies' && was.lockfileVersion === 2) return { keep, text: legacyText(old, keep.value, now.dependencies, style) };
    return { keep };
  }));
  const ranges = options.edits.filter((e) => e.kind === 'range');
  const whole = ranges.reduce((t, e) => setValue(t, ['packages', '', e.group, e.name], e.range), before.slice(0, old.root.start) + text + before.slice(old.root.end));
  if (whole.includes(options.insideUrl)) throw refuse('an address of the sandbox is left in it');
  return whole;
}

/** The old lockfile without what is to be resolved anew, as npm gets it: everything that is still in it keeps its version. */
export function pruneLockfile(before: string, replaced: (path: string) => boolean): string {
  const old = new JsonText(before);
  const packages = old.member(old.root, 'packages');
  const gone = (packages?.value.members ?? []).map((m) => m.key).filter(replaced);
  const inside = (path: string): boolean => gone.some((g) => path === g || path.startsWith(`${g}/`));
  const pieces = (old.root.members ?? []).flatMap((keep): Piece[] => {
    if (keep === packages) return [{ keep, text: old.object(keep.value, 1, (keep.value.members ?? []).filter((m) => !inside(m.key)).map((m) => ({ keep: m }))) }];
    return keep.key === 'dependencies' ? [] : [{ keep }]; // the older form of the same, which npm writes anew
  });
  return old.object(old.root, 0, pieces);
}

function packagePieces(old: JsonText, packages: JsonMember, now: Readonly<Record<string, LockEntry>>, style: ResolvedStyle): Piece[] {
  const members = packages.value.members ?? [];
  const byPath = new Map(members.map((m) => [m.key, m]));
  const byIdentity = new Map(members.map((m) => [identityOf(m.key, old.value(m.value) as LockEntry), m]));
  const pieces = new Map<string, Piece>();
  for (const [path, entry] of Object.entries(now)) {
    const here = byPath.get(path);
    if (path === '') {
      if (here !== undefined) pieces.set(path, { keep: here });
      continue;
    }
    const identity = identityOf(path, entry);
    const same = here !== undefined && identityOf(path, old.value(here.value) as LockEntry) === identity ? here : byIdentity.get(identity);
    if (same === undefined) pieces.set(path, replacing(old, here, path, style.apply(path, entry)));
    else pieces.set(path, here === same ? { keep: same, text: withoutFlags(old, same, entry) } : moved(old, same, path, entry));
  }
  return ordered(members.map((m) => m.key), [...pieces.keys()]).map((path) => pieces.get(path) as Piece);
}

function replacing(old: JsonText, here: JsonMember | undefined, path: string, entry: LockEntry): Piece {
  return here === undefined ? { key: path, value: entry } : { keep: here, text: old.write(entry, 2) };
}

function moved(old: JsonText, from: JsonMember, path: string, entry: LockEntry): Piece {
  return { key: path, value: JSON.parse(withoutFlags(old, from, entry)) };
}

/** The old text of an entry, without the flags that npm took away. */
function withoutFlags(old: JsonText, member: JsonMember, entry: LockEntry): string {
  const kept = (member.value.members ?? []).filter((m) => !FLAGS.includes(m.key) || Object.hasOwn(entry, m.key));
  return kept.length === (member.value.members ?? []).length ? old.slice(member.value) : old.object(member.value, 2, kept.map((keep) => ({ keep })));
}

/** Equal for what is byte by byte the same package. A link into the tree has no version of the registry. */
function identityOf(path: string, entry: LockEntry): string {
  return JSON.stringify([packageName(path, entry), entry.version ?? null, entry.integrity ?? entry.resolved ?? null, entry.link === true]);
}

function readMade(text: string): z.infer<typeof Lockfile> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw refuse('it is not JSON', cause);
  }
  const parsed = Lockfile.safeParse(value);
  if (!parsed.success) throw refuse('it is not one of version 2 or 3', parsed.error);
  return parsed.data;
}

function refuse(why: string, cause?: unknown): SallyportError {
  return new SallyportError('setup.fetch_failed', `Cannot use the lockfile that npm made: ${why}`, { cause });
}
