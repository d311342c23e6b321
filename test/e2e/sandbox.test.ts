import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PROBES } from '../../src/sandbox/probes.js';
import { CLI, type Home, openHome } from '../support/cli.js';
import { makeRepo } from '../support/repo.js';

describe('a person tries the sandbox', () => {
  let home: Home;
  let repo: string;
  beforeAll(() => {
    home = openHome();
    repo = join(home.folder, 'repo');
    makeRepo(repo, { 'package.json': '{"name":"x","scripts":{"test":"echo ran"}}', 'a.txt': 'of the repository\n', 'sallyport.yaml': 'version: 1\nvariables: { COLOUR: blue }\nsetup: { script: "echo built > built.txt" }\n' });
  });
  afterAll(() => home[Symbol.asyncDispose]());

  it('sees what was looked for and what is enforced', async () => {
    const { code, json } = await home.sally(['sandbox', 'probe', '--json']);
    const { ok, enforced, probes } = json as { ok: boolean; enforced: string[]; probes: { id: string; ok: boolean }[] };
    expect({ code, ok, probes: probes.map((p) => p.id).sort(), failed: probes.filter((p) => !p.ok) }).toEqual({ code: 0, ok: true, probes: [...PROBES].sort(), failed: [] });
    expect(enforced).toEqual(expect.arrayContaining(['no_route', 'no_dns', 'no_vsock']));
  });

  it('runs a command on the last commit with its setup, and gets its output and exit code; nothing of it stays', async () => {
    const ran = await home.sally(['sandbox', 'exec', '--repo', repo, '--', 'sh', '-c', 'cat a.txt built.txt; echo $COLOUR; echo changed > a.txt; npm test --silent; echo oops >&2; exit 9']);
    expect({ code: ran.code, stdout: ran.stdout }).toEqual({ code: 9, stdout: 'of the repository\nbuilt\nblue\nran\n' });
    expect(ran.stderr).toContain('oops\n');
    const again = await home.sally(['sandbox', 'exec', '--repo', repo, '--json', '--', 'cat', 'a.txt']);
    expect({ code: again.code, json: again.json }).toEqual({ code: 0, json: expect.objectContaining({ exit: 0, reason: 'exited', stdout: 'of the repository\n', stderr: '' }) });
    expect((await home.sally(['tasks', '--json'])).json).toEqual([]);
  });

  it('sees in the setup phase manifests alone, what a setup would run, and the door, which refuses what no lockfile names', async () => {
    const locked = join(home.folder, 'locked');
    makeRepo(locked, { 'package.json': '{"name":"x","version":"1.0.0","dependencies":{"leaf":"1.0.0"}}', 'package-lock.json': JSON.stringify({ name: 'x', version: '1.0.0', lockfileVersion: 3, packages: { '': { name: 'x', version: '1.0.0', dependencies: { leaf: '1.0.0' } }, 'node_modules/leaf': { version: '1.0.0', integrity: `sha512-${'A'.repeat(86)}==` } } }), 'secret.js': 'x' });
    const ran = await home.sally(['sandbox', 'exec', '--phase', 'setup', '--repo', locked, '--', 'sh', '-c', 'ls; curl -s -o /dev/null -w "%{http_code}\\n" http://127.0.0.1:4873/npm/evil; curl -s -m 3 http://192.0.2.1 || echo no route']);
    expect({ code: ran.code, stdout: ran.stdout }).toEqual({ code: 0, stdout: 'package-lock.json\npackage.json\n403\nno route\n' });
    expect(ran.stderr).toMatch(/a setup would run: .*npm ci[\s\S]*refused {2}GET \/npm\/evil \(not-in-lockfile\)/);
    expect(await home.sally(['sandbox', 'exec', '--phase', 'setup', '--', 'true'])).toMatchObject({ code: 2, stderr: expect.stringContaining('needs a repository') });
  });

  it('is told when the time is up', async () => {
    const ran = await home.sally(['sandbox', 'exec', '--timeout', '1', '--', 'sleep', '60']);
    expect({ code: ran.code, stderr: ran.stderr }).toEqual({ code: 124, stderr: expect.stringContaining('timeout') });
  });

  it('gets a shell on a terminal, and a clear word without one', async () => {
    const none = await home.sally(['sandbox', 'shell']);
    expect({ code: none.code, stderr: none.stderr }).toEqual({ code: 2, stderr: expect.stringContaining('sandbox exec') });
    // What is typed before the shell is up waits in the terminal.
    const typed = `stty cols 90 rows 20; exec "${process.execPath}" "${CLI}" sandbox shell`;
    let shown = '';
    let code = 0;
    try {
      shown = execFileSync('/usr/bin/script', ['-qec', typed, '/dev/null'], { env: { ...process.env, SALLYPORT_HOME: home.home }, input: 'stty size; ls /root; exit 4\r', encoding: 'utf8', timeout: 60_000 });
    } catch (error) {
      ({ status: code, stdout: shown } = error as { status: number; stdout: string });
    }
    expect(code).toBe(4);
    expect(shown).toMatch(/20 90[\s\S]*cannot access '\/root'/);
  });
});
