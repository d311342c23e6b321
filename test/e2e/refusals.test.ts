import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CallOptions, type Home, openHome, type Ran } from '../support/cli.js';
import { makeRepo, write } from '../support/repo.js';
import { finish, MEND, shell, SHOP } from '../support/shop.js';

let home: Home;
let repo: string;
let model: string;
beforeAll(() => {
  home = openHome();
  repo = join(home.folder, 'shop');
  makeRepo(repo, SHOP);
  model = home.model([shell(MEND), finish()]);
});
afterAll(() => home[Symbol.asyncDispose]());

/** Ends with this code, tells this error code, and gives a hint or names the fault. */
async function expectRefusal(args: readonly string[], code: number, error: string, says: RegExp, options: CallOptions = {}): Promise<Ran> {
  const ran = await home.sally(args, options);
  expect({ args, code: ran.code, stderr: ran.stderr }).toEqual({ args, code, stderr: expect.stringContaining(`[${error}]`) });
  expect(ran.stderr).toMatch(says);
  return ran;
}

describe('exit code 2: bad input', () => {
  it('says how to set a model, and which commands need none', async () => {
    for (const command of ['run', 'ask']) {
      const { stderr } = await expectRefusal([command, 'x', '--repo', repo], 2, 'input.no_model', /SALLYPORT_MODEL.*Without a model: .*sallyport check/s);
      expect(stderr).toContain('--model scripted:FILE');
    }
    expect(await home.sally(['run', 'x', '--repo', repo, '--json'])).toMatchObject({ code: 2, json: { error: { code: 'input.no_model', message: expect.any(String), hint: expect.any(String) } } });
  });

  it('refuses options, tasks and files that do not exist', async () => {
    expect(await home.sally(['run', 'x', '--nonsense'])).toMatchObject({ code: 2, stderr: expect.stringContaining('--help shows what is expected') });
    expect(await home.sally(['run', 'x', '--rounds', 'three'])).toMatchObject({ code: 2, stderr: expect.stringContaining('whole number') });
    expect(await home.sally(['dance'])).toMatchObject({ code: 2 });
    expect(await home.sally(['run'])).toMatchObject({ code: 2 });
    await expectRefusal(['show', 'last'], 2, 'input.unknown_task', /sallyport run/);
    await expectRefusal(['diff', 'abc'], 2, 'input.unknown_task', /"abc"/);
    await expectRefusal(['run', 'x', '--repo', repo, '--model', 'scripted:/nonexistent.json'], 2, 'input.invalid', /nonexistent/);
    await expectRefusal(['audit', 'verify', '/nonexistent.jsonl'], 2, 'input.invalid', /nonexistent/);
  });

  it('refuses values that make no task: rounds, seconds and tokens out of their range, an empty or endless text', async () => {
    const before = (await home.sally(['tasks', '--json'])).stdout;
    for (const bad of [['--rounds', '0'], ['--rounds', '99'], ['--max-seconds', '1'], ['--max-tokens', '5'], ['--max-usd', '0']]) await expectRefusal(['run', 'x', '--repo', repo, '--model', model, ...bad], 2, 'input.invalid', /rounds|seconds|tokens|usd/);
    await expectRefusal(['run', '', '--repo', repo, '--model', model], 2, 'input.invalid', /text|task/);
    await expectRefusal(['run', 'x'.repeat(20_001), '--repo', repo, '--model', model], 2, 'input.invalid', /text|task/);
    expect((await home.sally(['tasks', '--json'])).stdout).toBe(before);
  });

  it('refuses a folder that is no repository, one without a commit, one with edits, and a ref that does not exist', async () => {
    const [plain, empty, dirty] = ['plain', 'empty', 'dirty'].map((name) => join(home.folder, name)) as [string, string, string];
    mkdirSync(plain);
    mkdirSync(empty);
    execFileSync('git', ['init', '--quiet', empty]);
    makeRepo(dirty, SHOP);
    write(dirty, { 'cart.js': 'edited\n' });
    await expectRefusal(['run', 'x', '--repo', plain, '--model', model], 2, 'repo.not_git', /git init/);
    await expectRefusal(['run', 'x', '--repo', join(plain, 'nothing'), '--model', model], 2, 'repo.not_git', /no such folder/);
    await expectRefusal(['run', 'x', '--repo', empty, '--model', model], 2, 'repo.empty', /Commit something/);
    await expectRefusal(['run', 'x', '--repo', dirty, '--model', model], 2, 'repo.dirty', /cart\.js.*--ref HEAD/s);
    await expectRefusal(['run', 'x', '--repo', repo, '--ref', 'nope', '--model', model], 2, 'repo.unknown_ref', /"nope"/);
    await expectRefusal(['run', 'x', '--repo', repo, '--ref', '--upload-pack=touch /tmp/x', '--model', model], 2, 'repo.unknown_ref', /expected a branch/);
    await expectRefusal(['check', '--repo', repo, '--base', 'main', '--head', 'nope'], 2, 'repo.unknown_ref', /"nope"/);
  });

  it('names the key that is wrong in sallyport.yaml, and leaves no task that waits', async () => {
    const wrong = join(home.folder, 'wrong');
    makeRepo(wrong, { ...SHOP, 'sallyport.yaml': 'version: 1\nlimits:\n  memory: lots\n' });
    await expectRefusal(['run', 'x', '--repo', wrong, '--model', model], 2, 'env.invalid', /limits\.memory/);
    const [row] = (await home.sally(['tasks', '--json'])).json as { state: string }[];
    expect(['failed', 'refused', undefined]).toContain(row?.state);
  });
});

describe('exit code 3: refused by policy', () => {
  const remote = { env: { SALLYPORT_MODEL: 'big', SALLYPORT_MODEL_URL: 'https://models.example/v1', SALLYPORT_MODEL_KEY: 'k-1234567890' } };

  it('asks for a label before a repository goes to a remote model', async () => {
    await expectRefusal(['run', 'x', '--repo', repo], 3, 'policy.ask', /models\.example.*--label public\|internal\|confidential\|restricted/s, remote);
    const [row] = (await home.sally(['tasks', '--json'])).json as { state: string }[];
    expect(row?.state).toBe('refused');
    expect((await home.sally(['log', 'last'])).stdout).toMatch(/policy {3}ask submit.*refused/s);
  });

  it('keeps a restricted repository from a remote model, whatever else is said', async () => {
    await expectRefusal(['run', 'x', '--repo', repo, '--label', 'restricted'], 3, 'policy.denied', /restricted/, remote);
    await expectRefusal(['run', 'x', '--repo', repo], 3, 'policy.denied', /restricted/, remote);
  });

  it('refuses addresses and schemes that are not allowed', async () => {
    for (const url of ['https://127.0.0.1/x.git', 'https://[::1]/x.git', 'https://169.254.169.254/x', 'ssh://example.com/x', 'file:///etc', 'ext::sh -c true']) {
      const ran = await home.sally(['run', 'x', '--repo', url, '--model', model]);
      expect([url, ran.code, ran.stderr]).toEqual([url, 3, expect.stringContaining('[repo.url_refused]')]);
    }
  });
});

describe('exit code 4: the machine cannot enforce it', () => {
  const root = process.getuid?.() === 0;
  /** The machine without a program, for one command only: a whiteout in an overlay over its folder. */
  const without = (program: string): CallOptions => ({
    before: ['unshare', '-m', '--propagation', 'private', 'sh', '-ec', 'mount -t tmpfs none /mnt; mkdir /mnt/u /mnt/w; mknod "/mnt/u/$1" c 0 0; mount -t overlay -o lowerdir=/usr/bin,upperdir=/mnt/u,workdir=/mnt/w none /usr/bin; shift; exec "$@"', 'sh', program],
  });

  it.runIf(root)('starts nothing without bubblewrap, and says what to install', async () => {
    await expectRefusal(['run', 'x', '--repo', repo, '--model', model], 4, 'sandbox.unavailable', /apt-get install bubblewrap/, without('bwrap'));
    const events = await home.events();
    expect(events.filter((e) => e.type.startsWith('command') || e.type.startsWith('sandbox') || e.type.startsWith('model'))).toEqual([]);
    expect(await home.sally(['doctor'], without('bwrap'))).toMatchObject({ code: 4, stdout: expect.stringMatching(/✗ bubblewrap .*\n *→ apt-get install bubblewrap.*✗ sandbox/s) });
  });

  it.runIf(root)('starts nothing where root may not mount, as in a container', async () => {
    const before = ['setpriv', '--bounding-set', '-sys_admin', '--inh-caps', '-all'];
    await expectRefusal(['run', 'x', '--repo', repo, '--model', model], 4, 'sandbox.unavailable', /→ /, { before });
  });

  it.runIf(root)('starts nothing without git, and says what to install', async () => {
    await expectRefusal(['run', 'x', '--repo', repo, '--model', model], 4, 'tool.missing', /apt-get install git/, without('git'));
    expect(await home.sally(['doctor'], without('git'))).toMatchObject({ code: 4, stdout: expect.stringContaining('✗ git') });
  });
});

describe('exit code 7: infrastructure', () => {
  it('says that the model cannot be reached, and can be resumed when it is there again', async () => {
    const server = createServer((_, response) => response.writeHead(500).end('{}'));
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => void server.close(resolve));
    const env = { SALLYPORT_MODEL: 'small', SALLYPORT_MODEL_URL: `http://127.0.0.1:${port}/v1` };
    await expectRefusal(['run', 'x', '--repo', repo], 7, 'model.failed', /ECONNREFUSED.*resume/s, { env });
    const [row] = (await home.sally(['tasks', '--json'])).json as { state: string }[];
    expect(row?.state).toBe('stopped');
    home.mayStay = true;
  });

  it('says that the registry cannot be reached', async () => {
    const needs = join(home.folder, 'needs');
    makeRepo(needs, {
      ...SHOP, 'package.json': JSON.stringify({ name: 'shop', version: '1.0.0', type: 'module', scripts: { test: 'node --test' }, dependencies: { left: '1.0.0' } }),
      'package-lock.json': JSON.stringify({ name: 'shop', version: '1.0.0', lockfileVersion: 3, requires: true, packages: { '': { name: 'shop', version: '1.0.0', dependencies: { left: '1.0.0' } }, 'node_modules/left': { version: '1.0.0', integrity: `sha512-${'A'.repeat(86)}==` } } }),
    });
    write(join(home.folder, 'person'), { '.npmrc': 'registry=http://127.0.0.1:1/\n' });
    await expectRefusal(['run', 'x', '--repo', needs, '--model', model], 7, 'setup.fetch_failed', /npm could not fetch|registry/);
    expect((await home.events()).filter((e) => e.type === 'egress.requested').length).toBeGreaterThan(0);
  });

  it('is what an unforeseen failure ends with, never the code of a failed gate', async () => {
    for (const fault of ["Promise.reject(new Error('boom'))", "(() => { throw new Error('boom'); })()"]) {
      const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(`setTimeout(() => ${fault}, 150)`)}`;
      await expectRefusal(['log', 'last', '-f'], 7, 'internal.bug', /boom/, { env: { NODE_OPTIONS } });
    }
  });

  it('says that the database cannot be reached', async () => {
    const ran = await home.sally(['tasks'], { env: { DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/none' } });
    expect(ran).toMatchObject({ code: 7, stderr: expect.stringContaining('[store.unavailable]') });
  });
});
