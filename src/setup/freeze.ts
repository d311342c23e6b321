import { join } from 'node:path';
import { z } from 'zod';
import { SallyportError } from '../protocol/errors.js';
import type { Journal } from '../protocol/event.js';
import { Digest } from '../protocol/evidence.js';
import { ALWAYS_DEMANDED } from '../protocol/guarantee.js';
import { newId } from '../protocol/ids.js';
import { visible } from '../redact/visible.js';
import { onceRecorded } from '../sandbox/record.js';
import type { SandboxDriver } from '../sandbox/sandbox.js';
import { expectSuccess } from '../sandbox/session/command.js';

/** Layers of a snapshot, by the folder below it that they lie in. */
export type PartName = 'fetch' | 'build' | 'deps';

/** What a layer holds, as the program that listed it says. */
export const Listed = z.strictObject({ name: z.enum(['fetch', 'build', 'deps']), files: z.int().min(0), bytes: z.int().min(0), digest: Digest });
export type Listed = z.infer<typeof Listed>;

const Output = z.strictObject({
  parts: z.array(Listed.extend({ removed: z.array(z.base64()).max(100) })).max(3),
  leaks: z.array(z.strictObject({ secret: z.string().max(200), part: z.string().max(10), path: z.base64() })).max(100),
});

export interface FreezeRequest {
  readonly driver: SandboxDriver;
  /** Holds a layer for each part. */
  readonly folder: string;
  readonly parts: readonly PartName[];
  /** Any tree that a sandbox can lie on; nothing of it is read. */
  readonly lower: string;
  /** Values that setup was given and that may not stay in what it left. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly journal: Journal;
  readonly signal: AbortSignal;
}

const FREEZE_MS = 600_000;

/**
 * Sifts and lists the layers of a setup, in a sandbox of its own: fetched files that are not in a `node_modules` folder go, for they would hide the repository's.
 * Throws `setup.secret_left` when a secret that setup was given stands in one of the files.
 */
export async function freezeParts(request: FreezeRequest): Promise<Listed[]> {
  const at = (name: PartName): string => `/run/sallyport/parts/${name}`;
  const stdin = JSON.stringify({
    parts: request.parts.map((name) => ({ name, path: at(name), sift: name === 'fetch' })),
    secrets: Object.entries(request.secrets).map(([name, value]) => ({ name, value })),
  });
  const result = await onceRecorded(request.driver, {
    id: newId('sb'), phase: 'extract', demanded: ALWAYS_DEMANDED, workspace: { lowers: [request.lower], layer: null }, egressSocket: null, scratch: null, variables: {},
    mounts: request.parts.map((name) => ({ source: join(request.folder, name, 'upper'), target: at(name), writable: true })), limits: { memory: 1024, pids: 64, cpus: 2 },
  }, { argv: ['/opt/sallyport/node', '/opt/sallyport/freeze.cjs'], stdin: Buffer.from(stdin), bare: true, timeout: FREEZE_MS, maxOutput: 1024 * 1024, signal: request.signal }, request.journal);
  request.signal.throwIfAborted();
  const { parts, leaks } = parse(expectSuccess(result, 'Freezing the setup').stdout);
  if (parts.length !== request.parts.length || request.parts.some((name) => !parts.some((p) => p.name === name))) throw breach();
  const [leak] = leaks;
  if (leak !== undefined) {
    const path = visible(Buffer.from(leak.path, 'base64').toString('utf8')).slice(0, 300);
    throw new SallyportError('setup.secret_left', `Cannot freeze the setup: the secret "${leak.secret}" stands in ${path}, where the agent could read it`, { hint: 'Let the setup script remove it, or write it below /tmp, which is not kept.' });
  }
  return parts.map(({ removed: _, ...listed }) => listed);
}

function parse(stdout: Buffer): z.infer<typeof Output> {
  try {
    return Output.parse(JSON.parse(stdout.toString('utf8')));
  } catch (cause) {
    throw breach(cause);
  }
}

function breach(cause?: unknown): SallyportError {
  return new SallyportError('sandbox.protocol', 'The freezing program printed something that is not in its protocol', { cause });
}
