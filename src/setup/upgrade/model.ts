import { z } from 'zod';
import type { InstalledPackage, Inventory } from '../../egress/inventory.js';
import type { NamedPackage } from '../../egress/lockfile.js';
import type { Tool } from '../../egress/rules.js';
import type { Ecosystem } from '../../protocol/event.js';
import type { Command } from '../ecosystems/plan.js';
import type { Edit, Specifier } from './edits.js';

/** Versions of an ecosystem, as they are ordered there. */
export interface Releases {
  /** As OSV spells the ecosystem. */
  readonly osv: string;
  /** What a release is called that its publisher took back in part. */
  readonly withdrawn: string;
  valid(version: string): boolean;
  /** No prerelease. */
  final(version: string): boolean;
  compare(a: string, b: string): number;
  major(version: string): number;
  minor(version: string): number;
}

/** A vulnerable version, and where it is installed. */
export interface Affected {
  readonly name: string;
  readonly version: string;
  readonly advisories: readonly string[];
  readonly instances: readonly InstalledPackage[];
}

/** How a version gets into a project. */
export interface Way {
  readonly how: 'direct' | 'lock' | 'override';
  readonly edits: readonly Edit[];
  /** Changes of pyproject.toml; left out where there are none. */
  readonly specifiers?: readonly Specifier[];
  readonly notes: readonly string[];
}

export interface Refused {
  readonly reason: string;
}

/** A project whose dependencies can be planned for, whatever its ecosystem. */
export interface UpgradeProject {
  readonly ecosystem: Ecosystem;
  readonly inventory: Pick<Inventory, 'packages'>;
  readonly releases: Releases;
  way(affected: Affected, to: string): Way | Refused;
}

/** A rule that says for others which version they get. */
export interface Rule {
  /** Where it stands, as an edit names it. */
  readonly edit: readonly string[];
  /** Who asks, then what it is about; each a name, perhaps with `@range`. */
  readonly path: readonly string[];
  readonly name: string;
  readonly value: string;
}

/** How a client lets a project say for others which version they get. */
export interface OverrideStyle {
  readonly rules: readonly Rule[];
  /** How a rule names who asks. `by` as in the inventory. */
  asker(by: string): string;
  /** Where the rule stands for what one package asks for. */
  under(asker: string, as: string): readonly string[];
  /** Where it stands for everybody who asks by a range; null where the client knows no such rule. */
  ofRange(as: string, range: string): readonly string[] | null;
}

/** What a client of npm's registry does in its own way. */
export interface NodeClient {
  readonly name: string;
  readonly locked: readonly NamedPackage[];
  /** What is fetched to run it. */
  readonly tools: readonly Tool[];
  /** It cannot make a lockfile without the packages themselves. */
  readonly tarballs: boolean;
  /** Laid over the manifests that it sees; key = path. */
  readonly files: ReadonlyMap<string, string>;
  /** Where package.json has the overrides; null: they stand in a file of the client's own, which `editFiles` writes. */
  readonly overridesAt: readonly string[] | null;
  /** Files beside package.json and the lockfile that the edits change. */
  editFiles(edits: readonly Edit[]): ReadonlyMap<string, { readonly before: string; readonly after: string; readonly shown: string }>;
  /** The lockfile as the client gets it, without what is to be resolved anew. */
  prune(gone: (name: string, version: string) => boolean): string;
  /** They make the lockfile, in place. */
  commands(what: string): readonly Command[];
  /** The lockfile that was made, with the old one's text for all that did not change. */
  merge(made: string, edits: readonly Edit[]): string;
  readLocked(lockfile: string): readonly NamedPackage[];
  inventory(lockfile: string, packageJson: string): Inventory;
}

const Ranges = z.record(z.string(), z.string()).default({});
export const Manifest = z.looseObject({ dependencies: Ranges, devDependencies: Ranges, optionalDependencies: Ranges, peerDependencies: Ranges, overrides: z.record(z.string(), z.unknown()).default({}), workspaces: z.unknown().optional() });
export type Manifest = z.infer<typeof Manifest>;

/** A project of the npm registry whose dependencies can be upgraded: one package, with a lockfile. */
export interface NodeProject extends UpgradeProject {
  readonly ecosystem: 'npm';
  readonly packageJson: string;
  readonly lockfile: { readonly path: string; readonly text: string };
  readonly manifest: Manifest;
  readonly inventory: Inventory;
  readonly overrides: OverrideStyle;
  readonly client: NodeClient;
}

/** A file that upgrades change, as it is afterwards. */
export interface ResolvedFile {
  readonly path: string;
  readonly body: Buffer;
}
