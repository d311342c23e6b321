import { describe, expect, it } from 'vitest';
import { reservedAmong, reservedKind } from '../../src/policy/addresses.js';

describe('an address of a network', () => {
  it.each<[string, string | null]>([
    ['93.184.216.34', null], ['8.8.8.8', null], ['172.32.0.1', null], ['100.128.0.1', null], ['2606:2800:220:1::1', null],
    ['0.0.0.0', 'unspecified'], ['0.1.2.3', 'unspecified'], ['10.0.0.1', 'private'], ['172.16.0.1', 'private'], ['172.31.255.255', 'private'], ['192.168.1.1', 'private'], ['127.0.0.1', 'loopback'], ['127.255.255.254', 'loopback'],
    ['169.254.169.254', 'linkLocal'], ['100.64.0.1', 'carrierGradeNat'], ['100.127.255.255', 'carrierGradeNat'], ['224.0.0.1', 'multicast'], ['239.255.255.255', 'multicast'], ['255.255.255.255', 'broadcast'], ['240.0.0.1', 'reserved'],
    ['192.0.2.1', 'reserved'], ['198.51.100.1', 'reserved'], ['203.0.113.1', 'reserved'], ['198.18.0.1', 'reserved'], ['192.0.0.1', 'reserved'], ['192.88.99.1', 'reserved'],
    ['::', 'unspecified'], ['::1', 'loopback'], ['fe80::1', 'linkLocal'], ['fec0::1', 'deprecatedSiteLocal'], ['fc00::1', 'uniqueLocal'], ['fd12:3456::1', 'uniqueLocal'], ['ff02::1', 'multicast'],
    ['::ffff:127.0.0.1', 'ipv4Mapped'], ['::ffff:8.8.8.8', 'ipv4Mapped'], ['64:ff9b::7f00:1', 'rfc6052'], ['64:ff9b:1::1', 'rfc6052'], ['2002:7f00:1::', '6to4'], ['2001::1', 'teredo'], ['2001:db8::1', 'reserved'], ['100::1', 'discard'],
    ['', 'unreadable'], ['a.example', 'unreadable'],
  ])('%s is %s', (address, kind) => {
    expect(reservedKind(address)).toBe(kind);
  });

  it('that only looks like a number of another base is no public one', () => {
    expect(['0x7f.1', '2130706433', '0177.0.0.1', '127.1'].map((a) => reservedKind(a) === null)).toEqual([false, false, false, false]);
    expect(reservedAmong(['8.8.8.8', '::1', '10.0.0.1'])).toEqual({ address: '::1', kind: 'loopback' });
  });
});
