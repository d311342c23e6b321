import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { relocateElf } from '../../src/sandbox/elf.js';
import { portableRuntime } from '../../src/sandbox/portable.js';
import { remove, scratch } from '../support/sandbox.js';

describe('a program that brings its loader and libraries', () => {
  let folder: string;
  beforeAll(() => {
    folder = scratch();
  });
  afterAll(() => remove(folder));

  it('is started by them and by no others', async () => {
    // The paths that take the others' place must not be longer than those.
    const at = '/tmp/.sp';
    const files = await portableRuntime([{ source: '/usr/bin/perl', name: 'perl' }, { source: '/etc/hostname', name: 'other' }], process.arch === 'arm64' ? 'arm64' : 'x64');
    expect(files.slice(0, 3)).toEqual([{ source: '/usr/bin/perl', name: 'perl', portable: true }, { source: '/etc/hostname', name: 'other' }, { source: expect.stringMatching(/ld-linux/), name: 'ld.so' }]);
    mkdirSync(join(at, 'lib'), { recursive: true });
    try {
      for (const { source, name, portable } of files.filter((f) => f.name !== 'other')) {
        if (portable === true) writeFileSync(join(at, name), relocateElf(readFileSync(source), `${at}/ld.so`, `${at}/lib`));
        else copyFileSync(source, join(at, name));
        chmodSync(join(at, name), 0o755);
      }
      const maps = execFileSync(join(at, 'perl'), ['-e', 'open my $f, "<", "/proc/self/maps"; print grep m{\\.so}, <$f>'], { encoding: 'utf8' });
      const loaded = new Set(maps.trim().split('\n').map((line) => line.split(/\s+/)[5] ?? ''));
      expect([...loaded].filter((path) => !path.startsWith(at))).toEqual([]);
      expect(loaded.size).toBeGreaterThan(2);
    } finally {
      await remove(at);
    }
  });

  it('leaves what is no such program as it is, with an error that says what it is', () => {
    const perl = readFileSync('/usr/bin/perl');
    const damaged = (change: (copy: Buffer) => void): Buffer => {
      const copy = Buffer.from(perl);
      change(copy);
      return copy;
    };
    const cases: readonly (readonly [Buffer, RegExp])[] = [
      [Buffer.alloc(0), /no 64-bit/], [Buffer.from('#!/bin/sh\n'.repeat(10)), /no 64-bit/],
      [damaged((c) => void (c[4] = 1)), /no 64-bit/], [damaged((c) => void c.writeBigUInt64LE(2n ** 40n, 64 + 56 + 8)), /no room|damaged/],
      [damaged((c) => void c.writeBigUInt64LE(2n ** 60n, 32)), /header is damaged/], [damaged((c) => void c.writeUInt16LE(1, 56)), /linked statically/],
      [perl.subarray(0, 200), /header is damaged/],
    ];
    for (const [bytes, said] of cases) expect(() => relocateElf(bytes, '/opt/sallyport/ld.so', '/opt/sallyport/lib')).toThrow(said);
    expect(() => relocateElf(perl, `/${'long/'.repeat(10)}`, '/lib')).toThrow(/no room/);
    expect(() => relocateElf(perl, '/ld.so', `/${'long/'.repeat(10)}`)).toThrow(/no room/);
  });
});
