import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../process/spawn.js';
import { SallyportError } from '../protocol/errors.js';
import type { ToolName } from '../protocol/environment.js';
import type { Mount } from '../sandbox/sandbox.js';
import { toolchains as defaultTools } from './installation.js';

/** A tool of this machine. `folder` has its bin/; null = below /usr, where every sandbox on the host's /usr sees it. */
export interface Toolchain {
  readonly version: string;
  readonly folder: string | null;
}

interface Tool {
  readonly program: string;
  readonly ask: readonly string[];
  readonly version: RegExp;
  /** Below the home, or absolute; one `*` stands for any name of a folder. */
  readonly places: readonly string[];
}

const managed = (name: string): string[] => [`.asdf/installs/${name}/*`, `.local/share/mise/installs/${name}/*`];
/** Where version managers keep what they install. */
const TOOLS: Readonly<Record<ToolName, Tool>> = {
  node: { program: 'node', ask: ['--version'], version: /^v(\d+\.\d+\.\d+)/, places: ['.nvm/versions/node/*', '.local/share/fnm/node-versions/*/installation', '.volta/tools/image/node/*', '.asdf/installs/nodejs/*', '.local/share/mise/installs/node/*', '/usr/local'] },
  python: { program: 'python3', ask: ['--version'], version: /^Python (\d+\.\d+\.\d+)/, places: ['.pyenv/versions/*', '.local/share/uv/python/*', ...managed('python'), '/usr/local'] },
  go: { program: 'go', ask: ['version'], version: /\bgo(\d+\.\d+(?:\.\d+)?)/, places: ['/usr/local/go', 'sdk/*', '.asdf/installs/golang/*/go', '.local/share/mise/installs/go/*', '/usr/lib/*'] },
  rust: { program: 'cargo', ask: ['--version'], version: /^cargo (\d+\.\d+\.\d+)/, places: ['.rustup/toolchains/*', ...managed('rust')] },
  java: { program: 'java', ask: ['-version'], version: /version "(\d+(?:\.\d+)*)/, places: ['.sdkman/candidates/java/*', ...managed('java'), '/usr/lib/jvm/*'] },
};
export const TOOL_NAMES = Object.keys(TOOLS) as ToolName[];

/** Every installed version of a tool, newest first. Each is asked for its version; one that does not answer is left out. */
export async function findToolchains(tool: ToolName, home: string, configured: readonly string[]): Promise<Toolchain[]> {
  const { program, ask, version, places } = TOOLS[tool];
  const folders = new Set([...configured, ...places.flatMap((place) => expand(place.startsWith('/') ? place : join(home, place)))].filter((f) => existsSync(join(f, 'bin', program))));
  const candidates: (string | null)[] = [...(existsSync(join('/usr/bin', program)) ? [null] : []), ...new Map([...folders].map((f) => [realpathSync(join(f, 'bin', program)), f])).values()];
  const found = await Promise.all(candidates.map(async (folder) => {
    const file = folder === null ? join('/usr/bin', program) : join(folder, 'bin', program);
    const said = await run([file, ...ask], { timeout: 15_000, env: { HOME: '/nonexistent', PATH: '/usr/bin:/bin' } }).catch(() => null);
    const number = version.exec(said === null ? '' : Buffer.concat([said.stdout, said.stderr]).toString('utf8').trim())?.[1];
    return number === undefined ? [] : [{ version: number, folder }];
  }));
  return found.flat().sort((a, b) => compare(b.version, a.version));
}

/** The newest that is, or begins with, what is asked for: `22` takes 22.11.0 and not 2.2 or 220.0. */
export function pickToolchain(found: readonly Toolchain[], wanted: string): Toolchain | undefined {
  return found.find((t) => t.version === wanted || t.version.startsWith(`${wanted}.`));
}

/**
 * What is mounted for an environment: the tools that it names, and for the others what every sandbox has. Throws `env.unavailable` with the versions that there
 * are. With a root of its own, tools come from there, unless they are named here.
 */
export async function mountsFor(wanted: Partial<Record<ToolName, string>>, own: boolean, path: string, find: (tool: ToolName) => Promise<readonly Toolchain[]>): Promise<Mount[]> {
  const mounts = new Map(own ? [] : defaultTools(path).map((m) => [m.target, m]));
  for (const [name, version] of Object.entries(wanted) as [ToolName, string][]) {
    const found = await find(name);
    const picked = pickToolchain(own ? found.filter((t) => t.folder !== null) : found, version);
    if (picked === undefined) throw new SallyportError('env.unavailable', `sallyport.yaml asks for ${name} ${version}, and this machine has ${found.length === 0 ? 'none' : found.map((t) => t.version).join(', ')}${own ? ' (below /usr is not seen in a root of its own)' : ''}`, { hint: `Install it, or name its folder in environments.yaml of the state directory: toolchains: { ${name}: [/absolute/folder] }` });
    const target = `/opt/toolchain/${name}`;
    if (picked.folder === null) mounts.delete(target);
    else mounts.set(target, { source: realpathSync(picked.folder), target });
  }
  return [...mounts.values()];
}

function expand(place: string): string[] {
  const [before, after] = place.split('*');
  if (after === undefined) return [place];
  const parent = (before ?? '').replace(/\/$/, '');
  try {
    return readdirSync(parent).map((name) => join(parent, name + after));
  } catch {
    return [];
  }
}

function compare(a: string, b: string): number {
  const [x, y] = [a, b].map((v) => v.split('.').map(Number)) as [number[], number[]];
  for (let i = 0; i < Math.max(x.length, y.length); i++) if ((x[i] ?? 0) !== (y[i] ?? 0)) return (x[i] ?? 0) - (y[i] ?? 0);
  return 0;
}
