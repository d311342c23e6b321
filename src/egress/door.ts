import { chmod, chown, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Exceptions } from '../policy/addresses.js';
import type { Journal } from '../protocol/event.js';
import { type Lookup, PinnedAddresses } from './addresses.js';
import type { Denial, Line } from './denials.js';
import type { Answer, Asked, Fetched, Front, Verdict, Vetting } from './front.js';
import { type DeclaredHost, isDeclared, readAuthority, shownHost } from './hosts.js';
import { isRefused, type PackageRules, type PackageVersion, type Refused, shown } from './package-rules.js';
import { answer, tunnel, TUNNEL_LIMITS, type TunnelLimits } from './tunnel.js';
import { PackageRefusal, Refusal } from './upstream.js';

/** What a fetch may reach, beside what fronts say of their registries. */
export interface DoorRules {
  readonly packages: PackageRules;
  /** Hosts that the environment declares, reached by CONNECT. */
  readonly hosts: readonly DeclaredHost[];
  /** Hosts that the installation allows although their address is private or reserved. */
  readonly exceptions: Exceptions;
  /** In place of the system's resolver. */
  readonly lookup?: Lookup;
}

export interface DoorOptions {
  readonly fronts: readonly Front[];
  readonly rules: DoorRules;
  readonly socket: string;
  /** Who may connect: the uid inside. */
  readonly owner: { readonly uid: number; readonly gid: number } | null;
  readonly sandbox: string;
  readonly journal: Journal;
  readonly limits?: Partial<TunnelLimits>;
}

export interface Door extends AsyncDisposable {
  /** Files of packages that were handed out so far. */
  readonly fetched: readonly Fetched[];
  /** What the fronts noticed, for the error of a client that failed. */
  readonly problems: readonly string[];
  /** What was refused so far, at most so many as an error can name. */
  readonly denials: readonly Denial[];
  /** Versions that a client was not shown, by package. */
  readonly keptOut: ReadonlyMap<string, readonly Denial[]>;
  /** From here on requests are those of this command. */
  attribute(by: string): void;
}

const MAX_DENIALS = 100;
const MAX_KEPT_OUT = 2000;
/** Tunnels at one time. */
const MAX_TUNNELS = 32;

/**
 * The only way out of a sandbox in the fetch phase: one unix socket, which is its identity. Behind it lie one front an ecosystem, which takes nothing but GET,
 * and tunnels to the hosts that the environment declares. Every request is an event with its verdict and rule, recorded before the answer.
 */
export async function openDoor(options: DoorOptions): Promise<Door> {
  const keeper = new Keeper(options);
  for (const front of options.fronts) for (const target of front.first) await keeper.learn(front, target);
  const live = new Set<Promise<void>>();
  const server = createServer((request, response) => {
    const answer: Promise<void> = keeper.handle(request, response)
      .catch(() => void (response.headersSent ? response.destroy() : response.writeHead(502).end()))
      .finally(() => live.delete(answer));
    live.add(answer);
  });
  server.on('connect', (request: IncomingMessage, client: Duplex, head: Buffer) => {
    client.on('error', () => undefined);
    const passed: Promise<void> = keeper.connect(request.url ?? '', client, head).catch(() => void client.destroy()).finally(() => live.delete(passed));
    live.add(passed);
  });
  await rm(options.socket, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.socket, resolve);
  });
  if (options.owner !== null) await chown(options.socket, options.owner.uid, options.owner.gid);
  await chmod(options.socket, 0o600);
  return {
    fetched: keeper.fetched,
    denials: keeper.denials,
    keptOut: keeper.keptOut,
    attribute: (by) => keeper.attribute(by),
    get problems() {
      return options.fronts.flatMap((front) => front.problems);
    },
    async [Symbol.asyncDispose]() {
      keeper.stop();
      server.closeAllConnections();
      await Promise.allSettled(live); // their events are on the log before the door is gone
      await new Promise<void>((resolve) => void server.close(() => resolve()));
      await rm(options.socket, { force: true });
    },
  };
}

/** Why something was refused, where there is more to say than the rule. */
interface Why {
  readonly why: string;
  readonly line: Line | null;
}

class Keeper {
  readonly fetched: Fetched[] = [];
  readonly denials: Denial[] = [];
  readonly keptOut = new Map<string, Denial[]>();
  readonly #options: DoorOptions;
  readonly #stop = new AbortController();
  readonly #addresses: PinnedAddresses;
  #by = 'the fetch phase';
  #tunnels = 0;

  constructor(options: DoorOptions) {
    this.#options = options;
    this.#addresses = new PinnedAddresses(options.rules.exceptions, options.rules.lookup);
  }

  /** Ends what is still on its way from a registry. */
  stop(): void {
    this.#stop.abort();
  }

  attribute(by: string): void {
    this.#by = by.slice(0, 300);
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const method = request.method ?? '';
    const target = request.url ?? '';
    const [front, asked] = method === 'GET' ? this.#find(target, request.headers.accept ?? '') : [null, null];
    const refused = front === null || asked === null ? null : this.#judge(front, asked);
    const verdict = refused ?? asked?.verdict ?? { allow: false, rule: /^[a-z][a-z0-9+.-]*:/i.test(target) ? 'plain-http' : method === 'GET' ? 'not-a-package' : 'read-only' };
    if (verdict.rule === 'plain-http') {
      const why = `${target.slice(0, 300)} is asked for without TLS, and only a declared host over https is reached`;
      await this.#event(method, target, verdict, 403, 0, { why, line: null });
      response.writeHead(403, { 'content-type': 'text/plain; charset=utf-8' }).end(`refused by Sallyport: plain-http (${why})\n`);
      return;
    }
    if (front === null || asked === null || !verdict.allow) {
      const why = refused ?? (verdict.rule === 'not-in-lockfile' ? notLocked(target) : null);
      await this.#event(method, target, verdict, 403, 0, why);
      response.writeHead(403, { 'content-type': 'application/json' }).end(JSON.stringify({ error: `refused by Sallyport: ${verdict.rule}${refused === null ? '' : ` (${refused.why})`}` }));
      return;
    }
    try {
      const { type, body, fetched, rule } = await this.#answer(front, asked);
      await this.#event(method, target, rule === undefined ? verdict : { allow: true, rule }, 200, body.length);
      if (fetched !== undefined) this.fetched.push({ ...fetched, bytes: body.length });
      response.writeHead(200, { 'content-type': type, 'content-length': body.length }).end(body);
    } catch (error) {
      const { rule, status } = await this.#failed(method, target, error);
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ error: `Sallyport could not fetch this: ${rule}${error instanceof Refusal ? ` (${error.message})` : ''}` }));
    }
  }

  /**
   * A tunnel to a declared host (RFC 9110, section 9.3.6). Redirects lead to new ones, which are judged again. It is on the log when it is opened, before anything is
   * asked of its host, and when it ends.
   */
  async connect(target: string, client: Duplex, head: Buffer): Promise<void> {
    const { rules, sandbox, journal, limits } = this.#options;
    const host = readAuthority(target);
    const refuse = async (rule: string, why: string, line: Line | null = null): Promise<void> => {
      await this.#event('CONNECT', target, { allow: rule === 'upstream-failed', rule }, rule === 'upstream-failed' ? 502 : 403, 0, { why, line });
      await answer(client, rule === 'upstream-failed' ? 502 : 403, `refused by Sallyport: ${rule} (${why})`);
    };
    if (host === null) return await refuse('not-a-host', `${target.slice(0, 300)} is no name of a host with a port: bare addresses are never reached`);
    if (!isDeclared(host, rules.hosts)) return await refuse('host-not-declared', `${host.name}:${host.port} is not among the hosts of the environment`, { key: 'hosts', value: shownHost(host) });
    if (this.#tunnels >= MAX_TUNNELS) return await refuse('too-many', `more than ${MAX_TUNNELS} connections at a time`);
    this.#tunnels++;
    try {
      const address = await this.#addresses.of(host).catch(async (error: unknown) => {
        if (!(error instanceof Refusal)) throw error;
        await refuse(error.rule, error.message);
        return null;
      });
      if (address === null) return;
      await this.#event('CONNECT', target, { allow: true, rule: 'declared-host' }, null, 0);
      const by = this.#by;
      const { rule, why, sent, received } = await tunnel({ client, head, ...host, address, limits: { ...TUNNEL_LIMITS, ...limits }, signal: this.#stop.signal });
      if (why !== null) this.#note({ rule, why, line: null, by });
      await journal.record('egress.tunnelled', { sandbox, host: host.name, port: host.port, address, verdict: rule === 'declared-host' || rule === 'upstream-failed' ? 'allow' : 'deny', rule, sent, received });
    } finally {
      this.#tunnels--;
    }
  }

  /** Lets a front see an answer that nobody gets. On the log like a request of the client. */
  async learn(front: Front, target: string): Promise<void> {
    const asked = front.ask(target, '');
    const verdict = asked?.verdict ?? { allow: false, rule: 'not-a-package' };
    const path = `/${front.prefix}${target}`;
    if (asked === null || !verdict.allow) {
      await this.#event('GET', path, verdict, 403, 0);
      throw new Refusal('refused', `${target.slice(0, 200)} is refused: ${verdict.rule}`);
    }
    try {
      const { body } = await this.#answer(front, asked);
      await this.#event('GET', path, verdict, 200, body.length);
    } catch (error) {
      await this.#failed('GET', path, error);
      throw error;
    }
  }

  /** The front by the first folder of the path, and what it makes of the rest. */
  #find(target: string, accept: string): [Front, Asked | null] | [null, null] {
    const [, prefix, rest] = /^\/([a-z]+)(\/.*)$/.exec(target) ?? [];
    const front = this.#options.fronts.find((f) => f.prefix === prefix);
    return front === undefined ? [null, null] : [front, front.ask(rest ?? '', accept)];
  }

  /** What the rules for packages have against a file that the front's rules let through. Asks nobody. */
  #judge({ ecosystem }: Front, { file, verdict }: Asked): (Verdict & Why) | null {
    const of = file === null || !verdict.allow ? null : { ecosystem, ...file };
    const refused = of === null ? null : this.#options.rules.packages.judge(of);
    return of === null || refused === null ? null : { allow: false, rule: refused.rule, why: refused.why, line: lineFor(refused.rule, of) };
  }

  #answer(front: Front, asked: Asked): Promise<Answer> {
    return asked.answer({ signal: this.#stop.signal, vetting: this.#vettingOf(front), reach: (name, port) => this.#addresses.of({ name, port }), learn: (target) => this.learn(front, target) });
  }

  #vettingOf({ ecosystem }: Front): Vetting {
    const { packages } = this.#options.rules;
    return {
      needsTime: packages.judgesAge,
      admit: (name, version, published) => {
        const of = { ecosystem, name, version };
        const verdict = packages.judgeAge(of, published);
        if (isRefused(verdict)) throw new PackageRefusal(verdict, of);
        return verdict.rule;
      },
      keptOut: (name, version, published) => {
        const of = { ecosystem, name, version };
        const verdict = packages.judge(of) ?? (packages.judgesAge ? packages.judgeAge(of, published) : null);
        if (verdict === null || !isRefused(verdict)) return null;
        this.#keepOut(of, verdict);
        return new PackageRefusal(verdict, of);
      },
    };
  }

  #keepOut(of: PackageVersion, { rule, why }: Refused): void {
    const known = this.keptOut.get(of.name) ?? [];
    if (this.keptOut.size < MAX_KEPT_OUT && known.length < MAX_DENIALS && !known.some((d) => d.why === why)) this.keptOut.set(of.name, [...known, { rule, why, line: lineFor(rule, of), by: this.#by }]);
  }

  async #failed(method: string, target: string, error: unknown): Promise<{ readonly rule: string; readonly status: number }> {
    const { rule, status } = error instanceof Refusal ? error : { rule: 'upstream-failed', status: 502 };
    const told = error instanceof Refusal && (error instanceof PackageRefusal || error.rule === 'private-address');
    const why = told ? { why: error.message, line: error instanceof PackageRefusal ? lineFor(error.rule, error.of) : null } : null;
    await this.#event(method, target, { allow: rule === 'upstream-failed', rule }, status, 0, why);
    return { rule, status };
  }

  async #event(method: string, target: string, verdict: Verdict, status: number | null, bytes: number, why: Why | null = null): Promise<void> {
    const by = this.#by;
    if (why !== null) this.#note({ rule: verdict.rule, ...why, by });
    await this.#options.journal.record('egress.requested', {
      sandbox: this.#options.sandbox, method: method.slice(0, 20), target: target.slice(0, 1000), verdict: verdict.allow ? 'allow' : 'deny', rule: verdict.rule, status, bytes,
      ...(why === null ? {} : { denial: { why: why.why.slice(0, 1000), line: why.line, by } }),
    });
  }

  #note(denial: Denial): void {
    if (this.denials.length < MAX_DENIALS) this.denials.push(denial);
  }
}

/**
 * What stands in the environment for a version that is too young; nothing does for one that is malicious, or that it denies itself. A registry may call versions
 * what it likes, and a person copies the line from a terminal.
 */
function lineFor(rule: string, of: PackageVersion): Line | null {
  return rule === 'package.too-young' && /^[\w@./~+!-]{1,390}$/.test(shown(of)) ? { key: 'packages.exempt', value: shown(of) } : null;
}

/** No line of the environment adds to a lockfile. */
function notLocked(target: string): Why {
  return { why: `${target.slice(0, 300)} is not in the lockfile, which must be written anew`, line: null };
}
