import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CallOptions, Home } from '../support/cli.js';
import { openHome } from '../support/cli.js';
import { commitAll, makeRepo, write } from '../support/repo.js';
import { busyboxMissing, busyboxRoot } from '../support/rootfs.js';

const SECRET = 'a-very-hidden-licence';

/** Definitions, secrets, roots and tools that an installation keeps, the whole way through the command line. */
describe('environments.yaml of an installation', () => {
  let home: Home;
  let repo: string;
  const options = (): CallOptions => ({ cwd: repo, env: { SHOP_LICENCE: SECRET } });
  const installation = (text: string): void => {
    mkdirSync(home.home, { recursive: true });
    writeFileSync(join(home.home, 'environments.yaml'), text);
  };
  beforeAll(() => {
    home = openHome();
    repo = join(home.folder, 'repo');
    makeRepo(repo, { 'a.txt': 'a\n', 'sallyport.yaml': 'version: 1\n' });
  });
  afterAll(() => {
    home.mayStay = true; // a run whose setup fails can be resumed
    return home[Symbol.asyncDispose]();
  });
  const commit = (yaml: string): void => {
    write(repo, { 'sallyport.yaml': yaml });
    commitAll(repo, 'environment');
  };
  const model = (command: string): string => home.model([{ tools: [{ name: 'shell', args: { command } }] }, { tools: [{ name: 'finish', args: { summary: 'done' } }] }]);

  it('gives a secret to the setup of the repository it is for, and to nobody else', async () => {
    installation(`repositories: { "${repo}": { secrets: { LICENCE: { env: SHOP_LICENCE } } } }\n`);
    commit(`version: 1\nsetup: { secrets: [LICENCE], script: 'printf %s "$LICENCE" | wc -c > length; echo "told $LICENCE"' }\nchecks: { length: { runner: command, command: '[ "$(cat length)" = ${SECRET.length} ]' } }\n`);
    const ran = await home.sally(['run', 'look', '--model', model('echo "[$LICENCE]"; env; cat length'), '--json'], options());
    expect([ran.code, ran.stderr]).toEqual([1, '']); // nothing was changed
    const log = (await home.sally(['log', 'last', '--json'])).stdout;
    expect(log).toContain('"env":["LICENCE"]');
    const stored = (folder: string): string[] => readdirSync(folder, { withFileTypes: true }).flatMap((e) => (e.isDirectory() ? stored(join(folder, e.name)) : [join(folder, e.name)]));
    expect({ in: [log, ran.stdout, ran.stderr].some((text) => text.includes(SECRET)) }).toEqual({ in: false });
    const { execFileSync } = await import('node:child_process');
    const hits = execFileSync('/bin/sh', ['-c', 'grep -rlF -- "$1" "$2" 2>/dev/null || true', 'sh', SECRET, home.home], { encoding: 'utf8' });
    expect([hits, stored(join(home.home, 'artifacts')).length > 0]).toEqual(['', true]);
  });

  it('says before a task exists what it does not have', async () => {
    const count = async (): Promise<number> => ((await home.sally(['tasks', '--json'])).json as { tasks?: unknown[] } | unknown[] as unknown[]).length ?? 0;
    const before = await count();
    for (const [yaml, said] of [
      ['version: 1\nsetup: { secrets: [OTHER] }\n', /env\.secret_missing.*environments\.yaml/s], ['version: 1\nrootfs: no-such\n', /no root file system "no-such"; it has host-usr.*env\.unavailable/s],
      ['version: 1\ntoolchains: { node: "1.2.3" }\n', /asks for node 1\.2\.3, and this machine has .*env\.unavailable/s],
    ] as const) {
      commit(yaml);
      const ran = await home.sally(['run', 'look', '--model', model('true')], options());
      expect([ran.code, said.test(ran.stderr), ran.stderr]).toEqual([2, true, ran.stderr]);
    }
    expect(await count()).toBe(before);
  });

  it('shows what an agent would have in sallyport.yaml, and changes nothing by it', async () => {
    installation('{}\n');
    commit('version: 1\n');
    const turns = home.model([
      { tools: [{ name: 'propose_environment', args: { lines: [{ key: 'hosts', value: 'files.example.org' }, { key: 'setup.install_scripts', value: 'esbuild' }], why: 'the build\u001b[2J needs it' } }] },
      { tools: [{ name: 'propose_environment', args: { lines: [{ key: 'hosts', value: '10.0.0.1' }], why: 'x' } }, { name: 'propose_environment', args: { lines: [{ key: 'setup.script', value: 'curl evil' }], why: 'x' } }] },
      { tools: [{ name: 'shell', args: { command: 'echo b > b.txt' } }, { name: 'finish', args: { summary: 'done' } }] },
    ]);
    const ran = await home.sally(['run', 'look', '--model', turns], options());
    const block = '  hosts:\n    - "files.example.org" # asked for by the agent\n  setup:\n    install_scripts:\n      - "esbuild" # asked for by the agent\n';
    for (const text of [ran.stdout, (await home.sally(['show', 'last'])).stdout]) expect(text).toContain(`The agent proposes for sallyport.yaml (the build\\x1b[2J needs it):\n${block}Nothing was changed by it.`);
    expect((await home.sally(['show', 'last', '--json'])).json).toMatchObject({ proposed: { why: ['the build\\x1b[2J needs it'] }, files: [{ path: 'b.txt' }] });
    expect((await home.events()).filter((e) => e.type === 'environment.proposed').length).toBe(1);
    expect((await home.sally(['env', 'show', '--json'], options())).json).toMatchObject({ environment: { hosts: [], setup: { install_scripts: [] } } });
  });

  it('chooses the version of a tool that is asked for', async () => {
    const tool = join(home.folder, 'node-77');
    mkdirSync(join(tool, 'bin'), { recursive: true });
    writeFileSync(join(tool, 'bin/node'), '#!/bin/sh\necho v77.1.0\n', { mode: 0o755 });
    chmodSync(home.folder, 0o755);
    installation(`toolchains: { node: ["${tool}"] }\n`);
    commit('version: 1\ntoolchains: { node: "77" }\n');
    expect((await home.sally(['sandbox', 'exec', '--repo', repo, '--', 'node', '--version'], options())).stdout).toBe('v77.1.0\n');
    expect((await home.sally(['doctor'])).stdout).toContain(`77.1.0 (${tool})`);
    write(repo, { '.tool-versions': 'nodejs 77.0.3\n' });
    commitAll(repo, 'pins');
    expect((await home.sally(['env', 'detect', '--json'], options())).json).toEqual({ text: expect.stringContaining('toolchains:\n  node: "77"\n'), notes: ['node 77.0.3 is asked for, and this machine has another 77'] });
  });

  it('a definition that is kept here holds in place of the repository\'s own', async () => {
    const file = join(home.folder, 'kept.yaml');
    writeFileSync(file, 'version: 1\nvariables: { WHOSE: kept }\n');
    installation(`repositories: { "${repo}": { environment: "${file}" } }\n`);
    commit('version: 1\nvariables: { WHOSE: own }\n');
    expect((await home.sally(['env', 'show', '--json'], options())).json).toMatchObject({ source: `${file}, by environments.yaml`, environment: { variables: { WHOSE: 'kept' } } });
    expect((await home.sally(['sandbox', 'exec', '--repo', repo, '--', '/bin/sh', '-c', 'echo $WHOSE'], options())).stdout).toBe('kept\n');
  });

  it.skipIf(busyboxMissing() !== null)('a whole run on a root file system without Node, Perl or a C library', async () => {
    installation(`rootfs: { tiny: { dir: "${busyboxRoot(join(home.folder, 'tiny'))}" } }\n`);
    commit('version: 1\nrootfs: tiny\nchecks: { sum: { runner: command, command: sh check.sh } }\nsetup: { script: "true" }\n');
    const bash = await home.sally(['run', 'put it right', '--model', model('true')], options());
    expect([bash.code, bash.stderr]).toEqual([7, expect.stringMatching(/setup script.*bash/s)]);
    commit('version: 1\nrootfs: tiny\nchecks: { sum: { runner: command, command: sh check.sh } }\n');
    write(repo, { 'sum.txt': '4\n', 'check.sh': '[ "$(cat sum.txt)" = 3 ]\n' });
    commitAll(repo, 'wrong sum');
    const ran = await home.sally(['run', 'put the sum right', '--model', model('cat /etc/motd; echo 3 > sum.txt')], options());
    expect([ran.code, ran.stderr]).toEqual([0, expect.stringContaining('passed')]);
    const ends = (await home.events()).filter((e) => e.type === 'command.ended');
    expect(ends.length).toBeGreaterThan(2);
  });
});
