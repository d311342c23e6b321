import { z } from 'zod';
import { BodyRef } from './body.js';
import { Ecosystem } from './ecosystem.js';

/** What is looked at of a package that a change adds or moves. Each is a condition of its own. */
export const DependencyRule = z.enum(['malicious', 'advisories', 'names', 'confusion', 'sources', 'scripts', 'age', 'licences']);
export type DependencyRule = z.infer<typeof DependencyRule>;

/** Why a rule does not hold for a package, or why that is not known. A sentence without a full stop. */
export const DependencyProblem = z.strictObject({ rule: DependencyRule, holds: z.enum(['no', 'unknown']), why: z.string().max(600) });
export type DependencyProblem = z.infer<typeof DependencyProblem>;

/** One package in one version that base and head do not have alike, by what lockfiles and manifests say. */
export const Dependency = z.strictObject({
  /** `altered`: the same version, from another place or with other digests. */
  state: z.enum(['added', 'moved', 'altered', 'removed']),
  ecosystem: Ecosystem,
  name: z.string().max(300),
  version: z.string().max(300),
  /** Of what moved: the versions that were there. */
  from: z.array(z.string().max(300)).max(20),
  /** The project itself asks for it. */
  direct: z.boolean(),
  source: z.enum(['registry', 'git', 'url', 'file', 'unlocked']),
  /** What stands in the lockfile, cut; null where the lockfile keeps none. */
  address: z.string().max(300).nullable(),
  /** `off`: it has install scripts, which do not run. `unsaid`: the lockfile does not say. */
  scripts: z.enum(['none', 'off', 'listed', 'unsaid']),
  licence: z.string().max(300).nullable(),
  problems: z.array(DependencyProblem).max(20),
});
export type Dependency = z.infer<typeof Dependency>;

/** Packages before and after a change, where it touches a manifest or a lockfile. */
export const Dependencies = z.strictObject({
  /** Why the lists of one side are not known. */
  problem: z.string().max(2000).nullable(),
  locks: z.array(z.strictObject({ ecosystem: Ecosystem, path: z.string().max(1000), before: z.int().min(0), after: z.int().min(0) })).max(200),
  /** Those with a problem first. */
  changes: z.array(Dependency).max(1000),
  /** Changes that did not fit: looked at like all others, and nothing is against them. */
  more: z.int().min(0),
  /** What was measured by: the minimum age in milliseconds, how old advisories may be (0: of any age), whether a rule for licences is set. */
  rules: z.strictObject({ minimumAge: z.number().min(0), advisoryAge: z.number().min(0), licences: z.boolean() }),
  /** CycloneDX of what the lockfiles of base and head name. */
  sbom: z.strictObject({ base: BodyRef.nullable(), head: BodyRef.nullable() }),
});
export type Dependencies = z.infer<typeof Dependencies>;
