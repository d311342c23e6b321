import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import type { Command } from 'commander';
import type { Submission } from '../../app/submit.js';
import { PATCH_BYTES } from '../../git/patch.js';
import { SallyportError } from '../../protocol/errors.js';
import type { Surface } from '../surface.js';

/** A change that is there already: two commits, or a patch on one. */
export interface ChangeOptions {
  readonly base?: string;
  readonly head?: string;
  readonly patch?: string;
}

export function changeOptions(command: Command, base: string): Command {
  return command
    .option('--base <ref>', `${base} (with --patch: default HEAD)`)
    .option('--head <ref>', 'the change (with --base: default HEAD)')
    .option('--patch <file>', 'the change as a patch on the base, in place of --head; - reads standard input');
}

/** The change that the options name; null where they name none. */
export async function changeOf(surface: Surface, command: string, { base, head, patch }: ChangeOptions): Promise<{ readonly base: string; readonly words: string; readonly what: Pick<Submission, 'head' | 'patch'> } | null> {
  if (patch !== undefined && head !== undefined) throw new SallyportError('input.invalid', `\`${command}\` has both --head and --patch, and a change is one of them`);
  if (patch !== undefined) return { base: base ?? 'HEAD', words: `the patch ${patch === '-' ? 'from standard input' : basename(patch)} on ${base ?? 'HEAD'}`, what: { head: null, patch: await readPatch(surface, patch) } };
  if (base === undefined && head !== undefined) throw new SallyportError('input.invalid', `\`${command}\` has --head and no --base to compare it with`);
  return base === undefined ? null : { base, words: `${head ?? 'HEAD'} against ${base}`, what: { head: head ?? 'HEAD' } };
}

async function readPatch(surface: Surface, file: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    const source: AsyncIterable<Buffer> | null = file === '-' ? surface.piped() : createReadStream(file);
    if (source === null) throw new SallyportError('input.invalid', 'Cannot read a patch from standard input: it is a terminal', { hint: 'git diff --binary | sallyport check --patch -' });
    for await (const chunk of source) {
      if ((bytes += chunk.length) > PATCH_BYTES) throw new SallyportError('input.patch', `Cannot take a patch of more than ${PATCH_BYTES} bytes`);
      chunks.push(chunk);
    }
  } catch (cause) {
    if (cause instanceof SallyportError) throw cause;
    throw new SallyportError('input.invalid', `Cannot read the patch "${file}": ${(cause as NodeJS.ErrnoException).code ?? String(cause)}`, { cause });
  }
  return Buffer.concat(chunks);
}
