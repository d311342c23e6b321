import { posix } from 'node:path';
import { cargoFront } from '../../egress/cargo-front.js';
import { parseCargoLock } from '../../egress/locks/cargo.js';
import { listOf, readToml, tableOf, textOf } from '../../egress/locks/python.js';
import type { TomlTable, TomlValue } from '../../egress/toml.js';
import { SallyportError } from '../../protocol/errors.js';
import { CARGO } from '../dependencies.js';
import { insideUrl } from '../fetch-sandbox.js';
import type { Command, FetchPlan } from './plan.js';

const INSIDE_URL = insideUrl('cargo');
const VENDOR = `${CARGO}/vendor`;
/** What cargo reads wherever crates are used. Written by us: of what a tree says of sources nothing is taken over. */
const CONFIGURATION = `[source.crates-io]\nreplace-with = "vendored"\n[source.vendored]\ndirectory = "${VENDOR}"\n`;
const ENV = { CARGO_HOME: '/scratch/cargo', CARGO_NET_RETRY: '1', CARGO_HTTP_MULTIPLEXING: 'false', CARGO_TERM_PROGRESS_WHEN: 'never', CARGO_TARGET_DIR: '/scratch/target' } as const;

/** Crates, by Cargo.lock at the root. Null where none comes from a registry, or where all are part of the tree. */
export function planCargo(manifests: ReadonlyMap<string, Buffer>): FetchPlan | null {
  const root = manifests.get('Cargo.toml')?.toString('utf8');
  if (root === undefined) return null;
  const toml = readToml('Cargo.toml', root);
  expectInside(toml);
  const lockfile = manifests.get('Cargo.lock')?.toString('utf8');
  if (lockfile === undefined) {
    if (!namesCrates(toml)) return null;
    throw new SallyportError('setup.fetch_failed', 'Cannot fetch crates: Cargo.toml names some and there is no Cargo.lock', { hint: 'Commit it: cargo generate-lockfile.' });
  }
  const locked = parseCargoLock(lockfile);
  // Crates that are part of the tree are found by its own configuration.
  if (locked.every(({ name, version }) => manifests.has(`vendor/${name}/Cargo.toml`) || manifests.has(`vendor/${name}-${version}/Cargo.toml`))) return null;
  return { ecosystem: 'cargo', dependencies: ['cargo'], locked, files: sources(manifests), commands: COMMANDS, front: (registry) => cargoFront({ registry, locked, insideUrl: INSIDE_URL }) };
}

/** Sources are laid out as a folder, which cargo reads without writing anything. The options are stronger than any file. */
const COMMANDS: readonly Command[] = [
  { argv: ['/bin/sh', '-c', 'cargo --version'], env: ENV, what: 'Crates need cargo: `toolchains: { rust: VERSION }` in sallyport.yaml, or a cargo below /usr' },
  {
    argv: [
      'cargo', 'vendor', '--locked', '--respect-source-config', '--versioned-dirs', '--config', 'source.crates-io.replace-with="front"', '--config', `source.front.registry="sparse+${INSIDE_URL}/"`, VENDOR,
    ],
    env: ENV, what: 'cargo could not fetch the crates',
  },
  { argv: ['/bin/sh', '-c', 'printf %s "$1" > "$2"', 'write', CONFIGURATION, `${CARGO}/config.toml`], what: 'The configuration of cargo could not be written' },
];

const KINDS = ['dependencies', 'dev-dependencies', 'build-dependencies'] as const;

/** Every table of dependencies in a manifest. */
function dependencyTables(toml: TomlTable): TomlTable[] {
  const holders = [toml, tableOf(toml['workspace']), ...Object.values(tableOf(toml['target'])).map(tableOf)];
  return [...holders.flatMap((holder) => KINDS.map((kind) => tableOf(holder[kind]))), ...Object.values(tableOf(toml['patch'])).map(tableOf)];
}

function namesCrates(toml: TomlTable): boolean {
  return dependencyTables(toml).some((table) => Object.values(table).some((one) => typeof one === 'string' || textOf(tableOf(one)['path']) === undefined));
}

/** The sandbox sees the tree alone. */
function expectInside(toml: TomlTable): void {
  for (const [name, entry] of dependencyTables(toml).flatMap((table) => Object.entries(table))) {
    const path = textOf(tableOf(entry)['path']);
    const at = path === undefined ? '' : posix.normalize(path);
    if (at.startsWith('/') || at === '..' || at.startsWith('../')) throw new SallyportError('setup.fetch_failed', `Cannot fetch crates: Cargo.toml takes ${name.slice(0, 100)} from ${String(path).slice(0, 200)}, which is outside of the tree`);
  }
}

/** cargo reads no manifest of a package without sources: empty ones stand in where it would look, and none of them is kept. */
function sources(manifests: ReadonlyMap<string, Buffer>): Map<string, string> {
  const files = new Map<string, string>();
  for (const [path, body] of manifests) {
    if (posix.basename(path) !== 'Cargo.toml') continue;
    const toml = manifestOf(path, body);
    const described = tableOf(toml?.['package']);
    if (toml === null || textOf(described['name']) === undefined) continue;
    const named = (key: string): string[] => listOf(toml[key]).map(tableOf).flatMap((one) => (one['path'] === undefined ? (textOf(one['name']) ?? []) : []));
    const stubs = [
      'src/lib.rs', ...(described['links'] === undefined ? [] : ['build.rs']), ...[...named('bin'), ...nameIn(described['default-run'])].map((name) => `src/bin/${name}.rs`),
      ...named('test').map((name) => `tests/${name}.rs`), ...named('bench').map((name) => `benches/${name}.rs`), ...named('example').map((name) => `examples/${name}.rs`),
    ];
    for (const stub of stubs.filter((name) => /^(?:\w+\/)*[\w-]+\.rs$/.test(name))) files.set(posix.join(posix.dirname(path), stub), '');
  }
  return files;
}

function nameIn(value: TomlValue | undefined): string[] {
  return typeof value === 'string' ? [value] : [];
}

/** Trees also have manifests that are there to be refused. */
function manifestOf(path: string, body: Buffer): TomlTable | null {
  try {
    return readToml(path, body.toString('utf8'));
  } catch {
    return null;
  }
}
