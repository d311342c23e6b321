import { BlobReader } from '../git/blobs.js';
import { contentDigest } from '../git/change.js';
import type { GitContext } from '../git/command.js';
import { pathProblem } from '../git/paths.js';
import { listTree } from '../git/tree.js';

/** Bytes of all AGENTS.md files together that reach a model. What is cut is told, to the person and to the model. */
export const INSTRUCTION_LIMIT = 32 * 1024;

export interface InstructionFile {
  readonly path: string;
  readonly bytes: number;
  /** Bytes that were used; fewer than `bytes` when it was cut. */
  readonly used: number;
  readonly digest: `sha256:${string}`;
}

export interface Instructions {
  readonly text: string;
  readonly files: readonly InstructionFile[];
}

/**
 * The repository's AGENTS.md files as they stand on the protected base, the root's first, deeper ones after it (nearest to the
 * edited file wins, so each is headed by its folder). A task branch's version is never read.
 */
export async function readInstructions(context: GitContext, commit: string): Promise<Instructions> {
  const found = (await listTree(context, commit))
    .filter((e) => e.mode.startsWith('100') && pathProblem(e.path) === null)
    .map((e) => ({ path: e.path.toString('utf8'), blob: e.blob }))
    .filter(({ path }) => path.split('/').at(-1) === 'AGENTS.md' && !path.split('/').includes('node_modules'))
    .sort((a, b) => a.path.split('/').length - b.path.split('/').length || (a.path < b.path ? -1 : 1));
  const files: InstructionFile[] = [];
  const parts: string[] = [];
  let left = INSTRUCTION_LIMIT;
  await using reader = await BlobReader.open(context);
  for (const { path, blob } of found) {
    const body = await reader.read(blob); // by its id: the name may be no text
    const used = body.subarray(0, left);
    left -= used.length;
    files.push({ path, bytes: body.length, used: used.length, digest: contentDigest(body) });
    if (body.length === 0) continue;
    const scope = path === 'AGENTS.md' ? 'the whole repository' : `files below ${path.slice(0, -'/AGENTS.md'.length)}/`;
    const cut = used.length < body.length ? `\n[cut: ${used.length} of ${body.length} bytes shown]` : '';
    parts.push(`## ${path} (for ${scope})\n\n${used.toString('utf8')}${cut}`);
  }
  return { text: parts.join('\n\n'), files };
}
