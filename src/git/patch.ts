import { SallyportError } from '../protocol/errors.js';
import { git, type GitContext } from './command.js';

/** Bytes of a patch that is taken. */
export const PATCH_BYTES = 100 * 1024 * 1024;

/**
 * Keeps a patch byte for byte in the mirror, so that a run that is resumed has it too; git reads none of it here. Returns the blob's id. Throws `input.patch` for what cannot be a
 * patch (git-diff(1), "Generating patch text with -p").
 */
export async function keepPatch(mirror: GitContext, patch: Buffer): Promise<string> {
  if (patch.length > PATCH_BYTES) throw new SallyportError('input.patch', `Cannot take a patch of ${patch.length} bytes; at most ${PATCH_BYTES} are taken`);
  const text = patch.toString('latin1');
  if (!/^(?:diff --git |--- )/m.test(text)) throw new SallyportError('input.patch', 'Cannot take this as a patch: no line begins with `diff --git` or `---`', { hint: 'Make one with: git diff --binary BASE' });
  if (/^(?:(?:new file|deleted file|new|old) mode|index [0-9a-f]+\.\.[0-9a-f]+) 160000\s*$/m.test(text)) throw new SallyportError('input.patch', 'Cannot take a patch that changes a submodule: its code is not in the patch', { hint: 'Check the commit instead: --head REF' });
  const blob = (await git(mirror, ['hash-object', '-w', '-t', 'blob', '--stdin'], { stdin: patch })).toString('latin1').trim();
  await git(mirror, ['update-ref', `refs/sallyport/patches/${blob}`, blob]);
  return blob;
}

/** The bytes of a patch that was kept. */
export async function keptPatch(mirror: GitContext, blob: string): Promise<Buffer> {
  return await git(mirror, ['cat-file', 'blob', blob]);
}
