import { mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'vitest';
import type { Registry } from '../../src/egress/upstream.js';
import { findSource, locatorOf, openMirror, resolveRef, updateMirror } from '../../src/git/mirror.js';
import { materialise } from '../../src/git/tree.js';
import { npmRegistry } from '../../src/main/registry.js';
import { EnvironmentSpec } from '../../src/protocol/environment.js';
import { ALWAYS_DEMANDED } from '../../src/protocol/guarantee.js';
import { newId } from '../../src/protocol/ids.js';
import type { Dependencies, SandboxDriver } from '../../src/sandbox/sandbox.js';
import { fetchRules, type FetchRulesInput } from '../../src/setup/fetch-rules.js';
import type { Registries } from '../../src/setup/fetch-sandbox.js';
import { prepareSnapshot } from '../../src/setup/prepare.js';
import { dependenciesOf, layersOf, type Snapshot } from '../../src/setup/snapshot.js';
import { MemoryJournal } from './journal.js';
import { makeRepo } from './repo.js';
import { testOwner, testSeal } from './sandbox.js';

export interface Prepared {
  readonly snapshot: Snapshot;
  readonly lowers: readonly string[];
  readonly dependencies: Dependencies | null;
  readonly journal: MemoryJournal;
}

/** What a test says of an environment beside its setup, and of what surrounds it. */
export interface Rest {
  readonly spec?: object;
  readonly rules?: Partial<FetchRulesInput>;
  readonly trust?: string;
}

const none = (): Promise<Registry> => Promise.reject(new Error('this test has no such registry'));

/** For what a test does not fetch. */
export const NO_REGISTRIES: Registries = { npm: none, pypi: none, go: none, cargo: none };

/** Setups of small projects in real sandboxes, as a run makes them. */
export class Preparing {
  readonly #folder: string;
  readonly #driver: SandboxDriver;
  readonly #registries: Registries;
  readonly #seal = testSeal();
  #count = 0;

  constructor(folder: string, driver: SandboxDriver, registries: Partial<Registries>) {
    this.#folder = folder;
    this.#driver = driver;
    this.#registries = { ...NO_REGISTRIES, ...registries };
    mkdirSync(join(folder, 'scratch'), { recursive: true });
  }

  async prepare(files: Readonly<Record<string, string>>, setup: object = {}, journal = new MemoryJournal(), more: Rest = {}): Promise<Prepared> {
    const spec = EnvironmentSpec.parse({ version: 1, setup, ...more.spec });
    const at = join(this.#folder, `repo-${this.#count}`);
    makeRepo(at, files);
    const source = await findSource(at, '/', []);
    const git = await openMirror(join(this.#folder, 'mirrors'), locatorOf(source));
    await updateMirror(git, source);
    const { tree } = await resolveRef(git, 'HEAD');
    const laidOut = (await materialise(git, tree, join(this.#folder, 'trees'), testOwner())).path;
    const snapshots = join(this.#folder, 'snapshots');
    const snapshot = await prepareSnapshot({
      driver: this.#driver, owner: testOwner(), snapshots, scratch: join(this.#folder, 'scratch'), git, tree, laidOut, baseTree: tree, trust: more.trust ?? `t${this.#count++}`,
      rules: async () => fetchRules({ spec, installation: { minimumAge: 0, exceptions: [] }, records: [], base: [], ...more.rules }), environment: { spec, checks: {}, source: 'test' }, registries: this.#registries, toolchain: 'test', secret: null, upkeep: null, seal: this.#seal, exclusively: (_, body) => body(), journal, signal: new AbortController().signal,
    });
    return { snapshot, lowers: [...layersOf(snapshots, snapshot), laidOut], dependencies: dependenciesOf(snapshots, snapshot), journal };
  }

  /** What a command prints in a sandbox as the agent would get it. */
  async see({ lowers, dependencies }: Pick<Prepared, 'lowers' | 'dependencies'>, script: string): Promise<string> {
    await using sandbox = await this.#driver.open({
      id: newId('sb'), phase: 'verify', demanded: ALWAYS_DEMANDED, workspace: { lowers, layer: null }, mounts: [], dependencies, egressSocket: null, scratch: null, limits: { memory: 1024, pids: 128, cpus: 2 }, variables: {},
    });
    const result = await sandbox.exec({ argv: ['/bin/sh', '-c', script], timeout: 60_000, maxOutput: 100_000 });
    return result.stdout.toString() + result.stderr.toString();
  }
}

/** The registry that this machine's npm is configured for; skips, and says why, where it does not answer. */
export async function realRegistry(context: Pick<TestContext, 'skip'>): Promise<Registry> {
  const registry = await npmRegistry(homedir(), process.env['PATH'] ?? '/usr/bin:/bin', () => undefined)().catch((error: unknown) => context.skip(`npm names no registry: ${String(error)}`));
  await fetch(registry.url).catch((error: unknown) => context.skip(`the npm registry does not answer: ${String(error)}`));
  return registry;
}
