import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { SallyportError } from '../../src/protocol/errors.js';
import type { SandboxDriver } from '../../src/sandbox/sandbox.js';
import { MemoryJournal } from '../support/journal.js';
import { Preparing, type Rest } from '../support/preparing.js';
import { type FakeRegistry, startRegistry } from '../support/registry.js';
import { leftovers, remove, scratch, testDriver } from '../support/sandbox.js';
import { startTls, type TlsServer } from '../support/tls.js';

/** The curl of this machine in a fetch sandbox, against a server of https of this test. Names are of nobody: that they are found shows who looks them up. */
const BROWSER = '#!/bin/sh\necho a browser\n';
let folder: string;
let driver: SandboxDriver;
let server: TlsServer;
let registry: FakeRegistry;
let preparing: Preparing;
let before: ReturnType<typeof leftovers>;

beforeAll(async () => {
  folder = scratch();
  driver = testDriver(folder);
  await driver.probe();
  server = await startTls(folder, ['builds.test', 'mirror.test', 'undeclared.test'], (request, response) => void (request.url === '/moved' ? response.writeHead(302, { location: `https://undeclared.test:${server.port}/browser` }).end() : request.url === '/near' ? response.writeHead(302, { location: `https://mirror.test:${server.port}/browser` }).end() : response.end(BROWSER)));
  registry = await startRegistry([{ name: 'leaf', version: '1.0.0', files: { 'index.js': 'module.exports = "leaf"' } }]);
  preparing = new Preparing(folder, driver, { npm: async () => ({ url: registry.url, authorization: null }) });
});
afterAll(async () => {
  await driver.close();
  await server[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  await remove(folder);
});
beforeEach(() => {
  before = leftovers();
});
afterEach(() => {
  expect(leftovers()).toEqual(before);
});

const hosts = (): string[] => [`builds.test:${server.port}`, `mirror.test:${server.port}`];
const around = (spec: object = {}): Rest => ({ spec: { hosts: hosts(), ...spec }, rules: { installation: { minimumAge: 0, exceptions: [...hosts(), `undeclared.test:${server.port}`] }, lookup: async () => ['127.0.0.1'] } });
const curl = (path: string, more = ''): string => `curl -fsSLk ${more} https://builds.test:${server.port}${path} -o "$SALLYPORT_FETCHED/bin/browser"`;
const PROJECT = (): Record<string, string> => ({ 'package.json': '{"name":"project","version":"1.0.0","dependencies":{"leaf":"1.0.0"}}', 'package-lock.json': registry.lockfile([['leaf', '1.0.0']]), 'src.js': 'secret of the tree' });
const failure = async (files: Record<string, string>, setup: object, more: Rest, journal = new MemoryJournal()): Promise<SallyportError> => await preparing.prepare(files, setup, journal, more).then(() => Promise.reject(new Error('it was fetched')), (error: SallyportError) => error);

describe('commands of setup.fetch', () => {
  it('reach declared hosts, also by a redirect, see manifests alone and no package, and leave what they fetched for the agent', async () => {
    const sum = createHash('sha256').update(BROWSER).digest('hex');
    const fetch = [`${curl('/near')}; echo "${sum}  $SALLYPORT_FETCHED/bin/browser" | sha256sum -c --status; chmod +x "$SALLYPORT_FETCHED/bin/browser"; ls -A > "$SALLYPORT_FETCHED/seen"`];
    const { journal, ...made } = await preparing.prepare(PROJECT(), { fetch }, new MemoryJournal(), around());
    expect(await preparing.see(made, 'browser; cat $SALLYPORT_FETCHED/seen; node -p "require(\'leaf\')"; touch $SALLYPORT_FETCHED/x')).toBe("a browser\n.npmrc\npackage-lock.json\npackage.json\nleaf\ntouch: cannot touch '/opt/deps/fetched/x': Read-only file system\n");
    expect(journal.of('egress.requested').filter((e) => e.method === 'CONNECT').map((e) => [e.target, e.rule])).toEqual(hosts().map((host) => [host, 'declared-host']));
    expect(journal.of('egress.tunnelled').map((e) => [e.host, e.port, e.address, e.verdict, e.received > BROWSER.length]).toSorted()).toEqual(['builds.test', 'mirror.test'].map((host) => [host, server.port, '127.0.0.1', 'allow', true]));
  });

  it('run where nothing else is to be fetched', async () => {
    const made = await preparing.prepare({ 'a.txt': 'a' }, { fetch: [`${curl('/browser')}; chmod +x "$SALLYPORT_FETCHED/bin/browser"`] }, new MemoryJournal(), around());
    expect(await preparing.see(made, 'browser; ls')).toBe('a browser\na.txt\n');
  });

  it('end with the lines to add where a host is not declared, also one that a redirect leads to', async () => {
    const journal = new MemoryJournal();
    const command = curl('/moved');
    const error = await failure(PROJECT(), { fetch: [command] }, around(), journal);
    expect([error.code, error.hint, error.message.includes(`undeclared.test:${server.port} is not among the hosts of the environment [host-not-declared], asked for by setup.fetch: ${JSON.stringify(command)}`)]).toEqual([
      'egress.denied', `A person may allow it by these lines in sallyport.yaml on the base, or in a file given with --env:\nhosts:\n  - "undeclared.test:${server.port}" # asked for by ${`setup.fetch: ${JSON.stringify(command)}`.slice(0, 120)}`, true,
    ]);
    expect(journal.of('egress.requested').at(-1)).toEqual({
      sandbox: expect.any(String), method: 'CONNECT', target: `undeclared.test:${server.port}`, verdict: 'deny', rule: 'host-not-declared', status: 403, bytes: 0,
      denial: { why: `undeclared.test:${server.port} is not among the hosts of the environment`, line: { key: 'hosts', value: `undeclared.test:${server.port}` }, by: `setup.fetch: ${JSON.stringify(command)}` },
    });
    expect(server.requests.some((r) => r.startsWith('undeclared.test'))).toBe(false);
  });

  it.each<[string, () => string, string, () => object]>([
    ['no TLS', () => `curl -fsS http://builds.test:${server.port}/browser`, 'plain-http', () => ({})],
    ['another name inside of TLS', () => `curl -fsSk --connect-to undeclared.test:${server.port}:builds.test:${server.port} https://undeclared.test:${server.port}/browser`, 'other-server-name', () => ({})],
    ['an address', () => `curl -fsSk https://127.0.0.1:${server.port}/browser --noproxy ''`, 'not-a-host', () => ({})],
    ['a private address that the installation does not know', () => curl('/browser'), 'private-address', () => ({ installation: { minimumAge: 0, exceptions: [] } })],
  ])('reach nothing with %s', async (_, command, rule, rules) => {
    const asked = server.requests.length;
    const rest = around();
    const error = await failure(PROJECT(), { fetch: [command()] }, { ...rest, rules: { ...rest.rules, ...rules() } });
    expect([error.code, error.message.includes(`[${rule}]`), server.requests.length]).toEqual(['egress.denied', true, asked]);
  });

  it('are not what install scripts are for: those that are not listed are named where the build fails, with the line', async () => {
    const lockfile = JSON.stringify({ ...JSON.parse(registry.lockfile([['leaf', '1.0.0']])) as object }).replace('"integrity"', '"hasInstallScript":true,"integrity"');
    const error = await failure({ ...PROJECT(), 'package-lock.json': lockfile }, { script: 'exit 3' }, around());
    expect([error.code, error.hint, error.message]).toEqual([
      'setup.build_failed', 'A person may allow it by these lines in sallyport.yaml on the base, or in a file given with --env:\nsetup:\n  install_scripts:\n    - "leaf" # asked for by package-lock.json',
      'The setup script failed; the install script of leaf@1.0.0 did not run [install-script-not-listed], asked for by package-lock.json (exited, exit 3): ',
    ]);
  });

  it('fail as any other where a declared host does not answer', async () => {
    const rest = around({ hosts: ['builds.test:1'] });
    const error = await failure({ 'a.txt': 'a' }, { fetch: ['curl -fsSk https://builds.test:1/x'] }, { ...rest, rules: { ...rest.rules, installation: { minimumAge: 0, exceptions: ['builds.test:1'] } } });
    expect([error.code, error.hint, error.message.includes('builds.test:1 cannot be reached [upstream-failed]')]).toEqual(['setup.fetch_failed', 'sallyport log TASK shows each request and why it was refused.', true]);
  });

  it('that a denial does not trouble go on, with the denial on the log', async () => {
    const journal = new MemoryJournal();
    await preparing.prepare({ 'a.txt': 'a' }, { fetch: [`curl -sk https://telemetry.test/ || true`] }, journal, around());
    expect(journal.of('egress.requested').map((e) => [e.verdict, e.rule, e.denial?.line?.value])).toEqual([['deny', 'host-not-declared', 'telemetry.test']]);
  });
});
