/**
 * Runs INSIDE an own sandbox after the agent's sandbox is dead: walks what the agent wrote (the overlay's upper layer) and
 * prints the change as data, one JSON object a line. Nothing of the tree is executed, no attribute, ignore file or git
 * configuration is read, no link is followed.
 *
 * Arguments: UPPER MERGED BASE MAX_FILES MAX_FILE_BYTES MAX_TOTAL_BYTES SETUP_LAYERS [EXCLUDED_NAME …]
 * SETUP_LAYERS is how many layers of setup lay over the base; they stand at /run/sallyport/setup/N.
 * Lines: {"put":path64,"mode","data":base64} · {"link":path64,"data":base64} · {"del":path64} · {"skip":path64,"reason"} · {"end":true}
 */
import { closeSync, constants, fstatSync, lstatSync, openSync, readdirSync, readlinkSync, readSync, writeSync, type Stats } from 'node:fs';

const [upper, merged, base, maxFiles, maxFileBytes, maxTotalBytes, setupLayers, ...excluded] = process.argv.slice(2) as [string, string, string, string, string, string, string, ...string[]];
const setup = Array.from({ length: Number(setupLayers) }, (_, i) => `/run/sallyport/setup/${i}`);
const excludedNames = new Set(excluded);
const SLASH = Buffer.from('/');
let files = 0;
let total = 0;

const print = (line: object): void => {
  let bytes = Buffer.from(`${JSON.stringify(line)}\n`);
  while (bytes.length > 0) bytes = bytes.subarray(writeSync(1, bytes));
};
const join = (folder: Buffer, name: Buffer): Buffer => (folder.length === 0 ? name : Buffer.concat([folder, SLASH, name]));
const at = (root: string, path: Buffer): Buffer => (path.length === 0 ? Buffer.from(root) : Buffer.concat([Buffer.from(`${root}/`), path]));
const key = (name: Buffer): string => name.toString('latin1');
const skip = (path: Buffer, reason: string): void => print({ skip: path.toString('base64'), reason });

/** Names in a folder; empty for everything that is no folder, also for a link to one. */
function list(folder: Buffer): Map<string, Buffer> {
  if (stat(folder)?.isDirectory() !== true) return new Map();
  return new Map(readdirSync(folder, { encoding: 'buffer' }).map((name) => [key(name), name]));
}
/** Null when there is nothing, also where a part of the path is a file. */
function stat(path: Buffer): Stats | null {
  try {
    return lstatSync(path);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return null;
    throw error;
  }
}
/** Runs `body`; what the agent left without permission to read is reported, and everything around it still counts. */
function readable(path: Buffer, body: () => void): void {
  try {
    body();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EACCES') throw error;
    skip(path, 'its permissions do not allow to read it');
  }
}
/** `.git` in any spelling that some file system takes for it. Its content is never part of a change. */
function isGitName(name: string): boolean {
  return /^\.git[. ]*$/i.test(name) || /^git~\d+$/i.test(name);
}

function walk(folder: Buffer): void {
  const before = list(at(base, folder));
  const after = list(at(merged, folder));
  const written = list(at(upper, folder));
  // What the base has and the merged view has not: covers whiteouts and opaque folders without reading extended attributes.
  for (const [name, bytes] of before) {
    if (after.has(name)) continue;
    const path = join(folder, bytes);
    if (deletedBySetup(path)) continue;
    if (excludedNames.has(name)) skip(path, 'excluded by policy');
    else print({ del: path.toString('base64') });
  }
  for (const [name, bytes] of written) {
    const path = join(folder, bytes);
    if (!after.has(name)) continue; // a whiteout
    if (++files > Number(maxFiles)) throw new Error(`more than ${maxFiles} files`);
    if (isGitName(name)) skip(path, 'git metadata is never part of a change');
    else if (!excludedNames.has(name)) readable(path, () => entry(path, name, before));
    else if (before.has(name) || !isNoise(name)) skip(path, 'excluded by policy');
  }
}
/** True when a layer of setup has a whiteout (a character device) for the path or a folder above it: the agent never saw it. */
function deletedBySetup(path: Buffer): boolean {
  for (let end = path.indexOf(SLASH); ; end = path.indexOf(SLASH, end + 1)) {
    const part = end === -1 ? path : path.subarray(0, end);
    if (setup.some((layer) => stat(at(layer, part))?.isCharacterDevice() === true)) return true;
    if (end === -1) return false;
  }
}
/** Where the base has no `node_modules`, setup made it, and caches of test runners change it all the time: one line each would only be noise. */
function isNoise(name: string): boolean {
  return name === 'node_modules';
}

function entry(path: Buffer, name: string, before: ReadonlyMap<string, Buffer>): void {
  const full = at(merged, path);
  const info = stat(full);
  if (info === null) return;
  const old = before.has(name) ? stat(at(base, path)) : null;
  if (old !== null && old.isDirectory() !== info.isDirectory()) print({ del: path.toString('base64') });
  if (info.isDirectory()) walk(path);
  else if (info.isSymbolicLink()) print({ link: path.toString('base64'), data: readlinkSync(full, { encoding: 'buffer' }).toString('base64') });
  else if (info.isFile()) file(path, full, info);
  else skip(path, 'not a file, folder or link');
}

function file(path: Buffer, full: Buffer, info: Stats): void {
  if (info.size > Number(maxFileBytes)) return skip(path, `larger than ${maxFileBytes} bytes (${info.size})`);
  const fd = openSync(full, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const size = fstatSync(fd).size;
    const data = Buffer.alloc(Math.min(size, Number(maxFileBytes)));
    let filled = 0;
    for (let n = 1; n > 0 && filled < data.length; filled += n) n = readSync(fd, data, filled, data.length - filled, filled);
    total += filled;
    if (total > Number(maxTotalBytes)) throw new Error(`more than ${maxTotalBytes} bytes`);
    print({ put: path.toString('base64'), mode: info.mode & 0o100 ? '100755' : '100644', data: data.subarray(0, filled).toString('base64') });
  } finally {
    closeSync(fd);
  }
}

walk(Buffer.alloc(0));
print({ end: true });
