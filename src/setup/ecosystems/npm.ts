import { parseLockfile, relocateLockfile } from '../../egress/lockfile.js';
import { npmFront, tarballUrl } from '../../egress/npm-front.js';
import { lockedRules, openRules } from '../../egress/rules.js';
import { INSIDE_URL, npmCommand } from '../npm-client.js';
import type { FetchPlan } from './plan.js';

const WHAT = 'npm could not fetch the dependencies';

/** A project that npm locked. The lockfile's addresses are made those of the front: whatever registry wrote them, npm has one to ask. */
export function npmPlan(path: string, lockfile: string): FetchPlan & { readonly packages: number } {
  const locked = parseLockfile(lockfile);
  return {
    ecosystem: 'npm', dependencies: [], packages: locked.length, locked, commands: [npmCommand(['ci'], WHAT)],
    files: new Map([[path, relocateLockfile(lockfile, (name, version) => tarballUrl(INSIDE_URL, name, version))]]),
    front: (registry) => npmFront({ registry, rules: lockedRules(locked), insideUrl: INSIDE_URL }),
  };
}

/** A project without a lockfile whose environment lets npm choose. */
export function npmOpenPlan(): FetchPlan {
  return {
    ecosystem: 'npm', dependencies: [], locked: [], files: new Map(), commands: [npmCommand(['install', '--no-save', '--no-package-lock'], WHAT)],
    front: (registry) => npmFront({ registry, rules: openRules(), insideUrl: INSIDE_URL }),
  };
}
