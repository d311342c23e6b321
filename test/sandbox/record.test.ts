import { expect, it } from 'vitest';
import { onceRecorded, openRecorded } from '../../src/sandbox/record.js';
import type { ExecRequest, Sandbox, SandboxDriver, SandboxSpec } from '../../src/sandbox/sandbox.js';
import { MemoryJournal } from '../support/journal.js';

const SPEC: SandboxSpec = { id: 'sb_1', phase: 'agent', demanded: [], workspace: { lowers: ['/x'], layer: null }, mounts: [], egressSocket: null, scratch: null, limits: { memory: 512, pids: 64, cpus: 1 }, variables: { COLOUR: 'blue-value' } };
const REQUEST: ExecRequest = { argv: ['cmd', 'arg'], env: { MORE: 'green-value' }, timeout: 1000, maxOutput: 1000 };
const USAGE = { oomKills: 1, pidsRefused: 2, peakBytes: 3, cpuMs: null };

function fake(exec: Sandbox['exec'], calls: string[] = []): SandboxDriver {
  return {
    name: 'fake',
    probe: async () => ({ driver: 'fake', enforced: [], missing: [] }),
    reap: async () => undefined,
    sweep: async () => undefined,
    close: async () => undefined,
    once: async (_spec, request) => {
      calls.push('once');
      return { result: await exec(request), usage: USAGE, executed: null };
    },
    open: async (spec) => ({
      id: spec.id, phase: spec.phase, enforced: ['no_route'], missing: ['cpu_limit'],
      exec: async (request) => {
        calls.push('exec');
        return await exec(request);
      },
      executed: () => null,
      close: async () => {
        calls.push('close');
        return USAGE;
      },
      async [Symbol.asyncDispose]() {},
    }),
  };
}
const ok = async () => ({ exit: 0, signal: null, reason: 'exited' as const, stdout: Buffer.from('out'), stderr: Buffer.from('err'), ms: 1.6 });

it('has a command on the log before it is sent and its end after it, with names of variables and never values', async () => {
  const journal = new MemoryJournal();
  let seen: string[] = [];
  {
    await using sandbox = await openRecorded(fake(async () => {
      seen = journal.types;
      return await ok();
    }), SPEC, journal);
    await sandbox.exec(REQUEST);
    await sandbox.close();
  }
  expect(seen).toEqual(['sandbox.started', 'command.started']);
  expect(journal.events.map((e) => [e.type, e.data])).toEqual([
    ['sandbox.started', { sandbox: 'sb_1', driver: 'fake', phase: 'agent', enforced: ['no_route'], missing: ['cpu_limit'] }],
    ['command.started', { command: expect.stringMatching(/^cmd_/), sandbox: 'sb_1', phase: 'agent', argv: ['cmd', 'arg'], cwd: '/workspace', env: ['COLOUR', 'MORE'] }],
    ['command.ended', { command: journal.of('command.started')[0]?.command, exit: 0, signal: null, reason: 'exited', ms: 2, output: await journal.keep('outerr', 'text/plain'), truncated: false, executed: null }],
    ['sandbox.ended', { sandbox: 'sb_1', ...USAGE, executed: null }],
  ]);
  expect(journal.text).not.toContain('-value');
});

it('sends nothing that cannot be recorded, nor anything after a stop', async () => {
  const journal = new MemoryJournal();
  const calls: string[] = [];
  const sandbox = await openRecorded(fake(ok, calls), SPEC, journal);
  await expect(sandbox.exec({ ...REQUEST, signal: AbortSignal.abort(new Error('stopped')) })).rejects.toThrow('stopped');
  journal.fail = () => new Error('no log');
  await expect(sandbox.exec(REQUEST)).rejects.toThrow('no log');
  expect([calls, journal.types]).toEqual([[], ['sandbox.started']]);
});

it('closes a sandbox whose start cannot be recorded', async () => {
  const journal = new MemoryJournal();
  journal.fail = () => new Error('no log');
  const calls: string[] = [];
  await expect(openRecorded(fake(ok, calls), SPEC, journal)).rejects.toThrow('no log');
  expect(calls).toEqual(['close']);
});

it('ends a command on the log also when the driver throws', async () => {
  const journal = new MemoryJournal();
  await using sandbox = await openRecorded(fake(async () => {
    throw new Error('broken');
  }), SPEC, journal);
  await expect(sandbox.exec(REQUEST)).rejects.toThrow('broken');
  expect(journal.of('command.ended')).toEqual([{ command: expect.any(String), exit: null, signal: null, reason: 'lost', ms: expect.any(Number), output: null, truncated: false, executed: null }]);
});

it('hands a result on while its end is on the way, and begins or closes nothing before the end is there', async () => {
  const journal = new MemoryJournal();
  const calls: string[] = [];
  const sandbox = await openRecorded(fake(ok, calls), SPEC, journal);
  const record = journal.record.bind(journal);
  const write: (() => Promise<void>)[] = [];
  journal.record = (type, data) => new Promise((resolve, reject) => void write.push(() => record(type, data).then(resolve, reject)));
  const writeAll = async (): Promise<void> => {
    for (const one of write.splice(0)) await one().catch(() => undefined);
  };
  const first = sandbox.exec(REQUEST);
  await writeAll();
  expect((await first).exit).toBe(0);
  expect([calls, journal.types]).toEqual([['exec'], ['sandbox.started', 'command.started']]);
  const second = sandbox.exec(REQUEST);
  await writeAll();
  await second;
  expect([calls, journal.types]).toEqual([['exec', 'exec'], ['sandbox.started', 'command.started', 'command.ended', 'command.started']].map((x, i) => (i === 0 ? x : expect.arrayContaining(x))));
  journal.fail = (type) => (type === 'command.ended' ? new Error('no log') : null);
  await writeAll();
  await expect(sandbox.exec(REQUEST)).rejects.toThrow('no log');
  await expect(sandbox.close()).rejects.toThrow('no log');
  expect(calls).toEqual(['exec', 'exec', 'close']);
});

it('says that a command alone failed to be recorded to its end', async () => {
  const journal = new MemoryJournal();
  journal.fail = (type) => (type === 'command.ended' ? new Error('no log') : null);
  await expect(onceRecorded(fake(ok), SPEC, REQUEST, journal)).rejects.toThrow('no log');
  expect(journal.types).toEqual(['sandbox.started', 'command.started', 'sandbox.ended']);
});
