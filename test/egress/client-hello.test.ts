import { describe, expect, it } from 'vitest';
import { type Hello, readClientHello } from '../../src/egress/client-hello.js';
import { extension, handshake, hello, helloBody, realHello, record, serverName } from '../support/client-hello.js';

const named = (name: string): Hello => ({ state: 'named', name });
const whole = (extensions: readonly Buffer[] | null, options?: Parameters<typeof helloBody>[1]): Buffer => record(handshake(helloBody(extensions, options)));
const pieces = (bytes: Buffer, size: number): Buffer => Buffer.concat(Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => record(bytes.subarray(i * size, (i + 1) * size))));
const WELL = handshake(helloBody([serverName('a.example')]));

describe('the server name of a ClientHello', () => {
  it('is read out of what real clients send, in lower case, and asks for more until the last byte is there', async () => {
    const bytes = await realHello('Files.Example.com');
    expect(readClientHello(bytes)).toEqual(named('files.example.com'));
    for (let length = 0; length < bytes.length; length++) expect([length, readClientHello(bytes.subarray(0, length))]).toEqual([length, { state: 'more' }]);
  });

  it.each<[string, Buffer, Hello]>([
    ['one name', hello(serverName('a.example')), named('a.example')],
    ['a name among others', hello(extension(10, Buffer.alloc(4)), serverName('a.example'), extension(43, Buffer.from([2, 3, 4]))), named('a.example')],
    ['a message in several records', pieces(WELL, 20), named('a.example')],
    ['a message with another record behind it', Buffer.concat([record(WELL), record(Buffer.from([1]), 20)]), named('a.example')],
    ['no byte', Buffer.alloc(0), { state: 'more' }],
  ])('is taken from %s', (_, bytes, expected) => {
    expect(readClientHello(bytes)).toEqual(expected);
  });

  it.each<[string, Buffer, string]>([
    ['plain HTTP', Buffer.from('GET / HTTP/1.1\r\n'), 'it is not TLS'],
    ['SSH', Buffer.from('SSH-2.0-x\r\n'), 'it is not TLS'],
    ['SSL 2', Buffer.from([0x80, 0x2e, 1, 0, 2]), 'it is not TLS'],
    ['another major version', Buffer.from([22, 4, 0, 0, 5]), 'it is not TLS'],
    ['an alert first', record(Buffer.from([1, 0]), 21), 'it is not TLS'],
    ['application data behind half a message', Buffer.concat([record(WELL.subarray(0, 20)), record(Buffer.from('x'), 23)]), 'it is not TLS'],
    ['an empty record', record(Buffer.alloc(0)), 'a record has a length that TLS does not have'],
    ['a record that is too long', Buffer.from([22, 3, 1, 0x40, 0x01]), 'a record has a length that TLS does not have'],
    ['a ServerHello', record(handshake(helloBody([]), 2)), 'it does not begin with a ClientHello'],
    ['a message that says it is huge', record(Buffer.from([1, 0xff, 0xff, 0xff])), 'its ClientHello is longer than 32768 bytes'],
    ['many tiny records', pieces(handshake(helloBody([serverName('a.example')])), 4), 'its ClientHello lies in more than 16 records'],
    ['a second message in its record', record(Buffer.concat([WELL, handshake(Buffer.alloc(3))])), 'something follows its ClientHello in the same record'],
    ['no extensions', whole(null), 'it names no server'],
    ['an empty list of extensions', whole([]), 'it names no server'],
    ['extensions without a name', hello(extension(10, Buffer.alloc(4))), 'it names no server'],
    ['two names in two extensions', hello(serverName('a.example'), serverName('b.example')), 'an extension stands in its ClientHello twice'],
    ['another extension twice', hello(serverName('a.example'), extension(10, Buffer.alloc(2)), extension(10, Buffer.alloc(2))), 'an extension stands in its ClientHello twice'],
    ['two names in one extension', hello(extension(0, Buffer.from([0, 8, 0, 0, 1, 97, 0, 0, 1, 98]))), 'its server name cannot be read'],
    ['a name of another kind', hello(serverName('a.example', 1)), 'its server name cannot be read'],
    ['an empty name', hello(serverName('')), 'its server name cannot be read'],
    ['an empty extension', hello(extension(0, Buffer.alloc(0))), 'its server name cannot be read'],
    ['a list longer than its extension', hello(extension(0, Buffer.from([0, 99, 0, 0, 1, 97]))), 'its server name cannot be read'],
    ['a byte behind the list', hello(extension(0, Buffer.from([0, 4, 0, 0, 1, 97, 0]))), 'its server name cannot be read'],
    ['a name with a zero', hello(serverName('a.example\0.evil')), 'its server name cannot be read'],
    ['a name of another alphabet', hello(serverName(Buffer.from('ä.example'))), 'its server name cannot be read'],
    ['a name that is too long', hello(serverName('a'.repeat(254))), 'its server name cannot be read'],
    ['Encrypted ClientHello', hello(serverName('a.example'), extension(0xfe0d, Buffer.alloc(8))), 'it hides the server that it names (Encrypted ClientHello)'],
    ['encrypted SNI', hello(extension(0xffce, Buffer.alloc(8)), serverName('a.example')), 'it hides the server that it names (Encrypted ClientHello)'],
    ['an extension that is cut off', whole([Buffer.from([0, 10, 0])]), 'its ClientHello cannot be read'],
    ['an extension longer than the list', whole([Buffer.from([0, 10, 0, 9, 1])]), 'its ClientHello cannot be read'],
    ['a long session', whole([serverName('a.example')], { session: Buffer.alloc(33) }), 'its ClientHello cannot be read'],
    ['no cipher suite', whole([serverName('a.example')], { suites: Buffer.alloc(0) }), 'its ClientHello cannot be read'],
    ['half a cipher suite', whole([serverName('a.example')], { suites: Buffer.alloc(3) }), 'its ClientHello cannot be read'],
    ['no compression method', whole([serverName('a.example')], { compression: Buffer.alloc(0) }), 'its ClientHello cannot be read'],
    ['another version', whole([serverName('a.example')], { version: 0x0203 }), 'its ClientHello cannot be read'],
    ['bytes behind the extensions', record(handshake(Buffer.concat([helloBody([serverName('a.example')]), Buffer.alloc(1)]))), 'its ClientHello cannot be read'],
    ['half a body', record(handshake(helloBody([serverName('a.example')]).subarray(0, 50))), 'its ClientHello cannot be read'],
  ])('is not taken from %s', (_, bytes, why) => {
    expect(readClientHello(bytes)).toEqual({ state: 'refused', why });
  });

  it('makes nothing but an answer of noise', async () => {
    const bytes = await realHello('a.example');
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 0xff;
      expect(['more', 'named', 'refused']).toContain(readClientHello(changed).state);
    }
  });
});
