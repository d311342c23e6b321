import { describe, expect, it } from 'vitest';
import { unlistedScripts } from '../../src/setup/unlisted-scripts.js';

const lock = (packages: object): Map<string, Buffer> => new Map([['package-lock.json', Buffer.from(JSON.stringify({ lockfileVersion: 3, packages }))]]);

describe('install scripts that did not run', () => {
  it('are those that npm noted and nobody listed, by the name of the registry', () => {
    const found = unlistedScripts(lock({
      '': { hasInstallScript: true }, 'packages/own': { hasInstallScript: true }, 'node_modules/listed': { version: '1.0.0', hasInstallScript: true }, 'node_modules/a/node_modules/@s/b': { version: '2.0.0', hasInstallScript: true },
      'node_modules/alias': { name: 'real', version: '3.0.0', hasInstallScript: true }, 'node_modules/plain': { version: '1.0.0' }, 'node_modules/x: [evil]': { version: '1.0.0', hasInstallScript: true },
    }), ['listed']);
    expect(found).toEqual([['@s/b', '2.0.0'], ['real', '3.0.0']].map(([name, version]) => ({ rule: 'install-script-not-listed', why: `the install script of ${name}@${version} did not run`, line: { key: 'setup.install_scripts', value: name }, by: 'package-lock.json' })));
  });

  it('are none where there is no lockfile of npm, or none that can be read', () => {
    expect([unlistedScripts(new Map(), []), unlistedScripts(new Map([['package-lock.json', Buffer.from('{')]]), []), unlistedScripts(new Map([['package-lock.json', Buffer.from('{"packages":1}')]]), [])]).toEqual([[], [], []]);
  });
});
