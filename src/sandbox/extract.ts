import { z } from 'zod';
import { SallyportError } from '../protocol/errors.js';
import type { Journal } from '../protocol/event.js';
import { ALWAYS_DEMANDED } from '../protocol/guarantee.js';
import { newId } from '../protocol/ids.js';
import type { ChangeEntry } from '../git/change.js';
import type { Skipped } from '../git/tree.js';
import { expectSuccess } from './session/command.js';
import { onceRecorded } from './record.js';
import type { SandboxDriver } from './sandbox.js';

/** Bounds of one change; a change over them is an error, not a smaller change. A single large file is left out and reported. */
export const CHANGE_LIMITS = { files: 20_000, fileBytes: 20 * 1024 * 1024, totalBytes: 100 * 1024 * 1024 } as const;
const OUTPUT_BYTES = 200 * 1024 * 1024;

const Base64 = z.base64();
const Line = z.union([
  z.strictObject({ put: Base64, mode: z.enum(['100644', '100755']), data: Base64 }),
  z.strictObject({ link: Base64, data: Base64 }),
  z.strictObject({ del: Base64 }),
  z.strictObject({ skip: Base64, reason: z.string().max(200) }),
  z.strictObject({ end: z.literal(true) }),
]);

export interface ExtractRequest {
  readonly driver: SandboxDriver;
  /** The layer that the agent wrote (`upper/` inside). Its sandbox must be closed. */
  readonly layer: string;
  /** The lowers that it lay on, topmost first; the last is the laid-out base tree. */
  readonly lowers: readonly string[];
  readonly baseTree: string;
  /** Names of folders that are never part of a change. */
  readonly excluded: readonly string[];
  readonly journal: Journal;
  readonly signal?: AbortSignal;
}

/**
 * Takes the change out as data. The walk runs in a sandbox of its own, since what it walks is hostile; what it prints is
 * checked here against a schema and against the bounds.
 */
export async function extractChange(request: ExtractRequest): Promise<{ readonly entries: readonly ChangeEntry[]; readonly skipped: readonly Skipped[] }> {
  const { layer, lowers } = request;
  const setup = lowers.slice(0, -1).map((source, i) => ({ source, target: `/run/sallyport/setup/${i}` }));
  const { files, fileBytes, totalBytes } = CHANGE_LIMITS;
  const result = await onceRecorded(request.driver, {
    id: newId('sb'), phase: 'extract', demanded: ALWAYS_DEMANDED, egressSocket: null, scratch: null, variables: {},
    workspace: { lowers: [`${layer}/upper`, ...lowers], layer: null },
    mounts: [{ source: `${layer}/upper`, target: '/run/sallyport/upper' }, { source: request.baseTree, target: '/run/sallyport/base' }, ...setup],
    limits: { memory: 1024, pids: 64, cpus: 2 },
  }, {
    argv: ['/opt/sallyport/node', '/opt/sallyport/extract.cjs', '/run/sallyport/upper', '/workspace', '/run/sallyport/base', String(files), String(fileBytes), String(totalBytes), String(setup.length), ...request.excluded],
    timeout: 120_000, maxOutput: OUTPUT_BYTES, ...(request.signal === undefined ? {} : { signal: request.signal }),
  }, request.journal);
  return parseChange(expectSuccess(result, 'Taking the change out').stdout);
}

/** Reads what the program printed. Hostile: anything but whole lines of the schema, ended once and within the bounds, is `sandbox.protocol`. */
export function parseChange(output: Buffer): { entries: ChangeEntry[]; skipped: Skipped[] } {
  const entries: ChangeEntry[] = [];
  const skipped: Skipped[] = [];
  let ended = false;
  let bytes = 0;
  for (let at = 0; at < output.length; ) {
    const end = output.indexOf(10, at);
    if (end === -1 || ended) throw breach('more or less than a whole change');
    const line = parseLine(output.subarray(at, end));
    at = end + 1;
    if ('put' in line) entries.push({ kind: 'file', path: Buffer.from(line.put, 'base64'), mode: line.mode, data: Buffer.from(line.data, 'base64') });
    else if ('link' in line) entries.push({ kind: 'link', path: Buffer.from(line.link, 'base64'), data: Buffer.from(line.data, 'base64') });
    else if ('del' in line) entries.push({ kind: 'delete', path: Buffer.from(line.del, 'base64') });
    else if ('skip' in line) skipped.push({ path: Buffer.from(line.skip, 'base64').toString('utf8'), reason: line.reason });
    else ended = true;
    const last = entries.at(-1);
    if (last !== undefined && ('put' in line || 'link' in line) && last.kind !== 'delete') {
      bytes += last.data.length;
      if (last.data.length > CHANGE_LIMITS.fileBytes || bytes > CHANGE_LIMITS.totalBytes) throw breach('more bytes than a change may have');
    }
  }
  if (!ended) throw breach('no end');
  if (entries.filter((e) => e.kind !== 'delete').length > CHANGE_LIMITS.files) throw breach('more files than a change may have');
  return { entries, skipped };
}

function parseLine(line: Buffer): z.infer<typeof Line> {
  try {
    return Line.parse(JSON.parse(line.toString('utf8')));
  } catch (cause) {
    throw breach('a line that is not in its protocol', cause);
  }
}

function breach(what: string, cause?: unknown): SallyportError {
  return new SallyportError('sandbox.protocol', `The extraction program printed ${what}`, { cause });
}
