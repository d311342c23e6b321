import type { Readable, Writable } from 'node:stream';
import { SallyportError } from '../protocol/errors.js';
import { type ChildProcess, killGroup } from '../process/spawn.js';
import { type GitContext, startGit } from './command.js';

/** Reads many blobs through one `git cat-file --batch`. One reader at a time; closed by its owner. */
export class BlobReader implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #input: Writable;
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#input = child.stdin as Writable;
    this.#input.on('error', () => undefined); // EPIPE: the read that follows tells
    this.#chunks = (child.stdout as Readable)[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  static async open(context: GitContext): Promise<BlobReader> {
    return new BlobReader(await startGit(context, ['cat-file', '--batch']));
  }

  /** Content of a blob. Throws `repo.unusable` when the object is missing. */
  async read(blob: string): Promise<Buffer> {
    this.#input.write(`${blob}\n`);
    let end = this.#rest.indexOf(10);
    while (end === -1) {
      await this.#more(blob);
      end = this.#rest.indexOf(10);
    }
    const [, kind, size] = this.#rest.subarray(0, end).toString('latin1').split(' ');
    if (kind !== 'blob') throw new SallyportError('repo.unusable', `Cannot read object ${blob}: it is ${kind ?? 'unreadable'}`);
    const from = end + 1;
    const length = Number(size);
    const parts = [this.#rest.subarray(from)];
    let have = this.#rest.length - from;
    while (have < length + 1) {
      const chunk = await this.#next(blob);
      parts.push(chunk);
      have += chunk.length;
    }
    const all = Buffer.concat(parts);
    this.#rest = all.subarray(length + 1);
    return all.subarray(0, length);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    killGroup(this.#child);
  }

  async #more(blob: string): Promise<void> {
    this.#rest = Buffer.concat([this.#rest, await this.#next(blob)]);
  }

  async #next(blob: string): Promise<Buffer> {
    const { value, done } = await this.#chunks.next();
    if (done === true) throw new SallyportError('repo.unusable', `Cannot read object ${blob}: git ended`);
    return value;
  }
}
