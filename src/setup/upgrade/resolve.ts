import { chmod, mkdir, mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { readInventory } from '../../egress/inventory.js';
import { parseLockfile } from '../../egress/lockfile.js';
import { upgradeRules } from '../../egress/rules.js';
import { SallyportError } from '../../protocol/errors.js';
import { removeTree } from '../../sandbox/layer.js';
import type { FetchRequest } from '../fetch-sandbox.js';
import { fetchWithNpm, INSIDE_URL } from '../npm-client.js';
import { editManifest } from './edits.js';
import { mergeLockfile, pruneLockfile } from './lockfile-diff.js';
import type { Upgrade } from './plan.js';
import type { NpmProject } from './project.js';

export interface ResolveRequest extends FetchRequest {
  readonly project: NpmProject;
  /** Client configuration of the protected base, sifted (`readNpmrc`). */
  readonly npmrc: string;
  /** Versions that a newly needed package should not get where it has others: those with a known advisory. */
  readonly avoid?: (name: string, version: string) => boolean;
}

export interface ResolvedFile {
  readonly path: string;
  readonly body: Buffer;
}

/**
 * The files that the upgrades change: package.json where it does, and the lockfile. npm makes the lockfile, in a sandbox of the fetch phase that
 * sees these two files and package metadata only; afterwards everything that did not change gets its old text back. Nothing is
 * written but scratch. Throws `setup.fetch_failed` when npm cannot do it or did something else than was asked.
 */
export async function resolveUpgrades(request: ResolveRequest, upgrades: readonly Upgrade[]): Promise<{ readonly files: readonly ResolvedFile[] }> {
  const { project } = request;
  const edits = upgrades.flatMap((u) => u.edits);
  const packageJson = editManifest(project.packageJson, edits);
  const replaced = new Set(upgrades.flatMap((u) => u.from.map((version) => `${u.package}\0${version}`)));
  const gone = new Set(project.inventory.packages.filter((p) => replaced.has(`${p.name}\0${p.version}`)).map((p) => p.path));
  const made = await runNpm(request, upgrades, packageJson, pruneLockfile(project.lockfile.text, (path) => gone.has(path)));
  const lockfile = mergeLockfile(project.lockfile.text, made, { edits, insideUrl: INSIDE_URL });
  check(lockfile, upgrades);
  const files = [{ path: 'package.json', before: project.packageJson, after: packageJson }, { path: project.lockfile.path, before: project.lockfile.text, after: lockfile }];
  return { files: files.filter((f) => f.before !== f.after).map((f) => ({ path: f.path, body: Buffer.from(f.after) })) };
}

async function runNpm(request: ResolveRequest, upgrades: readonly Upgrade[], packageJson: string, lockfile: string): Promise<string> {
  const { project } = request;
  await mkdir(request.scratch, { recursive: true, mode: 0o755 });
  const folder = await mkdtemp(join(request.scratch, 'up-'));
  try {
    await chmod(folder, 0o755); // who runs inside must reach what lies in it
    const { taken } = await fetchWithNpm(request, {
      folder, take: project.lockfile.path, npmrc: request.npmrc, manifests: new Map([['package.json', Buffer.from(packageJson)], [project.lockfile.path, Buffer.from(lockfile)]]),
      rules: upgradeRules({ locked: parseLockfile(project.lockfile.text), upgrades, ...(request.avoid === undefined ? {} : { avoid: request.avoid }) }),
      argv: ['install', '--package-lock-only', '--package-lock=true', `--lockfile-version=${project.inventory.lockfileVersion}`],
      what: `npm could not make a lockfile for ${upgrades.map((u) => `${u.package} ${u.to}`).join(', ')}`,
    });
    return (taken ?? Buffer.alloc(0)).toString('utf8');
  } finally {
    await removeTree(folder);
  }
}

/** What was asked for is in the lockfile, what was to go is not, and everything in it can be fetched under the rules. */
function check(lockfile: string, upgrades: readonly Upgrade[]): void {
  parseLockfile(lockfile);
  const present = new Set(readInventory(lockfile).packages.map((p) => `${p.name}@${p.version}`));
  for (const upgrade of upgrades) {
    const left = upgrade.from.find((version) => present.has(`${upgrade.package}@${version}`));
    if (left === undefined && present.has(`${upgrade.package}@${upgrade.to}`)) continue;
    const why = left === undefined ? `${upgrade.to} is not in it` : `${left} is still in it`;
    throw new SallyportError('setup.fetch_failed', `Cannot upgrade ${upgrade.package} to ${upgrade.to}: npm made a lockfile, but ${why}`);
  }
}
