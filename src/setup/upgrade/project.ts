import { z } from 'zod';
import { type Inventory, readInventory } from '../../egress/inventory.js';
import { SallyportError } from '../../protocol/errors.js';

const Ranges = z.record(z.string(), z.string()).default({});
const Manifest = z.object({ dependencies: Ranges, devDependencies: Ranges, optionalDependencies: Ranges, peerDependencies: Ranges, overrides: z.record(z.string(), z.unknown()).default({}), workspaces: z.unknown().optional() });
export type Manifest = z.infer<typeof Manifest>;

/** A project whose dependencies can be upgraded: one package, with a lockfile of npm 7 or later. */
export interface NpmProject {
  readonly packageJson: string;
  readonly lockfile: { readonly path: 'package-lock.json' | 'npm-shrinkwrap.json'; readonly text: string };
  readonly manifest: Manifest;
  readonly inventory: Inventory;
}

const SUPPORTED = 'Supported: one npm package at the root of the repository, with package-lock.json or npm-shrinkwrap.json of version 2 or 3, without workspaces.';
const OTHERS: Readonly<Record<string, string>> = { 'pnpm-lock.yaml': 'pnpm', 'yarn.lock': 'yarn', 'bun.lock': 'bun', 'bun.lockb': 'bun' };

/**
 * Takes a project from its manifests (key: path). `paths` are names of other files at the root, for saying which client locked it.
 * Throws `input.invalid` with what is supported for everything else, so that nothing is done by halves.
 */
export function npmProject(manifests: ReadonlyMap<string, Buffer>, paths: readonly string[] = []): NpmProject {
  const packageJson = manifests.get('package.json')?.toString('utf8');
  if (packageJson === undefined) throw unsupported('there is no package.json at the root');
  const path = manifests.has('npm-shrinkwrap.json') ? 'npm-shrinkwrap.json' : 'package-lock.json';
  const text = manifests.get(path)?.toString('utf8');
  if (text === undefined) {
    const other = paths.find((p) => Object.hasOwn(OTHERS, p));
    throw unsupported(other === undefined ? 'there is no package-lock.json' : `it is locked by ${OTHERS[other]} (${other})`);
  }
  const manifest = readManifest(packageJson);
  if (manifest.workspaces !== undefined) throw unsupported('it has workspaces');
  const inventory = inventoryOf(text, path);
  if (inventory.workspaces) throw unsupported(`${path} names packages of the tree itself`);
  return { packageJson, lockfile: { path, text }, manifest, inventory };
}

function readManifest(text: string): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new SallyportError('input.invalid', 'Cannot upgrade dependencies: package.json is not JSON', { cause });
  }
  const parsed = Manifest.safeParse(value);
  if (parsed.success) return parsed.data;
  throw unsupported(`package.json: ${parsed.error.issues[0]?.path.map(String).join('.').slice(0, 100)} is not what npm expects`);
}

function inventoryOf(text: string, path: string): Inventory {
  try {
    return readInventory(text);
  } catch (cause) {
    throw new SallyportError('input.invalid', `Cannot upgrade dependencies: ${path} is not a lockfile of version 2 or 3`, { cause, hint: SUPPORTED });
  }
}

function unsupported(why: string): SallyportError {
  return new SallyportError('input.invalid', `Cannot upgrade dependencies: ${why}`, { hint: SUPPORTED });
}
