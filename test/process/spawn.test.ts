import { describe, expect, it } from 'vitest';
import { run } from '../../src/process/spawn.js';

const ENV = { PATH: '/usr/bin:/bin' };

describe('run', () => {
  it('keeps exit code and both streams of a program that fails', async () => {
    const result = await run(['/bin/sh', '-c', 'echo out; echo err >&2; exit 3'], { env: ENV });
    expect({ exit: result.exit, out: result.stdout.toString(), err: result.stderr.toString(), why: result.termination }).toEqual({
      exit: 3, out: 'out\n', err: 'err\n', why: 'exited',
    });
  });

  it('inherits nothing from the environment of the caller', async () => {
    process.env['SALLYPORT_TEST_SECRET'] = 'hunter2';
    const result = await run(['/usr/bin/env'], { env: { A: '1' } });
    delete process.env['SALLYPORT_TEST_SECRET'];
    expect(result.stdout.toString()).toBe('A=1\n');
  });

  it('kills grandchildren too when the time is up, and says so', async () => {
    const result = await run(['/bin/sh', '-c', 'sleep 60 & echo $!; trap "" TERM; sleep 60'], { env: ENV, timeout: 300 });
    expect(result.termination).toBe('timeout');
    const grandchild = Number(result.stdout.toString());
    await expect.poll(() => alive(grandchild)).toBe(false);
  });

  it('stops a program that writes without end', async () => {
    const result = await run(['/usr/bin/yes'], { env: ENV, maxOutput: 1000 });
    expect([result.termination, result.stdout.length]).toEqual(['output_limit', 1000]);
  });

  it('names the program that is missing', async () => {
    await expect(run(['/no/such/program'])).rejects.toMatchObject({ code: 'tool.missing' });
  });

  it('ends the program when its signal aborts while it is being started', async () => {
    const controller = new AbortController();
    const running = run(['/bin/sleep', '60'], { signal: controller.signal });
    controller.abort();
    expect((await running).termination).toBe('aborted');
  });

  it('ends the program when its signal aborts', async () => {
    const controller = new AbortController();
    const running = run(['/bin/sleep', '60'], { env: ENV, signal: controller.signal });
    setTimeout(() => controller.abort(), 50);
    expect((await running).termination).toBe('aborted');
  });
});

/** True while the pid is a live process; a zombie that nobody has reaped yet counts as dead. */
async function alive(pid: number): Promise<boolean> {
  const { readFile } = await import('node:fs/promises');
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat !== '' && !/\) Z /.test(stat);
}
