import { readFileAt } from '../../git/change.js';
import { git, type GitContext } from '../../git/command.js';
import { listTree } from '../../git/tree.js';
import { SallyportError } from '../../protocol/errors.js';
import type { EventData } from '../../protocol/event.js';
import type { SarifResult } from '../../sarif/parse.js';
import { contentTampering } from '../../sarif/tamper/compare.js';
import { pathTampering } from '../../sarif/tamper/paths.js';
import { bounded } from '../../sarif/tamper/result.js';
import type { RunContext } from '../context.js';
import type { SideBody } from './verify.js';

type Change = EventData<'change.extracted'>;

/** Files of one kind that are read for a change; what is beyond counts as unreadable. */
const MOST_READ = 50;

/** How the change weakens what judges it: by the facts of both scans, the list of its files, and what the mirror says of links and manifests. */
export async function tampering(context: RunContext, baseTree: string, change: Change, base: SideBody, head: SideBody): Promise<SarifResult[]> {
  if (change.files.length === 0) return [];
  const mirror = await context.mirror();
  const { kind, agent, baseCommit } = context.request;
  const touched = new Set(change.files.map((file) => file.path));
  const baseModes = new Map((await listTree(mirror, baseTree)).map((entry) => [entry.path.toString('utf8'), entry.mode] as const).filter(([path]) => touched.has(path)));
  const listed = new Set(base.checks.flatMap((run) => (run.cases ?? []).flatMap((one) => (one.file === null ? [] : [one.file]))));
  return bounded([
    // Without a base to compare with, all that is there would look new. That the scan does not count leaves the verdict open in any case.
    ...(base.scan.problem === null ? contentTampering({ files: change.files, base: base.scan.files, head: head.scan.files, listed, complete: head.scan.problem === null }) : []),
    ...pathTampering({ files: change.files, baseModes, links: await linksOf(mirror, change), manifests: await manifestsOf(mirror, baseCommit, change), upgrade: kind === 'upgrade' || agent === 'remediator' }),
  ]);
}

/** Where links of the change lead, read as data. */
async function linksOf(mirror: GitContext, change: Change): Promise<Map<string, string | null>> {
  const links = change.files.filter((file) => file.status !== 'deleted' && file.mode === '120000');
  const read = async (path: string): Promise<string | null> => {
    const [, , blob, size] = /^(120000) blob ([0-9a-f]+) +(\d+)\t/.exec((await git(mirror, ['ls-tree', '-z', '--long', '--full-tree', change.commit, '--', path])).toString('utf8')) ?? [];
    return blob === undefined || Number(size) > 4096 ? null : (await git(mirror, ['cat-file', 'blob', blob])).toString('utf8');
  };
  return new Map(await Promise.all(links.map(async ({ path }, i) => [path, i < MOST_READ ? await read(path) : null] as const)));
}

async function manifestsOf(mirror: GitContext, baseCommit: string, change: Change): Promise<{ path: string; base: string | null; head: string | null }[]> {
  const manifests = change.files.filter((file) => file.status === 'modified' && /(?:^|\/)package\.json$/.test(file.path));
  return await Promise.all(manifests.map(async ({ path }, i) => ({ path, base: i < MOST_READ ? await textAt(mirror, baseCommit, path) : '', head: i < MOST_READ ? await textAt(mirror, change.commit, path) : '' })));
}

/** Text that cannot be read is none of JSON, so that it counts as changed. */
async function textAt(mirror: GitContext, commit: string, path: string): Promise<string | null> {
  try {
    return (await readFileAt(mirror, commit, path))?.toString('utf8') ?? null;
  } catch (error) {
    if (error instanceof SallyportError && error.code === 'repo.unusable') return '';
    throw error;
  }
}
