import { z } from 'zod';
import type { Tool } from '../../egress/rules.js';
import { sriOfHex } from '../../egress/integrity.js';
import { SallyportError } from '../../protocol/errors.js';
import { TOOLS } from '../dependencies.js';
import { npmCommand } from '../npm-client.js';
import type { Command } from './plan.js';

export type Client = 'npm' | 'pnpm' | 'yarn';

/** `packageManager` of package.json (https://nodejs.org/api/packages.html#packagemanager): a client, its version and perhaps a digest. */
export interface PackageManager {
  readonly client: Client;
  readonly version: string;
  readonly digest: { readonly algorithm: string; readonly hex: string } | null;
}

const Manifest = z.object({ packageManager: z.string().max(500).optional() });

/** Null where package.json names none. A pnpm or yarn that it names in no exact version is an error: another one would be a guess. */
export function packageManagerOf(packageJson: string): PackageManager | null {
  const named = Manifest.safeParse(readJson(packageJson)).data?.packageManager;
  const match = /^(npm|pnpm|yarn)@(\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?)(?:\+(sha\d+)\.([0-9a-f]+))?$/i.exec(named ?? '');
  if (match === null) {
    if (!/^(?:pnpm|yarn)@/.test(named ?? '')) return null;
    throw new SallyportError('setup.fetch_failed', `Cannot fetch dependencies: packageManager in package.json is "${(named as string).slice(0, 100)}", expected NAME@VERSION or NAME@VERSION+ALGORITHM.HEX`);
  }
  const [, client, version, algorithm, hex] = match as unknown as [string, Client, string, string | undefined, string | undefined];
  return { client, version, digest: algorithm === undefined || hex === undefined ? null : { algorithm, hex: hex.toLowerCase() } };
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new SallyportError('setup.fetch_failed', 'Cannot read package.json: it is not JSON', { cause });
  }
}

/** A client as a package of the registry, and the commands that lay it into the dependency folder. It never comes from a download of its own. */
export interface FetchedClient {
  readonly tools: readonly Tool[];
  readonly commands: readonly Command[];
  /** Its program for `node`. */
  readonly program: string;
}

/** `digest` is that of the tarball, as for pnpm and yarn 1. */
export function clientOf(name: string, version: string, program: string, digest: PackageManager['digest']): FetchedClient {
  const integrity = digest === null ? undefined : sriOf(name, digest);
  return {
    tools: [{ name, version, ...(integrity === undefined ? {} : { integrity }) }],
    commands: [npmCommand(['install', '--global', '--prefix', TOOLS, `${name}@${version}`], `${name} ${version} could not be fetched`)],
    program: `${TOOLS}/lib/node_modules/${name}/${program}`,
  };
}

function sriOf(name: string, { algorithm, hex }: NonNullable<PackageManager['digest']>): string {
  const integrity = sriOfHex(algorithm, hex);
  if (integrity === null) throw new SallyportError('setup.fetch_failed', `Cannot fetch ${name}: "${algorithm}.${hex.slice(0, 20)}…" of packageManager in package.json is not a digest`);
  return integrity;
}
