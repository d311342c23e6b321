import { SallyportError } from '../protocol/errors.js';
import type { Journal } from '../protocol/event.js';
import { ALWAYS_DEMANDED } from '../protocol/guarantee.js';
import { newId } from '../protocol/ids.js';
import { visible } from '../redact/visible.js';
import { onceRecorded } from './record.js';
import type { SandboxDriver } from './sandbox.js';

export interface PatchRequest {
  readonly driver: SandboxDriver;
  /** Empty layer that takes what the patch writes. */
  readonly layer: string;
  readonly baseTree: string;
  readonly patch: Buffer;
  readonly journal: Journal;
  readonly signal: AbortSignal;
}

/**
 * `git apply` on the raw bytes of the tree: the attributes of the tree must not convert line endings or run filters, so a repository of the sandbox's own says that none hold
 * ($GIT_DIR/info/attributes is stronger than any .gitattributes; gitattributes(5)). All of the patch or nothing.
 */
const SCRIPT = `set -e
git init -q /tmp/apply
mkdir -p /tmp/apply/.git/info
printf '* -text -filter -ident !eol !working-tree-encoding !whitespace\\n' > /tmp/apply/.git/info/attributes
export GIT_DIR=/tmp/apply/.git GIT_WORK_TREE=/workspace
exec git -c core.autocrlf=false -c core.safecrlf=false -c core.fileMode=true -c core.symlinks=true apply --whitespace=nowarn -`;

/**
 * Applies a patch to a tree, in a sandbox of its own: the patch is hostile and the host's git reads nothing of it. What it writes lies in `layer` and is taken out as any change is.
 * Throws `input.patch` with git's reason where it does not fit.
 */
export async function applyPatch({ driver, layer, baseTree, patch, journal, signal }: PatchRequest): Promise<void> {
  const result = await onceRecorded(driver, {
    id: newId('sb'), phase: 'extract', demanded: ALWAYS_DEMANDED, egressSocket: null, scratch: null, mounts: [], workspace: { lowers: [baseTree], layer },
    variables: { GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null', GIT_TERMINAL_PROMPT: '0', LC_ALL: 'C', HOME: '/tmp' }, limits: { memory: 2048, pids: 64, cpus: 2 },
  }, { argv: ['/bin/sh', '-c', SCRIPT], stdin: patch, timeout: 120_000, maxOutput: 1024 * 1024, signal }, journal);
  signal.throwIfAborted();
  if (result.reason === 'exited' && result.exit === 0) return;
  const why = result.reason === 'exited' ? visible(result.stderr.toString('utf8').trim(), { lines: true }).slice(0, 1500) : `git ended by ${result.reason}`;
  throw new SallyportError('input.patch', `Cannot apply the patch to the base: ${why}`, { hint: 'It must fit the base exactly, with paths a/… and b/…: git diff --binary BASE > change.patch' });
}
