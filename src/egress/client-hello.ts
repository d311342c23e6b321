/** What the first bytes of a TLS connection say of the server that is meant. */
export type Hello =
  | { readonly state: 'more' }
  | { readonly state: 'named'; readonly name: string }
  | { readonly state: 'refused'; readonly why: string };

/** More than any client sends, post-quantum key shares included. */
const MAX_HELLO = 32 * 1024;
const MAX_RECORD = 16_384;
/** Many small ones would only cost time: each is looked at again as more comes. */
const MAX_RECORDS = 16;
const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const SERVER_NAME = 0;
/** Encrypted ClientHello (RFC 9849) and its forerunner: the name in sight would not be the one that is meant. */
const HIDDEN = new Set([0xfe0d, 0xffce]);

const MORE: Hello = { state: 'more' };
const refused = (why: string): Hello => ({ state: 'refused', why });

/**
 * Reads a ClientHello (RFC 8446, section 4.1.2) out of the bytes that came so far, strictly: what two readers could take for different things is refused. It must
 * carry one server name (RFC 6066, section 3) in the open.
 */
export function readClientHello(bytes: Buffer): Hello {
  const message: Buffer[] = [];
  let gathered = 0;
  for (let at = 0; ; ) {
    if (message.length === MAX_RECORDS) return refused(`its ClientHello lies in more than ${MAX_RECORDS} records`);
    if (bytes.length > at && bytes[at] !== HANDSHAKE) return refused('it is not TLS');
    if (bytes.length > at + 1 && bytes[at + 1] !== 3) return refused('it is not TLS');
    if (bytes.length < at + 5) return MORE;
    const length = bytes.readUInt16BE(at + 3);
    if (length === 0 || length > MAX_RECORD) return refused('a record has a length that TLS does not have');
    if (gathered + length > MAX_HELLO) return refused(`its ClientHello is longer than ${MAX_HELLO} bytes`);
    message.push(bytes.subarray(at + 5, at + 5 + length));
    gathered += Math.min(length, Math.max(0, bytes.length - at - 5));
    const whole = Buffer.concat(message);
    if (whole.length >= 1 && whole[0] !== CLIENT_HELLO) return refused('it does not begin with a ClientHello');
    if (whole.length >= 4) {
      const size = whole.readUIntBE(1, 3);
      if (size > MAX_HELLO) return refused(`its ClientHello is longer than ${MAX_HELLO} bytes`);
      if (whole.length > size + 4) return refused('something follows its ClientHello in the same record');
      if (whole.length === size + 4) return readBody(new Reader(whole.subarray(4)));
    }
    if (bytes.length < at + 5 + length) return MORE;
    at += 5 + length;
  }
}

function readBody(body: Reader): Hello {
  const version = body.number(2);
  const random = body.bytes(32);
  const session = body.vector(1);
  const suites = body.vector(2);
  const compression = body.vector(1);
  if (version === null || version >> 8 !== 3 || random === null || session === null || session.length > 32 || suites === null || suites.length < 2 || suites.length % 2 !== 0 || compression === null || compression.length < 1) return refused('its ClientHello cannot be read');
  const extensions = body.vector(2);
  if (extensions === null || body.left > 0) return refused(body.left > 0 ? 'its ClientHello cannot be read' : 'it names no server');
  const reader = new Reader(extensions);
  const seen = new Set<number>();
  let name: string | null = null;
  while (reader.left > 0) {
    const type = reader.number(2);
    const data = reader.vector(2);
    if (type === null || data === null) return refused('its ClientHello cannot be read');
    if (seen.has(type)) return refused('an extension stands in its ClientHello twice');
    seen.add(type);
    if (HIDDEN.has(type)) return refused('it hides the server that it names (Encrypted ClientHello)');
    if (type !== SERVER_NAME) continue;
    name = readName(new Reader(data));
    if (name === null) return refused('its server name cannot be read');
  }
  return name === null ? refused('it names no server') : { state: 'named', name };
}

/** One entry of the type host_name; null for everything else. */
function readName(extension: Reader): string | null {
  const list = extension.vector(2);
  if (list === null || extension.left > 0) return null;
  const entry = new Reader(list);
  const type = entry.number(1);
  const name = entry.vector(2);
  if (type !== 0 || name === null || entry.left > 0 || name.length === 0 || name.length > 253) return null;
  return name.every((byte) => byte > 32 && byte < 127) ? name.toString('latin1').toLowerCase() : null;
}

/** Reads from the front; null where too little is left. */
class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  number(size: 1 | 2): number | null {
    return this.bytes(size)?.readUIntBE(0, size) ?? null;
  }

  bytes(size: number): Buffer | null {
    if (this.left < size) return null;
    this.#at += size;
    return this.#bytes.subarray(this.#at - size, this.#at);
  }

  /** What its own length stands before. */
  vector(size: 1 | 2): Buffer | null {
    const length = this.number(size);
    return length === null ? null : this.bytes(length);
  }
}
