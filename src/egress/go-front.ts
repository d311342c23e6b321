import { z } from 'zod';
import type { Answer, Asked, Asking, Front, Verdict } from './front.js';
import { modHash, zipHash } from './go-hash.js';
import { type GoModule, type GoSums, isModulePath, isModuleVersion, shownModule } from './locks/go-mod.js';
import { readTime } from './packument.js';
import { getBounded, jsonOf, MAX_TARBALL, Refusal, type Upstream } from './upstream.js';

export interface GoFrontOptions extends Upstream {
  /** All that may be fetched. */
  readonly sums: GoSums;
}

/** https://go.dev/ref/mod#zip-path-size-constraints */
const MAX_MOD = 16 * 1024 * 1024;
const MAX_INFO = 100_000;
const MAX_PROBLEMS = 20;
const Info = z.object({ Version: z.string(), Time: z.unknown().optional() });

type Request = { readonly kind: 'info' | 'mod' | 'zip'; readonly module: GoModule } | { readonly kind: 'choice'; readonly path: string };

/**
 * A module proxy (https://go.dev/ref/mod#goproxy-protocol) as a sandbox in the fetch phase sees it: what go.sum names, and no list to choose from. The checksum database is not
 * asked: go.sum of the tree decides.
 */
export function goFront(options: GoFrontOptions): Front {
  const front = new GoFront(options);
  return { ecosystem: 'go', prefix: 'go', first: [], problems: front.problems, ask: (target) => front.ask(target) };
}

class GoFront {
  readonly problems: string[] = [];
  readonly #options: GoFrontOptions;
  /** When versions were published, of those whose information was seen. */
  readonly #published = new Map<string, Date | null>();

  constructor(options: GoFrontOptions) {
    this.#options = options;
  }

  ask(target: string): Asked | null {
    const request = parseGoTarget(target);
    if (request === null) return null;
    const verdict = this.#judge(request);
    if (request.kind === 'choice') return { verdict, file: null, answer: () => Promise.reject(new Refusal('refused', 'No list of versions is handed on', 404)) };
    const { kind, module } = request;
    return { verdict, file: kind === 'zip' ? { name: module.path, version: module.version } : null, answer: (asking) => this.#answer(kind, module, asking) };
  }

  #judge(request: Request): Verdict {
    const path = request.kind === 'choice' ? request.path : request.module.path;
    if ((this.#options.registry.withheld ?? []).some((pattern) => isWithheld(path, pattern))) {
      this.#note(`${path} is private by GOPRIVATE or GONOPROXY of this machine: no proxy is asked for it, and no version control is`);
      return { allow: false, rule: 'private-module' };
    }
    const { zips, mods } = this.#options.sums;
    const key = request.kind === 'choice' ? null : shownModule(request.module);
    const named = key !== null && (request.kind === 'zip' ? zips.has(key) : request.kind === 'mod' ? mods.has(key) : zips.has(key) || mods.has(key));
    return named ? { allow: true, rule: 'lockfile' } : { allow: false, rule: 'not-in-lockfile' };
  }

  async #answer(kind: 'info' | 'mod' | 'zip', module: GoModule, asking: Asking): Promise<Answer> {
    if (kind === 'info') return await this.#info(module, asking);
    return kind === 'mod' ? await this.#mod(module, asking) : await this.#zip(module, asking);
  }

  async #info(module: GoModule, { signal }: Asking): Promise<Answer> {
    const text = (await this.#get(module, 'info', MAX_INFO, signal)).toString('utf8');
    const info = Info.safeParse(jsonOf(text));
    if (info.data?.Version !== module.version) throw new Refusal('refused', `What the proxy says of ${shownModule(module)} is of another version`);
    const time = readTime(info.data.Time);
    this.#published.set(shownModule(module), time);
    return { type: 'application/json', body: Buffer.from(JSON.stringify({ Version: module.version, ...(time === null ? {} : { Time: time.toISOString() }) })) };
  }

  async #mod(module: GoModule, { signal }: Asking): Promise<Answer> {
    const body = await this.#get(module, 'mod', MAX_MOD, signal);
    if (modHash(body) !== this.#options.sums.mods.get(shownModule(module))) throw this.#altered(`go.mod of ${shownModule(module)}`);
    return { type: 'text/plain; charset=utf-8', body };
  }

  /** The whole archive, checked before the first byte is handed on. */
  async #zip(module: GoModule, { signal, vetting, learn }: Asking): Promise<Answer> {
    const key = shownModule(module);
    if (vetting.needsTime && !this.#published.has(key)) await learn(targetOf(module, 'info'));
    const rule = vetting.needsTime ? vetting.admit(module.path, module.version, this.#published.get(key) ?? null) : null;
    const body = await this.#get(module, 'zip', MAX_TARBALL, signal);
    const digest = this.#options.sums.zips.get(key);
    if (digest === undefined || zipHash(body) !== digest) throw this.#altered(key);
    return { type: 'application/zip', body, fetched: { ecosystem: 'go', name: module.path, version: module.version, integrity: digest }, ...(rule === null ? {} : { rule }) };
  }

  #get(module: GoModule, kind: 'info' | 'mod' | 'zip', limit: number, signal: AbortSignal): Promise<Buffer> {
    return getBounded(this.#options, `${this.#options.registry.url.replace(/\/+$/, '')}${targetOf(module, kind)}`, limit, '*/*', signal);
  }

  #altered(what: string): Refusal {
    const problem = `${what} does not have the digest of go.sum`;
    this.#note(problem);
    return new Refusal('integrity', problem);
  }

  #note(problem: string): void {
    if (this.problems.length < MAX_PROBLEMS && !this.problems.includes(problem)) this.problems.push(problem);
  }
}

/** `/MODULE/@v/VERSION.info`, `.mod` and `.zip`, `/MODULE/@v/list`, `/MODULE/@latest`, with capitals as `!` and the letter; everything else is null. */
export function parseGoTarget(target: string): Request | null {
  let path: string | null;
  try {
    path = /[?#\\]/.test(target) ? null : unescaped(decodeURIComponent(target.slice(1)));
  } catch {
    return null;
  }
  const [, module, rest] = /^(.+?)\/(@v\/.+|@latest)$/.exec(path ?? '') ?? [];
  if (module === undefined || rest === undefined || !isModulePath(module)) return null;
  if (rest === '@latest' || rest === '@v/list') return { kind: 'choice', path: module };
  const [, version, kind] = /^@v\/(.+)\.(info|mod|zip)$/.exec(rest) ?? [];
  if (version === undefined || kind === undefined) return null;
  // Names of branches and shortened versions are asked for as well: to answer them is to choose.
  return isModuleVersion(version) ? { kind: kind as 'info' | 'mod' | 'zip', module: { path: module, version } } : { kind: 'choice', path: module };
}

/** https://go.dev/ref/mod#module-proxy (module.EscapePath); null for what a client does not write. */
function unescaped(text: string): string | null {
  return /[A-Z]|!(?![a-z])/.test(text) ? null : text.replace(/!([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function targetOf({ path, version }: GoModule, kind: 'info' | 'mod' | 'zip'): string {
  const escaped = (text: string): string => text.replace(/[A-Z]/g, (letter) => `!${letter.toLowerCase()}`);
  return `/${escaped(path)}/@v/${escaped(version)}.${kind}`;
}

/** Whether a pattern of GOPRIVATE or GONOPROXY means a module: as many of its first parts as the pattern has (module.MatchPrefixPatterns). */
function isWithheld(path: string, pattern: string): boolean {
  const wanted = pattern.split('/').filter((part) => part !== '');
  const parts = path.split('/');
  return wanted.length > 0 && wanted.length <= parts.length && wanted.every((one, i) => glob(one).test(parts[i] as string));
}

function glob(part: string): RegExp {
  return new RegExp(`^${part.replace(/[^*?]/g, (c) => `\\u{${c.codePointAt(0)?.toString(16)}}`).replace(/\*+/g, '.*').replaceAll('?', '.')}$`, 'u');
}
