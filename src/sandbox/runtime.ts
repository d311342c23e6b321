import { createHash } from 'node:crypto';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { relocateElf } from './elf.js';

/** A file of Sallyport's own that is shown read-only below /opt/sallyport in every sandbox. */
export interface RuntimeFile {
  readonly source: string;
  /** Path below /opt/sallyport. */
  readonly name: string;
  /**
   * Executable but readable by nobody, its owner included: a process that is started from it is not dumpable, so code of the same uid cannot
   * open its memory. Inside there is no capability that reads it all the same, and the mount is read-only, so its mode stays.
   */
  readonly sealed?: boolean;
  /** Made to start by the loader and libraries beside it: what is seen inside need not have any. */
  readonly portable?: boolean;
}

/** Where loader and libraries of portable programs stand. Short: their paths take the place of others in the program. */
const INSIDE_LOADER = '/opt/sallyport/ld.so';
const INSIDE_LIBRARIES = '/opt/sallyport/lib';

const ETC: Readonly<Record<string, string>> = {
  passwd: 'root:x:0:0:root:/nonexistent:/usr/sbin/nologin\nagent:x:1000:1000:agent:/home/agent:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n',
  group: 'root:x:0:\nagent:x:1000:\nnogroup:x:65534:\n',
  'nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files dns\n',
  hosts: '127.0.0.1 localhost sandbox\n::1 localhost sandbox\n',
};

/**
 * Copies the runtime files to `folder/<digest>` once and returns that folder. Copies, because the sandbox's uid must be able
 * to reach them wherever the program is installed, and because a sealed file must not change the mode of the original.
 */
export async function prepareRuntime(folder: string, files: readonly RuntimeFile[]): Promise<string> {
  const target = join(folder, await digestOf(files));
  if (await exists(join(target, 'etc', 'hosts'))) return target;
  await mkdir(folder, { recursive: true, mode: 0o755 });
  const draft = await mkdtemp(join(folder, '.draft-'));
  try {
    await chmod(draft, 0o755);
    for (const file of files) {
      await mkdir(dirname(join(draft, file.name)), { recursive: true, mode: 0o755 });
      if (file.portable === true) await writeFile(join(draft, file.name), relocateElf(await readFile(file.source), INSIDE_LOADER, INSIDE_LIBRARIES));
      else await copyFile(file.source, join(draft, file.name));
      await chmod(join(draft, file.name), file.sealed === true ? 0o111 : 0o755);
    }
    await mkdir(join(draft, 'etc'), { mode: 0o755 });
    for (const [name, text] of Object.entries(ETC)) await writeFile(join(draft, 'etc', name), text, { mode: 0o644 });
    await rename(draft, target);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    if (!(await exists(join(target, 'etc', 'hosts')))) throw error; // otherwise another process was first
  }
  return target;
}

async function digestOf(files: readonly RuntimeFile[]): Promise<string> {
  const hash = createHash('sha256');
  for (const file of files) {
    const info = await stat(file.source);
    // Node itself is 120 MB: its size and time stand for it. The programs are small and hashed whole.
    const identity = info.size > 20_000_000 ? `${info.size}:${info.mtimeMs}` : createHash('sha256').update(await readFile(file.source)).digest('hex');
    hash.update(`${file.name}\0${file.sealed === true}\0${file.portable === true}\0${identity}\0`);
  }
  hash.update(JSON.stringify(ETC));
  return hash.digest('hex').slice(0, 32);
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null)) !== null;
}
