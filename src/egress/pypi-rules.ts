import type { Verdict } from './front.js';

/** A version that a lockfile names, with the digests of its files: one for each that may be fetched. */
export interface LockedProject {
  /** As `projectName` gives it. */
  readonly name: string;
  /** As `sameVersion` gives it. */
  readonly version: string;
  readonly digests: readonly string[];
}

export type PypiRequest = { readonly kind: 'index'; readonly name: string } | { readonly kind: 'file'; readonly name: string; readonly version: string };

/** What of an index a client may see. Pure. */
export interface PypiRules {
  /** True where the client chooses among the versions that it is shown; left out where each is pinned already. */
  readonly resolves?: boolean;
  judge(request: PypiRequest): Verdict;
  /** Whether a client gets to see a version of a project. */
  visible(name: string, version: string): boolean;
  /** Digests of which a file must have one; undefined: what the index announces. */
  digests(name: string, version: string): readonly string[] | undefined;
}

/** Only what the lockfile names, at its versions and with its digests. */
export function lockedPypiRules(locked: readonly LockedProject[]): PypiRules {
  const versions = new Map<string, Map<string, readonly string[]>>();
  for (const { name, version, digests } of locked) {
    const known = versions.get(name) ?? new Map<string, readonly string[]>();
    versions.set(name, known.set(version, [...(known.get(version) ?? []), ...digests]));
  }
  return {
    judge: (request) => {
      const known = versions.get(request.name);
      return known !== undefined && (request.kind === 'index' || known.has(request.version)) ? { allow: true, rule: 'lockfile' } : { allow: false, rule: 'not-in-lockfile' };
    },
    visible: (name, version) => versions.get(name)?.has(version) === true,
    digests: (name, version) => versions.get(name)?.get(version),
  };
}

/** Whatever pip resolves: an environment must allow that by name. */
export function openPypiRules(): PypiRules {
  return { resolves: true, judge: () => ({ allow: true, rule: 'resolution-allowed' }), visible: () => true, digests: () => undefined };
}
