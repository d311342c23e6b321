import semver from 'semver';
import type { InstalledPackage, Requirement } from '../../egress/inventory.js';
import type { Edit } from './edits.js';
import type { NodeProject, OverrideStyle, Rule } from './model.js';
import { allows, isAlias, plainRange } from './ranges.js';

type OverrideEdit = Extract<Edit, { kind: 'override' }>;
interface Target {
  readonly name: string;
  readonly version: string;
  readonly instances: readonly InstalledPackage[];
}

type Overridden = Pick<NodeProject, 'inventory'> & { readonly overrides: OverrideStyle };

/** Overrides as npm has them. https://docs.npmjs.com/cli/configuring-npm/package-json#overrides */
export function npmOverrides(overrides: unknown): OverrideStyle {
  return { rules: rulesOf(overrides, []), asker: folder, under: (asker, as) => [asker, as], ofRange: (as, range) => [`${as}@${range}`] };
}

/**
 * The entries of `overrides` in package.json , or of what takes its place for another client, that let `to` in where who asks for a
 * package would not allow it. As narrow as the client lets them be: under the one package that asks; when several ask, by the range
 * that they ask for. A package that the project names itself is never overridden at the top: npm refuses that.
 */
export function overridesFor(project: Overridden, target: Target, to: string): { readonly edits: readonly OverrideEdit[] } | { readonly reason: string } {
  const { asker } = project.overrides;
  const present = project.overrides.rules.filter((rule) => rule.name === target.name);
  const moved = present.filter((rule) => leadsTo(rule.value, target.version) && !allows(rule.value, to));
  const edits: OverrideEdit[] = moved.map((rule) => ({ kind: 'override', path: rule.edit, version: isAlias(rule.value) ? `npm:${target.name}@${to}` : to }));
  // A rule for the package as such decides for everybody who asks: what they ask for does not count.
  if (present.some((rule) => rule.path.length === 1 && rule.path[0] === target.name)) return { edits };
  const refusing = target.instances.flatMap((i) => i.requiredBy).filter((r) => r.by !== '' && !allows(r.range, to) && !moved.some((rule) => covers(rule.path, r, asker)));
  if (refusing.length === 0) return { edits };
  const fresh = narrowest(project, refusing, target, to);
  return 'reason' in fresh ? fresh : { edits: [...edits, ...fresh.edits] };
}

function narrowest(project: Overridden, refusing: readonly Requirement[], target: Target, to: string): { readonly edits: readonly OverrideEdit[] } | { readonly reason: string } {
  const { asker, under, ofRange } = project.overrides;
  const everybody = project.inventory.packages.flatMap((p) => p.requiredBy.map((r) => ({ ...r, gets: p })));
  const hurt = (r: Requirement & { readonly gets: InstalledPackage }): boolean => !allows(r.range, to) && !target.instances.includes(r.gets);
  const version = (r: Requirement): string => (isAlias(r.range) ? `npm:${target.name}@${to}` : to);
  const parents = new Map(refusing.map((r) => [`${asker(r.by)}\0${r.as}`, r]));
  const byParent = [...parents.values()].every((r) => !everybody.some((other) => other.by !== '' && asker(other.by) === asker(r.by) && other.as === r.as && hurt(other)));
  const underParents = (): { readonly edits: readonly OverrideEdit[] } => ({ edits: [...parents.values()].map((r) => ({ kind: 'override', path: under(asker(r.by), r.as), version: version(r) })) });
  if (parents.size === 1 && byParent) return underParents();
  const ranges = new Map(refusing.map((r) => [`${r.as}\0${r.range}`, r]));
  const byRange = [...ranges.values()].every((r) => {
    const asked = isAlias(r.range) ? null : plainRange(r.range);
    return asked !== null && ofRange(r.as, r.range) !== null && !everybody.some((other) => other.as === r.as && intersects(asked, other.range) && (other.by === '' || hurt(other)));
  });
  if (byRange) return { edits: distinct([...ranges.values()]).map((r) => ({ kind: 'override', path: ofRange(r.as, r.range) ?? [], version: to })) };
  if (byParent) return underParents();
  const first = refusing[0] as Requirement;
  return { reason: `${asker(first.by)} asks for ${first.as}@${first.range}, and no override reaches it without changing what others get` };
}

/** A rule reaches every range that has a version in common with its own: one of two such is enough. */
function distinct(asked: readonly Requirement[]): Requirement[] {
  const kept: Requirement[] = [];
  for (const r of asked) if (!kept.some((k) => k.as === r.as && intersects(k.range, r.range))) kept.push(r);
  return kept;
}

function rulesOf(overrides: unknown, path: readonly string[]): Rule[] {
  if (typeof overrides !== 'object' || overrides === null || path.length > 20) return [];
  return Object.entries(overrides).flatMap(([key, value]): Rule[] => {
    if (key === '.') return [];
    const at = [...path, key];
    const own = typeof value === 'string' ? value : typeof value === 'object' && value !== null && Object.hasOwn(value, '.') ? (value as Record<string, unknown>)['.'] : undefined;
    return [...(typeof own === 'string' ? [{ edit: at, path: at, name: nameOf(key), value: own }] : []), ...rulesOf(value, at)];
  });
}

/** `@s/a@^1` → `@s/a`. */
export function nameOf(key: string): string {
  const at = key.indexOf('@', 1);
  return at === -1 ? key : key.slice(0, at);
}

/** Whether a rule is why this version is installed. `$name` follows the project's own range, which is changed where it stands. */
function leadsTo(value: string, version: string): boolean {
  return !value.startsWith('$') && allows(value, version);
}

/** Whether a rule reaches what a package asks for: by its range, or because it stands below that package. */
function covers(path: readonly string[], requirement: Requirement, asker: OverrideStyle['asker']): boolean {
  const key = path.at(-1) as string;
  const spec = key.slice(nameOf(key).length + 1);
  if (path.length > 1 && nameOf(path.at(-2) as string) !== nameOf(asker(requirement.by))) return false;
  return spec === '' || (semver.validRange(spec) !== null && intersects(spec, requirement.range));
}

/** The name by which a package is asked for, from where it lies. */
function folder(path: string): string {
  return path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
}

/** As npm compares a rule with what is asked for; what is no range matches any rule. */
function intersects(rule: string, asked: string): boolean {
  const range = plainRange(asked);
  return range === null || semver.intersects(rule, range);
}

/** Who asks, by its name alone where only one version of it is installed. */
export function askerName({ packages }: NodeProject['inventory'], by: string, mark: string): string {
  const name = nameOf(by);
  return packages.filter((p) => p.name === name).length > 1 ? `${name}${mark}${by.slice(name.length + 1)}` : name;
}
