import { Duplex } from 'node:stream';
import { expect, it, describe } from 'vitest';
import { Channel } from '../../src/sandbox/session/channel.js';
import { type CommandContext, runCommand } from '../../src/sandbox/session/command.js';

interface Server {
  readonly channel: Channel;
  /** What reached it, but the key. */
  readonly got: { readonly op: string; readonly id: string }[];
  say(message: object): void;
  /** Sends a line as whoever has not read the key would. */
  forge(message: object): void;
  key(): string;
}

/** A server at the other end of a channel that does what `answer` says. */
function serve(answer: (message: { op: string; id: string }, say: (message: object) => void) => void): Server {
  const got: { op: string; id: string }[] = [];
  let key = '';
  const say = (message: object): void => void stream.push(`${JSON.stringify('id' in message ? { ...message, id: `${key}.${message.id}` } : message)}\n`);
  const stream = new Duplex({
    read: () => undefined,
    write: (chunk: Buffer, _encoding, done) => {
      for (const line of chunk.toString().trim().split('\n')) {
        const message = JSON.parse(line) as { op: string; id: string; key: string };
        if (message.op === 'hello') key = message.key;
        else {
          got.push(message);
          answer(message, say);
        }
      }
      done();
    },
  });
  return { channel: new Channel(stream, () => undefined), got, say, forge: (message) => void stream.push(`${JSON.stringify(message)}\n`), key: () => key };
}

const context = (server: Server, oomKills: () => Promise<number>): CommandContext => ({ id: 'c1', channel: server.channel, cwd: '/', env: {}, oomKills, giveUp: () => undefined });
const REQUEST = { argv: ['sleep', '300'], timeout: 60_000, maxOutput: 1000 };

describe('a command through the exec server', () => {
  it('is not started when the stop comes while the counters are read', async () => {
    const stop = new AbortController();
    const server = serve((message, say) => message.op === 'kill' && say({ id: message.id, exit: null, signal: 'SIGKILL' }));
    const running = runCommand({ ...REQUEST, signal: stop.signal }, context(server, async () => {
      stop.abort(new Error('stopped'));
      return 0;
    }));
    await expect(running).rejects.toThrow('stopped');
    expect(server.got).toEqual([]);
  });

  it('hears nobody who does not know the key of the channel', async () => {
    const server = serve((message, say) => {
      for (const id of [message.id, `.${message.id}`, `${'0'.repeat(32)}.${message.id}`]) server.forge({ id, exit: 0, signal: null });
      say({ id: message.id, exit: 9, signal: null });
    });
    const other = serve(() => undefined);
    expect(await runCommand(REQUEST, context(server, async () => 0))).toMatchObject({ reason: 'exited', exit: 9 });
    expect([server.key().length, server.key() === other.key()]).toEqual([32, false]);
  });

  it('is killed when the stop comes at any moment after it was sent', async () => {
    const stop = new AbortController();
    const server = serve((message, say) => {
      if (message.op === 'exec') queueMicrotask(() => stop.abort());
      else say({ id: message.id, exit: null, signal: 'SIGKILL' });
    });
    expect(await runCommand({ ...REQUEST, signal: stop.signal }, context(server, async () => 0))).toMatchObject({ reason: 'killed', signal: 'SIGKILL' });
    expect(server.got.map((m) => m.op)).toEqual(['exec', 'kill']);
  });

  it('fails when the counter of out-of-memory kills cannot be read, rather than taking the exit for its own', async () => {
    const server = serve((message, say) => say({ id: message.id, exit: 0, signal: null }));
    let reads = 0;
    const running = runCommand(REQUEST, context(server, async () => {
      if (reads++ > 0) throw new Error('no counter');
      return 0;
    }));
    await expect(running).rejects.toThrow('no counter');
  });

  it('is lost, not an error of the counter, when the sandbox has gone with its counters', async () => {
    const server = serve(() => server.channel.end(Object.assign(new Error('gone'), { code: 'sandbox.failed' }) as never));
    let reads = 0;
    expect(await runCommand(REQUEST, context(server, async () => {
      if (reads++ > 0) throw new Error('no counter');
      return 0;
    }))).toMatchObject({ reason: 'lost', exit: null });
  });
});
