import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Home, openHome } from '../support/cli.js';
import { commitAll, makeRepo, personGit, write } from '../support/repo.js';
import { ROOT } from '../support/sandbox.js';

let home: Home;
let repo: string;
beforeEach(() => {
  home = openHome();
  repo = join(home.folder, 'repo');
  makeRepo(repo, { 'package.json': JSON.stringify({ name: 'x', version: '1.0.0', scripts: { test: 'node --test' } }), 'x.test.js': "require('node:test').test('x', () => {});\n" });
});
afterEach(() => home[Symbol.asyncDispose]());

const solo = readFileSync(join(ROOT, 'policies/solo.cedar'), 'utf8');
function policy(more: string, examples = '[]'): Readonly<Record<string, string>> {
  writeFileSync(join(home.folder, 'own.cedar'), `${solo}\n${more}`);
  writeFileSync(join(home.folder, 'own.examples.json'), examples);
  return { SALLYPORT_POLICY: join(home.folder, 'own.cedar') };
}
const check = ['check', '--base', 'HEAD'];

describe('a policy of the installation', () => {
  it('decides in place of the shipped one, by its name and version', async () => {
    const env = policy('@id("no-fixes") @reason("Frozen until January.") forbid(principal, action == Action::"submit", resource) when { context.kind == "fix" };');
    expect(await home.sally(check, { cwd: repo, env })).toMatchObject({ code: 3, stderr: expect.stringMatching(/policy "own" does not allow this \(rule "no-fixes": Frozen until January\.\)/) });
  });

  it('demands guarantees of every sandbox of a task, and where one is not enforced nothing starts', { timeout: 180_000 }, async () => {
    const env = policy('@id("own-kernel") @reason("Of customers.") @demands("second_kernel") forbid(principal, action == Action::"submit", resource) when { context.sensitivity == "restricted" };');
    const ran = await home.sally([...check, '--label', 'restricted'], { cwd: repo, env });
    const started = (await home.events()).flatMap((e) => (e.type === 'sandbox.started' ? [e.data] : []));
    // With gVisor on this machine every sandbox is on it; without it none starts.
    if (started.length === 0) expect({ code: ran.code, stderr: ran.stderr }).toEqual({ code: 4, stderr: expect.stringMatching(/second_kernel|runsc|podman|docker/) });
    else expect(started.filter((s) => !s.enforced.includes('second_kernel'))).toEqual([]);
    expect((await home.sally([...check, '--label', 'public'], { cwd: repo, env })).code).not.toBe(4);
    expect((await home.events()).flatMap((e) => (e.type === 'sandbox.started' ? [e.data.driver] : []))).toContain('bwrap');
  });

  it('says what the verdict needs and takes, and the evidence says so', { timeout: 120_000 }, async () => {
    write(repo, { 'y.test.js': "require('node:test').test('y', () => {});\n" });
    commitAll(repo, 'a case more');
    const rule = '@id("docs") @reason("A person looks.") @accepts("proof.red_before") permit(principal, action == Action::"submit", resource);';
    const ran = await home.sally(['check', '--base', 'HEAD'], { cwd: repo, env: policy(rule) });
    expect(ran).toMatchObject({ code: 1 }); // nothing changed: that is never accepted
    const first = personGit(repo, 'rev-list', '--max-parents=0', 'HEAD');
    expect(await home.sally(['check', '--base', first], { cwd: repo, env: policy(rule) })).toMatchObject({ code: 0, stdout: expect.stringMatching(/\? No case was red before .* \(accepted by the policy\)/) });
    expect(await home.sally(['check', '--base', first], { cwd: repo, env: policy(`${rule} @id("audited") @reason("x") @gate("check:audit") forbid(principal, action, resource);`) })).toMatchObject({ code: 5, stdout: expect.stringContaining('? There is no check "audit".') });
  });

  it.each<[string, () => Readonly<Record<string, string>>, RegExp]>([
    ['is not there', () => ({ SALLYPORT_POLICY: '/nonexistent/own.cedar' }), /Cannot read the policy's file "\/nonexistent\/own\.cedar": ENOENT/],
    ['does not hold its examples', () => policy('', JSON.stringify([{ name: 'everything is denied', request: { principal: 'a', action: 'submit', repository: '/r', context: { sensitivity: 'public', labelled: true, kind: 'fix', agent: 'check', model: 'none', modelLocal: true, requesterIsPrincipal: true } }, expect: { effect: 'deny' } }])), /does not hold its example "everything is denied"/],
    ['has examples of another form', () => policy('', '{}'), /expected a JSON array/],
    ['is named by a relative path', () => ({ SALLYPORT_POLICY: 'own.cedar' }), /expected an absolute path/],
  ])('lets nothing run when it %s', async (_, env, why) => {
    const ran = await home.sally(check, { cwd: repo, env: env() });
    expect({ code: [2, 3].includes(ran.code ?? 0), stderr: ran.stderr }).toEqual({ code: true, stderr: expect.stringMatching(why) });
  });
});
