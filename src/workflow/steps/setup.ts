import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Journal } from '../../protocol/event.js';
import { isManifest } from '../../setup/manifest-names.js';
import { planSnapshot, prepareSnapshot, type SetupRequest, tryFetchPhase } from '../../setup/prepare.js';
import { vouchedFor } from '../../setup/seal.js';
import { idsOf, layersOf, type Snapshot } from '../../setup/snapshot.js';
import type { RunContext } from '../context.js';
import { baseFolder, environmentOf, groundOf, runFolder } from './source.js';

/** Fetch and build for the protected base; shared with later runs on the same inputs. */
export async function setupBase(context: RunContext, tree: string, journal: Journal): Promise<Snapshot> {
  const request = await requestFor(context, await baseOf(context, tree), journal);
  const plan = await planSnapshot(request);
  if (plan !== null) await context.uses('snapshots', plan.id);
  const snapshot = await prepareSnapshot({ ...request, secret: (name) => context.equipment.setupSecret(context.request.repository, name), upkeep: context.run }, plan);
  for (const id of idsOf(snapshot)) await context.uses('snapshots', id);
  return snapshot;
}

/** The layers of the base's setup, once in each process held against what vouches for them: a run that is resumed lies on what an earlier process made. */
export async function setupLayers(context: RunContext, snapshot: Snapshot): Promise<string[]> {
  const { folders, seal } = context.equipment;
  for (const id of idsOf(snapshot)) await context.once(`snapshot ${id}`, () => vouchedFor(seal, folders.snapshots, id));
  return layersOf(folders.snapshots, snapshot);
}

async function baseOf(context: RunContext, tree: string): Promise<What> {
  return { tree, laidOut: await baseFolder(context, tree), baseTree: tree, trust: 'base', snapshots: context.equipment.folders.snapshots };
}

/** The fetch phase of the base for a person to try, in a folder that the caller removes. */
export async function tryFetch(context: RunContext, tree: string, journal: Journal): Promise<Awaited<ReturnType<typeof tryFetchPhase>>> {
  const laidOut = await baseFolder(context, tree);
  const request = await requestFor(context, { tree, laidOut, baseTree: tree, trust: `try:${context.run}`, snapshots: headSnapshots(context) }, journal);
  const folder = join(await context.makeFolder(), 'try');
  await mkdir(folder, { mode: 0o755 });
  return await tryFetchPhase(request, folder);
}

/** The id of the base's snapshot, made or not; null where there is nothing to set up. Nothing is fetched. */
export async function nameBase(context: RunContext, tree: string, journal: Journal): Promise<string | null> {
  return (await planSnapshot(await requestFor(context, await baseOf(context, tree), journal)))?.id ?? null;
}

/** The head's own setup when it touches manifests: no secrets, the base's script and client configuration, shared with nobody. */
export async function setupHead(context: RunContext, baseTree: string, headTree: string, changed: readonly string[], base: Snapshot, journal: Journal): Promise<Snapshot> {
  if (!changed.some(isManifest)) return base;
  const laidOut = await runFolder(context, headTree);
  return await prepareSnapshot(await requestFor(context, { tree: headTree, laidOut, baseTree, trust: `head:${context.run}`, snapshots: headSnapshots(context) }, journal));
}

/** Where snapshots of heads lie: with their run, shared with nobody. */
export function headSnapshots(context: RunContext): string {
  return join(context.folder, 'snapshots');
}

/** What a resolution of new versions works with: the base's manifests and client configuration, and nothing that is kept. */
export async function setupRequest(context: RunContext, tree: string, journal: Journal): Promise<SetupRequest> {
  return await requestFor(context, { tree, laidOut: await baseFolder(context, tree), baseTree: tree, trust: `head:${context.run}`, snapshots: headSnapshots(context) }, journal);
}

type What = Pick<SetupRequest, 'tree' | 'laidOut' | 'baseTree' | 'trust' | 'snapshots'>;

async function requestFor(context: RunContext, what: What, journal: Journal): Promise<SetupRequest> {
  const { equipment } = context;
  const { driver, identity } = await groundOf(context);
  return {
    ...what, driver, owner: equipment.owner, scratch: equipment.folders.sockets, git: await context.mirror(),
    environment: await environmentOf(context), registries: equipment.registries, toolchain: await identity(), secret: null, upkeep: null, seal: equipment.seal, exclusively: equipment.exclusively, journal, signal: context.signal,
  };
}
