import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { missingLimits } from '../../src/sandbox/stage/cgroup.js';
import { CGROUPS, delegatedGroup, type GroupState, groupIn, stepFor } from '../../src/sandbox/stage/delegation.js';
import { until } from '../fixtures/database.js';
import { ROOT } from '../support/sandbox.js';

describe('the group of a process', () => {
  it('is its own of version 2, or the one above the leaf that Sallyport made', () => {
    const texts = ['0::/\n', '0::/user.slice/a.scope\n', '0::/user.slice/a.scope/sallyport-host\n', '0::/sallyport-host\n', '4:memory:/x\n0::/y\n', '4:memory:/x\n', '', '0::/../other\n'];
    expect(texts.map(groupIn)).toEqual(['/', '/user.slice/a.scope', '/user.slice/a.scope', '/', '/y', null, null, null]);
  });
});

describe('what is done with a group', () => {
  const scope: GroupState = { name: '/a.scope', type: 'domain', controllers: 'cpuset cpu io memory pids\n', subtree: '\n', ours: true, divisible: true };

  it('is to use it as it is, to hand its controllers on, or to divide it first', () => {
    expect([{ ...scope, subtree: 'memory pids cpu\n' }, { ...scope, type: null }, scope, { ...scope, subtree: 'memory\n' }].map(stepFor)).toEqual([{ to: 'use' }, { to: 'enable' }, { to: 'divide' }, { to: 'divide' }]);
  });

  it('is nothing where it is another\'s, lacks a controller, or has threads in place of processes, and says why', () => {
    expect([{ ...scope, ours: false }, { ...scope, subtree: 'cpu memory pids', ours: false }, { ...scope, divisible: false }, { ...scope, controllers: 'memory pids\n' }, { ...scope, type: 'threaded' }].map(stepFor)).toEqual([
      { to: 'leave', blocked: { why: 'the group "/a.scope" belongs to another user, or is read-only' } },
      { to: 'leave', blocked: { why: 'the group "/a.scope" belongs to another user, or is read-only' } },
      { to: 'leave', blocked: { why: 'the controllers of the group "/a.scope" are another user\'s to hand on' } },
      { to: 'leave', blocked: { why: 'the group "/a.scope" has no cpu to hand on', hint: expect.stringContaining('Delegate=cpu memory pids') } },
      { to: 'leave', blocked: { why: 'the group "/a.scope" is threaded' } },
    ]);
  });

  it('reaches doctor with the remedy', () => {
    const [first] = missingLimits({ version: 0, why: 'the group "/a.scope" has no cpu to hand on', hint: 'Delegate it.' });
    expect(first).toEqual({ guarantee: 'memory_limit', why: 'no cgroup can be made (the group "/a.scope" has no cpu to hand on); weaker: each process alone is bounded, not all together', hint: 'Delegate it.' });
    expect(missingLimits({ version: 0, why: 'x' }).map((m) => m.hint)).toEqual(Array(3).fill(expect.stringContaining('systemd-run --user --scope -p Delegate=yes')));
  });
});

/** Makes a group with limits for a process of its own, waits for a line, and tells what it saw. */
const MEMBER = `
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { detectCgroups, prepareCgroup } from '${ROOT}/dist/sandbox/stage/cgroup.js';
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
await lines.next(); // it is in its group now
const support = await detectCgroups();
if (support.version !== 2) { console.log(JSON.stringify(support)); process.exit(0); }
const child = spawn('/bin/sleep', ['1000'], { stdio: 'ignore' });
const group = await prepareCgroup(support, 'slot', child.pid);
await group.claim('sb_test' + process.pid, { memory: 64, pids: 7, cpus: 0.5 });
const file = (name) => readFileSync(support.base + '/sallyport-sb_test' + process.pid + '/' + name, 'utf8').trim();
const seen = { base: support.base, own: readFileSync('/proc/self/cgroup', 'utf8').trim(), limits: [file('memory.max'), file('pids.max'), file('cpu.max')], inside: file('cgroup.procs') === String(child.pid), oom: await group.oomKills() };
console.log(JSON.stringify(seen));
await lines.next();
child.kill('SIGKILL');
await once(child, 'exit');
const used = await group.usage();
await group.remove();
console.log(JSON.stringify({ refused: used.pidsRefused, oom: used.oomKills }));
process.exit(0);
`;

const root = process.getuid?.() === 0;
const found = existsSync(`${CGROUPS}/cgroup.controllers`) ? await delegatedGroup() : { why: 'cgroup v2 is not mounted alone here' };

describe.skipIf(!('base' in found))(`a delegated group (${'base' in found ? found.base : found.why})`, () => {
  const base = 'base' in found ? found.base : '';
  let scope = '';
  const started: ChildProcess[] = [];
  afterEach(async () => {
    for (const child of started.splice(0)) child.kill('SIGKILL');
    if (!existsSync(scope)) return;
    writeFileSync(join(scope, 'cgroup.kill'), '1'); // and what they started
    const groups = (): string[] => readdirSync(scope, { withFileTypes: true }).filter((e) => e.isDirectory()).map((e) => join(scope, e.name));
    await until(() => [scope, ...groups()].every((g) => readFileSync(join(g, 'cgroup.procs'), 'utf8') === ''), 'nothing runs in the group', 60_000);
    for (const group of groups()) rmdirSync(group);
    rmdirSync(scope);
  });

  /** A group with a process that is not Sallyport's, and these many that are. As root, seen as a container sees it: otherwise the root's own group would be taken. */
  async function members(count: number): Promise<{ readonly stranger: ChildProcess; readonly all: readonly { readonly child: ChildProcess; next(): Promise<unknown> }[] }> {
    scope = join(base, `test-${process.pid}.scope`);
    mkdirSync(scope);
    const enter = (argv: readonly string[]): ChildProcess => {
      const child = spawn(argv[0] as string, argv.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] });
      started.push(child);
      writeFileSync(join(scope, 'cgroup.procs'), String(child.pid));
      return child;
    };
    const stranger = enter(['/bin/sleep', '1000']);
    const all = Array.from({ length: count }, () => {
      const node = [process.execPath, '--input-type=module', '-e', MEMBER];
      const child = root ? enter(['/bin/sh', '-c', 'read go; exec unshare --cgroup --mount --propagation private sh -c \'umount -l /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && exec "$@"\' sh "$@"', 'sh', ...node]) : enter(node);
      const output = child.stdout?.setEncoding('utf8')[Symbol.asyncIterator]();
      let rest = '';
      let wake = root ? 'go\ngo\n' : 'go\n'; // the shell in front waits too
      return { child, next: async () => {
        child.stdin?.write(wake);
        wake = 'go\n';
        while (!rest.includes('\n')) {
          const { value, done } = (await output?.next()) ?? { done: true };
          if (done === true) throw new Error('it ended');
          rest += value;
        }
        const [line = '', ...after] = rest.split('\n');
        rest = after.join('\n');
        return JSON.parse(line);
      } };
    });
    return { stranger, all };
  }

  it('is divided once by all that are in it, and none disturbs another', async () => {
    const { stranger, all } = await members(3);
    const at = root ? CGROUPS : scope;
    const own = `0::${root ? '' : scope.slice(CGROUPS.length)}/sallyport-host`;
    const seen = { base: at, own, limits: [String(64 * 1024 * 1024), '7', '50000 100000'], inside: true, oom: 0 };
    expect(await Promise.all(all.map((m) => m.next()))).toEqual([seen, seen, seen]);
    expect(readFileSync(join(scope, 'cgroup.procs'), 'utf8')).toBe('');
    expect(readFileSync(join(scope, 'sallyport-host/cgroup.procs'), 'utf8').split('\n')).toContain(String(stranger.pid));
    const [one, ...others] = all;
    expect(await one?.next()).toEqual({ refused: 0, oom: 0 });
    expect(readdirSync(scope).filter((n) => n.startsWith('sallyport-sb_')).length).toBe(2);
    expect(await Promise.all(others.map((m) => m.next()))).toEqual([{ refused: 0, oom: 0 }, { refused: 0, oom: 0 }]);
    expect(readdirSync(scope).filter((n) => n.startsWith('sallyport-'))).toEqual(['sallyport-host']);
  });

  it('is left as it is where a controller is not handed down to it, and says which', async () => {
    const { all: [one] } = await members(1);
    const inner = join(scope, 'inner');
    mkdirSync(inner); // nothing is handed on by `scope`
    writeFileSync(join(inner, 'cgroup.procs'), String(one?.child.pid));
    expect(await one?.next()).toEqual({ version: 0, why: `the group "${root ? '/' : inner.slice(CGROUPS.length)}" has no memory, pids, cpu to hand on`, hint: expect.stringContaining('Delegate=cpu memory pids') });
    expect(readdirSync(inner).filter((n) => n.startsWith('sallyport-'))).toEqual([]);
  });
});
