import { readFile, stat } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { z } from 'zod';
import { SallyportError } from '../protocol/errors.js';

export const Absolute = z.string().max(1000).refine(isAbsolute, 'expected an absolute path');

/** Where a secret lies. Never the secret itself. */
export const Reference = z.union([z.strictObject({ env: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/) }), z.strictObject({ file: Absolute })]);
export type Reference = z.infer<typeof Reference>;

/** As it is written where only text goes: `env:NAME` or `file:/PATH`. */
export function referenceText(reference: Reference): string {
  return 'env' in reference ? `env:${reference.env}` : `file:${reference.file}`;
}

export function parseReference(text: string): Reference {
  return text.startsWith('env:') ? { env: text.slice(4) } : { file: text.slice(text.indexOf(':') + 1) };
}

/** The value behind a reference. Undefined when it is not there; a file that others can read is refused, as ssh does. */
export async function readReference(reference: Reference, env: Readonly<Record<string, string | undefined>>): Promise<string | undefined> {
  if ('env' in reference) return env[reference.env]?.trim();
  const info = await stat(reference.file).catch(() => null);
  if (info === null) return undefined;
  if ((info.mode & 0o077) !== 0) throw new SallyportError('input.invalid', `The file ${reference.file} can be read by others`, { hint: `chmod 600 ${reference.file}` });
  return (await readFile(reference.file, 'utf8')).trim();
}
