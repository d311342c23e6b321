import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemUser } from '../../src/main/config.js';
import { type CallOptions, type Home, openHome, type Ran } from '../support/cli.js';
import { makeRepo } from '../support/repo.js';
import { finish, MEND, shell, SHOP } from '../support/shop.js';

const USER = systemUser('sallyport-db');

describe.runIf(process.getuid?.() === 0 && USER !== null)('an ordinary user', () => {
  const { uid, gid } = USER ?? { uid: 0, gid: 0 };
  let home: Home;
  let repo: string;
  beforeAll(() => {
    home = openHome({ firstUse: true });
    const theirs = join(home.folder, 'theirs');
    repo = join(theirs, 'shop');
    mkdirSync(theirs);
    makeRepo(repo, SHOP);
    writeFileSync(join(theirs, 'script.json'), JSON.stringify({ turns: [shell(MEND), shell('id -u; cat /proc/self/status | grep Cap'), finish()] }));
    execFileSync('chown', ['-R', `${uid}:${gid}`, theirs]);
  });
  afterAll(() => home[Symbol.asyncDispose]());

  const options = (): CallOptions => ({
    env: { HOME: join(home.folder, 'theirs'), SALLYPORT_HOME: join(home.folder, 'theirs/state') }, cwd: repo,
    before: ['setpriv', '--reuid', String(uid), '--regid', String(gid), '--clear-groups', '--inh-caps=-all'],
  });
  const sally = (...args: string[]): Promise<Ran> => home.sally(args, options());
  const model = (): string => `scripted:${join(home.folder, 'theirs/script.json')}`;

  it('is told by doctor which limits cannot be had, and how to get them', async () => {
    const { code, json } = await sally('doctor', '--json');
    const { ok, findings, sandbox } = json as { ok: boolean; findings: { id: string; ok: boolean; needed: boolean; hint: string | null }[]; sandbox: { missing: { guarantee: string }[] } };
    expect({ code, ok, missing: sandbox.missing.map((m) => m.guarantee) }).toEqual({ code: 0, ok: true, missing: ['memory_limit', 'pids_limit', 'cpu_limit', 'disk_limit', 'exec_audit'] });
    expect(findings.filter((f) => /^(memory|pids|cpu)_limit$/.test(f.id))).toEqual(['memory_limit', 'pids_limit', 'cpu_limit'].map((id) => expect.objectContaining({ id, ok: false, needed: false, hint: expect.stringContaining('Delegate=yes') })));
  });

  it('has limits of a process in place of those of a group, for each sandbox by itself', async () => {
    const forks = (): Promise<Ran> => sally('sandbox', 'exec', '--', 'perl', '-e', 'my ($n, @p) = (0); for (1 .. 700) { my $pid = fork; last if !defined $pid; if (!$pid) { sleep 20; exit } push @p, $pid; $n++ } print $n; kill 9, @p');
    const [one, two] = await Promise.all([forks(), forks()]);
    for (const ran of [one, two]) expect([ran.code, Number(ran.stdout) > 400, Number(ran.stdout) < 512, ran.stderr]).toEqual([0, true, true, ran.stderr]);
    const eats = await sally('sandbox', 'exec', '--', 'perl', '-e', 'my $all = "x" x 5_000_000_000; print "ate it all"');
    expect([eats.code === 0, eats.stdout, eats.stderr]).toEqual([false, '', expect.stringMatching(/out of memory/i)]);
  });

  it('gets a whole run, proved and applied, with what was missing in the evidence and on the screen', async () => {
    const ran = await sally('run', 'x', '--model', model());
    expect({ code: ran.code, stderr: ran.stderr }).toEqual({ code: 0, stderr: expect.stringContaining('without memory_limit, pids_limit, cpu_limit, disk_limit, exec_audit on this machine') });
    expect(ran.stdout).toContain('red → green');
    expect(((await sally('evidence', 'last', '--json')).json as { environment: { enforced: string[] } }).environment.enforced).not.toContain('memory_limit');
    expect(await sally('approve', 'last')).toMatchObject({ code: 0 });
    expect(await sally('apply', 'last')).toMatchObject({ code: 0 });
    expect(await sally('audit', 'verify')).toMatchObject({ code: 0 });
  });

  it('starts nothing, and says what to set, where the kernel gives no user namespace', async () => {
    // Root maps every id into a user namespace of its own, in which no further one may be made.
    const script = `unshare -U -m sh -ec 'until [ "$(id -u)" = 0 ]; do sleep 0.02; done; exec sh -ec "echo 0 > /proc/sys/user/max_user_namespaces; exec \\"\\$@\\"" sh "$@"' sh "$@" &
      until [ "$(readlink /proc/$!/ns/user)" != "$(readlink /proc/self/ns/user)" ]; do sleep 0.02; done
      echo "0 0 4294967295" > /proc/$!/uid_map; echo "0 0 4294967295" > /proc/$!/gid_map; wait $!`;
    const { env, cwd, before } = options();
    const ran = await home.sally(['run', 'x', '--ref', 'HEAD', '--model', model()], { env: env ?? {}, cwd: cwd ?? '/', before: ['sh', '-c', script, 'sh', ...(before ?? [])] });
    expect({ code: ran.code, stderr: ran.stderr }).toEqual({ code: 4, stderr: expect.stringMatching(/User namespaces are not available.*max_user_namespaces/s) });
  });
});
