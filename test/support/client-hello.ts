import { Duplex } from 'node:stream';
import { connect } from 'node:tls';

const sized = (size: 1 | 2 | 3, body: Buffer): Buffer => {
  const length = Buffer.alloc(size);
  length.writeUIntBE(body.length, 0, size);
  return Buffer.concat([length, body]);
};
export const extension = (type: number, body: Buffer): Buffer => Buffer.concat([Buffer.from([type >> 8, type & 255]), sized(2, body)]);
export const serverName = (name: string | Buffer, kind = 0): Buffer => extension(0, sized(2, Buffer.concat([Buffer.from([kind]), sized(2, Buffer.from(name))])));
export const record = (body: Buffer, type = 22): Buffer => Buffer.concat([Buffer.from([type, 3, 1]), sized(2, body)]);
export const handshake = (body: Buffer, type = 1): Buffer => Buffer.concat([Buffer.from([type]), sized(3, body)]);

/** The body of a ClientHello with these extensions; null: none at all. */
export function helloBody(extensions: readonly Buffer[] | null, { session = Buffer.alloc(32), suites = Buffer.from([0x13, 0x01]), compression = Buffer.from([0]), version = 0x0303 } = {}): Buffer {
  return Buffer.concat([Buffer.from([version >> 8, version & 255]), Buffer.alloc(32, 7), sized(1, session), sized(2, suites), sized(1, compression), ...(extensions === null ? [] : [sized(2, Buffer.concat(extensions))])]);
}

export const hello = (...extensions: Buffer[]): Buffer => record(handshake(helloBody(extensions)));

/** What the TLS of Node sends first. */
export function realHello(servername: string): Promise<Buffer> {
  return new Promise((resolve) => {
    const wire = new Duplex({
      read: () => undefined,
      write(chunk: Buffer, _encoding, done) {
        done();
        resolve(chunk);
        setImmediate(() => void wire.destroy());
      },
    });
    connect({ socket: wire, servername }).on('error', () => undefined);
  });
}
