import { lookup } from 'node:dns/promises';
import { type Exceptions, isExcepted, reservedAmong } from '../policy/addresses.js';
import { type DeclaredHost, shownHost } from './hosts.js';
import { Refusal } from './upstream.js';

/** Every address of a name. */
export type Lookup = (name: string) => Promise<readonly string[]>;

/** Addresses of hosts, asked for once and outside of every sandbox; the answer holds as long as the door is open. */
export class PinnedAddresses {
  readonly #known = new Map<string, Promise<readonly string[]>>();
  readonly #exceptions: Exceptions;
  readonly #lookup: Lookup;

  constructor(exceptions: Exceptions, ask: Lookup = askSystem) {
    this.#exceptions = exceptions;
    this.#lookup = ask;
  }

  /** Throws a `Refusal` where the name has no address, or one that is reserved and not allowed by name. */
  async of(host: DeclaredHost): Promise<string> {
    const asked = this.#known.get(host.name) ?? this.#lookup(host.name);
    this.#known.set(host.name, asked);
    const addresses = await asked.catch((): readonly string[] => []);
    const [first] = addresses;
    if (first === undefined) throw new Refusal('upstream-failed', `${host.name} has no address`);
    const reserved = isExcepted(host.name, host.port, this.#exceptions) ? null : reservedAmong(addresses);
    if (reserved !== null) throw new Refusal('private-address', `${host.name} has the address ${reserved.address} (${reserved.kind}); an administrator can allow it by name: SALLYPORT_ALLOW_HOSTS=${shownHost(host)}`, 403);
    return first;
  }
}

async function askSystem(name: string): Promise<readonly string[]> {
  return (await lookup(name, { all: true })).map(({ address }) => address);
}
