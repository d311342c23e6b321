import { createSocket, type Socket } from 'node:dgram';
import { chmod, open } from 'node:fs/promises';
import { createServer, type Server, type Socket as Connection } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** One packet that was seen in the outer network namespace. */
export interface Packet {
  readonly protocol: number;
  readonly from: string;
  readonly to: string;
  /** 0 where the protocol has none. */
  readonly port: number;
  readonly bytes: Buffer;
}

/**
 * The outer network namespace: addresses that stand for the internet, services that stand for the host's, and everything that was sent.
 * A sandbox that leaks is seen here, and nothing of it leaves the machine.
 */
export interface Outer extends AsyncDisposable {
  readonly folder: string;
  /** All packets until now: what was sent before this is called is in it. */
  packets(): Promise<readonly Packet[]>;
  /** Local addresses and ports that somebody connected to. */
  readonly connections: readonly { readonly address: string; readonly port: number }[];
  /** How often the canary sockets were connected to: `docker.sock`, and the abstract one. */
  readonly unix: Readonly<Record<string, number>>;
}

/** Ports of services as a host has them: web, mail, database, model, proxy, name servers. */
const PORTS = [22, 25, 53, 80, 443, 853, 3128, 5432, 8080, 11434];
export const ABSTRACT = 'sallyport-canary';
export const SOCKETS = ['docker.sock', 'agent.sock', 'bus', 'X0', '.s.PGSQL.5432', 'owner.sock'] as const;

export async function openOuter(folder: string): Promise<Outer> {
  const connections: { address: string; port: number }[] = [];
  const unix: Record<string, number> = {};
  const servers: Server[] = [];
  const live = new Set<Connection>();
  const listen = async (where: { port: number; host: string } | { path: string }, met: (address: string, port: number) => void): Promise<void> => {
    const server = createServer((socket) => {
      met((socket.localAddress ?? '').replace(/^::ffff:/, ''), socket.localPort ?? 0);
      live.add(socket.on('error', () => undefined).on('close', () => live.delete(socket)));
      socket.end('canary\n');
    });
    await new Promise<void>((resolve, reject) => void server.once('error', reject).listen(where, resolve));
    servers.push(server);
  };
  for (const port of PORTS) await listen({ port, host: '::' }, (address, to) => connections.push({ address, port: to }));
  for (const name of SOCKETS) {
    await listen({ path: join(folder, name) }, () => (unix[name] = (unix[name] ?? 0) + 1));
    await chmod(join(folder, name), 0o777); // only that it is not shown keeps a sandbox off
  }
  await listen({ path: `\0${ABSTRACT}` }, () => (unix[ABSTRACT] = (unix[ABSTRACT] ?? 0) + 1));
  const names = await nameServer();
  const flush = createSocket('udp4');
  const recorder = new Recorder(join(folder, 'packets'));
  let flushes = 0;
  return {
    folder, connections, unix,
    async packets() {
      const mark = `flush-${process.pid}-${flushes++}.`;
      await new Promise<void>((resolve, reject) => void flush.send(mark, 9, '192.0.2.254', (error) => (error === null ? resolve() : reject(error))));
      for (let i = 0; i < 500; i++) {
        await recorder.read();
        if (recorder.packets.some((p) => p.to === '192.0.2.254' && p.bytes.includes(mark))) return [...recorder.packets];
        await sleep(10);
      }
      throw new Error('the recorder of packets does not answer');
    },
    async [Symbol.asyncDispose]() {
      flush.close();
      names.close();
      for (const socket of live) socket.destroy();
      await Promise.all(servers.map((s) => new Promise((resolve) => s.close(resolve))));
    },
  };
}

/** Reads what the recorder wrote, each line once. */
class Recorder {
  readonly packets: Packet[] = [];
  readonly #path: string;
  #at = 0;
  #reading: Promise<void> | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  async read(): Promise<void> {
    await (this.#reading ??= this.#more().finally(() => (this.#reading = undefined)));
  }

  async #more(): Promise<void> {
    await using file = await open(this.#path, 'r');
    const bytes = Buffer.alloc((await file.stat()).size - this.#at);
    const { bytesRead } = await file.read(bytes, 0, bytes.length, this.#at);
    const whole = bytes.subarray(0, bytes.subarray(0, bytesRead).lastIndexOf(10) + 1);
    this.#at += whole.length;
    if (whole.length > 0) this.packets.push(...whole.toString('latin1').trimEnd().split('\n').flatMap(readPacket));
  }
}

/** Answers every question with 192.0.2.11, so that a name leads somewhere where a sandbox can ask. */
async function nameServer(): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.on('message', (question, peer) => {
    const end = question.indexOf(0, 12) + 5;
    const answer = Buffer.concat([question.subarray(0, end), Buffer.from([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 11])]);
    answer.writeUInt16BE(0x8180, 2);
    answer.writeUInt16BE(1, 6);
    answer.writeUInt32BE(0, 8);
    socket.send(answer, peer.port, peer.address);
  });
  await new Promise<void>((resolve, reject) => void socket.once('error', reject).bind(53, resolve));
  return socket;
}

function readPacket(line: string): Packet[] {
  const [type, hex] = line.split(' ');
  const bytes = Buffer.from(hex ?? '', 'hex');
  if (type === '0800' && bytes.length >= 20) {
    const protocol = bytes.readUInt8(9);
    const header = (bytes.readUInt8(0) & 15) * 4;
    return [{ protocol, from: [...bytes.subarray(12, 16)].join('.'), to: [...bytes.subarray(16, 20)].join('.'), port: portOf(protocol, bytes, header), bytes }];
  }
  if (type === '86dd' && bytes.length >= 40) {
    const protocol = bytes.readUInt8(6);
    return [{ protocol, from: bytes.toString('hex', 8, 24), to: bytes.toString('hex', 24, 40), port: portOf(protocol, bytes, 40), bytes }];
  }
  return [{ protocol: -1, from: '', to: '', port: 0, bytes }];
}

/** Destination port of TCP, UDP, DCCP, SCTP and UDP-Lite. */
function portOf(protocol: number, bytes: Buffer, at: number): number {
  return [6, 17, 33, 132, 136].includes(protocol) && bytes.length >= at + 4 ? bytes.readUInt16BE(at + 2) : 0;
}
