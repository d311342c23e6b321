import type { DoorRules } from '../../src/egress/door.js';
import { packageRules, type PackageRulesOptions } from '../../src/egress/package-rules.js';

/** Rules beside the lockfile, as an environment without any entry has them. */
export function doorRules(packages: Partial<PackageRulesOptions> = {}, more: Partial<DoorRules> = {}): DoorRules {
  return { hosts: [], exceptions: [], ...more, packages: packageRules({ minimumAge: 0, floor: 0, exempt: [], deny: [], malicious: () => null, fixes: () => null, now: () => new Date(), ...packages }) };
}
