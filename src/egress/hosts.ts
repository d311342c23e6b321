/** A host that an environment declares for the fetch phase: an exact name and a port. */
export interface DeclaredHost {
  readonly name: string;
  readonly port: number;
}

const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** `host` or `host:port` as an environment writes it; null for what is none. No patterns: below one, every name would be asked for, and a name can carry data. */
export function readHost(text: string): DeclaredHost | null {
  const [, name = '', port = '443'] = /^([^:]+)(?::([1-9]\d{0,4}))?$/.exec(text) ?? [];
  return isHostName(name) && Number(port) <= 65_535 ? { name, port: Number(port) } : null;
}

/** The target of a CONNECT (RFC 9110, section 9.3.6): always with its port. Letters of either case are the same name; an address of a network is none. */
export function readAuthority(target: string): DeclaredHost | null {
  const lower = target.toLowerCase();
  return /:\d+$/.test(lower) ? readHost(lower) : null;
}

/** A name in lower case whose last label is no number: such a one is read as an address by many programs. */
function isHostName(name: string): boolean {
  const labels = name.split('.');
  return name.length <= 253 && labels.every((label) => LABEL.test(label)) && !/^(?:\d+|0x[0-9a-f]*)$/.test(labels.at(-1) ?? '');
}

export function shownHost({ name, port }: DeclaredHost): string {
  return port === 443 ? name : `${name}:${port}`;
}

export function isDeclared(host: DeclaredHost, declared: readonly DeclaredHost[]): boolean {
  return declared.some(({ name, port }) => name === host.name && port === host.port);
}
