import { z } from 'zod';
import type { ToolTree } from '../../gate/tools/collect.js';
import { compareTools, fitted } from '../../gate/tools/compare.js';
import type { Definition } from '../../gate/definitions.js';
import { toolDefinitions } from '../../gate/tools/definitions.js';
import { BlobReader } from '../../git/blobs.js';
import type { GitContext } from '../../git/command.js';
import { listTree } from '../../git/tree.js';
import { type Evidence, type ScanResult, ToolRule, ToolRun } from '../../protocol/evidence.js';
import { matchSuppressions } from '../../sarif/suppress.js';
import type { Environment } from '../../setup/environment.js';

const Result = z.strictObject({ rule: z.string(), level: z.enum(['error', 'warning', 'note']), message: z.string(), path: z.string(), line: z.int(), snippet: z.string(), cwe: z.string().nullable(), fix: z.null() });
/** What a tool gave on one side, as it is kept. */
export const ToolBody = z.strictObject({ name: z.string(), run: ToolRun, results: z.array(Result), rules: z.array(ToolRule) });
export type ToolBody = z.infer<typeof ToolBody>;

const MAX_FILE = 2 * 1024 * 1024;
/** Bytes of texts for one side; what is beyond has no lines, and its findings are told by their messages. */
const MAX_BYTES = 128 * 1024 * 1024;

/** The tree of a commit as tools' findings are laid on it. Reads blobs as data. */
export async function openToolTree(mirror: GitContext, commit: string): Promise<ToolTree & AsyncDisposable> {
  const entries = new Map((await listTree(mirror, commit)).map((entry) => [entry.path.toString('utf8'), entry]));
  const reader = await BlobReader.open(mirror);
  const texts = new Map<string, readonly string[] | null>();
  let room = MAX_BYTES;
  const read = async (path: string): Promise<readonly string[] | null> => {
    const entry = entries.get(path);
    if (entry === undefined || !entry.mode.startsWith('100') || entry.size > Math.min(MAX_FILE, room)) return null;
    room -= entry.size;
    const text = (await reader.read(entry.blob)).toString('utf8');
    return text.includes('\0') ? null : text.split('\n');
  };
  return {
    paths: new Set(entries.keys()),
    async lines(path) {
      const known = texts.get(path);
      if (known !== undefined) return known;
      const text = await read(path);
      texts.set(path, text);
      return text;
    },
    [Symbol.asyncDispose]: () => reader[Symbol.asyncDispose](),
  };
}

/** What a person of the base says about tools and results, and what it comes to: parts of the evidence, left out where the base says nothing. `sides` null: work that changes nothing runs no tools. `change` null: what it says of the tools themselves is left aside. */
export function toolEvidence(environment: Environment, sides: { readonly base: readonly ToolBody[]; readonly head: readonly ToolBody[] } | null, change: Omit<Definition, 'checks'> | null, scanned: readonly ScanResult[], now: Date): Pick<Evidence, 'tools' | 'suppressions'> {
  const { tools, suppressions } = environment.spec;
  const compared = sides === null ? [] : compareTools(tools, sides.base, sides.head, (tool) => (change === null ? [] : toolDefinitions(tool, change)));
  return {
    ...(compared.length === 0 ? {} : { tools: compared.map(fitted) }),
    ...(suppressions.length === 0 ? {} : { suppressions: matchSuppressions(suppressions, now.toISOString().slice(0, 10), [...scanned, ...compared.flatMap((tool) => tool.results)]) }),
  };
}
