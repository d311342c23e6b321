import semver from 'semver';

/** What becomes of the range by which a package is asked for. */
export type RangeChange =
  | { readonly kind: 'changed'; readonly range: string }
  /** It already allows the version and says more than one floor. */
  | { readonly kind: 'kept' }
  /** It names something other than versions of the registry. */
  | { readonly kind: 'refused'; readonly reason: string };

/**
 * The smallest change of a range by which `to` becomes its floor: an exact version stays exact, `^` and `~` stay, `npm:other@` stays. Other ranges
 * (`>=1`, `1.x`, `1 || 2`) are kept when they allow `to`, and become `^to` when they do not.
 */
export function changeRange(range: string, to: string): RangeChange {
  const { prefix, range: plain } = split(range);
  if (semver.validRange(plain) === null || /^[a-z]+:|\//i.test(plain)) return { kind: 'refused', reason: `"${range.slice(0, 100)}" is not a range of versions` };
  const exact = /^([=v\s]*)(\d.*)$/.exec(plain);
  if (exact !== null && semver.valid(exact[2] as string) !== null) return changed(range, `${prefix}${exact[1]}${to}`);
  const floor = /^([\^~])\s*[=v]*\d[\w.+*-]*$/.exec(plain);
  if (floor !== null) return changed(range, `${prefix}${floor[1]}${to}`);
  return semver.satisfies(to, plain) ? { kind: 'kept' } : changed(range, `${prefix}^${to}`);
}

function changed(before: string, range: string): RangeChange {
  return range === before ? { kind: 'kept' } : { kind: 'changed', range };
}

/** Whether who asks by this range may get the version. What is not a range, such as a tag or an address, allows nothing. */
export function allows(range: string, version: string): boolean {
  return semver.satisfies(version, split(range).range);
}

/** The range that is asked for, or null when it is none. */
export function plainRange(range: string): string | null {
  return semver.validRange(split(range).range);
}

export function isAlias(range: string): boolean {
  return range.startsWith('npm:');
}

/** `npm:other@^1` → `npm:other@` and `^1`. */
function split(range: string): { readonly prefix: string; readonly range: string } {
  const alias = /^(npm:(?:@[^/@]+\/)?[^@]+@)(.*)$/.exec(range);
  return alias === null ? { prefix: '', range } : { prefix: alias[1] as string, range: alias[2] as string };
}
