import { existsSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { findToolchains } from '../../../src/main/toolchains.js';
import { createBwrapDriver } from '../../../src/sandbox/bwrap/driver.js';
import type { SandboxDriver } from '../../../src/sandbox/sandbox.js';
import { cargoLock, crateFile, defaultSource, type FakeCrate, type FakeCrates, startCrates } from '../../support/crates.js';
import { MemoryJournal } from '../../support/journal.js';
import { Preparing } from '../../support/preparing.js';
import { driverOptions, leftovers, remove, scratch, watched } from '../../support/sandbox.js';

/** The cargo of this machine, in real sandboxes, against a sparse registry of this test. */
const TOKEN = 'a-very-secret-token';
const LEAF: FakeCrate = { name: 'Leaf_lib', version: '1.0.0', published: '2026-11-20T00:00:00Z', code: 'pub const NAME: &str = "leaf";\n' };
const BRANCH: FakeCrate = { name: 'bra', version: '0.2.0+build', published: '2020-01-01T00:00:00Z', code: 'pub fn name() -> String { format!("branch+{}", Leaf_lib::NAME) }\n', needs: { Leaf_lib: '^1' } };
const LATER: FakeCrate = { ...LEAF, version: '1.1.0' };
const CARGO_TOML = '[package]\nname = "project"\nversion = "0.1.0"\nedition = "2021"\ndefault-run = "tool"\n\n[dependencies]\nbra = "0.2"\n\n[[bin]]\nname = "tool"\n';
const TREE = {
  'Cargo.toml': CARGO_TOML, 'Cargo.lock': '', 'src/lib.rs': '#[test]\nfn name() {\n    assert_eq!(bra::name(), "branch+leaf");\n}\n', 'src/bin/tool.rs': 'fn main() {}\n', 'tests/fixtures/bad/Cargo.toml': 'not = [toml',
};
const SEE = 'CARGO_TARGET_DIR=/tmp/t cargo test --lib --locked 2>&1 | grep "^test n\\|error"; ls; touch /opt/deps/cargo/x';

let missing: string | null = null;
let folder: string;
let registry: FakeCrates;
let driver: SandboxDriver;
let preparing: Preparing;
let before: ReturnType<typeof leftovers>;

beforeAll(async () => {
  folder = scratch();
  const [found] = await findToolchains('rust', homedir(), []);
  if (found === undefined) missing = 'no toolchain of Rust is installed here';
  driver = watched(createBwrapDriver({ ...driverOptions(folder), toolchains: found?.folder === undefined || found.folder === null ? [] : [{ source: found.folder, target: '/opt/toolchain/rust' }] }));
  await driver.probe();
  if (found !== undefined) TREE['Cargo.lock'] = cargoLock('project', [BRANCH, LEAF], await defaultSource(join(found.folder ?? '/usr', 'bin/cargo'), join(folder, 'default')));
  registry = await startCrates([LEAF, BRANCH, LATER], TOKEN);
  preparing = new Preparing(folder, driver, { cargo: async () => ({ url: registry.url, authorization: TOKEN }) });
});
afterAll(async () => {
  await driver.close();
  await registry[Symbol.asyncDispose]();
  await remove(folder);
});
beforeEach((context) => {
  if (missing !== null) context.skip(missing);
  before = leftovers();
});
afterEach(() => {
  registry.intercept = null;
  expect(leftovers()).toEqual(before);
  expect(['snapshots', 'scratch'].flatMap((name) => (existsSync(join(folder, name)) ? readdirSync(join(folder, name)) : [])).filter((n) => !n.startsWith('snap_'))).toEqual([]);
});

const refused = (journal: MemoryJournal): unknown[] => journal.of('egress.requested').filter((e) => e['verdict'] === 'deny').map((e) => [e['target'], e['rule']]);

describe('crates', () => {
  it('are built and tested without a route by what Cargo.lock pins, read-only', async () => {
    const prepared = await preparing.prepare(TREE);
    expect(await preparing.see(prepared, SEE)).toBe("test name ... ok\nCargo.lock\nCargo.toml\nsrc\ntests\ntouch: cannot touch '/opt/deps/cargo/x': Read-only file system\n");
    expect(prepared.journal.of('setup.fetched')).toMatchObject([{ packages: expect.arrayContaining([LEAF, BRANCH].map(({ name, version }) => ({ ecosystem: 'cargo', name, version, integrity: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) }))) }]);
    expect([refused(prepared.journal), JSON.stringify(prepared.journal.events).includes(TOKEN)]).toEqual([[], false]);
    const sbom = [...prepared.journal.bodies.values()].map(String).find((text) => text.includes('CycloneDX')) ?? '{}';
    expect((JSON.parse(sbom) as { components: { purl: string }[] }).components.map((c) => c.purl)).toEqual(['pkg:cargo/Leaf_lib@1.0.0', 'pkg:cargo/bra@0.2.0%2Bbuild']);
  }, 120_000);

  it('are found for a workspace whose members need one another', async () => {
    const prepared = await preparing.prepare({
      ...TREE, 'Cargo.toml': '[workspace]\nmembers = ["crates/*"]\nresolver = "2"\n', 'crates/project/Cargo.toml': CARGO_TOML.replace('edition', 'links = "z"\nedition'), 'crates/project/src/lib.rs': TREE['src/lib.rs'], 'crates/project/src/bin/tool.rs': 'fn main() {}\n', 'crates/project/build.rs': 'fn main() {}\n',
    });
    expect(await preparing.see(prepared, 'CARGO_TARGET_DIR=/tmp/t cargo test --lib --locked 2>&1 | grep "^test n\\|error"')).toBe('test name ... ok\n');
  }, 120_000);

  it('are not handed on where their file, or the line of the index, does not have the digest', async () => {
    const path = `/files/bra/bra-${BRANCH.version}.crate`;
    const journal = new MemoryJournal();
    registry.intercept = (asked, _, response) => asked === path && response.writeHead(200).end(crateFile({ ...BRANCH, code: 'pub fn name() {}' }));
    await expect(preparing.prepare(TREE, {}, journal)).rejects.toMatchObject({ code: 'setup.fetch_failed', message: expect.stringContaining('bra 0.2.0+build does not have the digest of Cargo.lock') });
    // cargo asks again after an answer of the server's own fault.
    expect(new Set(journal.of('egress.requested').filter((e) => e['rule'] === 'integrity').map((e) => `${String(e['target'])} ${String(e['verdict'])} ${String(e['bytes'])}`))).toEqual(new Set(['/cargo/dl/bra/0.2.0+build/download deny 0']));
    registry.intercept = (asked, _, response) => asked === '/index/3/b/bra' && response.writeHead(200).end(`${JSON.stringify({ name: 'bra', vers: BRANCH.version, deps: [], cksum: '0'.repeat(64), features: {}, yanked: false })}\n`);
    await expect(preparing.prepare(TREE)).rejects.toMatchObject({ code: 'setup.fetch_failed', message: expect.stringContaining('bra 0.2.0+build is in the registry with another digest than Cargo.lock has') });
  }, 120_000);

  it('are refused by the rule where Cargo.lock does not name them', async () => {
    const journal = new MemoryJournal();
    await expect(preparing.prepare({ ...TREE, 'Cargo.toml': CARGO_TOML.replace('bra = "0.2"', 'bra = "0.2"\nother = "1"') }, {}, journal)).rejects.toMatchObject({ code: 'setup.fetch_failed' });
    expect(refused(journal)).toEqual([['/cargo/ot/he/other', 'not-in-lockfile']]);
  }, 120_000);

  it('are refused where they are too young, or the registry does not say how old they are', async () => {
    const rules = { installation: { minimumAge: 30 * 86_400_000, exceptions: [] }, now: () => new Date('2026-11-21T00:00:00Z') };
    await expect(preparing.prepare(TREE, {}, new MemoryJournal(), { rules })).rejects.toMatchObject({ code: 'egress.denied', hint: expect.stringContaining('- "Leaf_lib@1.0.0" # asked for by cargo vendor') });
    registry.intercept = (asked, _, response) => asked === '/index/3/b/bra' && response.writeHead(200).end(`${JSON.stringify({ name: 'bra', vers: BRANCH.version, deps: [{ name: 'Leaf_lib', req: '^1', features: [], optional: false, default_features: true, target: null, kind: 'normal' }], cksum: /"bra"[\s\S]*?checksum = "(\w+)"/.exec(TREE['Cargo.lock'])?.[1], features: {}, yanked: false })}\n`);
    await expect(preparing.prepare(TREE, {}, new MemoryJournal(), { rules })).rejects.toMatchObject({ code: 'egress.denied', message: expect.stringContaining('the registry does not say when bra@0.2.0+build was published') });
  }, 120_000);

  it('need a lockfile, and come from no folder outside of the tree', async () => {
    await expect(preparing.prepare({ 'Cargo.toml': CARGO_TOML })).rejects.toMatchObject({ code: 'setup.fetch_failed', message: 'Cannot fetch crates: Cargo.toml names some and there is no Cargo.lock' });
    await expect(preparing.prepare({ ...TREE, 'Cargo.toml': '[dependencies]\nbra = { path = "a/../../bra" }\n' })).rejects.toMatchObject({ message: 'Cannot fetch crates: Cargo.toml takes bra from a/../../bra, which is outside of the tree' });
    expect((await preparing.prepare({ ...TREE, 'vendor/bra-0.2.0+build/Cargo.toml': '', 'vendor/Leaf_lib/Cargo.toml': '' })).snapshot).toEqual({ id: null, parts: [] });
    expect((await preparing.prepare({ 'Cargo.toml': '[package]\nname = "a"\nversion = "0.1.0"\n[dependencies]\nb = { path = "b" }\n' })).snapshot).toEqual({ id: null, parts: [] });
  });
});
