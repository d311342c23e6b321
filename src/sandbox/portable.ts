import { basename } from 'node:path';
import { run } from '../process/spawn.js';
import { SallyportError } from '../protocol/errors.js';
import type { RuntimeFile } from './runtime.js';

const LOADER = { x64: '/lib64/ld-linux-x86-64.so.2', arm64: '/lib/ld-linux-aarch64.so.1' } as const;
/** Programs of the runtime that are started, and must be able to wherever they are shown; what they load needs libraries too. */
const PROGRAMS = ['node', 'perl'];

/**
 * The runtime for a root of its own: its programs bring the loader and the libraries of this machine with them, so that an image needs neither Node nor
 * Perl, nor a C library that suits them.
 */
export async function portableRuntime(files: readonly RuntimeFile[], arch: keyof typeof LOADER): Promise<RuntimeFile[]> {
  const programs = files.filter((f) => PROGRAMS.includes(f.name) || /\.(node|so)$/.test(f.name));
  const libraries = new Map<string, string>();
  for (const { source } of programs) for (const path of await librariesOf(LOADER[arch], source)) libraries.set(basename(path), path);
  return [
    ...files.map((f) => (PROGRAMS.includes(f.name) ? { ...f, portable: true } : f)),
    { source: LOADER[arch], name: 'ld.so' },
    ...[...libraries].map(([name, source]) => ({ source, name: `lib/${name}` })),
  ];
}

/** What the loader would load for a program of this machine; the program itself is not run. */
async function librariesOf(loader: string, program: string): Promise<string[]> {
  const said = await run([loader, '--list', program], { timeout: 10_000, env: {} });
  const found = [...said.stdout.toString('utf8').matchAll(/=> (\/\S+) \(0x/g)].map((m) => m[1] as string);
  if (said.exit !== 0 || found.length === 0) throw new SallyportError('sandbox.unavailable', `Cannot find the libraries of ${program}: ${said.stderr.toString('utf8').trim().slice(0, 200)}`, { hint: 'A root of its own needs a machine with glibc.' });
  return found;
}
