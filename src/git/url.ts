import { lookup } from 'node:dns/promises';
import { type Exceptions, reservedAmong } from '../policy/addresses.js';
import { SallyportError } from '../protocol/errors.js';

/** Where a repository comes from, checked. */
export type Source =
  | { readonly kind: 'folder'; readonly path: string }
  | { readonly kind: 'https'; readonly url: URL; readonly address: string };

/** True when `text` is meant as a URL and not as a folder. */
export function looksLikeUrl(text: string): boolean {
  return /^[a-z][a-z0-9+.-]*:/i.test(text) || /^[^/]+@[^/]+:/.test(text);
}

/**
 * Parses a repository URL: https only, no credentials, no port but 443 unless excepted. Throws `repo.url_refused`.
 * The helper syntax of git (`ext::sh -c …`) and every other transport end here.
 */
export function parseUrl(text: string, exceptions: Exceptions): URL {
  const refuse = (why: string): SallyportError => new SallyportError('repo.url_refused', `Cannot use the repository URL "${text}": ${why}`, { hint: 'Give an https:// URL or a local folder.' });
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw refuse('it is not a URL');
  }
  const excepted = exceptions.includes(url.host);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && excepted)) throw refuse(`only https is allowed, not ${url.protocol}`);
  if (url.username !== '' || url.password !== '') throw refuse('it holds credentials');
  if (url.port !== '' && !excepted) throw refuse(`port ${url.port} is not allowed`);
  if (url.search !== '' || url.hash !== '') throw refuse('it has a query or fragment');
  return url;
}

/** Resolves the host once; private, loopback, link-local and other reserved addresses are refused unless excepted by name. */
export async function checkAddress(url: URL, exceptions: Exceptions): Promise<string> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const addresses = await lookup(host, { all: true }).catch((cause: unknown) => {
    throw new SallyportError('repo.url_refused', `Cannot use the repository URL "${url.href}": its host does not resolve`, { cause });
  });
  const [first] = addresses;
  if (first === undefined) throw new SallyportError('repo.url_refused', `Cannot use the repository URL "${url.href}": its host has no address`);
  const reserved = reservedAmong(addresses.map((a) => a.address));
  if (reserved !== null && !exceptions.includes(url.host)) {
    throw new SallyportError('repo.url_refused', `Cannot use the repository URL "${url.href}": ${reserved.address} is a ${reserved.kind} address`, { hint: `Allow it by name: SALLYPORT_ALLOW_HOSTS=${url.host}` });
  }
  return first.address;
}
