import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { strToU8, zipSync } from 'fflate';

export interface FakeModule {
  readonly path: string;
  readonly version: string;
  /** With its go.mod. Key = path in the module. */
  readonly files: Readonly<Record<string, string>>;
  readonly published?: string;
}

export interface FakeProxy extends AsyncDisposable {
  readonly url: string;
  readonly requests: readonly { readonly path: string; readonly authorization: string | null }[];
  /** Takes over the answer for a path where it returns something true. */
  intercept: ((path: string, request: IncomingMessage, response: ServerResponse) => unknown) | null;
}

const sha256 = (body: string | Uint8Array): Buffer => createHash('sha256').update(body).digest();
const h1 = (files: readonly (readonly [string, string])[]): string => `h1:${sha256(files.map(([name, body]) => `${sha256(body).toString('hex')}  ${name}\n`).sort((a, b) => (a.slice(66) < b.slice(66) ? -1 : 1)).join('')).toString('base64')}`;
const escaped = (text: string): string => text.replace(/[A-Z]/g, (letter) => `!${letter.toLowerCase()}`);
const within = ({ path, version, files }: FakeModule): [string, string][] => Object.entries(files).map(([name, body]) => [`${path}@${version}/${name}`, body]);

/** The zip archive of a module, as a proxy sends it. */
export function moduleZip(module: FakeModule): Buffer {
  return Buffer.from(zipSync(Object.fromEntries(within(module).map(([name, body]) => [name, strToU8(body)])), { mtime: '2020-01-01T00:00:00Z' }));
}

/** Both lines of go.sum for each. */
export function goSum(modules: readonly FakeModule[]): string {
  return modules.map((m) => `${m.path} ${m.version} ${h1(within(m))}\n${m.path} ${m.version}/go.mod ${h1([['go.mod', m.files['go.mod'] ?? '']])}\n`).join('');
}

/** A module proxy on loopback that knows these modules and, when asked to, wants a credential. */
export async function startProxy(modules: readonly FakeModule[], authorization: string | null = null): Promise<FakeProxy> {
  const requests: { path: string; authorization: string | null }[] = [];
  const bodies = new Map<string, Buffer | string>(modules.flatMap((m) => {
    const base = `/${escaped(m.path)}/@v/${escaped(m.version)}`;
    return [[`${base}.zip`, moduleZip(m)], [`${base}.mod`, m.files['go.mod'] ?? ''], [`${base}.info`, JSON.stringify({ Version: m.version, Time: m.published ?? '2020-01-01T00:00:00Z' })]] as const;
  }));
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? '');
    requests.push({ path, authorization: request.headers.authorization ?? null });
    if (proxy.intercept?.(path, request, response)) return;
    if (authorization !== null && request.headers.authorization !== authorization) return void response.writeHead(401).end();
    const body = bodies.get(path);
    if (body === undefined) return void response.writeHead(404).end('not found');
    response.writeHead(200).end(body);
  });
  const proxy: { -readonly [K in keyof FakeProxy]: FakeProxy[K] } = {
    url: '', requests, intercept: null,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => void server.close(() => resolve()));
    },
  };
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  proxy.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return proxy;
}
