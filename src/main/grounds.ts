import type { Guarantee } from '../protocol/guarantee.js';
import type { EnvironmentSpec, ToolName } from '../protocol/environment.js';
import type { Mount, SandboxDriver } from '../sandbox/sandbox.js';
import { HOST_USR, type RootImage, rootOf } from '../sandbox/stage/root.js';
import type { Ground } from '../workflow/context.js';
import type { Environments } from './environments.js';
import { toolchainIdentity } from './installation.js';
import { findToolchains, mountsFor, type Toolchain } from './toolchains.js';

export interface GroundOptions {
  readonly environments: Environments;
  readonly home: string;
  readonly path: string;
  /** The installation's own root; an environment that names none gets it. */
  readonly root: RootImage;
  readonly driver: (root: RootImage, toolchains: readonly Mount[], demands: readonly Guarantee[]) => SandboxDriver;
}

/** What environments stand on: for each root file system and set of tools a driver, which finds out once what it enforces. Owns them all. */
export class Grounds {
  readonly #options: GroundOptions;
  readonly #made = new Map<string, Ground>();
  readonly #found = new Map<ToolName, Promise<readonly Toolchain[]>>();

  constructor(options: GroundOptions) {
    this.#options = options;
  }

  /** Throws `env.unavailable` where this machine has no such root or tool. Nothing is started. */
  async of({ rootfs, toolchains }: Pick<EnvironmentSpec, 'rootfs' | 'toolchains'>, demands: readonly Guarantee[] = []): Promise<Ground> {
    const { environments, path } = this.#options;
    const root = rootfs === HOST_USR.kind ? this.#options.root : environments.root(rootfs);
    const own = root.kind !== HOST_USR.kind;
    const mounts = await mountsFor(toolchains, own, path, (tool) => this.#find(tool));
    const key = JSON.stringify([root, mounts, demands]);
    const made = this.#made.get(key);
    if (made !== undefined) return made;
    let identity: Promise<string> | undefined;
    const ground = { driver: this.#options.driver(root, mounts, demands), identity: () => (identity ??= identityOf(root, mounts, path)) };
    this.#made.set(key, ground);
    return ground;
  }

  /** Asks the programs of a tool for their versions, once a process. */
  #find(tool: ToolName): Promise<readonly Toolchain[]> {
    const { environments, home } = this.#options;
    const found = this.#found.get(tool) ?? findToolchains(tool, home, environments.toolchains(tool));
    this.#found.set(tool, found);
    return found;
  }

  async close(): Promise<void> {
    for (const { driver } of this.#made.values()) await driver.close();
    this.#made.clear();
  }
}

/** What tells the tools inside from others: a setup that other tools made is another one. */
async function identityOf(root: RootImage, mounts: readonly Mount[], path: string): Promise<string> {
  const found = await rootOf(root);
  const tools = mounts.map((m) => `${m.target}=${m.source}`).join(' ');
  return found.kind === 'host-usr' ? `${toolchainIdentity(path)} ${tools}` : `${found.identity} ${tools}`;
}

