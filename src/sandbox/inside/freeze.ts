/**
 * Runs INSIDE a sandbox of its own when setup has ended: sifts the layers that it wrote, looks for secrets in them and lists them. What it walks is hostile;
 * what it prints is read as hostile. Standard input: {"parts":[{"name","path","sift"}],"secrets":[{"name","value"}]}; standard output: one JSON object.
 *
 * A part's digest is SHA-256 over one line for each entry, in byte order of the paths: type, mode, size, and the digest of a file's content or a link's text.
 */
import { createHash, type Hash } from 'node:crypto';
import { chmodSync, closeSync, constants, lstatSync, openSync, readdirSync, readlinkSync, readSync, rmSync, type Stats } from 'node:fs';

interface Request {
  readonly parts: readonly { readonly name: string; readonly path: string; readonly sift: boolean }[];
  readonly secrets: readonly { readonly name: string; readonly value: string }[];
}
interface Leak {
  readonly secret: string;
  readonly part: string;
  /** Base64. */
  readonly path: string;
}

const CHUNK = Buffer.alloc(1024 * 1024);
const MAX_NAMED = 100;
const SLASH = Buffer.from('/');
const leaks: Leak[] = [];

/** Leaves only `node_modules` folders: anything else of a fetch would hide files of the repository when it lies over its tree. */
function sift(folder: Buffer, removed: string[]): void {
  for (const entry of readdirSync(folder, { withFileTypes: true, encoding: 'buffer' })) {
    const path = Buffer.concat([folder, SLASH, entry.name]);
    if (entry.isDirectory() && entry.name.toString('latin1') === 'node_modules') continue;
    if (entry.isDirectory()) {
      sift(path, removed);
      continue;
    }
    if (removed.length < MAX_NAMED) removed.push(path.toString('base64'));
    rmSync(path, { force: true });
  }
}

/** A value as it is, in hexadecimal, and in base64 wherever it begins in what was encoded: the characters that it alone decides. */
function formsOf(value: Buffer): Buffer[] {
  const wrapped = [0, 1, 2].map((shift) => Buffer.concat([Buffer.alloc(shift), value]).toString('base64').slice(Math.ceil((shift * 8) / 6), Math.floor(((shift + value.length) * 8) / 6)));
  const texts = [...wrapped, ...wrapped.map((text) => text.replaceAll('+', '-').replaceAll('/', '_')), value.toString('hex'), value.toString('hex').toUpperCase()];
  return [value, ...[...new Set(texts)].map((text) => Buffer.from(text))];
}

class Part {
  files = 0;
  bytes = 0;
  readonly #hash: Hash = createHash('sha256');
  readonly #name: string;
  readonly #secrets: readonly { readonly name: string; readonly forms: readonly Buffer[] }[];
  readonly #longest: number;

  constructor(name: string, secrets: Request['secrets']) {
    this.#name = name;
    this.#secrets = secrets.map((s) => ({ name: s.name, forms: formsOf(Buffer.from(s.value)) }));
    this.#longest = Math.max(0, ...this.#secrets.flatMap((s) => s.forms.map((f) => f.length - 1)));
  }

  walk(folder: Buffer, relative: Buffer): void {
    for (const name of readdirSync(folder, { encoding: 'buffer' }).sort(Buffer.compare)) {
      const [path, rel] = [Buffer.concat([folder, SLASH, name]), relative.length === 0 ? name : Buffer.concat([relative, SLASH, name])];
      const stat = lstatSync(path);
      this.#leaked(this.#in(name), rel);
      this.#list(rel, stat, stat.isFile() ? this.#file(path, rel, stat) : stat.isSymbolicLink() ? this.#link(path, rel) : '-');
      if (stat.isDirectory()) this.walk(path, rel);
    }
  }

  digest(): string {
    return `sha256:${this.#hash.digest('hex')}`;
  }

  #list(rel: Buffer, stat: Stats, content: string): void {
    this.files++;
    this.#hash.update(`${(stat.mode & 0o170000).toString(8)} ${(stat.mode & 0o7777).toString(8)} ${stat.isFile() ? stat.size : 0} ${content} ${rel.length} `).update(rel).update('\n');
  }

  /** Names of the secrets that stand in these bytes. */
  #in(bytes: Buffer): string[] {
    return this.#secrets.filter((s) => s.forms.some((form) => bytes.includes(form))).map((s) => s.name);
  }

  #leaked(secrets: Iterable<string>, rel: Buffer): void {
    for (const secret of secrets) if (leaks.length < MAX_NAMED) leaks.push({ secret, part: this.#name, path: rel.toString('base64') });
  }

  #link(path: Buffer, rel: Buffer): string {
    const text = readlinkSync(path, { encoding: 'buffer' });
    this.#leaked(this.#in(text), rel);
    return createHash('sha256').update(text).digest('hex');
  }

  #file(path: Buffer, rel: Buffer, stat: Stats): string {
    if ((stat.mode & 0o400) === 0) chmodSync(path, stat.mode | 0o400); // it is listed as it is from now on
    const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const hash = createHash('sha256');
    const found = new Set<string>();
    let kept = Buffer.alloc(0);
    try {
      for (let read = readSync(fd, CHUNK); read > 0; read = readSync(fd, CHUNK)) {
        const piece = CHUNK.subarray(0, read);
        hash.update(piece);
        this.bytes += read;
        if (this.#secrets.length === 0) continue;
        const window = Buffer.concat([kept, piece]); // a secret may lie across two pieces
        for (const name of this.#in(window)) found.add(name);
        kept = Buffer.from(window.subarray(Math.max(0, window.length - this.#longest)));
      }
    } finally {
      closeSync(fd);
    }
    this.#leaked(found, rel);
    return hash.digest('hex');
  }
}

const input: Buffer[] = [];
process.stdin.on('data', (chunk: Buffer) => input.push(chunk));
process.stdin.on('end', () => {
  const request = JSON.parse(Buffer.concat(input).toString('utf8')) as Request;
  const parts = request.parts.map(({ name, path, sift: sifts }) => {
    const removed: string[] = [];
    if (sifts) sift(Buffer.from(path), removed);
    const part = new Part(name, request.secrets);
    part.walk(Buffer.from(path), Buffer.alloc(0));
    return { name, files: part.files, bytes: part.bytes, digest: part.digest(), removed };
  });
  process.stdout.write(`${JSON.stringify({ parts, leaks })}\n`);
});
