import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Environments } from '../../src/main/environments.js';
import { findToolchains, mountsFor, pickToolchain, type Toolchain } from '../../src/main/toolchains.js';
import { remove, scratch } from '../support/sandbox.js';

describe('environments.yaml', () => {
  let folder: string;
  beforeAll(() => {
    folder = scratch();
  });
  afterAll(() => remove(folder));
  const load = (text: string, env: Record<string, string> = {}): Promise<Environments> => {
    writeFileSync(join(folder, 'environments.yaml'), text);
    return Environments.load(folder, env);
  };

  it('need not be there, and then gives nothing', async () => {
    const none = await Environments.load(join(folder, 'none'), {});
    expect([await none.definition('/r'), none.variables(), none.toolchains('node')]).toEqual([null, [], []]);
    expect(() => none.root('debian')).toThrow(/no root file system "debian"; it has host-usr/);
    await expect(none.secret('/r', 'KEY')).rejects.toMatchObject({ code: 'env.secret_missing', message: expect.stringContaining('gives no such secret to "/r"') });
  });

  it('binds a definition and secrets to a repository, roots and tools to names', async () => {
    writeFileSync(join(folder, 'shop.yaml'), 'version: 1\n');
    writeFileSync(join(folder, 'key'), 'from-a-file-1\n');
    chmodSync(join(folder, 'key'), 0o600);
    const found = await load(`repositories:
  https://forge.example/team/shop:
    environment: ${folder}/shop.yaml
    secrets: { ONE: { env: SHOP_ONE }, TWO: { file: ${folder}/key }, NONE: { env: NOT_SET }, SHORT: { env: SHORT } }
rootfs: { bookworm: { dir: /srv/bookworm }, ci: { image: "localhost/ci:1" } }
toolchains: { node: [/opt/node-22] }
`, { SHOP_ONE: 'from-a-variable', SHORT: 'short' });
    const shop = 'https://forge.example/team/shop';
    expect(await found.definition(shop)).toEqual({ text: 'version: 1\n', source: `${folder}/shop.yaml, by environments.yaml` });
    expect([await found.secret(shop, 'ONE'), await found.secret(shop, 'TWO')]).toEqual(['from-a-variable', 'from-a-file-1']);
    expect([found.root('bookworm'), found.root('ci'), found.toolchains('node'), found.variables()]).toEqual([{ kind: 'dir', path: '/srv/bookworm' }, { kind: 'image', ref: 'localhost/ci:1' }, ['/opt/node-22'], ['SHOP_ONE', 'NOT_SET', 'SHORT']]);
    await expect(found.secret(shop, 'NONE')).rejects.toMatchObject({ message: expect.stringContaining('the variable NOT_SET is not there') });
    await expect(found.secret(shop, 'SHORT')).rejects.toMatchObject({ message: expect.stringContaining('it has 5 characters'), hint: expect.stringContaining('8 to') });
    await expect(found.secret('https://forge.example/team/other', 'ONE')).rejects.toMatchObject({ code: 'env.secret_missing' });
    await expect(found.secret(shop, 'constructor')).rejects.toMatchObject({ code: 'env.secret_missing' });
    chmodSync(join(folder, 'key'), 0o644);
    await expect(found.secret(shop, 'TWO')).rejects.toMatchObject({ code: 'input.invalid', message: expect.stringContaining('can be read by others') });
    await remove(join(folder, 'shop.yaml'));
    await expect(found.definition(shop)).rejects.toMatchObject({ code: 'env.invalid' });
  });

  it.each([
    ['repositories: { /r: { secrets: { KEY: plain-value } } }', 'repositories./r.secrets.KEY'], ['rootfs: { a: { dir: relative } }', 'rootfs.a'], ['rootfs: { host-usr: /usr }', 'rootfs'], ['toolchains: { perl: [/opt/perl] }', 'toolchains'],
    ['other: 1', 'Unrecognized key'], ['[', 'Cannot read'], ['rootfs: { a: { image: "-v" } }', 'rootfs.a'],
  ])('names what is wrong in %s', async (text, said) => {
    await expect(load(text)).rejects.toMatchObject({ code: 'input.invalid', message: expect.stringContaining(said) });
  });

  it('finds the versions of a tool where version managers keep them, and picks the newest that fits', async () => {
    const home = join(folder, 'home');
    for (const [place, says] of [['.nvm/versions/node/v22.11.0', 'v22.11.0'], ['.nvm/versions/node/v22.2.0', 'v22.2.0'], ['.local/share/fnm/node-versions/v9.1.0/installation', 'v9.1.0'], ['odd', 'no version']] as const) {
      mkdirSync(join(home, place, 'bin'), { recursive: true });
      writeFileSync(join(home, place, 'bin/node'), `#!/bin/sh\necho ${says}\n`, { mode: 0o755 });
    }
    const found = (await findToolchains('node', home, [join(home, 'odd')])).filter((t) => t.folder?.startsWith(home));
    expect(found.map((t) => t.version)).toEqual(['22.11.0', '22.2.0', '9.1.0']);
    expect(['22', '22.2', '2', '9.1.0', '9.1.1'].map((wanted) => pickToolchain(found, wanted)?.version)).toEqual(['22.11.0', '22.2.0', undefined, '9.1.0', undefined]);
    const find = (): Promise<readonly Toolchain[]> => findToolchains('node', home, []);
    expect(await mountsFor({ node: '22.2' }, true, '/nowhere', find)).toEqual([{ source: join(home, '.nvm/versions/node/v22.2.0'), target: '/opt/toolchain/node' }]);
    await expect(mountsFor({ node: '1.2' }, false, '/nowhere', find)).rejects.toMatchObject({ code: 'env.unavailable', message: expect.stringMatching(/asks for node 1\.2, and this machine has (.*, )?22\.11\.0/) });
  });
});
