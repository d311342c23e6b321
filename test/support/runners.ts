import { execFileSync } from 'node:child_process';
import { accessSync, constants, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, relative } from 'node:path';
import type { TestContext } from 'vitest';
import type { Collector } from '../../src/gate/collect.js';
import { findSource, locatorOf, openMirror, resolveRef, updateMirror } from '../../src/git/mirror.js';
import { materialise } from '../../src/git/tree.js';
import { npmRegistry } from '../../src/main/registry.js';
import { EnvironmentSpec } from '../../src/protocol/environment.js';
import { prepareSnapshot } from '../../src/setup/prepare.js';
import { layersOf } from '../../src/setup/snapshot.js';
import { MemoryJournal } from './journal.js';
import { NO_REGISTRIES } from './preparing.js';
import { makeRepo } from './repo.js';
import { doorRules } from './rules.js';
import { ROOT, testOwner, testSeal } from './sandbox.js';

/** Real runners: those of npm come by the product's own fetch phase from the registry that this machine's npm names. */
export function fixture(name: string): Record<string, string> {
  const at = join(ROOT, 'test/fixtures/runners', name);
  const files = readdirSync(at, { recursive: true, withFileTypes: true }).filter((e) => e.isFile()).map((e) => join(e.parentPath, e.name));
  return Object.fromEntries(files.map((file) => [relative(at, file), readFileSync(file, 'utf8')]));
}

/** Skips, and says why, where a program is not among those that the sandbox sees. */
export function needs(context: TestContext, program: string, ...probe: readonly string[]): void {
  try {
    accessSync(`/usr/bin/${program}`, constants.X_OK);
    if (probe.length > 0) execFileSync(`/usr/bin/${program}`, probe, { stdio: 'ignore', env: { PATH: '/usr/bin:/bin' } });
  } catch {
    context.skip(`/usr/bin/${program} ${probe.join(' ')} does not work on this machine`.replace('  ', ' '));
  }
}

const known = new Map<string, string[]>();

/** Fetches a fixture's dependencies as a run would, once for a folder, and gives the layers of its tree. */
export async function fetched(context: TestContext, collector: Collector, folder: string, name: string): Promise<string[]> {
  const at = join(folder, `repo-${name}`);
  const before = known.get(at);
  if (before !== undefined) return before;
  needs(context, 'node', '-e', 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)');
  const ask = npmRegistry(homedir(), process.env['PATH'] ?? '/usr/bin:/bin', () => undefined);
  const registry = await ask().catch((error: unknown) => context.skip(`npm names no registry: ${String(error)}`));
  await fetch(registry.url).catch((error: unknown) => context.skip(`the npm registry does not answer: ${String(error)}`));
  makeRepo(at, fixture(name));
  const source = await findSource(at, '/', []);
  const git = await openMirror(join(folder, 'mirrors'), locatorOf(source));
  await updateMirror(git, source);
  const { tree: id } = await resolveRef(git, 'HEAD');
  const laidOut = (await materialise(git, id, join(folder, 'trees'), testOwner())).path;
  const snapshot = await prepareSnapshot({
    rules: async () => doorRules(),
    driver: collector.driver, owner: testOwner(), snapshots: join(folder, 'snapshots'), scratch: join(folder, 'sockets'), git, tree: id, laidOut, baseTree: id, trust: 'base',
    environment: { spec: EnvironmentSpec.parse({ version: 1 }), checks: {}, source: 'test' }, registries: { ...NO_REGISTRIES, npm: async () => registry }, toolchain: 'test', secret: null, upkeep: null, seal: testSeal(), exclusively: (_, body) => body(), journal: new MemoryJournal(), signal: collector.signal,
  });
  const layers = [...layersOf(join(folder, 'snapshots'), snapshot), laidOut];
  known.set(at, layers);
  return layers;
}
