import { z } from 'zod';
import { ProposedLine } from '../../protocol/environment.js';
import type { ExecResult, Sandbox } from '../../sandbox/sandbox.js';
import { MAX_REVIEW_FINDINGS, ReviewFinding } from '../../protocol/review.js';
import { applyHunks, type FilePatch, parsePatch, PatchError } from './patch.js';

/** What a tool gives back to the model; `finish` also ends the round. */
export interface ToolOutcome {
  readonly ok: boolean;
  readonly output: string;
  /** For a person to look at; nothing in the run changes. */
  readonly proposed?: { readonly lines: readonly ProposedLine[]; readonly why: string };
  readonly finished?: { readonly summary: string; readonly citations: readonly string[]; readonly findings: readonly ReviewFinding[] };
}

export interface ToolContext {
  readonly sandbox: Pick<Sandbox, 'exec'>;
  readonly signal: AbortSignal;
}

export interface Tool {
  readonly description: string;
  readonly input: z.ZodType;
  run(input: unknown, context: ToolContext): Promise<ToolOutcome>;
}

/** Characters of output that reach the model: the head and the tail of what is longer. The whole is on the log. */
const OUTPUT_CHARS = 16_000;
const MAX_OUTPUT = 8 * 1024 * 1024;

const NO_BASH = /^Cannot start "\/bin\/bash": .*ENOENT/;

function define<T extends z.ZodType>(description: string, input: T, run: (input: z.infer<T>, context: ToolContext) => Promise<ToolOutcome>): Tool {
  return { description, input, run: (value, context) => run(input.parse(value), context) };
}

/** Arguments of programs: a NUL byte cannot be in one. */
const Argument = z.string().min(1).refine((text) => !text.includes('\0'), 'expected no NUL character');
const Path = Argument.max(1000).describe('Path relative to the workspace');

/** The tools of Sallyport's own agent. Each acts inside the sandbox only; none can change how the sandbox is closed. */
export const TOOLS: Readonly<Record<string, Tool>> = {
  shell: define(
    'Run a command with bash (sh where there is none) in the workspace. There is no network. Output is cut to its head and tail when long.',
    z.strictObject({ command: Argument.max(20_000), timeout: z.int().min(1).max(600).optional().describe('Seconds, default 120') }),
    async ({ command, timeout }, { sandbox, signal }) => {
      const run = (shell: string): Promise<ExecResult> => sandbox.exec({ argv: [shell, '-c', command], timeout: (timeout ?? 120) * 1000, maxOutput: MAX_OUTPUT, signal });
      const first = await run('/bin/bash');
      const result = first.exit === 127 && NO_BASH.test(first.stderr.toString('utf8')) ? await run('/bin/sh') : first; // a root file system of its own may have none
      const how = result.reason === 'exited' ? `exit ${result.exit ?? result.signal}` : `${result.reason} after ${Math.round(result.ms / 1000)} s`;
      return { ok: result.exit === 0 && result.reason === 'exited', output: `${clip(merge(result))}\n[${how}]` };
    },
  ),
  read: define(
    'Read a text file with line numbers, or a range of it.',
    z.strictObject({ path: Path, from: z.int().min(1).optional(), to: z.int().min(1).optional() }),
    async ({ path, from, to }, context) => {
      const text = await readText(path, context);
      if (text === null) return { ok: false, output: `Cannot read ${path}: no such text file, or over 2 MB` };
      const lines = text.split('\n');
      const first = from ?? 1;
      const shown = lines.slice(first - 1, to ?? first + 1999).map((l, i) => `${first + i}\t${l}`);
      return { ok: true, output: clip(`${shown.join('\n')}\n[lines ${first}-${first + shown.length - 1} of ${lines.length}]`) };
    },
  ),
  search: define(
    'Search file contents by an extended regular expression. Gives path:line:text.',
    z.strictObject({ pattern: Argument.max(1000), path: Path.optional() }),
    async ({ pattern, path }, { sandbox, signal }) => {
      const argv = ['grep', '-rnIE', '--exclude-dir=node_modules', '--exclude-dir=.git', '-m', '50', '-e', pattern, '--', path ?? '.'];
      const result = await sandbox.exec({ argv, timeout: 30_000, maxOutput: MAX_OUTPUT, signal });
      if (result.exit === 1 && result.stdout.length === 0) return { ok: true, output: '[no match]' };
      return { ok: result.exit === 0, output: clip(merge(result)) };
    },
  ),
  apply_patch: define(
    'Change files. Format: *** Begin Patch / *** Update File: path / @@ optional line before / lines with " ", "-" or "+" / *** Add File: path / lines with "+" / *** Delete File: path / *** End Patch. All or nothing.',
    z.strictObject({ patch: Argument.max(1_000_000) }),
    async ({ patch }, context) => {
      try {
        const files = parsePatch(patch);
        const writes: Write[] = [];
        for (const file of files) writes.push(await plan(file, context));
        await assertWritable(writes, context);
        await perform(writes, context);
        return { ok: true, output: files.map((f) => `${f.kind} ${f.path}`).join('\n') };
      } catch (error) {
        if (error instanceof PatchError) return { ok: false, output: `Nothing was changed. ${error.message}` };
        if (error instanceof PartialWrite) return { ok: false, output: error.message };
        throw error;
      }
    },
  ),
  plan: define(
    'Write down or update the plan: short steps with their state.',
    z.strictObject({ steps: z.array(z.strictObject({ step: z.string().max(500), state: z.enum(['open', 'doing', 'done']) })).min(1).max(50) }),
    async ({ steps }) => ({ ok: true, output: steps.map((s) => `[${s.state}] ${s.step}`).join('\n') }),
  ),
  propose_environment: define(
    'Propose lines for sallyport.yaml: a host or a package that the set-up was refused, a package whose install script is needed. A person may apply them for later runs; nothing changes in this one.',
    z.strictObject({ lines: z.array(ProposedLine).min(1).max(20), why: z.string().min(1).max(1000) }),
    async ({ lines, why }) => ({ ok: true, output: 'Noted for a person. Nothing changes in this run.', proposed: { lines, why } }),
  ),
  finish: define(
    'End the work. Say what was done, or the answer. Citations are path:line; each is checked to exist. Whether the work passes is decided by Sallyport\'s own checks.',
    z.strictObject({ summary: z.string().min(1).max(20_000), citations: z.array(z.string().max(500)).max(200).optional(), findings: z.array(ReviewFinding).max(MAX_REVIEW_FINDINGS).optional().describe('of a review: each with its place; a proof is run by Sallyport in fresh sandboxes') }),
    async ({ summary, citations, findings }) => ({ ok: true, output: 'Noted.', finished: { summary, citations: citations ?? [], findings: findings ?? [] } }),
  ),
};

function merge(result: ExecResult): string {
  return Buffer.concat([result.stdout, result.stderr]).toString('utf8');
}

/** Head and tail of a text that is too long, with what is missing between them. */
export function clip(text: string, limit = OUTPUT_CHARS): string {
  if (text.length <= limit) return text;
  const half = Math.floor(limit / 2);
  return `${text.slice(0, half)}\n[… ${text.length - 2 * half} characters left out …]\n${text.slice(-half)}`;
}

async function readText(path: string, { sandbox, signal }: ToolContext): Promise<string | null> {
  const result = await sandbox.exec({ argv: ['cat', '--', path], timeout: 20_000, maxOutput: 2 * 1024 * 1024, signal });
  if (result.exit !== 0 || result.reason !== 'exited' || result.stdout.includes(0)) return null;
  return result.stdout.toString('utf8');
}

type Write = { readonly path: string; readonly content: string | null };

/** Everything is computed before anything is written. */
async function plan(file: FilePatch, context: ToolContext): Promise<Write> {
  if (file.kind === 'add') {
    if (await exists(file.path, context)) throw new PatchError(`${file.path} is there already; use Update File`);
    return { path: file.path, content: file.content };
  }
  const old = await readText(file.path, context);
  if (old === null) throw new PatchError(`${file.path} is not a text file in the workspace`);
  return { path: file.path, content: file.kind === 'delete' ? null : applyHunks(file.path, old, file.hunks) };
}

/** Also true for binary files, folders and dangling links: none of them is overwritten by an added file. */
async function exists(path: string, { sandbox, signal }: ToolContext): Promise<boolean> {
  const result = await sandbox.exec({ argv: ['/bin/sh', '-c', '[ -e "$1" ] || [ -L "$1" ]', 'exists', path], timeout: 20_000, maxOutput: 10_000, signal });
  return result.exit !== 1;
}

/** Fails before the first write when one of them cannot be done: `writes` are done all or not at all. Paths are parameters. */
async function assertWritable(writes: readonly Write[], { sandbox, signal }: ToolContext): Promise<void> {
  const script = `for path in "$@"; do
  if [ -e "$path" ] && ! { [ -f "$path" ] && [ -w "$path" ]; }; then echo "$path"; exit 1; fi
  at=$(dirname -- "$path"; echo x); at=\${at%??}
  while [ ! -e "$at" ] && [ ! -L "$at" ]; do at=$(dirname -- "$at"; echo x); at=\${at%??}; done
  if [ ! -d "$at" ] || [ ! -w "$at" ]; then echo "$path"; exit 1; fi
done`;
  const result = await sandbox.exec({ argv: ['/bin/sh', '-c', script, 'check', ...writes.map((w) => w.path)], timeout: 20_000, maxOutput: 10_000, signal });
  if (result.exit !== 0) throw new PatchError(`${result.stdout.toString('utf8').trim() || 'A file'} cannot be written`);
}

async function perform(writes: readonly Write[], { sandbox, signal }: ToolContext): Promise<void> {
  for (const [done, write] of writes.entries()) {
    const script = write.content === null ? 'rm -- "$1"' : 'mkdir -p -- "$(dirname -- "$1")" && cat > "$1"';
    const result = await sandbox.exec({ argv: ['/bin/sh', '-c', script, 'write', write.path], timeout: 20_000, maxOutput: 10_000, signal, stdin: Buffer.from(write.content ?? '') });
    if (result.exit !== 0 || result.reason !== 'exited') throw new PartialWrite(write.path, result, writes.slice(0, done).map((w) => w.path));
  }
}

/** A write that failed although it could be done a moment before: a full disk, or a sandbox that ended. What was done before it is named. */
class PartialWrite extends Error {
  override readonly name = 'PartialWrite';

  constructor(path: string, result: ExecResult, done: readonly string[]) {
    super(`${path} could not be written (${result.reason}): ${result.stderr.toString('utf8').slice(0, 300)}\nWritten before it: ${done.join(', ') || 'nothing'}. Look before you go on.`);
  }
}
