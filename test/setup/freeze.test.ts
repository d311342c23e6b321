import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ALWAYS_DEMANDED } from '../../src/protocol/guarantee.js';
import { newId } from '../../src/protocol/ids.js';
import { boundedLayer } from '../../src/sandbox/layer.js';
import type { SandboxDriver } from '../../src/sandbox/sandbox.js';
import { freezeParts } from '../../src/setup/freeze.js';
import { MemoryJournal } from '../support/journal.js';
import { remove, scratch, testDriver, testOwner, tree } from '../support/sandbox.js';

describe('freezing what setup wrote', () => {
  let folder: string;
  let driver: SandboxDriver;
  let lower: string;
  let count = 0;
  beforeAll(() => {
    folder = scratch();
    driver = testDriver(folder);
    lower = tree(join(folder, 'lower'), { 'package.json': '{}' });
  });
  afterAll(async () => {
    await driver.close();
    await remove(folder);
  });

  /** Two layers, written by a script in a sandbox as setup would. */
  async function written(fetch: string, build = 'true'): Promise<string> {
    const at = join(folder, `draft-${count++}`);
    mkdirSync(at, { mode: 0o755 });
    for (const [name, script] of [['fetch', fetch], ['build', build]] as const) {
      await boundedLayer(driver, join(at, name), testOwner(), 64);
      await using sandbox = await driver.open({ id: newId('sb'), phase: 'build', demanded: ALWAYS_DEMANDED, workspace: { lowers: [lower], layer: join(at, name) }, mounts: [], egressSocket: null, scratch: null, limits: { memory: 512, pids: 64, cpus: 1 }, variables: {} });
      const result = await sandbox.exec({ argv: ['/bin/bash', '-ec', script], timeout: 20_000, maxOutput: 10_000 });
      expect([result.exit, result.stderr.toString()]).toEqual([0, '']);
    }
    return at;
  }
  const freeze = (at: string, secrets: Record<string, string> = {}) => freezeParts({ driver, folder: at, parts: ['fetch', 'build'], lower, secrets, journal: new MemoryJournal(), signal: new AbortController().signal });

  it('lists each layer the same whenever it is the same, and otherwise when a byte, a mode, a link or a name differs', async () => {
    const base = 'mkdir -p node_modules/a; echo one > node_modules/a/f; ln -s f node_modules/a/l; chmod 644 node_modules/a/f';
    const list = async (script: string) => (await freeze(await written(script)))[0];
    const first = await list(base);
    expect(first).toEqual({ name: 'fetch', files: 4, bytes: 4, digest: expect.stringMatching(/^sha256:/) });
    expect(await list(base)).toEqual(first);
    const others = await Promise.all(['echo two > node_modules/a/f', 'chmod 755 node_modules/a/f', 'ln -sf g node_modules/a/l', 'mv node_modules/a/f node_modules/a/g'].map(async (change) => (await list(`${base}; ${change}`))?.digest));
    expect(new Set([...others, first?.digest]).size).toBe(5);
  });

  it('leaves of a fetch only what lies in node_modules', async () => {
    const at = await written('mkdir -p node_modules/a pkg/node_modules/b; echo x > node_modules/a/f; echo y > pkg/node_modules/b/f; echo evil > src.js; echo evil > pkg/index.js', 'echo kept > built.js');
    expect((await freeze(at)).map((p) => [p.name, p.files])).toEqual([['fetch', 7], ['build', 1]]);
  });

  it('refuses a layer in which a secret of the setup stands, also across pieces and in a file that nobody may read', async () => {
    const secret = 'hunter2-hunter2-hunter2';
    for (const script of [`echo "token=${secret}" > .env`, `head -c 1048570 /dev/zero > big; printf '${secret}' >> big`, `printf '${secret}' > closed; chmod 000 closed`]) {
      const error = await freeze(await written('true', script), { DEPLOY_TOKEN: secret }).catch((e: unknown) => e);
      expect(error).toMatchObject({ code: 'setup.secret_left', message: expect.stringMatching(/"DEPLOY_TOKEN" stands in (\.env|big|closed)/) });
      expect(String(error)).not.toContain(secret);
    }
    expect(await freeze(await written('true', 'echo nothing > a'), { DEPLOY_TOKEN: secret })).toHaveLength(2);
  });
});
