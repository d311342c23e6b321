import { readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { SallyportError } from '../../protocol/errors.js';

/**
 * Host's truth: nothing inside may have the real uid 0, whatever was asked for. With `depth` those are the descendants of `pid` that are that
 * deep in process namespaces, and there must be one; without, it is `pid` itself. Throws `sandbox.not_enforced`.
 */
export async function assertNotRoot(pid: number | undefined, depth: number | null): Promise<void> {
  const found = depth === null ? [await statusOf(pid)] : (await descendants(pid)).filter((s) => s.depth >= depth);
  const wrong = found.length === 0 ? 'unknown' : found.map((s) => s.uid).find((uid) => uid === 'unknown' || uid === '0');
  if (wrong !== undefined) throw notRoot(wrong);
}

/** The error where a process has the real uid 0; none where it has another, or has ended already. */
export function rootError(pid: number | undefined): SallyportError | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    return notRoot('unknown');
  }
  return uidIn(text) === '0' ? notRoot('0') : undefined;
}

function notRoot(uid: string): SallyportError {
  return new SallyportError('sandbox.not_enforced', `Cannot use the sandbox: its process has uid ${uid} on the host, need one that is not 0`);
}

function uidIn(status: string): string {
  return /^Uid:\s+(\d+)/m.exec(status)?.[1] ?? 'unknown';
}

interface Status {
  readonly pid: number;
  readonly parent: number;
  readonly uid: string;
  readonly depth: number;
}

async function statusOf(pid: number | undefined): Promise<Status> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return {
    pid: pid ?? 0, parent: Number(/^PPid:\s+(\d+)/m.exec(text)?.[1] ?? 0), uid: uidIn(text),
    depth: /^NSpid:\s+(.*)$/m.exec(text)?.[1]?.split(/\s+/).length ?? 0,
  };
}

async function descendants(root: number | undefined): Promise<Status[]> {
  const all = await Promise.all((await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map((name) => statusOf(Number(name))));
  const found = [root];
  for (const of of found) found.push(...all.filter((s) => s.parent === of && !found.includes(s.pid)).map((s) => s.pid));
  return all.filter((s) => s.uid !== 'unknown' && s.pid !== root && found.includes(s.pid));
}
