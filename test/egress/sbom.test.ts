import { describe, expect, it } from 'vitest';
import { packagesOf, purlOf, sbomOf } from '../../src/egress/sbom.js';

const SHA512 = Buffer.alloc(64, 0xab);
const PACKAGES = [
  { ecosystem: 'npm' as const, name: '@scope/pkg', version: '1.0.0+build', integrity: `sha512-${SHA512.toString('base64')} sha1-${Buffer.alloc(20, 1).toString('base64')}` },
  { ecosystem: 'pypi' as const, name: 'Zope.Interface', version: '6.0', integrity: `sha256:${'0A'.repeat(32)}` },
  { ecosystem: 'npm' as const, name: 'left-pad', version: '1.3.0', integrity: 'md5-nothing' },
];

describe('the list of what was fetched', () => {
  it('is CycloneDX 1.6, with a package URL and the digests of each package', () => {
    const bom = JSON.parse(sbomOf('snap_1', PACKAGES)) as { components: object[] };
    expect(bom).toMatchObject({ bomFormat: 'CycloneDX', specVersion: '1.6', version: 1, metadata: { component: { type: 'application', name: 'snap_1' } } });
    expect(bom.components).toEqual([
      { type: 'library', 'bom-ref': 'pkg:npm/%40scope/pkg@1.0.0%2Bbuild', group: '@scope', name: 'pkg', version: '1.0.0+build', purl: 'pkg:npm/%40scope/pkg@1.0.0%2Bbuild', hashes: [{ alg: 'SHA-512', content: 'ab'.repeat(64) }, { alg: 'SHA-1', content: '01'.repeat(20) }] },
      { type: 'library', 'bom-ref': 'pkg:npm/left-pad@1.3.0', name: 'left-pad', version: '1.3.0', purl: 'pkg:npm/left-pad@1.3.0', hashes: [] },
      { type: 'library', 'bom-ref': 'pkg:pypi/zope-interface@6.0', name: 'Zope.Interface', version: '6.0', purl: 'pkg:pypi/zope-interface@6.0', hashes: [{ alg: 'SHA-256', content: '0a'.repeat(32) }] },
    ]);
  });

  it('is the same whatever the order, and names each package once', () => {
    expect(sbomOf('s', [...PACKAGES, ...PACKAGES].reverse())).toBe(sbomOf('s', PACKAGES));
    expect(purlOf({ ecosystem: 'npm', name: 'a/../b', version: '1?x#y' })).toBe('pkg:npm/a/../b@1%3Fx%23y');
  });

  it('has modules of Go and crates under the types that package URLs have for them, and gives them back', () => {
    const packages = [{ ecosystem: 'go' as const, name: 'example.com/Burnt/toml', version: 'v1.0.0+incompatible' }, { ecosystem: 'cargo' as const, name: 'Serde_x', version: '1.0.0' }, { ecosystem: 'npm' as const, name: '@s/a', version: '1.0.0' }];
    expect(packages.map(purlOf)).toEqual(['pkg:golang/example.com/Burnt/toml@v1.0.0%2Bincompatible', 'pkg:cargo/Serde_x@1.0.0', 'pkg:npm/%40s/a@1.0.0']);
    expect(new Set(packagesOf(sbomOf('s', packages.map((p) => ({ ...p, integrity: 'h1:x' })))))).toEqual(new Set(packages));
    expect(() => packagesOf('{"components":[{"name":"a","version":"1","purl":"pkg:gem/a@1"}]}')).toThrow();
  });
});
