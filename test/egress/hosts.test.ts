import { describe, expect, it } from 'vitest';
import { PinnedAddresses } from '../../src/egress/addresses.js';
import { isDeclared, readAuthority, readHost } from '../../src/egress/hosts.js';
import type { Refusal } from '../../src/egress/upstream.js';

describe('a declared host', () => {
  it('is an exact name, with a port where it is not 443', () => {
    expect([readHost('a.example'), readHost('a-1.b.example:8443'), readHost('mirror')]).toEqual([{ name: 'a.example', port: 443 }, { name: 'a-1.b.example', port: 8443 }, { name: 'mirror', port: 443 }]);
  });

  it.each(['', '*.example', '*', 'A.example', 'a..example', 'a.example.', '-a.example', 'a-.example', 'a_b.example', 'a.example:0', 'a.example:65536', 'a.example:', 'a.example:443:1', ':443', '10.0.0.1', '1.2.3', '0x7f.1', 'a.0x7f', '2130706433', '[::1]', '::1', 'a example', 'a.example/x', 'https://a.example', 'user@a.example', 'ä.example', 'a.example\n', `${'a'.repeat(64)}.example`, `${'a.'.repeat(130)}b`])('is not %j', (text) => {
    expect(readHost(text)).toBeNull();
  });

  it.each<[string, boolean]>([
    ['a.example:443', true], ['A.Example:443', true], ['a.example', false], ['a.example:80', false], ['a.example.:443', false], ['b.a.example:443', false], ['aa.example:443', false], ['a.example:0443', false], ['a.example:443/x', false],
    ['127.0.0.1:443', false], ['[::1]:443', false], ['2130706433:443', false], ['0x7f000001:443', false], ['x@a.example:443', false], ['http://a.example:443', false], ['', false],
  ])('is meant by CONNECT %s: %s', (target, expected) => {
    const host = readAuthority(target);
    expect(host !== null && isDeclared(host, [{ name: 'a.example', port: 443 }])).toBe(expected);
  });
});

describe('the address of a host', () => {
  const rule = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: Refusal) => `${error.rule}: ${error.message}`);

  it('is asked for once, and holds', async () => {
    const answers = [['93.184.216.34', '2606:2800:220:1::1'], ['10.0.0.1']];
    let asked = 0;
    const addresses = new PinnedAddresses([], async () => answers[asked++] ?? []);
    const host = { name: 'a.example', port: 443 };
    expect([await addresses.of(host), await addresses.of({ ...host, port: 8443 }), asked]).toEqual(['93.184.216.34', '93.184.216.34', 1]);
  });

  it('is none that is reserved, not among public ones either, unless the installation names the host', async () => {
    const lookup = async (): Promise<readonly string[]> => ['93.184.216.34', '10.0.0.1'];
    const host = { name: 'a.example', port: 8443 };
    expect(await rule(new PinnedAddresses(['b.example', 'a.example', 'a.example:443'], lookup).of(host))).toBe('private-address: a.example has the address 10.0.0.1 (private); an administrator can allow it by name: SALLYPORT_ALLOW_HOSTS=a.example:8443');
    expect([await new PinnedAddresses(['a.example:8443'], lookup).of(host), await new PinnedAddresses(['a.example'], lookup).of({ ...host, port: 443 })]).toEqual(['93.184.216.34', '93.184.216.34']);
  });

  it('is missing where nobody knows the name', async () => {
    expect([await rule(new PinnedAddresses([], async () => []).of({ name: 'x', port: 443 })), await rule(new PinnedAddresses([], () => Promise.reject(new Error('ENOTFOUND'))).of({ name: 'x', port: 443 }))]).toEqual(Array(2).fill('upstream-failed: x has no address'));
  });
});
