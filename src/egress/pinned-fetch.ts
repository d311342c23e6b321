import { request } from 'node:https';
import { isIPv6 } from 'node:net';
import { Readable } from 'node:stream';

const EMPTY = new Set([204, 205, 304]);

/** A `fetch` for GET over TLS that goes to this address, whatever the name says a moment later; certificate and Host are those of the name. Follows no redirect. `ca`: in place of those that are trusted. */
export function pinnedFetch(address: string, ca?: string): typeof globalThis.fetch {
  const family = isIPv6(address) ? 6 : 4;
  return (input, init) => new Promise((resolve, reject) => {
    const asked = request(new URL(String(input)), {
      agent: false, ...(ca === undefined ? {} : { ca }), headers: Object.fromEntries(new Headers(init?.headers)), ...(init?.signal === null || init?.signal === undefined ? {} : { signal: init.signal }),
      lookup: (_name, options, done) => (options.all === true ? done(null, [{ address, family }]) : done(null, address, family)),
    }, (response) => {
      const status = response.statusCode ?? 502;
      const headers = new Headers();
      for (const name of ['location', 'content-type']) if (typeof response.headers[name] === 'string') headers.set(name, response.headers[name]);
      if (status < 200 || EMPTY.has(status)) {
        response.destroy();
        resolve(new Response(null, { status: status < 200 ? 502 : status, headers }));
      } else resolve(new Response(Readable.toWeb(response) as ReadableStream<Uint8Array>, { status, headers }));
    });
    asked.on('error', reject).end();
  });
}
