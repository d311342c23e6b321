// npm ci through the registry front, and through a plain relay: both in a sandbox of the fetch phase, both from a registry on this machine.
import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, chownSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer as createRelay } from 'node:net';
import { join } from 'node:path';
import { readFile } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import { parseLockfile } from '../../dist/egress/lockfile.js';
import { lockedRules } from '../../dist/egress/rules.js';
import { EnvironmentSpec } from '../../dist/protocol/environment.js';
import { newId } from '../../dist/protocol/ids.js';
import { makeLayer, removeTree } from '../../dist/sandbox/layer.js';
import { fetchWithNpm } from '../../dist/setup/npm-client.js';
import { figure, median, note, ratio, timed } from '../measure.mjs';
import { LIMITS, must } from './ground.mjs';
import { openLog } from './log.mjs';
import { fetchRules } from '../../dist/setup/fetch-rules.js';

const PACKAGES = 150;
const BYTES = 40_000;

export async function registry(ground, n) {
  note('npm ci');
  const { folder, cold } = ground;
  const packages = await make(join(folder, 'packages'));
  const server = await serve(packages);
  const files = new Map([['package.json', Buffer.from(packages.manifest)], ['package-lock.json', Buffer.from(packages.lockfile)]]);
  await using log = await openLog(ground);
  const times = { direct: [], front: [] };
  await cold.probe();
  for (let i = 0; i < n; i++) {
    times.direct.push(await timed(() => direct(ground, server.url, files, join(folder, `direct-${i}`))));
    times.front.push(await timed(() => fronted(ground, server.url, files, join(folder, `front-${i}`), log.journal)));
  }
  server.close();
  const at = { direct: median(times.direct), front: median(times.front) };
  return [
    figure('npm_direct_ms', at.direct, 'ms', { n, how: `npm ci of ${PACKAGES} packages in a sandbox, by a relay that looks at nothing` }),
    figure('npm_front_ms', at.front, 'ms', { n, how: 'the same through the registry front: rules, integrity, each request on a durable log' }),
    figure('proxy_vs_direct', ratio(at.front, at.direct), 'x', { n, goal: 1.15, how: 'npm_front_ms / npm_direct_ms' }),
  ];
}

async function make(folder) {
  const all = [];
  for (let i = 0; i < PACKAGES; i++) {
    const at = join(folder, `p${i}/package`);
    mkdirSync(at, { recursive: true });
    const dependencies = i + 1 < PACKAGES ? { [`p${i + 1}`]: '1.0.0' } : {};
    writeFileSync(join(at, 'package.json'), JSON.stringify({ name: `p${i}`, version: '1.0.0', dependencies }));
    writeFileSync(join(at, 'index.js'), `module.exports = ${JSON.stringify(randomBytes(BYTES / 2).toString('hex'))};\n`);
    await must(['tar', '-czf', join(folder, `p${i}.tgz`), '-C', join(folder, `p${i}`), 'package']);
    const body = await readFile(join(folder, `p${i}.tgz`));
    all.push({ name: `p${i}`, dependencies, body, integrity: `sha512-${createHash('sha512').update(body).digest('base64')}` });
  }
  const root = { name: 'x', version: '1.0.0', dependencies: { p0: '1.0.0' } };
  const lockfile = { name: 'x', version: '1.0.0', lockfileVersion: 3, requires: true, packages: Object.fromEntries([['', root], ...all.map((p) => [`node_modules/${p.name}`, { version: '1.0.0', integrity: p.integrity, dependencies: p.dependencies }])]) };
  return { all, manifest: JSON.stringify(root), lockfile: JSON.stringify(lockfile) };
}

/** A registry in a thread of its own, so that it does not wait for what is measured. */
async function serve({ all }) {
  const worker = new Worker(`
    const { workerData, parentPort } = require('node:worker_threads');
    const { createServer } = require('node:http');
    const packages = new Map(workerData.map((p) => [p.name, p]));
    const server = createServer((request, response) => {
      const [, name, dash] = request.url.split('/');
      const found = packages.get(name);
      if (found === undefined) return response.writeHead(404).end('{}');
      if (dash !== undefined) return response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(Buffer.from(found.body));
      const host = 'http://' + request.headers.host;
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ name, 'dist-tags': { latest: '1.0.0' }, versions: { '1.0.0': { name, version: '1.0.0', dependencies: found.dependencies, dist: { tarball: host + '/' + name + '/-/' + name + '-1.0.0.tgz', integrity: found.integrity } } } }));
    });
    server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
  `, { eval: true, workerData: all });
  const port = await new Promise((resolve) => worker.once('message', resolve));
  return { url: `http://127.0.0.1:${port}`, close: () => worker.terminate() };
}

/** What an environment without any entry says beside the lockfile. */
const NO_RULES = fetchRules({ spec: EnvironmentSpec.parse({ version: 1 }), installation: { minimumAge: 0, exceptions: [] }, records: [], base: [] });

function environment() {
  return { spec: EnvironmentSpec.parse({ version: 1 }), checks: {}, source: 'bench' };
}

async function fronted({ cold, user, folder }, url, files, at, journal) {
  mkdirSync(at, { mode: 0o755 });
  const signal = new AbortController().signal;
  await fetchWithNpm({ driver: cold, owner: user, scratch: join(folder, 'sockets'), environment: environment(), registries: { npm: async () => ({ url, authorization: null }) }, rules: async () => NO_RULES, journal, signal }, {
    folder: at, manifests: files, npmrc: '', rules: lockedRules(parseLockfile(files.get('package-lock.json').toString())), argv: ['ci'], what: 'npm ci',
  });
  await removeTree(at);
}

async function direct({ cold, user, folder, spec }, url, files, at) {
  const { hostname, port } = new URL(url);
  const socket = join(folder, 'relay.sock');
  const relay = createRelay((client) => {
    const upstream = connect(Number(port), hostname);
    client.pipe(upstream).pipe(client);
    client.on('error', () => upstream.destroy());
    upstream.on('error', () => client.destroy());
  });
  await new Promise((resolve) => relay.listen(socket, resolve));
  if (user !== null) chownSync(socket, user.uid, user.gid);
  chmodSync(socket, 0o600);
  mkdirSync(join(at, 'manifests'), { recursive: true, mode: 0o755 });
  chmodSync(at, 0o755);
  for (const [name, body] of files) writeFileSync(join(at, 'manifests', name), body);
  if (user !== null) await must(['chown', '-R', `${user.uid}:${user.gid}`, join(at, 'manifests')]);
  for (const name of ['layer', 'scratch']) await makeLayer(join(at, name), user, 8192);
  {
    await using sandbox = await cold.open({ ...spec({ lowers: [join(at, 'manifests')], layer: join(at, 'layer') }), id: newId('sb'), phase: 'fetch', egressSocket: socket, scratch: join(at, 'scratch/upper'), limits: { ...LIMITS, memory: 4096 } });
    await sandbox.exec({ argv: ['/bin/sh', '-c', '/opt/sallyport/node /opt/sallyport/forward.cjs 4873 /run/sallyport/egress.sock >/scratch/log 2>&1 & until grep -q listening /scratch/log 2>/dev/null; do sleep 0.05; done'], timeout: 20_000, maxOutput: 1000 });
    const result = await sandbox.exec({ argv: ['npm', 'ci', '--ignore-scripts', '--no-audit', '--no-fund', '--no-update-notifier', '--registry', 'http://127.0.0.1:4873', '--replace-registry-host=always', '--cache', '/scratch/npm', '--userconfig', '/dev/null', '--loglevel=error'], timeout: 300_000, maxOutput: 1_000_000 });
    if (result.exit !== 0) throw new Error(result.stderr.toString());
  }
  relay.close();
  rmSync(socket, { force: true });
  await removeTree(at);
}
