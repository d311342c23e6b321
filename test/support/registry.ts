import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import type { Registry } from '../../src/egress/upstream.js';

/** A package for the fake registry. `files` are added to its package.json; a name ending in `.sh` or below bin/ is executable. */
export interface FakePackage {
  readonly name: string;
  readonly version: string;
  readonly manifest?: Readonly<Record<string, unknown>>;
  readonly files?: Readonly<Record<string, string | Buffer>>;
  /** Files that are executable, besides those by name. */
  readonly programs?: readonly string[];
  /** When it was published; shown in the full form of the metadata alone, as registries do. */
  readonly published?: string;
}

export interface FakeRegistry extends AsyncDisposable {
  readonly url: string;
  /** What was asked: method, path and the credential that came along. */
  readonly requests: readonly { readonly method: string; readonly path: string; readonly authorization: string | null }[];
  integrity(name: string, version: string): string;
  /** package-lock.json that names these packages of the registry, all at the top level. */
  lockfile(names: readonly (readonly [string, string])[], root?: Readonly<Record<string, unknown>>): string;
  /** A registry that is asked for clients such as pnpm, which no fake replaces. */
  clients: Registry | null;
  /** Takes over the answer for a path where it returns something true. */
  intercept: ((path: string, request: IncomingMessage, response: ServerResponse) => unknown) | null;
}

/** An npm registry on loopback that knows these packages and, when asked to, wants a credential. */
export async function startRegistry(packages: readonly FakePackage[], authorization: string | null = null): Promise<FakeRegistry> {
  const tarballs = new Map(packages.map((p) => [`/${p.name}/-/${p.name.split('/').at(-1)}-${p.version}.tgz`, tarball(p)]));
  const requests: { method: string; path: string; authorization: string | null }[] = [];
  const integrity = (name: string, version: string): string => sri(tarballs.get(`/${name}/-/${name.split('/').at(-1)}-${version}.tgz`) ?? Buffer.alloc(0));
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? '');
    requests.push({ method: request.method ?? '', path, authorization: request.headers.authorization ?? null });
    if (registry.intercept?.(path, request, response)) return;
    if (authorization !== null && request.headers.authorization !== authorization) return void response.writeHead(401).end();
    if (registry.clients !== null && CLIENTS.test(path)) return void pass(registry.clients, request.url ?? '', response);
    const body = tarballs.get(path) ?? packument(packages.filter((p) => `/${p.name}` === path), integrity, registry.url, request.headers.accept?.includes('vnd.npm.install') !== true);
    if (body === null) return void response.writeHead(404).end('{}');
    response.writeHead(200, { 'content-type': tarballs.has(path) ? 'application/octet-stream' : 'application/json' }).end(body);
  });
  const registry: { -readonly [K in keyof FakeRegistry]: FakeRegistry[K] } = {
    url: '', requests, integrity, intercept: null, clients: null,
    lockfile: (names, root = {}) => JSON.stringify({
      name: 'project', version: '1.0.0', lockfileVersion: 3, requires: true,
      packages: Object.fromEntries([['', { name: 'project', version: '1.0.0', dependencies: Object.fromEntries(names), ...root }], ...names.map(([name, version]) => {
        const manifest = packages.find((p) => p.name === name && p.version === version)?.manifest ?? {};
        const { dependencies, bin } = manifest;
        return [`node_modules/${name}`, { version, integrity: integrity(name, version), ...('scripts' in manifest ? { hasInstallScript: true } : {}), ...(dependencies === undefined ? {} : { dependencies }), ...(bin === undefined ? {} : { bin }) }] as const;
      })]),
    }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => void server.close(() => resolve()));
    },
  };
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  registry.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return registry;
}

const CLIENTS = /^\/(?:pnpm|yarn|@yarnpkg\/cli-dist|@pnpm\/exe\.[\w-]+)(?:\/-\/|$)/;

async function pass({ url, authorization }: Registry, target: string, response: ServerResponse): Promise<void> {
  try {
    const answer = await fetch(url.replace(/\/+$/, '') + target, { headers: authorization === null ? {} : { authorization } });
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'application/octet-stream' }).end(Buffer.from(await answer.arrayBuffer()));
  } catch {
    response.writeHead(502).end();
  }
}

function sri(body: Buffer): string {
  return `sha512-${createHash('sha512').update(body).digest('base64')}`;
}

function packument(versions: readonly FakePackage[], integrity: (name: string, version: string) => string, url: string, full: boolean): string | null {
  const last = versions.at(-1);
  if (last === undefined) return null;
  return JSON.stringify({
    name: last.name, 'dist-tags': { latest: last.version }, maintainers: [{ name: 'nobody' }],
    ...(full && versions.some((p) => p.published !== undefined) ? { time: Object.fromEntries(versions.map((p) => [p.version, p.published])) } : {}),
    versions: Object.fromEntries(versions.map((p) => [p.version, {
      name: p.name, version: p.version, ...p.manifest, dist: { tarball: `${url}/${p.name}/-/${p.name.split('/').at(-1)}-${p.version}.tgz`, integrity: integrity(p.name, p.version) },
    }])),
  });
}

function tarball(p: FakePackage): Buffer {
  const files = { 'package.json': JSON.stringify({ name: p.name, version: p.version, ...p.manifest }), ...p.files };
  return packed('package', files, p.programs);
}

/** A gzipped tar archive of files below one folder. */
export function packed(root: string, files: Readonly<Record<string, string | Buffer>>, programs: readonly string[] = []): Buffer {
  const parts = Object.entries(files).flatMap(([name, content]) => {
    const body = Buffer.from(content);
    return [header(`${root}/${name}`, body.length, programs.includes(name) || /\.sh$|^bin\//.test(name) ? '0000755' : '0000644'), body, Buffer.alloc((512 - (body.length % 512)) % 512)];
  });
  return gzipSync(Buffer.concat([...parts, Buffer.alloc(1024)]));
}

/** One ustar header (POSIX.1-1988). */
function header(name: string, size: number, mode: string): Buffer {
  const block = Buffer.alloc(512);
  block.write(name, 0);
  block.write(`${mode}\0`, 100);
  block.write('0000000\0', 108);
  block.write('0000000\0', 116);
  block.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
  block.write('00000000000\0', 136);
  block.write('        ', 148);
  block.write('0', 156);
  block.write('ustar\x0000', 257);
  const sum = block.reduce((a, b) => a + b, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}
