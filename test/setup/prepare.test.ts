import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { findSource, locatorOf, type Mirror, openMirror, resolveRef, updateMirror } from '../../src/git/mirror.js';
import { materialise } from '../../src/git/tree.js';
import { EnvironmentSpec } from '../../src/protocol/environment.js';
import { ALWAYS_DEMANDED } from '../../src/protocol/guarantee.js';
import { newId } from '../../src/protocol/ids.js';
import type { ExecRequest, Sandbox, SandboxDriver, SandboxSpec } from '../../src/sandbox/sandbox.js';
import { prepareSnapshot, type SetupRequest } from '../../src/setup/prepare.js';
import { vouchedFor } from '../../src/setup/seal.js';
import { layersOf, type Snapshot } from '../../src/setup/snapshot.js';
import { MemoryJournal } from '../support/journal.js';
import { NO_REGISTRIES } from '../support/preparing.js';
import { type FakeRegistry, startRegistry } from '../support/registry.js';
import { makeRepo } from '../support/repo.js';
import { doorRules } from '../support/rules.js';
import { leftovers, remove, scratch, testDriver, testOwner, testSeal } from '../support/sandbox.js';

const TOKEN = 'Bearer very-secret-registry-token';
let folder: string;
let driver: SandboxDriver;
let registry: FakeRegistry;
let before: ReturnType<typeof leftovers>;
let count = 0;

beforeAll(async () => {
  folder = scratch();
  driver = testDriver(folder);
  await driver.probe();
  registry = await startRegistry([
    { name: 'leaf', version: '1.0.0', files: { 'index.js': 'module.exports = "leaf"' } },
    { name: 'branch', version: '1.2.3', manifest: { dependencies: { leaf: '^1.0.0' }, bin: { branch: 'bin/branch' } }, files: { 'index.js': 'module.exports = "branch+" + require("leaf")', 'bin/branch': '#!/usr/bin/env node\nconsole.log(require(".."))' } },
    { name: '@s/noisy', version: '2.0.0', manifest: { scripts: { preinstall: 'echo ran > pre', postinstall: 'node post.js' } }, files: { 'index.js': '', 'post.js': 'const r=require("net").connect(4873,"127.0.0.1").on("error",e=>require("fs").writeFileSync("ran",e.code)).on("connect",()=>{require("fs").writeFileSync("ran","CONNECTED");process.exit()})' } },
  ], TOKEN);
});
afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  await remove(folder);
});
beforeEach(() => {
  before = leftovers();
});
afterEach(() => {
  expect(leftovers()).toEqual(before);
  for (const name of ['snapshots', 'scratch']) {
    const at = join(folder, name);
    if (existsSync(at)) expect(readdirSync(at).filter((n) => !n.startsWith('snap_'))).toEqual([]);
  }
});

const seal = testSeal();
const never = (): never => {
  throw new Error('there is none');
};
const DEPS = { branch: '1.2.3', leaf: '1.0.0' };
const pkg = (more: object = {}): string => JSON.stringify({ name: 'project', version: '1.0.0', dependencies: DEPS, ...more });
const locked = (): string => registry.lockfile(Object.entries(DEPS));

interface Case { files: Record<string, string>; base?: Record<string, string>; setup?: object; variables?: Record<string, string>; trust?: string; driver?: SandboxDriver; signal?: AbortSignal; secrets?: Record<string, string>; upkeep?: string }
async function repo(files: Record<string, string>): Promise<{ git: Mirror; tree: string }> {
  const at = join(folder, `repo-${count++}`);
  makeRepo(at, files);
  const source = await findSource(at, '/', []);
  const git = await openMirror(join(folder, 'mirrors'), locatorOf(source));
  await updateMirror(git, source);
  return { git, tree: (await resolveRef(git, 'HEAD')).tree };
}
async function prepare(options: Case, journal = new MemoryJournal()): Promise<{ snapshot: Snapshot; lowers: string[]; journal: MemoryJournal }> {
  const { git, tree } = await repo(options.files);
  const laidOut = (await materialise(git, tree, join(folder, 'trees'), testOwner())).path;
  const request: SetupRequest = {
    driver: options.driver ?? driver, owner: testOwner(), snapshots: join(folder, 'snapshots'), scratch: join(folder, 'scratch'), git, tree, laidOut, baseTree: tree,
    environment: { spec: EnvironmentSpec.parse({ version: 1, setup: options.setup, variables: options.variables }), checks: {}, source: 'test' },
    rules: async () => doorRules(), trust: options.trust ?? `t${count++}`, registries: { ...NO_REGISTRIES, npm: async () => ({ url: registry.url, authorization: TOKEN }) }, toolchain: 'test', secret: options.secrets === undefined ? null : async (name) => options.secrets?.[name] ?? '', upkeep: options.upkeep ?? null, seal, exclusively: (_, body) => body(), journal, signal: options.signal ?? new AbortController().signal,
  };
  const snapshot = await prepareSnapshot(request);
  return { snapshot, lowers: [...layersOf(join(folder, 'snapshots'), snapshot), laidOut], journal };
}
/** What a command prints in a sandbox as the agent would get it. */
async function see(lowers: readonly string[], script: string): Promise<string> {
  await using sandbox = await driver.open({ id: newId('sb'), phase: 'verify', demanded: ALWAYS_DEMANDED, workspace: { lowers, layer: null }, mounts: [], egressSocket: null, scratch: null, limits: { memory: 512, pids: 64, cpus: 2 }, variables: {} });
  const result = await sandbox.exec({ argv: ['/bin/sh', '-c', script], timeout: 20_000, maxOutput: 100_000 });
  return result.stdout.toString() + result.stderr.toString();
}
/** The driver, with a look into each sandbox before a command runs in it. */
function watched(look: (spec: SandboxSpec, sandbox: Sandbox, request: ExecRequest) => Promise<void>): SandboxDriver {
  return {
    name: driver.name, probe: () => driver.probe(), reap: (ids) => driver.reap(ids), sweep: () => driver.sweep(), once: (spec, request) => driver.once(spec, request), close: () => driver.close(),
    async open(spec) {
      const sandbox = await driver.open(spec);
      return {
        id: sandbox.id, phase: sandbox.phase, enforced: sandbox.enforced, missing: sandbox.missing, executed: () => sandbox.executed(), close: () => sandbox.close(), [Symbol.asyncDispose]: () => sandbox[Symbol.asyncDispose](),
        exec: async (request) => {
          await look(spec, sandbox, request);
          return await sandbox.exec(request);
        },
      };
    },
  };
}

describe('setup', () => {
  it('fetches what the lockfile names, runs no script, and says all of it on the log', async () => {
    const files = { 'package.json': pkg({ dependencies: { ...DEPS, '@s/noisy': '2.0.0' }, scripts: { preinstall: 'touch /workspace/pwned', prepare: 'touch /workspace/pwned' } }), 'package-lock.json': registry.lockfile([...Object.entries(DEPS), ['@s/noisy', '2.0.0']]), 'src.js': 'console.log(require("branch"))' };
    const { snapshot, lowers, journal } = await prepare({ files });
    expect(await see(lowers, 'node src.js; node_modules/.bin/branch; ls -A; ls node_modules/@s/noisy')).toBe('branch+leaf\nbranch+leaf\nnode_modules\npackage-lock.json\npackage.json\nsrc.js\nindex.js\npackage.json\npost.js\n');
    expect(journal.types.filter((t) => !['egress.requested', 'command.started', 'command.ended'].includes(t))).toEqual(['sandbox.started', 'sandbox.ended', 'setup.fetched', 'sandbox.started', 'sandbox.ended', 'snapshot.frozen']);
    expect(journal.of('setup.fetched')[0]?.packages.map((p) => `${p.name}@${p.version}`).sort()).toEqual(['@s/noisy@2.0.0', 'branch@1.2.3', 'leaf@1.0.0']);
    expect(journal.of('egress.requested').filter((e) => e.verdict !== 'allow')).toEqual([]);
    expect(journal.of('snapshot.frozen')).toEqual([{ snapshot: snapshot.id, inputs: expect.stringMatching(/^sha256:/), reused: false, sbom: expect.objectContaining({ media: 'application/vnd.cyclonedx+json' }) }]);
    expect(journal.text).not.toContain('very-secret');
    expect(readFileSync(join(folder, 'snapshots', snapshot.id as string, 'meta.json'), 'utf8')).toContain('application/vnd.sallyport.snapshot+json');
  });

  it('shows the fetch phase manifests and lockfiles and no other file of the tree', async () => {
    const seen: string[] = [];
    const spy = watched(async (spec, sandbox, request) => {
      if (spec.phase !== 'fetch' || request.argv[0] !== 'npm') return;
      seen.push((await sandbox.exec({ argv: ['/bin/sh', '-c', 'find /workspace -type f -o -type l | sort; cat .npmrc; grep -rl TOP-SECRET / --include="*" -s --exclude-dir=proc --exclude-dir=sys --exclude-dir=usr || true'], timeout: 20_000, maxOutput: 100_000 })).stdout.toString());
    });
    const files = { 'package.json': pkg({ workspaces: ['packages/*'] }), 'package-lock.json': locked(), '.env': 'TOP-SECRET', 'src/secret.js': 'TOP-SECRET', 'packages/one/package.json': '{"name":"one","version":"1.0.0"}', 'packages/one/.npmrc': 'registry=http://evil/', 'node_modules/x/package.json': '{"name":"TOP-SECRET"}', '.npmrc': 'registry=http://evil/\nlegacy-peer-deps=true\n', '.npmrc.d/package.json': '{}' };
    await prepare({ files: { ...files, 'package-lock.json': JSON.stringify({ ...JSON.parse(locked()), packages: { ...JSON.parse(locked()).packages, '': { name: 'project', version: '1.0.0', dependencies: DEPS, workspaces: ['packages/*'] }, 'packages/one': { name: 'one', version: '1.0.0' }, 'node_modules/one': { resolved: 'packages/one', link: true } } }) }, driver: spy });
    expect(seen).toEqual(['/workspace/.npmrc\n/workspace/.npmrc.d/package.json\n/workspace/package-lock.json\n/workspace/package.json\n/workspace/packages/one/package.json\nlegacy-peer-deps=true\n']);
  });

  it('lets an .npmrc of the tree turn nothing, neither in fetch nor in build', async () => {
    const files = {
      'package.json': pkg({ dependencies: { '@s/noisy': '2.0.0' } }), 'package-lock.json': registry.lockfile([['@s/noisy', '2.0.0']]), 'evil.sh': '#!/bin/sh\ntouch /workspace/pwned\n', 'evil.cjs': 'require("fs").writeFileSync("/workspace/pwned2", "")',
      '.npmrc': 'ignore-scripts=true\nscript-shell=/workspace/evil.sh\nnode-options=--require=/workspace/evil.cjs\nregistry=http://127.0.0.1:1/\n@s:registry=http://127.0.0.1:1/\nproxy=http://127.0.0.1:1/\ncache=/workspace/cache\n',
    };
    const { lowers, journal } = await prepare({ files, setup: { install_scripts: ['@s/noisy'] } });
    expect(await see(lowers, 'cat node_modules/@s/noisy/pre node_modules/@s/noisy/ran; echo; ls')).toBe('ran\nECONNREFUSED\nevil.cjs\nevil.sh\nnode_modules\npackage-lock.json\npackage.json\n');
    expect(journal.of('sandbox.started').map((s) => s.phase)).toEqual(['fetch', 'build', 'extract']);
  });

  it('runs the setup script on the whole tree without a route, with its variables', async () => {
    const { lowers } = await prepare({ files: { 'a.txt': 'a' }, setup: { script: 'cat a.txt > made; echo "$COLOUR" >> made; ls /sys/class/net >> made 2>/dev/null || cat /proc/net/dev | tail -n +3 | cut -d: -f1 | tr -d " " >> made; ls /run/sallyport >> made 2>&1 || true' }, variables: { COLOUR: 'blue' } });
    expect(await see(lowers, 'cat made')).toBe("ablue\nlo\nls: cannot access '/run/sallyport': No such file or directory\n");
  });

  it('uses a snapshot again when nothing of its inputs differs, and never across trust levels', async () => {
    const options: Case = { files: { 'package.json': pkg(), 'package-lock.json': locked() }, trust: 'shared' };
    const first = await prepare(options);
    const asked = registry.requests.length;
    const second = await prepare({ ...options, files: { ...options.files, 'other.js': 'not an input of a fetch' } });
    expect([second.snapshot, second.journal.types, registry.requests.length]).toEqual([first.snapshot, ['snapshot.frozen'], asked]);
    expect(second.journal.of('snapshot.frozen')[0]?.reused).toBe(true);
    const third = await prepare({ ...options, trust: 'other' });
    expect([third.snapshot.id === first.snapshot.id, third.journal.of('snapshot.frozen')[0]?.reused]).toEqual([false, false]);
  });

  it('makes another snapshot when the script, the variables, the tree under a build or the configuration differ', async () => {
    const options: Case = { files: { 'a.txt': 'a' }, setup: { script: 'true' }, trust: 'inputs' };
    const ids = new Set<string | null>();
    const others: Partial<Case>[] = [{}, { setup: { script: 'true #2' } }, { variables: { A: '1' } }, { variables: { A: '2' } }, { files: { 'a.txt': 'b' } }, { files: { 'a.txt': 'a', '.npmrc': 'omit=dev' } }];
    for (const more of others) ids.add((await prepare({ ...options, ...more })).snapshot.id);
    expect(ids.size).toBe(6);
  });

  it('gives secrets to the scripts alone, and refuses a setup that leaves one behind', async () => {
    const secrets = { LICENCE: 'very-hidden-licence' };
    const { lowers, journal } = await prepare({ files: { 'a.txt': 'a' }, setup: { script: 'printf %s "$LICENCE" | wc -c > length; echo "$LICENCE"', secrets: ['LICENCE'] }, secrets });
    expect(await see(lowers, 'cat length; echo "[$LICENCE]"; grep -rc very-hidden /workspace || true')).toMatch(/^19\n\[\]\n(.*:0\n)+$/);
    expect(journal.of('command.started').map((c) => c.env)).toContainEqual(['LICENCE']);
    expect(JSON.stringify(journal.of('command.started'))).not.toContain('very-hidden');
    for (const left of ['echo "$LICENCE" > left', 'mkdir d; echo "key=$LICENCE" | base64 -w0 > d/left', 'ln -s "/$LICENCE" left', 'mkdir "left-$LICENCE"', 'printf %s "$LICENCE" | od -An -tx1 | tr -d " \\n" > left']) {
      await expect(prepare({ files: { 'a.txt': 'a' }, setup: { script: left, secrets: ['LICENCE'] }, secrets }), left).rejects.toMatchObject({ code: 'setup.secret_left', message: expect.stringMatching(/"LICENCE" stands in \S*left/) });
    }
    const failing = prepare({ files: { 'a.txt': 'a' }, setup: { script: 'echo "key $LICENCE"; echo "$LICENCE" | base64 >&2; exit 3', secrets: ['LICENCE'] }, secrets });
    await expect(failing).rejects.toMatchObject({ code: 'setup.build_failed', message: expect.stringMatching(/exit 3.*key \[redacted/s) });
    await expect(failing).rejects.not.toMatchObject({ message: expect.stringMatching(/very-hidden|dmVyeS1oaWRkZW4/) });
    const head = await prepare({ files: { 'a.txt': 'a' }, setup: { script: 'env | grep -c LICENCE > had || true', secrets: ['LICENCE'] } });
    expect(await see(head.lowers, 'cat had')).toBe('0\n');
  });

  it('runs the maintenance script when a frozen setup is used again, in a layer of that run alone', async () => {
    const options: Case = { files: { 'a.txt': 'a' }, setup: { script: 'echo made > made', maintenance: 'cat made a.txt > kept; echo again > made; ls /sys/class/net 2>/dev/null || true' }, trust: 'kept' };
    const first = await prepare({ ...options, upkeep: 'run_1' });
    expect(await see(first.lowers, 'cat made; ls')).toBe('made\na.txt\nmade\n');
    const second = await prepare({ ...options, upkeep: 'run_2' });
    expect(second.snapshot).toEqual({ id: expect.stringMatching(/^snap_/), parts: ['build'], over: first.snapshot });
    expect(await see(second.lowers, 'cat made kept')).toBe('again\nmade\na');
    expect(second.journal.of('snapshot.frozen').map((e) => [e.snapshot, e.reused])).toEqual([[first.snapshot.id, true], [second.snapshot.id, false]]);
    const third = await prepare({ ...options, upkeep: 'run_3' });
    expect(third.snapshot.id).not.toBe(second.snapshot.id);
    expect((await prepare(options)).snapshot).toEqual(first.snapshot);
    await expect(prepare({ ...options, setup: { ...options.setup, maintenance: 'echo no such thing >&2; exit 3' }, upkeep: 'run_4' })).rejects.toMatchObject({ code: 'setup.build_failed', message: expect.stringMatching(/maintenance script failed.*no such thing/s) });
  });

  it('needs nothing where nothing is named', async () => {
    const cases: Record<string, string>[] = [{ 'a.txt': 'a' }, { 'package.json': '{"name":"x"}' }, { 'package.json': '{"name":"x"}', 'package-lock.json': '{"lockfileVersion":3,"packages":{"":{}}}' }];
    for (const files of cases) {
      expect([(await prepare({ files })).snapshot]).toEqual([{ id: null, parts: [] }]);
    }
  });

  it('makes the links of workspaces that need no package', async () => {
    const { lowers } = await prepare({ files: { 'package.json': '{"name":"x","version":"1.0.0","workspaces":["packages/*"]}', 'packages/one/package.json': '{"name":"one","version":"1.0.0"}', 'packages/one/index.js': 'module.exports = 1', 'package-lock.json': '{"name":"x","version":"1.0.0","lockfileVersion":3,"requires":true,"packages":{"":{"name":"x","version":"1.0.0","workspaces":["packages/*"]},"node_modules/one":{"resolved":"packages/one","link":true},"packages/one":{"version":"1.0.0"}}}' } });
    expect(await see(lowers, 'node -p "require(\'one\')"')).toBe('1\n');
  });

  it('wants a lockfile, or leave to resolve', async () => {
    await expect(prepare({ files: { 'package.json': pkg() } })).rejects.toMatchObject({ code: 'setup.fetch_failed', hint: expect.stringContaining('resolve: true') });
    const { lowers, journal } = await prepare({ files: { 'package.json': pkg() }, setup: { resolve: true } });
    expect(await see(lowers, 'node -p "require(\'branch\')"; ls')).toBe('branch+leaf\nnode_modules\npackage.json\n');
    expect(new Set(journal.of('egress.requested').map((e) => e.rule))).toEqual(new Set(['resolution-allowed']));
    expect(journal.of('setup.fetched')[0]?.packages.map((p) => p.integrity).sort()).toEqual([registry.integrity('branch', '1.2.3'), registry.integrity('leaf', '1.0.0')].sort());
  });

  it('fails on a tampered package and keeps nothing', async () => {
    registry.intercept = (path, _, response) => path.endsWith('leaf-1.0.0.tgz') && response.end('TAMPERED');
    const journal = new MemoryJournal();
    const failing = prepare({ files: { 'package.json': pkg(), 'package-lock.json': locked() }, trust: 'tampered' }, journal);
    await expect(failing).rejects.toMatchObject({ code: 'setup.fetch_failed' });
    registry.intercept = null;
    expect(journal.of('egress.requested').filter((e) => e.verdict === 'deny').map((e) => [e.rule, e.status])).toContainEqual(['integrity', 502]);
    expect((await prepare({ files: { 'package.json': pkg(), 'package-lock.json': locked() }, trust: 'tampered' })).journal.of('snapshot.frozen')[0]?.reused).toBe(false);
  });

  it('fails when package.json asks for more than the lockfile names', async () => {
    await expect(prepare({ files: { 'package.json': pkg({ dependencies: { ...DEPS, '@s/noisy': '2.0.0' } }), 'package-lock.json': locked() } })).rejects.toMatchObject({ code: 'setup.fetch_failed', message: expect.stringMatching(/@s(\/|%2f)noisy/) });
  });

  it('says what a failing script printed, and keeps nothing', async () => {
    const options: Case = { files: { 'a.txt': 'a' }, setup: { script: 'echo about to fail; mkdir -p deep/dir; chmod 000 deep; false | true; echo not reached' } };
    await expect(prepare(options)).rejects.toMatchObject({ code: 'setup.build_failed', message: expect.stringMatching(/exited, exit 1.*about to fail$/s) });
    await expect(prepare({ files: { 'a.txt': 'a' }, setup: { script: 'sleep 60', timeout: 1 } })).rejects.toMatchObject({ code: 'setup.build_failed', message: expect.stringContaining('timeout') });
  });

  it('stops when it is told to', async () => {
    const controller = new AbortController();
    const spy = watched(async (spec, _, request) => {
      if (spec.phase === 'build' && request.argv[0] === '/bin/bash') setTimeout(() => controller.abort(new Error('stopped')), 50);
    });
    await expect(prepare({ files: { 'a.txt': 'a' }, setup: { script: 'sleep 60' }, driver: spy, signal: controller.signal })).rejects.toThrow('stopped');
  });

  it('uses a snapshot only as it was frozen, with its record signed here; any other is made anew, and that is said', async () => {
    const files = { 'package.json': pkg(), 'package-lock.json': locked(), 'src.js': '' };
    const first = await prepare({ files, trust: 'seal' });
    const at = join(folder, 'snapshots', first.snapshot.id as string);
    const frozen = async () => (await prepare({ files, trust: 'seal' })).journal;
    expect((await frozen()).of('snapshot.frozen')).toMatchObject([{ reused: true }]);
    const layer = existsSync(join(at, 'fetch/disk.img')) ? join(at, 'fetch/disk.img') : join(at, 'fetch/upper/node_modules/leaf/index.js');
    const { atime, mtime } = statSync(layer);
    const fd = openSync(layer, 'r+');
    writeSync(fd, 'x', statSync(layer).size > 1e6 ? 1e6 : 0);
    closeSync(fd);
    utimesSync(layer, atime, mtime); // times of content can be set back, times of change cannot
    const changed = await frozen();
    expect([changed.of('snapshot.refused'), changed.of('snapshot.frozen')]).toMatchObject([[{ reason: 'its layer "fetch" was changed since it was frozen' }], [{ reused: false }]]);
    const record = JSON.parse(readFileSync(join(at, 'meta.json'), 'utf8')) as { payload: string };
    writeFileSync(join(at, 'meta.json'), JSON.stringify({ ...record, payload: Buffer.from(Buffer.from(record.payload, 'base64').toString().replace('"seal"', '"base"')).toString('base64') }));
    expect((await frozen()).of('snapshot.refused')).toMatchObject([{ reason: 'its record is not signed by this installation' }]);
    writeFileSync(join(at, 'meta.json'), '{"v":1}');
    expect((await frozen()).of('snapshot.refused')).toHaveLength(1);
    writeFileSync(join(at, 'sbom.json'), '{}');
    expect((await frozen()).of('snapshot.refused')).toMatchObject([{ reason: 'its list of packages was changed since it was frozen' }]);
    const again = await frozen();
    const sbom = JSON.parse((await again.load(again.of('snapshot.frozen')[0]?.sbom ?? never())).toString()) as { components: { purl: string }[] };
    expect(sbom.components.map((c) => c.purl)).toEqual(['pkg:npm/branch@1.2.3', 'pkg:npm/leaf@1.0.0']);
    expect((await frozen()).of('snapshot.frozen')).toMatchObject([{ reused: true }]);
    const id = first.snapshot.id as string;
    await vouchedFor(seal, join(folder, 'snapshots'), id);
    await expect(vouchedFor(seal, join(folder, 'snapshots'), `snap_${'0'.repeat(32)}`)).rejects.toMatchObject({ code: 'setup.snapshot_changed', message: expect.stringContaining('nobody vouches for it') });
    writeFileSync(join(at, 'sbom.json'), '{}');
    await expect(vouchedFor(seal, join(folder, 'snapshots'), id)).rejects.toMatchObject({ code: 'setup.snapshot_changed', message: expect.stringContaining('list of packages was changed') });
  });

  it('gives one whole snapshot when two runs make it at once', async () => {
    const options: Case = { files: { 'package.json': pkg(), 'package-lock.json': locked() }, trust: 'race' };
    mkdirSync(join(folder, 'scratch'), { recursive: true });
    const both = await Promise.all([prepare(options), prepare(options)]);
    expect(both[0].snapshot).toEqual(both[1].snapshot);
    expect(await see(both[0].lowers, 'node -p "require(\'branch\')"')).toBe('branch+leaf\n');
  });
});
