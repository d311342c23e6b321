import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

export interface TlsServer extends AsyncDisposable {
  readonly port: number;
  /** File with its certificate, which signs itself. */
  readonly certificate: string;
  /** Host and path of what was asked. */
  readonly requests: readonly string[];
  /** Connections of TCP that were opened. */
  readonly connections: () => number;
}

/** A server of https on loopback for these names, with a certificate that openssl makes in the folder. */
export async function startTls(folder: string, names: readonly string[], handle: (request: IncomingMessage, response: ServerResponse) => void, host = '127.0.0.1'): Promise<TlsServer> {
  const [key, certificate] = [join(folder, 'tls.key'), join(folder, 'tls.crt')];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', `/CN=${names[0]}`, '-addext', `subjectAltName=${names.map((n) => `DNS:${n}`).join(',')}`, '-keyout', key, '-out', certificate], { stdio: 'ignore' });
  const requests: string[] = [];
  let connections = 0;
  const server = createServer({ key: readFileSync(key), cert: readFileSync(certificate) }, (request, response) => {
    requests.push(`${request.headers.host} ${request.url}`);
    handle(request, response);
  });
  server.on('connection', () => void connections++);
  await new Promise<void>((resolve) => void server.listen(0, host, resolve));
  return {
    port: (server.address() as AddressInfo).port, certificate, requests, connections: () => connections,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => void server.close(() => resolve()));
    },
  };
}
