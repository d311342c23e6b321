import { join } from 'node:path';
import { SallyportError } from '../../protocol/errors.js';
import { boundedLayer } from '../../sandbox/layer.js';
import { applyPatch } from '../../sandbox/patch.js';
import { extractChange } from '../../sandbox/extract.js';
import { contentDigest, describe, ignoredBy, importChange, type ChangedFile } from '../../git/change.js';
import { git } from '../../git/command.js';
import { listTree } from '../../git/tree.js';
import type { ChangeEntry } from '../../git/change.js';
import type { Skipped } from '../../git/tree.js';
import type { Journal } from '../../protocol/event.js';
import { visible } from '../../redact/visible.js';
import type { RunContext } from '../context.js';
import type { AgentSession } from './agent.js';
import { keptPatch } from '../../git/patch.js';
import { baseFolder, environmentOf, groundOf } from './source.js';

/** Names of folders that setup fills; what happens there is never part of a change. */
const EXCLUDED = ['node_modules'];
/** Twice what a change may have. */
const PATCH_DISK_MIB = 256;

/** Takes out what the agent wrote, as one commit on the base. Its sandbox is ended first. */
export async function takeChange(context: RunContext, session: AgentSession, round: number, tree: string, journal: Journal): Promise<{ readonly commit: string }> {
  await session.stop();
  const { request, signal } = context;
  const mirror = await context.mirror();
  const reads = request.kind === 'ask' || request.kind === 'review';
  const base = await baseFolder(context, tree);
  const taken = reads ? { entries: [], skipped: [] } : await extractChange({ driver: (await groundOf(context)).driver, layer: session.layer, lowers: await session.lowers(), baseTree: base, excluded: EXCLUDED, journal, signal });
  const sifted = await sift(context, base, tree, taken.entries);
  const change = await importChange(mirror, request.baseCommit, sifted.entries, `refs/sallyport/${context.run}/${round}`);
  await recordChange(context, round, change.commit, [...taken.skipped, ...sifted.skipped, ...change.skipped], journal);
  return { commit: change.commit };
}

/** A change that exists already as a commit. */
export async function commitAsChange(context: RunContext, round: number, commit: string, journal: Journal): Promise<{ readonly commit: string }> {
  await git(await context.mirror(), ['update-ref', `refs/sallyport/${context.run}/${round}`, commit]);
  await recordChange(context, round, commit, [], journal);
  return { commit };
}

/**
 * Makes a commit of the patch that was given, before anything is set up: one that does not fit is known at once. All of it is the change, ignored files too: what cannot be taken out whole is
 * refused, not judged without.
 */
export async function commitPatch(context: RunContext, tree: string, blob: string, journal: Journal): Promise<{ readonly commit: string }> {
  const { request, signal, equipment } = context;
  const mirror = await context.mirror();
  const { driver } = await equipment.ground({ rootfs: 'host-usr', toolchains: {} }, request.demands ?? []); // git is there; what the environment stands on may have none
  const base = await baseFolder(context, tree);
  const layer = join(await context.makeFolder(), `patch-${context.epoch}`);
  await boundedLayer(driver, layer, equipment.owner, PATCH_DISK_MIB);
  await applyPatch({ driver, layer, baseTree: base, patch: await keptPatch(mirror, blob), journal, signal });
  const taken = await extractChange({ driver, layer, lowers: [base], baseTree: base, excluded: [], journal, signal });
  const change = await importChange(mirror, request.baseCommit, taken.entries, `refs/sallyport/${context.run}/patch`);
  const left = [...taken.skipped, ...change.skipped];
  if (left.length > 0) throw new SallyportError('input.patch', `Cannot take the patch whole: ${left.slice(0, 5).map((s) => `${visible(s.path)} (${s.reason})`).join(', ')}`, { hint: 'Take these files out of the patch.' });
  return { commit: change.commit };
}

export async function recordChange(context: RunContext, round: number, commit: string, skipped: readonly Skipped[], journal: Journal): Promise<void> {
  const mirror = await context.mirror();
  const { tree, patch, files } = await describe(mirror, context.request.baseCommit, commit);
  const named = await Promise.all(files.map(async (f) => ({ path: f.path, status: f.status, mode: f.mode, digest: await digestOfFile(context, f) })));
  await journal.record('change.extracted', { round, commit, tree, patch: await journal.keep(patch, 'text/x-diff'), files: named, skipped: skipped.map((s) => ({ path: s.path.slice(0, 1000), reason: s.reason })) });
}

async function digestOfFile(context: RunContext, file: ChangedFile): Promise<`sha256:${string}` | null> {
  if (file.blob === null || file.mode === '160000') return null;
  return contentDigest(await git(await context.mirror(), ['cat-file', 'blob', file.blob]));
}

/** New files that the base's own ignore rules (or the environment) name are by-products: left out, and said so. */
async function sift(context: RunContext, baseFolderPath: string, tree: string, entries: readonly ChangeEntry[]): Promise<{ entries: ChangeEntry[]; skipped: Skipped[] }> {
  const mirror = await context.mirror();
  const { spec } = await environmentOf(context);
  const tracked = new Set((await listTree(mirror, tree)).map((e) => e.path.toString('latin1')));
  const fresh = entries.filter((e) => e.kind !== 'delete' && !tracked.has(e.path.toString('latin1')));
  const ignored = await ignoredBy(mirror, baseFolderPath, fresh.map((e) => e.path));
  const skipped: Skipped[] = [];
  const kept = entries.filter((entry) => {
    const path = entry.path.toString('utf8');
    const made = spec.ignore.find((p) => path === p || path.startsWith(`${p}/`));
    const reason = made !== undefined ? `below ${made}, which setup makes` : ignored.has(entry.path.toString('latin1')) ? 'ignored by the .gitignore of the base' : null;
    if (reason !== null) skipped.push({ path, reason });
    return reason === null;
  });
  return { entries: kept, skipped };
}
