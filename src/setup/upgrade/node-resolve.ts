import { chmod, mkdir, mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { npmFront } from '../../egress/npm-front.js';
import { upgradeRules, withTool } from '../../egress/rules.js';
import { removeTree } from '../../sandbox/layer.js';
import { type FetchRequest, fetchInSandbox } from '../fetch-sandbox.js';
import { INSIDE_URL } from '../npm-client.js';
import { editManifest } from './edits.js';
import type { NodeProject, ResolvedFile } from './model.js';
import { refuseMoved } from './moved.js';
import type { Upgrade } from './plan.js';

interface NodeRequest extends FetchRequest {
  readonly manifests: ReadonlyMap<string, Buffer>;
  readonly project: NodeProject;
  /** Client configuration of the protected base, sifted (`readConfiguration`). Key = path. */
  readonly configuration: ReadonlyMap<string, string>;
  /** Versions that a newly needed package should not get where it has others: those with a known advisory. */
  readonly avoid?: (name: string, version: string) => boolean;
}

/**
 * The files that the upgrades change: manifests where they do, and the lockfile. The client makes the lockfile, in a sandbox of the fetch phase that
 * sees these files and of the registry what the rules of upgrades show; afterwards everything that did not change gets its old text back, and a lockfile in which
 * anything else moved is refused. Nothing is written but scratch. Throws `setup.fetch_failed` when the client cannot do it or did something else than was asked.
 */
export async function resolveNode(request: NodeRequest, upgrades: readonly Upgrade[]): Promise<readonly ResolvedFile[]> {
  const { project } = request;
  const { client, lockfile: { path, text } } = project;
  const edits = upgrades.flatMap((u) => u.edits);
  const packageJson = client.overridesAt === null ? editManifest(project.packageJson, edits.filter((e) => e.kind === 'range')) : editManifest(project.packageJson, edits, client.overridesAt);
  const others = client.editFiles(edits);
  const gone = new Set(upgrades.flatMap((u) => u.from.map((version) => `${u.package}\0${version}`)));
  // Changes that the project makes to packages are part of how they are resolved.
  const patches = [...request.manifests].filter(([at]) => at.endsWith('.patch'));
  const shown = new Map<string, Buffer | string>([...patches, ['package.json', packageJson], [path, client.prune((name, version) => gone.has(`${name}\0${version}`))], ...request.configuration, ...client.files, ...[...others].map(([at, file]) => [at, file.shown] as const)]);
  const lockfile = client.merge(await runClient(request, upgrades, shown), edits);
  client.readLocked(lockfile); // everything in it can be fetched under the rules
  refuseMoved(client.name, project.inventory.packages, client.inventory(lockfile, packageJson).packages, upgrades);
  const files = [{ path: 'package.json', before: project.packageJson, after: packageJson }, ...[...others].map(([at, file]) => ({ path: at, ...file })), { path, before: text, after: lockfile }];
  return files.filter((f) => f.before !== f.after).map((f) => ({ path: f.path, body: Buffer.from(f.after) }));
}

async function runClient(request: NodeRequest, upgrades: readonly Upgrade[], files: ReadonlyMap<string, Buffer | string>): Promise<string> {
  const { client, lockfile } = request.project;
  await mkdir(request.scratch, { recursive: true, mode: 0o755 });
  const folder = await mkdtemp(join(request.scratch, 'up-'));
  try {
    await chmod(folder, 0o755); // who runs inside must reach what lies in it
    const rules = upgradeRules({ locked: client.locked, upgrades, tarballs: client.tarballs, ...(request.avoid === undefined ? {} : { avoid: request.avoid }) });
    const registry = await request.registries.npm();
    const { taken } = await fetchInSandbox(request, {
      folder, files, fronts: [npmFront({ registry, rules: client.tools.reduce(withTool, rules), insideUrl: INSIDE_URL })], dependencies: client.tools.length > 0, take: lockfile.path,
      commands: client.commands(`${client.name} could not make a lockfile for ${upgrades.map((u) => `${u.package} ${u.to}`).join(', ')}`),
    });
    return (taken ?? Buffer.alloc(0)).toString('utf8');
  } finally {
    await removeTree(folder);
  }
}
