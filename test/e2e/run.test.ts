import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Evidence } from '../../src/protocol/evidence.js';
import { type Home, openHome, type Ran } from '../support/cli.js';
import { commitAll, makeRepo, personGit, write } from '../support/repo.js';
import { BREAK, finish, MEND, shell, SHOP } from '../support/shop.js';

describe('a task from the request to the applied change', () => {
  let home: Home;
  let repo: string;
  let base: string;
  let ran: Ran;
  let task: string;
  const sally = async (...args: string[]): Promise<Ran> => {
    const result = await home.sally(args);
    expect({ args, code: result.code, stderr: result.stderr }).toMatchObject({ code: 0 });
    return result;
  };
  const json = async (...args: string[]): Promise<Record<string, unknown>> => (await sally(...args, '--json')).json as Record<string, unknown>;

  beforeAll(async () => {
    home = openHome();
    repo = join(home.folder, 'shop');
    base = makeRepo(repo, { ...SHOP, 'AGENTS.md': 'Keep it small.\n' });
    ran = await home.sally(['run', 'the first item is not counted', '--repo', repo, '--model', home.model([shell(MEND), finish('The loop began at the second item.')]), '--json']);
    expect(ran.stderr).toBe('');
    task = (ran.json as { task: string }).task;
  });
  afterAll(() => home[Symbol.asyncDispose]());

  it('ends passed with exit code 0 and one JSON object on standard output', () => {
    expect(ran.code).toBe(0);
    expect(ran.json).toEqual({
      task: expect.stringMatching(/^task_[0-9a-z]+$/), state: 'done', verdict: 'passed', evidence: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      tree: expect.stringMatching(/^[0-9a-f]{40}$/), files: [{ path: 'cart.js', status: 'modified', mode: '100644' }], answer: null, proposed: null,
    });
  });

  it('leaves the working tree and the repository as they were', () => {
    expect(personGit(repo, 'status', '--porcelain')).toBe('');
    expect(personGit(repo, 'for-each-ref', '--format=%(refname) %(objectname)')).toBe(`refs/heads/main ${base}`);
  });

  it('lists it, by number and state', async () => {
    const rows = (await home.sally(['tasks', '--json'])).json as object[];
    expect(rows).toEqual([{ task, state: 'done', verdict: 'passed', kind: 'fix', created_at: expect.stringMatching(/Z$/), repository: repo, request: 'the first item is not counted' }]);
    expect((await sally('tasks')).stdout).toMatch(new RegExp(`^${task}  done     passed     fix`));
  });

  it('shows the same under the id, a prefix of it and `last`', async () => {
    const [whole, prefix, last] = await Promise.all([json('show', task), json('show', task.slice(5, 14)), json('show', 'last')]);
    expect(whole).toEqual({
      task, state: 'done', kind: 'fix', request: 'the first item is not counted', repository: repo, base, verdict: 'passed', evidence: (ran.json as { evidence: string }).evidence,
      tree: (ran.json as { tree: string }).tree, files: [{ path: 'cart.js', status: 'modified', mode: '100644' }], conditions: expect.any(Array), not_checked: expect.any(Array), fixes: [], advice: [], overrides: [], advisories: { source: null, newest: null, ageDays: null, problem: null, results: [] }, decision: null, answer: null, proposed: null,
    });
    expect((whole['conditions'] as { holds: string }[]).map((c) => c.holds)).toEqual(Array(17).fill('yes'));
    expect(whole['not_checked']).toEqual(expect.arrayContaining(['business logic', 'authorisation intent', 'races', 'novel attacks', 'languages without rules', 'unexecuted lines']));
    expect([prefix, last]).toEqual([whole, whole]);
  });

  it('says red before and green after, and what was not checked', async () => {
    const { stdout } = await sally('show', 'last');
    expect(stdout).toContain('red → green  cart.test.js > every item counts');
    expect(stdout).toContain('Not checked: business logic, authorisation intent, races, novel attacks, languages without rules, unexecuted lines.');
    expect(stdout).not.toMatch(/\b(secure|safe|audited)\b/i);
  });

  it('gives evidence whose bytes have the digest that an approval is bound to', async () => {
    const { stdout } = await sally('evidence', 'last', '--json');
    expect(`sha256:${createHash('sha256').update(stdout).digest('hex')}`).toBe((ran.json as { evidence: string }).evidence);
    const evidence = JSON.parse(stdout) as Evidence;
    expect(evidence.cases.map((c) => [c.id, c.change])).toEqual([['cart.test.js > every item counts', 'fixed'], ['cart.test.js > it has a name', 'passing']]);
    expect(evidence.instructions.map((i) => i.path)).toEqual(['AGENTS.md']);
    expect((await sally('evidence', 'last')).stdout).toMatch(/^## Verdict: passed/);
  });

  it('has every event on the log, in order and without a gap', async () => {
    const events = await home.events();
    expect(events.map((e) => e.seq)).toEqual(events.map((_, i) => i));
    expect(events.filter((e) => e.type === 'step.ended').map((e) => e.data.step)).toEqual(['source', 'setup', 'baseline', 'agent.1.1', 'agent.1.2', 'change.1', 'verify.1', 'judge.1', 'end']);
    expect((await sally('log', 'last')).stdout).toContain('gate     round 1: passed');
    expect((await sally('log', 'last', '--all')).stdout).toContain('policy.decided');
    expect((await sally('log', 'last', '-f')).stdout).toBe((await sally('log', 'last')).stdout);
  });

  it('gives a patch that git takes', async () => {
    const { stdout } = await sally('diff', 'last');
    execFileSync('git', ['apply', '--check'], { cwd: repo, input: stdout });
    expect(await json('diff', 'last')).toEqual({ task, files: [expect.objectContaining({ path: 'cart.js', status: 'modified' })], patch: stdout });
  });

  it('verifies its log here, and its export anywhere with the public key', async () => {
    expect(await json('audit', 'verify')).toMatchObject({ ok: true, unsigned: [], tasks: [{ ok: true, task }] });
    const file = join(home.folder, 'log.jsonl');
    const exported = (await sally('audit', 'export', 'last')).stdout;
    writeFileSync(file, exported);
    const key = join(home.home, 'keys/log.ed25519.pub');
    const elsewhere = { env: { SALLYPORT_HOME: join(home.folder, 'nowhere') } };
    expect(await home.sally(['audit', 'verify', file, '--key', key], elsewhere)).toMatchObject({ code: 0, stdout: expect.stringMatching(/^The log verifies: 1 task, \d+ entries\.\n$/) });
    const lines = exported.trim().split('\n');
    const edited = (from: string, to: string): string => lines.map((line) => {
      const entry = JSON.parse(line) as { bytes?: string };
      return entry.bytes === undefined ? line : JSON.stringify({ ...entry, bytes: Buffer.from(Buffer.from(entry.bytes, 'base64').toString('utf8').replace(from, to)).toString('base64') });
    }).join('\n');
    const last = lines.length - 1;
    for (const tampered of [edited('the first item is not counted', 'the first item is all counted'), edited('"verdict":"passed"', '"verdict":"failed"'), lines.toSpliced(7, 1).join('\n'), lines.slice(0, last).join('\n'), lines.toSpliced(lines.findLastIndex((line) => line.includes('"bytes"')), 1).join('\n')]) {
      expect(tampered).not.toBe(exported.trim());
      writeFileSync(file, tampered);
      expect(await home.sally(['audit', 'verify', file, '--key', key], elsewhere)).toMatchObject({ code: 1, stderr: expect.stringContaining('[audit.broken]') });
    }
    expect((await sally('audit', 'export', 'all')).stdout).toBe(exported);
  });

  it('is approved for exactly what was seen, then applied; a second time there is nothing to do', async () => {
    const evidence = (ran.json as { evidence: string }).evidence;
    expect(await home.sally(['approve', 'last', '--evidence', `sha256:${'0'.repeat(64)}`])).toMatchObject({ code: 3, stderr: expect.stringContaining('[approval.stale]') });
    expect(await json('approve', 'last', '--evidence', evidence, '-m', 'looked at the diff')).toEqual({ task, approval: expect.stringMatching(/^appr_/), tree: (ran.json as { tree: string }).tree, evidence, policy: expect.stringMatching(/^sha256:/) });
    expect(await json('show', 'last')).toMatchObject({ decision: 'approved' });
    write(repo, { 'cart.js': `${SHOP['cart.js']}// my own edit\n` });
    expect(await home.sally(['apply', 'last'])).toMatchObject({ code: 2, stderr: expect.stringMatching(/cart\.js.*\[apply\.conflict\]/s) });
    expect(readFileSync(join(repo, 'cart.js'), 'utf8')).toBe(`${SHOP['cart.js']}// my own edit\n`);
    write(repo, { 'cart.js': SHOP['cart.js'] as string });
    expect(await json('apply', 'last')).toEqual({ task, folder: repo, files: ['cart.js'], approved: true });
    expect(personGit(repo, 'status', '--porcelain')).toBe('M cart.js');
    execFileSync(process.execPath, ['--test'], { cwd: repo, env: { PATH: '/usr/bin:/bin' } });
    expect(await json('apply', 'last')).toEqual({ task, folder: repo, files: [], approved: true });
    expect(await json('audit', 'verify')).toMatchObject({ ok: true });
  });
});

describe('verdicts that are not passed', () => {
  let home: Home;
  let repo: string;
  beforeAll(() => {
    home = openHome();
    repo = join(home.folder, 'shop');
    makeRepo(repo, SHOP);
  });
  afterAll(() => home[Symbol.asyncDispose]());
  const run = (turns: readonly object[], ...more: string[]): Promise<Ran> => home.sally(['run', 'the first item is not counted', '--repo', repo, '--model', home.model(turns), '--json', ...more]);

  it('goes back to the agent when the gate fails, with what the gate found, and passes in the second round', async () => {
    const ran = await run([shell(`${MEND}; ${BREAK}`), finish('first'), shell('sed -i \'s/"trolley"/"cart"/\' cart.js'), finish('second')]);
    expect({ code: ran.code, verdict: (ran.json as { verdict: string }).verdict }).toEqual({ code: 0, verdict: 'passed' });
    const events = await home.events();
    expect(events.filter((e) => e.type === 'gate.judged').map((e) => [e.data.round, e.data.verdict])).toEqual([[1, 'failed'], [2, 'passed']]);
    expect(events.filter((e) => e.type === 'feedback.given').map((e) => e.data.round)).toEqual([1]);
  });

  it('fails with exit code 1 when the rounds are used up, is then refused without --accept and applied with it', async () => {
    const ran = await run([shell(`${MEND}; ${BREAK}`), finish('first'), shell('true'), finish('second')], '--rounds', '2');
    expect({ code: ran.code, verdict: (ran.json as { verdict: string }).verdict }).toEqual({ code: 1, verdict: 'failed' });
    expect((await home.events()).filter((e) => e.type === 'gate.judged').map((e) => e.data.verdict)).toEqual(['failed', 'failed']);
    expect((await home.sally(['show', 'last'])).stdout).toContain('green → red  cart.test.js > it has a name');
    expect(await home.sally(['approve', 'last'])).toMatchObject({ code: 3, stderr: expect.stringContaining('[policy.denied]') });
    expect(await home.sally(['apply', 'last'])).toMatchObject({ code: 3, stderr: expect.stringMatching(/\[apply\.needs_accept\]/) });
    expect(personGit(repo, 'status', '--porcelain')).toBe('');
    expect(await home.sally(['reject', 'last', '-m', 'breaks the name'])).toMatchObject({ code: 0 });
    expect(await home.sally(['apply', 'last', '--accept', 'the name is to change'])).toMatchObject({ code: 0 });
    expect(personGit(repo, 'status', '--porcelain')).toBe('M cart.js');
    expect((await home.events()).filter((e) => e.type === 'override.recorded').map((e) => e.data)).toEqual([{ by: 'tester', reason: 'the name is to change', verdict: 'failed', evidence: (ran.json as { evidence: string }).evidence }]);
    personGit(repo, 'checkout', '--', '.');
  });

  it('refuses what passed and was rejected, without --accept', async () => {
    expect(await run([shell(MEND), finish()])).toMatchObject({ code: 0 });
    expect(await home.sally(['reject', 'last', '-m', 'not now'])).toMatchObject({ code: 0 });
    expect(await home.sally(['apply', 'last'])).toMatchObject({ code: 3, stderr: expect.stringContaining('was rejected') });
  });

  it('is unverified with exit code 5 where there is no test', async () => {
    const bare = join(home.folder, 'bare');
    makeRepo(bare, { 'a.txt': 'one\n' });
    const ran = await home.sally(['run', 'say two', '--repo', bare, '--model', home.model([shell('echo two > a.txt'), finish()]), '--json']);
    expect({ code: ran.code, verdict: (ran.json as { verdict: string }).verdict }).toEqual({ code: 5, verdict: 'unverified' });
    expect(await home.sally(['apply', 'last'])).toMatchObject({ code: 3, stderr: expect.stringContaining('[apply.needs_accept]') });
  });

  it('checks a change that exists already, without a model', async () => {
    personGit(repo, 'checkout', '--quiet', '-b', 'mended');
    write(repo, { 'cart.js': (SHOP['cart.js'] as string).replace('i = 1', 'i = 0') });
    commitAll(repo, 'mend');
    const ran = await home.sally(['check', '--repo', repo, '--base', 'main', '--head', 'mended', '--json']);
    expect({ code: ran.code, verdict: (ran.json as { verdict: string }).verdict }).toEqual({ code: 0, verdict: 'passed' });
    write(repo, { 'cart.js': (SHOP['cart.js'] as string).replace('"cart"', '"trolley"') });
    commitAll(repo, 'break');
    expect(await home.sally(['check', '--repo', repo, '--base', 'main', '--head', 'mended', '--json'])).toMatchObject({ code: 1 });
    expect(await home.sally(['check', '--repo', repo, '--base', 'main', '--head', 'main', '--json'])).toMatchObject({ code: 1 });
  });

  it('answers a question with citations that exist, and changes nothing', async () => {
    const cite = (citations: string[]): object => ({ tools: [{ name: 'finish', args: { summary: 'It is summed in cart.js.', citations } }] });
    const ask = (citations: string[]): Promise<Ran> => home.sally(['ask', 'where is the sum?', '--repo', repo, '--ref', 'main', '--model', home.model([shell('echo x > cart.js; cat cart.js'), cite(citations)]), '--rounds', '1', '--json']);
    const [good, bad] = [await ask(['cart.js:3']), await ask(['cart.js:999'])];
    expect({ code: good.code, ...(good.json as object) }).toMatchObject({ code: 0, verdict: 'passed', answer: 'It is summed in cart.js.', files: [] });
    expect({ code: bad.code, ...(bad.json as object) }).toMatchObject({ code: 1, verdict: 'failed' });
  });
});
