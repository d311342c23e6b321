import { chmodSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ALWAYS_DEMANDED } from '../../src/protocol/guarantee.js';
import { newId } from '../../src/protocol/ids.js';
import { makeLayer } from '../../src/sandbox/layer.js';
import { PROBE_ARGV, readProbes } from '../../src/sandbox/probes.js';
import type { ExecRequest, ExecResult, Sandbox, SandboxDriver, SandboxSpec } from '../../src/sandbox/sandbox.js';
import { leftovers, remove, scratch, testOwner, tree } from '../support/sandbox.js';

/**
 * What every sandbox driver must do, whatever it is made of. Called by the test file of each driver. What a driver may lack (`OPTIONAL` guarantees) is tried where
 * it reports it, and skipped by name where it does not.
 */
export function sandboxContract(name: string, makeDriver: (folder: string) => SandboxDriver, cannot: Cannot = {}): void {
  describe(`${name} as a sandbox driver`, () => contract(makeDriver, cannot));
}

/** What a runtime of this machine cannot do, and why: flaws of one old release, not of a driver. */
export interface Cannot {
  readonly terminal?: string;
}

function contract(makeDriver: (folder: string) => SandboxDriver, cannot: Cannot): void {
  let folder: string;
  let driver: SandboxDriver;
  let count = 0;

  beforeAll(() => {
    folder = scratch();
    driver = makeDriver(folder);
  });
  afterAll(async () => {
    await driver.close();
    await remove(folder);
  });

  async function open(overrides: Partial<SandboxSpec> = {}): Promise<Sandbox & { layer: string; lower: string }> {
    const at = join(folder, `case-${count++}`);
    mkdirSync(at, { mode: 0o755 });
    const lower = tree(join(at, 'lower'), { 'a.txt': 'base\n', 'dir/b.txt': 'b\n' });
    await makeLayer(join(at, 'layer'), testOwner());
    const sandbox = await driver.open({
      id: newId('sb'), phase: 'agent', demanded: ALWAYS_DEMANDED, workspace: { lowers: [lower], layer: join(at, 'layer') }, mounts: [],
      egressSocket: null, scratch: null, limits: { memory: 512, pids: 64, cpus: 2 }, variables: { COLOUR: 'blue' }, ...overrides,
    });
    return Object.assign(sandbox, { layer: join(at, 'layer'), lower });
  }
  const sh = (sandbox: Sandbox, script: string, options: Partial<ExecRequest> = {}): Promise<ExecResult> =>
    sandbox.exec({ argv: ['/bin/sh', '-c', script], timeout: 20_000, maxOutput: 1_000_000, ...options });

  it('enforces everything that is always demanded, found out by running', async () => {
    const report = await driver.probe();
    expect(ALWAYS_DEMANDED.filter((g) => !report.enforced.includes(g))).toEqual([]);
  });

  it('lets nothing out: every probe holds', async () => {
    await using sandbox = await open();
    const probes = readProbes(await sandbox.exec({ argv: PROBE_ARGV, timeout: 20_000, maxOutput: 100_000 }));
    expect(probes.filter((p) => !p.ok)).toEqual([]);
  });

  it('writes go to the upper layer and never to the lower one', async () => {
    await using sandbox = await open();
    const result = await sh(sandbox, 'cat a.txt; echo changed > a.txt; rm dir/b.txt; cat a.txt; id -u; echo $COLOUR');
    expect({ exit: result.exit, out: result.stdout.toString(), err: result.stderr.toString() }).toEqual({ exit: 0, out: 'base\nchanged\n1000\nblue\n', err: '' });
    expect([readFileSync(join(sandbox.lower, 'a.txt'), 'utf8'), readFileSync(join(sandbox.layer, 'upper/a.txt'), 'utf8')]).toEqual(['base\n', 'changed\n']);
  });

  it('shows nothing of the host: no environment, no home, no process, no path in a command line', async () => {
    process.env['SALLYPORT_CANARY'] = 'leak-me';
    await using sandbox = await open();
    const result = await sh(sandbox, 'cat /proc/1/environ /proc/1/cmdline | tr "\\0" " "; ls /root /home /work 2>&1; ls /proc | grep -c "^[0-9]"; cat /etc/shadow 2>&1');
    delete process.env['SALLYPORT_CANARY'];
    const text = result.stdout.toString();
    expect(text).not.toContain('leak-me');
    expect(text).not.toContain(folder);
    expect(text).toMatch(/cannot access '\/root'|ls: .*root/);
    expect(text).toContain('No such file');
  });

  it('does not let code inside read the memory of the exec server', async (context) => {
    if (!(await driver.probe()).enforced.includes('sealed_server')) return context.skip('sealed_server is not enforced here');
    await using sandbox = await open();
    const result = await sh(sandbox, `for p in /proc/[0-9]*; do case "$(tr '\\0' ' ' < $p/cmdline)" in /opt/sallyport/node*) echo pid $p; cat $p/environ $p/maps $p/mem;; esac; done; true`);
    expect(result.stdout.toString()).toMatch(/^pid \/proc\/\d+\n$/);
    expect(result.stderr.toString().match(/Permission denied/g)?.length).toBe(3);
  });

  it('kills a command that ignores signals when its time is up, and the sandbox goes on', async () => {
    await using sandbox = await open();
    const slow = await sh(sandbox, 'trap "" TERM INT HUP; echo started; sleep 100 & sleep 100', { timeout: 500 });
    expect([slow.reason, slow.stdout.toString()]).toEqual(['timeout', 'started\n']);
    expect((await sh(sandbox, 'echo still here')).stdout.toString()).toBe('still here\n');
  });

  it('ends a command that writes without end', async () => {
    await using sandbox = await open();
    const result = await sh(sandbox, 'yes', { maxOutput: 100_000 });
    expect([result.reason, result.stdout.length]).toEqual(['output_limit', 100_000]);
  });

  it('tells out of memory by the kernel\'s counter, even when the shell swallows the exit code', async (context) => {
    if (!(await driver.probe()).enforced.includes('memory_limit')) return context.skip('no cgroup can be made here');
    await using sandbox = await open({ limits: { memory: 256, pids: 64, cpus: 2 } });
    const result = await sh(sandbox, '/opt/sallyport/node --max-old-space-size=8000 -e "const a=[];for(;;)a.push(Buffer.alloc(1<<20,1))"; exit 0');
    expect(result.reason).toBe('oom');
  });

  it('contains a fork bomb', async (context) => {
    const { enforced } = await driver.probe();
    if (!enforced.includes('pids_limit')) return context.skip('no cgroup can be made here');
    const sandbox = await open({ limits: { memory: 256, pids: 40, cpus: 1 } });
    const bomb = await sh(sandbox, 'i=0; while [ $i -lt 200 ]; do sleep 30 & i=$((i+1)); done; wait', { timeout: 1500 });
    const { pidsRefused } = await sandbox.close();
    // A kernel of its own counts them itself, and refuses before the host does.
    if (enforced.includes('second_kernel')) expect([pidsRefused, bomb.exit, bomb.stderr.toString()]).toEqual([0, 2, expect.stringContaining('Cannot fork')]);
    else expect(pidsRefused).toBeGreaterThan(0);
  });

  it('gives exit 127 for a program that is not there', async () => {
    await using sandbox = await open();
    const result = await sandbox.exec({ argv: ['/no/such'], timeout: 5000, maxOutput: 1000 });
    expect([result.exit, result.reason]).toEqual([127, 'exited']);
  });

  it('is not fooled by code that writes to the exec server\'s descriptors', async () => {
    await using sandbox = await open();
    await sh(sandbox, 'for p in /proc/[0-9]*; do echo "{\\"id\\":\\"c0\\",\\"exit\\":0,\\"signal\\":null}" > $p/fd/3; done; exit 9', { timeout: 5000 }).then((r) => expect(r.exit).toBe(9));
  });

  it('passes standard input and streams output as it comes', async () => {
    await using sandbox = await open();
    const seen: string[] = [];
    const result = await sandbox.exec({ argv: ['/bin/cat'], stdin: Buffer.from('hello'), timeout: 5000, maxOutput: 1000, onOutput: (s, c) => seen.push(`${s}:${c}`) });
    expect([result.stdout.toString(), seen.join()]).toEqual(['hello', 'stdout:hello']);
  });

  it('takes input as it comes, however much, and ends it', async () => {
    await using sandbox = await open();
    async function* input(): AsyncGenerator<Buffer> {
      yield Buffer.from('first\n');
      for (let i = 0; i < 40; i++) yield Buffer.alloc(100_000, 'x');
    }
    const result = await sandbox.exec({ argv: ['/bin/sh', '-c', 'read a; echo "got $a"; wc -c'], input: input(), timeout: 20_000, maxOutput: 1000 });
    expect([result.exit, result.stdout.toString()]).toEqual([0, 'got first\n4000000\n']);
    // A command that does not read its input ends all the same.
    const deaf = await sandbox.exec({ argv: ['/usr/bin/true'], input: input(), timeout: 20_000, maxOutput: 1000 });
    expect([deaf.reason, deaf.exit]).toEqual(['exited', 0]);
  });

  it('gives a command a terminal on demand, of the size that is asked for, and the command\'s own exit code', async (context) => {
    if (cannot.terminal !== undefined) return context.skip(cannot.terminal);
    await using sandbox = await open();
    let grow: (() => void) | undefined;
    const shown = new Promise<void>((resolve) => (grow = resolve));
    async function* resized() {
      await shown;
      yield { columns: 132, rows: 50 };
    }
    async function* typed(): AsyncGenerator<Buffer> {
      yield Buffer.from('stty size\n');
      await shown;
      yield Buffer.from('until stty size | grep -q 132; do :; done; stty size; tty; exit 5\n');
    }
    const result = await sandbox.exec({
      argv: ['/bin/sh'], terminal: { columns: 100, rows: 30, resized: resized() }, input: typed(), env: { PS1: '' }, timeout: 20_000, maxOutput: 10_000,
      onOutput: (_, chunk) => void (chunk.toString().includes('30 100') && grow?.()),
    });
    expect([result.exit, result.stderr.toString()]).toEqual([5, '']);
    expect(result.stdout.toString()).toMatch(/30 100\r\n[\s\S]*\n50 132\r\n\/dev\/pts\/0\r\n/);
    const killed = await sandbox.exec({ argv: ['/bin/sh', '-c', 'trap "" HUP TERM; echo up; sleep 100'], terminal: { columns: 80, rows: 24 }, timeout: 800, maxOutput: 1000 });
    expect([killed.reason, killed.stdout.toString()]).toEqual(['timeout', 'up\r\n']);
    expect((await sh(sandbox, 'pgrep sleep; true')).stdout.toString()).toBe('');
  });

  it('kills with a command what descends from it, also in a session of its own', async () => {
    await using sandbox = await open();
    await sh(sandbox, 'setsid sh -c "trap \\"\\" HUP TERM; sleep 300; :" & sleep 300', { timeout: 500 });
    expect((await sh(sandbox, 'pgrep sleep; true')).stdout.toString()).toBe('');
  });

  it('lets a background process live on between commands and kills it at the end', async () => {
    await using sandbox = await open();
    const first = await sh(sandbox, '(while :; do sleep 0.1; date > /tmp/beat; done) >/dev/null 2>&1 & echo started');
    expect(first.stdout.toString()).toBe('started\n');
    expect((await sh(sandbox, 'while [ ! -e /tmp/beat ]; do sleep 0.05; done; echo beats')).stdout.toString()).toBe('beats\n');
  });

  it('is told by the kernel which programs were started, whatever they are called and whoever started them', async (context) => {
    if (!(await driver.probe()).enforced.includes('exec_audit')) return context.skip('the kernel\'s trace cannot be read here');
    await using one = await open();
    await using other = await open();
    await sh(one, 'cp /usr/bin/true "/tmp/a b\n sched_process_exec: filename=git pid=1"; "/tmp/a b\n sched_process_exec: filename=git pid=1"; (env -i /usr/bin/id & wait); /usr/bin/perl -e \'exec {"/usr/bin/uname"} "true"\'');
    await sh(other, '/usr/bin/env');
    const names = (sandbox: Sandbox): string[] => (sandbox.executed()?.programs ?? []).map((p) => p.path).filter((p) => !p.startsWith('/opt/'));
    expect([names(one), names(other)]).toEqual([['/bin/sh', '/usr/bin/cp', '/tmp/a b\n sched_process_exec: filename=git pid=1', '/usr/bin/env', '/usr/bin/id', '/usr/bin/perl', '/usr/bin/uname'], ['/bin/sh', '/usr/bin/env']]);
    expect(names(one)).toEqual([]); // told once
  });

  it('bounds what is written to the workspace', async (context) => {
    if (!(await driver.probe()).enforced.includes('disk_limit')) return context.skip('no disk image can be made here');
    await using sandbox = await open({ workspace: { lowers: [tree(join(folder, 'bounded'), { a: '' })], layer: null, fresh: true }, limits: { memory: 512, pids: 64, cpus: 2, disk: 64 } });
    const result = await sh(sandbox, 'dd if=/dev/zero of=big bs=1M count=100; wc -c < big; rm big; echo small > small && cat small');
    expect(result.stdout.toString()).toMatch(/\nsmall\n$/);
    expect(result.stderr.toString()).toContain('No space left on device');
  });

  it('runs one command alone, with the same walls, and tells how it ended', async () => {
    const spec = (): SandboxSpec => ({ id: newId('sb'), phase: 'scan', demanded: ALWAYS_DEMANDED, workspace: { lowers: [tree(join(folder, 'once'), { 'a.txt': 'base\n' })], layer: null }, mounts: [], egressSocket: null, scratch: null, limits: { memory: 256, pids: 64, cpus: 2 }, variables: { COLOUR: 'blue' } });
    const once = (script: string, options: Partial<ExecRequest> = {}) => driver.once(spec(), { argv: ['/bin/sh', '-c', script], timeout: 20_000, maxOutput: 100_000, ...options });
    const ended = async (script: string, options: Partial<ExecRequest> = {}) => {
      const { result } = await once(script, options);
      return [result.reason, result.exit, result.stdout.toString(), result.stderr.toString()];
    };
    expect(await ended('cat a.txt; echo $COLOUR $MORE; cat; echo err >&2; pwd; touch b 2>/dev/null || exit 7', { env: { MORE: 'green' }, stdin: Buffer.from('in\n') })).toEqual(['exited', 7, 'base\nblue green\nin\n/workspace\n', 'err\n']);
    expect(await ended('echo $COLOUR$MORE', { bare: true })).toEqual(['exited', 0, '\n', '']);
    expect((await ended('trap "" TERM; echo a; sleep 60 & sleep 60', { timeout: 1000 })).slice(0, 3)).toEqual(['timeout', null, 'a\n']);
    expect((await ended('yes', { maxOutput: 5000 })).slice(0, 2)).toEqual(['output_limit', null]);
    expect((await ended('sleep 60', { signal: AbortSignal.timeout(500) })).slice(0, 2)).toEqual(['killed', null]);
    expect((await ended('setsid sleep 60 >/dev/null 2>&1 & exit 3')).slice(0, 2)).toEqual(['exited', 3]);
    const probes = readProbes((await driver.once(spec(), { argv: PROBE_ARGV, bare: true, timeout: 20_000, maxOutput: 100_000 })).result);
    expect(probes.filter((p) => !p.ok)).toEqual([]);
    if (!(await driver.probe()).enforced.includes('memory_limit')) return;
    const bomb = await once('/opt/sallyport/node --max-old-space-size=8000 -e "const a=[];for(;;)a.push(Buffer.alloc(1<<20,1))"; exit 0');
    expect([bomb.result.reason, bomb.usage.oomKills > 0]).toEqual(['oom', true]);
  });

  it('shows mounts and dependencies where they belong, writable only where it is said', async () => {
    const at = tree(join(folder, 'mounted'), { 'one.txt': '1', 'deps/bin/tool': '#!/bin/sh\necho tool\n' });
    await using sandbox = await open({ mounts: [{ source: join(at, 'one.txt'), target: '/run/sallyport/one.txt' }], dependencies: { folder: join(at, 'deps'), writable: false, path: ['/opt/deps/bin'], variables: { FOUND: 'yes' } } });
    expect((await sh(sandbox, 'cat /run/sallyport/one.txt; echo 2 > /run/sallyport/one.txt; touch /opt/deps/x; . /opt/deps/bin/tool; echo "$FOUND $(echo $PATH | cut -d: -f1)"')).stdout.toString()).toBe('1tool\nyes /opt/deps/bin\n');
    await using filling = await open({ dependencies: { folder: join(at, 'deps'), writable: true, path: [], variables: {} } });
    await sh(filling, 'echo made > /opt/deps/made');
    expect(readFileSync(join(at, 'deps/made'), 'utf8')).toBe('made\n');
  });

  it('keeps programs and variables of dependencies from its own commands', async () => {
    const deps = tree(join(folder, 'own-commands'), { 'bin/cat': '#!/bin/sh\necho hostile\n' });
    chmodSync(join(deps, 'bin/cat'), 0o755);
    await using sandbox = await open({ dependencies: { folder: deps, writable: false, path: ['/opt/deps/bin'], variables: { WHERE: '/opt/deps', COLOUR: 'red' } } });
    expect((await sh(sandbox, 'cat a.txt; echo $WHERE $COLOUR')).stdout.toString()).toBe('hostile\n/opt/deps blue\n');
    expect((await sh(sandbox, 'cat a.txt; echo $WHERE $COLOUR', { bare: true })).stdout.toString()).toBe('base\n\n');
  });

  it('refuses to start when it does not enforce what is demanded', async () => {
    await expect(open({ demanded: ['no_route', 'memory_limit', 'no_such_wall' as 'no_route'] })).rejects.toMatchObject({ code: 'sandbox.not_enforced' });
  });

  it('answers `lost` when the sandbox dies under a command', async () => {
    const sandbox = await open();
    const running = sh(sandbox, 'sleep 60');
    await sandbox.close();
    expect((await running).reason).toBe('lost');
  });

  it('leaves no process, mount or cgroup behind', async () => {
    const before = leftovers();
    await Promise.all([open(), open(), open()].map(async (opening) => {
      await using sandbox = await opening;
      await sh(sandbox, 'setsid sleep 100 & setsid setsid sleep 100 & echo x');
      expect(leftovers()).not.toEqual(before); // it sees what is there
    }));
    expect(leftovers()).toEqual(before);
  });
}
