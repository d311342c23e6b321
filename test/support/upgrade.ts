import { chmodSync, mkdirSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { parseLockfile } from '../../src/egress/lockfile.js';
import { lockedRules } from '../../src/egress/rules.js';
import { readVersions } from '../../src/egress/versions.js';
import type { Registry } from '../../src/egress/upstream.js';
import { EnvironmentSpec } from '../../src/protocol/environment.js';
import { type Hit, indexAdvisories, matchAdvisories } from '../../src/scan/advisories/match.js';
import { type OsvRecord, readOsv } from '../../src/scan/advisories/osv.js';
import type { SandboxDriver } from '../../src/sandbox/sandbox.js';
import type { FetchRequest } from '../../src/setup/fetch-sandbox.js';
import { fetchWithNpm } from '../../src/setup/npm-client.js';
import { planUpgrades, type UpgradePlan } from '../../src/setup/upgrade/plan.js';
import type { NodeProject } from '../../src/setup/upgrade/model.js';
import { npmProject } from '../../src/setup/upgrade/project.js';
import { resolveUpgrades } from '../../src/setup/upgrade/resolve.js';
import { MemoryJournal } from './journal.js';
import { NO_REGISTRIES } from './preparing.js';
import { doorRules } from './rules.js';
import { testOwner } from './sandbox.js';

/** A record that says: these versions of an npm package are affected. */
export function advisory(id: string, name: string, events: readonly Readonly<Record<string, string>>[], more: object = {}): OsvRecord {
  const read = readOsv({ id, modified: '2026-01-01T00:00:00Z', summary: `flaw in ${name}`, affected: [{ package: { ecosystem: 'npm', name }, ranges: [{ type: 'SEMVER', events }] }], ...more });
  if ('problem' in read) throw new Error(read.problem);
  return read.record;
}

export function project(files: Readonly<Record<string, string>>): NodeProject {
  return npmProject(new Map(Object.entries(files).map(([path, text]) => [path, Buffer.from(text)])));
}

/** The whole way of an upgrade, against a registry and in real sandboxes. */
export class Upgrading {
  readonly journal = new MemoryJournal();
  readonly #request: FetchRequest;
  readonly #folder: string;

  constructor(folder: string, driver: SandboxDriver, registry: Registry) {
    this.#folder = folder;
    this.#request = {
      driver, owner: testOwner(), scratch: join(folder, 'scratch'), registries: { ...NO_REGISTRIES, npm: async () => registry }, rules: async () => doorRules(), journal: this.journal, signal: new AbortController().signal,
      environment: { spec: EnvironmentSpec.parse({ version: 1 }), checks: {}, source: 'test' },
    };
  }

  async plan(of: NodeProject, records: readonly OsvRecord[]): Promise<UpgradePlan & { readonly hits: readonly Hit[] }> {
    const hits = matchAdvisories({ records }, of.inventory.packages);
    const versions = new Map<string, NonNullable<Awaited<ReturnType<typeof readVersions>>>>();
    for (const name of new Set(hits.map((h) => h.package))) {
      const known = await readVersions(name, { registry: await this.#request.registries.npm(), journal: this.journal, signal: this.#request.signal });
      if (known !== null) versions.set(name, known);
    }
    return { hits, ...planUpgrades({ project: of, hits, advisories: { records }, versions }) };
  }

  /** The files after all upgrades of the plan, as a map of the whole project. */
  async resolve(of: NodeProject, plan: UpgradePlan, records: readonly OsvRecord[] = []): Promise<Record<string, string>> {
    const index = indexAdvisories(records);
    const manifests = new Map([['package.json', Buffer.from(of.packageJson)], [of.lockfile.path, Buffer.from(of.lockfile.text)]]);
    const { files } = await resolveUpgrades({ ...this.#request, manifests, configuration: new Map(), avoid: (name, version) => index.hits({ name, version }).length > 0 }, plan.upgrades);
    return { 'package.json': of.packageJson, [of.lockfile.path]: of.lockfile.text, ...Object.fromEntries(files.map((f) => [f.path, f.body.toString('utf8')])) };
  }

  /** What `npm ci` fetches through the front that lets only the lockfile's packages through. */
  async ci(files: Readonly<Record<string, string>>): Promise<string[]> {
    const lock = files['npm-shrinkwrap.json'] ?? files['package-lock.json'] ?? '';
    mkdirSync(join(this.#folder, 'ci'), { recursive: true, mode: 0o755 });
    const fetched = await fetchWithNpm(this.#request, {
      folder: openFolder(mkdtempSync(join(this.#folder, 'ci/'))), npmrc: '', manifests: new Map(Object.entries(files).map(([path, text]) => [path, Buffer.from(text)])),
      rules: lockedRules(parseLockfile(lock)), argv: ['ci'], what: 'npm ci',
    });
    return fetched.fetched.map((p) => `${p.name}@${p.version}`).sort();
  }
}

/** Whoever runs inside must reach what lies in it. */
function openFolder(folder: string): string {
  chmodSync(folder, 0o755);
  return folder;
}
