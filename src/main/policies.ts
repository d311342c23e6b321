import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { loadPolicy, type Policy } from '../policy/policy.js';
import type { PolicyExample } from '../policy/schema.js';
import { SallyportError } from '../protocol/errors.js';
import { INSTALLATION } from './installation.js';

/**
 * The policy of this installation: the file that the configuration names, else the shipped `solo`. Its examples stand beside it (`NAME.cedar`, `NAME.examples.json`) and must hold.
 * Throws `policy.invalid`: nothing runs without a policy that loads.
 */
export async function readPolicy(file: string | null): Promise<Policy> {
  const path = file ?? join(INSTALLATION, 'policies/solo.cedar');
  const beside = path.replace(/\.cedar$/, '.examples.json');
  const [text, examples] = await Promise.all([read(path), read(beside)]);
  return loadPolicy({ name: basename(path, '.cedar'), levels: [{ level: 'organisation', text }], examples: parseExamples(beside, examples) });
}

async function read(path: string): Promise<string> {
  return await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new SallyportError('policy.invalid', `Cannot read the policy's file "${path}": ${cause.code ?? cause.message}`, { cause, hint: 'A policy is two files, NAME.cedar and NAME.examples.json, in one folder: docs/policy.md' });
  });
}

function parseExamples(path: string, text: string): PolicyExample[] {
  try {
    const parsed: unknown = JSON.parse(text);
    if (Array.isArray(parsed)) return parsed as PolicyExample[]; // each is held against its schema when it is tried
  } catch (cause) {
    throw new SallyportError('policy.invalid', `Cannot read the policy's examples "${path}": they are not JSON`, { cause });
  }
  throw new SallyportError('policy.invalid', `Cannot read the policy's examples "${path}": expected a JSON array of examples`);
}
