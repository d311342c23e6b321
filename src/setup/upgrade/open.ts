import { readNeeds, readVersions, type ReleasedVersion } from '../../egress/versions.js';
import { SallyportError } from '../../protocol/errors.js';
import type { Journal } from '../../protocol/event.js';
import type { Hit } from '../../scan/advisories/match.js';
import type { PythonClient } from '../ecosystems/python.js';
import type { Registries } from '../fetch-sandbox.js';
import type { Installed } from '../installed.js';
import type { NodeProject, UpgradeProject } from './model.js';
import { pnpmProject } from './pnpm.js';
import { npmProject } from './project.js';
import { pypiVersions, pythonProject } from './python.js';
import { yarnProject } from './yarn.js';

/** With what a registry is asked while upgrades are planned: by the host, for metadata alone. */
export interface Asking {
  readonly registries: Registries;
  readonly journal: Journal;
  readonly signal: AbortSignal;
}

/** A project as far as its files tell: enough to make a lockfile, not to plan. */
export function openUnasked(manifests: ReadonlyMap<string, Buffer>, installed: Pick<Installed, 'client'>): NodeProject {
  return installed.client === 'pnpm' ? pnpmProject(manifests, () => undefined) : installed.client === 'yarn' ? yarnProject(manifests) : npmProject(manifests);
}

/** A project to plan upgrades for, with what its registry must be asked for that. Throws `input.invalid` with what is supported for what cannot be upgraded. */
export async function openProject(manifests: ReadonlyMap<string, Buffer>, installed: Installed, hits: readonly Hit[], asking: Asking): Promise<UpgradeProject> {
  if (isPython(installed)) return pythonProject(installed);
  if (installed.client === 'go' || installed.client === 'cargo') throw new SallyportError('input.invalid', `Cannot upgrade what ${installed.path} pins: that is not supported yet`, { hint: installed.client === 'go' ? 'go get MODULE@VERSION, then go mod tidy.' : 'cargo update --precise VERSION CRATE.' });
  if (installed.client !== 'pnpm') return openUnasked(manifests, installed);
  // Who asks for what is to be upgraded, whose own metadata says by which range.
  const hit = new Set(hits.map((h) => `${h.package}@${h.version}`));
  const asks = new Set(installed.packages.filter((p) => hit.has(`${p.name}@${p.version}`)).flatMap((p) => p.requiredBy.map((r) => r.by)));
  const needs = new Map<string, ReadonlyMap<string, string>>();
  const registry = await asking.registries.npm();
  for (const name of new Set(installed.packages.filter((p) => asks.has(p.path)).map((p) => p.name))) {
    for (const [version, ranges] of await readNeeds(name, { ...asking, registry })) needs.set(`${name}@${version}`, ranges);
  }
  return pnpmProject(manifests, (by, as) => needs.get(by)?.get(as));
}

/** The releases of every package that is hit, by name. */
export async function releasesOf({ ecosystem }: UpgradeProject, hits: readonly Hit[], asking: Asking): Promise<ReadonlyMap<string, readonly ReleasedVersion[]>> {
  const registry = await asking.registries[ecosystem]();
  const names = [...new Set(hits.map((h) => h.package))];
  const read = ecosystem === 'npm' ? readVersions : pypiVersions;
  return new Map(await Promise.all(names.map(async (name) => [name, (await read(name, { ...asking, registry })) ?? []] as const)));
}

export function isPython(installed: Installed): installed is Installed & { readonly client: PythonClient } {
  return installed.ecosystem === 'pypi';
}
