import { BlobReader } from '../git/blobs.js';
import type { GitContext } from '../git/command.js';
import { listTree, type TreeEntry } from '../git/tree.js';
import { SallyportError } from '../protocol/errors.js';
import { type AdvisoryFile, type AdvisorySet, fromFiles } from '../scan/advisories/source.js';

const MAX_FILES = 300_000;
const MAX_FILE = 512 * 1024 * 1024;

/**
 * The advisories that `advisories: PATH` of sallyport.yaml names, out of the tree of the protected base: below a folder, or one file. Only plain
 * files count; a link leads nowhere. Throws `advisories.unavailable` when there is none at that path.
 */
export async function advisoriesAt(git: GitContext, tree: string, path: string, now: Date = new Date()): Promise<AdvisorySet> {
  const at = path.replace(/^(?:\.\/)+|\/+$/g, '');
  const wanted = (await listTree(git, tree)).filter((entry) => {
    const name = entry.path.toString('utf8');
    return entry.mode.startsWith('100') && /\.(json|jsonl|zip)$/.test(name) && (at === '.' || at === '' || name === at || name.startsWith(`${at}/`));
  });
  const tooMuch = wanted.find((entry) => entry.size > MAX_FILE);
  if (wanted.length === 0 || wanted.length > MAX_FILES || tooMuch !== undefined) {
    const why = wanted.length === 0 ? 'the base has no .json, .jsonl or .zip file there' : tooMuch === undefined ? `more than ${MAX_FILES} files` : `a file of ${tooMuch.size} bytes`;
    throw new SallyportError('advisories.unavailable', `Cannot read the advisories in "${path}" of the repository: ${why}`, { hint: 'advisories in sallyport.yaml names a folder or file of the repository.' });
  }
  return await fromFiles(`${path} of the repository`, read(git, wanted), now);
}

async function* read(git: GitContext, entries: readonly TreeEntry[]): AsyncGenerator<AdvisoryFile> {
  await using reader = await BlobReader.open(git);
  for (const entry of entries) yield { path: entry.path.toString('utf8'), body: await reader.read(entry.blob) };
}
