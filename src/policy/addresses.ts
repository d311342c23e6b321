import ipaddr from 'ipaddr.js';

/** What an administrator has allowed by name although its address is private or reserved: `host` for the usual port of https, or `host:port`. */
export type Exceptions = readonly string[];

/** The kind of a network's address that is nobody's on the internet (private, loopback, link-local, shared, multicast, mapped and so on); null for one that is public. */
export function reservedKind(address: string): string | null {
  if (!ipaddr.isValid(address)) return 'unreadable';
  const range = ipaddr.parse(address).range();
  return range === 'unicast' ? null : range;
}

/** The first of some addresses that is reserved, with its kind. All must be public: which of them is used is not the caller's choice. */
export function reservedAmong(addresses: readonly string[]): { readonly address: string; readonly kind: string } | null {
  for (const address of addresses) {
    const kind = reservedKind(address);
    if (kind !== null) return { address, kind };
  }
  return null;
}

export function isExcepted(host: string, port: number, exceptions: Exceptions): boolean {
  return exceptions.includes(`${host}:${port}`) || (port === 443 && exceptions.includes(host));
}
