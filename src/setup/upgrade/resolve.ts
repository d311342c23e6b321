import { PinnedAddresses } from '../../egress/addresses.js';
import { installedIn } from '../installed.js';
import type { FetchRequest } from '../fetch-sandbox.js';
import type { ResolvedFile } from './model.js';
import { resolveNode } from './node-resolve.js';
import { isPython, openUnasked } from './open.js';
import type { Upgrade } from './plan.js';
import { resolvePython } from './python.js';

export interface ResolveRequest extends FetchRequest {
  /** Those of the tree that is upgraded. Key = path. */
  readonly manifests: ReadonlyMap<string, Buffer>;
  /** Client configuration of the protected base, sifted (`readConfiguration`). Key = path. */
  readonly configuration: ReadonlyMap<string, string>;
  /** Versions that a newly needed package should not get where it has others: those with a known advisory. */
  readonly avoid?: (name: string, version: string) => boolean;
}

/** The files that upgrades change, ecosystem by ecosystem. Throws `setup.fetch_failed` where one of them cannot be made. */
export async function resolveUpgrades(request: ResolveRequest, upgrades: readonly Upgrade[]): Promise<{ readonly files: readonly ResolvedFile[] }> {
  const files: ResolvedFile[] = [];
  for (const installed of installedIn(request.manifests)) {
    const here = upgrades.filter((u) => u.ecosystem === installed.ecosystem);
    if (here.length === 0) continue;
    if (isPython(installed)) {
      const { exceptions, lookup } = await request.rules();
      const addresses = new PinnedAddresses(exceptions, lookup);
      files.push(...(await resolvePython(request.manifests, installed, here, { registry: await request.registries.pypi(), journal: request.journal, signal: request.signal, reach: (name, port) => addresses.of({ name, port }) })));
    } else files.push(...(await resolveNode({ ...request, project: openUnasked(request.manifests, installed) }, here)));
  }
  return { files };
}
