import type { Inventory } from '../../egress/inventory.js';
import { classicInventory, isClassicLock, parseClassicLock, pruneClassicLock } from '../../egress/locks/yarn-classic.js';
import { berryInventory, parseBerryLock, pruneBerryLock } from '../../egress/locks/yarn-berry.js';
import { tarballUrl } from '../../egress/npm-front.js';
import { SallyportError } from '../../protocol/errors.js';
import { packageManagerOf } from '../ecosystems/package-manager.js';
import { berryClient, classicClient } from '../ecosystems/yarn.js';
import { INSIDE_URL } from '../npm-client.js';
import type { Manifest, NodeClient, NodeProject, OverrideStyle, Rule } from './model.js';
import { askerName, nameOf } from './overrides.js';
import { inventoryOf, manifestOf, nodeProject } from './project.js';
import { mergeBerryLock, mergeClassicLock } from './yarn-text.js';

const LOCK = 'yarn.lock';
const WHY = `${LOCK} cannot be used`;

/** Takes a project that yarn locked, of whatever generation, from its manifests (key: path). */
export function yarnProject(manifests: ReadonlyMap<string, Buffer>): NodeProject {
  const { packageJson, manifest } = manifestOf(manifests);
  const text = manifests.get(LOCK)?.toString('utf8') ?? '';
  const inventory = inventoryOf(WHY, () => yarnInventory(text, packageJson));
  const client = isClassicLock(text) ? classic(text, packageJson) : berry(text, packageJson);
  return nodeProject({ packageJson, manifest, lockfile: { path: LOCK, text }, inventory, client, overrides: isClassicLock(text) ? classicResolutions(manifest) : berryResolutions(manifest, inventory) });
}

/** What yarn.lock says is installed. Who asks for what in yarn 1 stands in package.json too. */
export function yarnInventory(text: string, packageJson: string): Inventory {
  if (!isClassicLock(text)) return berryInventory(text);
  const { manifest } = manifestOf(new Map([['package.json', Buffer.from(packageJson)]]));
  return classicInventory(text, [manifest.dependencies, manifest.devDependencies, manifest.optionalDependencies].flatMap((group) => Object.entries(group)));
}

/** It knows no way to make a lockfile alone: it installs, in a copy that is thrown away. */
function classic(text: string, packageJson: string): NodeClient {
  const lock = inventoryOf(WHY, () => parseClassicLock(text));
  const yarn = classicClient(packageManagerOf(packageJson));
  return {
    name: 'yarn', locked: lock.packages, tools: yarn.tools, tarballs: true, files: new Map(), overridesAt: ['resolutions'], editFiles: () => new Map(),
    prune: (gone) => parseClassicLock(pruneClassicLock(text, gone)).relocated((name, version) => tarballUrl(INSIDE_URL, name, version)),
    commands: (what) => [...yarn.commands, yarn.install([], what)], merge: (made) => mergeClassicLock(text, made, INSIDE_URL),
    readLocked: (made) => parseClassicLock(made).packages, inventory: yarnInventory,
  };
}

function berry(text: string, packageJson: string): NodeClient {
  const lock = inventoryOf(WHY, () => parseBerryLock(text));
  const yarn = berryClient(lock, packageManagerOf(packageJson));
  return {
    name: 'yarn', locked: lock.packages, tools: yarn.tools, tarballs: true, files: new Map(), overridesAt: ['resolutions'], editFiles: () => new Map(), prune: (gone) => pruneBerryLock(text, gone),
    commands: (what) => {
      if (yarn.version.startsWith('2.')) throw new SallyportError('setup.fetch_failed', `Cannot make a lockfile with yarn ${yarn.version}: before yarn 3 it makes none without installing`);
      return [...yarn.commands, yarn.install(['--mode=update-lockfile'], what)];
    },
    merge: (made) => mergeBerryLock(text, made), readLocked: (made) => parseBerryLock(made).packages, inventory: yarnInventory,
  };
}

function rulesOf(manifest: Manifest, pathOf: (key: string) => string[]): Rule[] {
  const present = manifest['resolutions'];
  return Object.entries(typeof present === 'object' && present !== null ? present : {}).flatMap(([key, value]): Rule[] => {
    const path = pathOf(key);
    return typeof value === 'string' ? [{ edit: [key], path, name: nameOf(path.at(-1) as string), value }] : [];
  });
}

/** Folders on the way to a package, with wildcards (https://classic.yarnpkg.com/docs/selective-version-resolutions). A bare name is for everybody. */
function classicResolutions(manifest: Manifest): OverrideStyle {
  const split = (key: string): string[] => (key.match(/@[^/]+\/[^/]+|[^/]+/g) ?? [key]).filter((part) => part !== '**');
  return { rules: rulesOf(manifest, split), asker: nameOf, under: (asker, as) => [`**/${asker}/${as}`], ofRange: () => null };
}

/** `parent@npm:1.0.0/name` (https://yarnpkg.com/configuration/manifest#resolutions). */
function berryResolutions(manifest: Manifest, inventory: Inventory): OverrideStyle {
  const split = (key: string): string[] => /^((?:@[^/]+\/)?[^/]+)\/((?:@[^/]+\/)?[^/]+)$/.exec(key)?.slice(1) ?? [key];
  const pathOf = (key: string): string[] => (/^@[^/]+\/[^/]+$/.test(key) ? [key] : split(key)).map((part) => part.replace('@npm:', '@'));
  return { rules: rulesOf(manifest, pathOf), asker: (by) => askerName(inventory, by, '@npm:'), under: (asker, as) => [`${asker}/${as}`], ofRange: () => null };
}
