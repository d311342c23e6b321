import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ALWAYS_DEMANDED } from '../../src/protocol/guarantee.js';
import { newId } from '../../src/protocol/ids.js';
import { makeLayer } from '../../src/sandbox/layer.js';
import { PROBE_ARGV, readProbes } from '../../src/sandbox/probes.js';
import type { ExecRequest, ExecResult, Sandbox, SandboxDriver, SandboxSpec } from '../../src/sandbox/sandbox.js';
import { leftovers, remove, scratch, testDriver, testOwner, tree } from '../support/sandbox.js';

let folder: string;
let driver: SandboxDriver;
let count = 0;

beforeAll(() => {
  folder = scratch();
  driver = testDriver(folder);
});
afterAll(() => remove(folder));

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

describe('the bubblewrap driver', () => {
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

  it('does not let code inside read the memory of the exec server', async () => {
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
    if (!(await driver.probe()).enforced.includes('pids_limit')) return context.skip('no cgroup can be made here');
    const sandbox = await open({ limits: { memory: 256, pids: 40, cpus: 1 } });
    await sh(sandbox, 'i=0; while [ $i -lt 200 ]; do sleep 30 & i=$((i+1)); done; wait', { timeout: 1500 });
    expect((await sandbox.close()).pidsRefused).toBeGreaterThan(0);
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

  it('lets a background process live on between commands and kills it at the end', async () => {
    await using sandbox = await open();
    const first = await sh(sandbox, '(while :; do sleep 0.1; date > /tmp/beat; done) >/dev/null 2>&1 & echo started');
    expect(first.stdout.toString()).toBe('started\n');
    expect((await sh(sandbox, 'while [ ! -e /tmp/beat ]; do sleep 0.05; done; echo beats')).stdout.toString()).toBe('beats\n');
  });

  it('refuses to start when it does not enforce what is demanded', async () => {
    await expect(open({ demanded: ['no_route', 'memory_limit', 'second_kernel' as 'no_route'] })).rejects.toMatchObject({ code: 'sandbox.not_enforced' });
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
});
