import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { SallyportError } from '../protocol/errors.js';
import { RootName, SecretName, ToolName } from '../protocol/environment.js';
import type { RootImage } from '../sandbox/stage/root.js';
import { Absolute, readReference, Reference } from './reference.js';


const File = z.strictObject({
  /** Key = the repository as tasks name it: a URL without .git, or an absolute folder. */
  repositories: z.record(z.string().min(1).max(2000), z.strictObject({
    /** A definition kept here, in place of the repository's sallyport.yaml. */
    environment: Absolute.optional(),
    secrets: z.record(SecretName, Reference).default({}),
  })).default({}),
  rootfs: z.record(RootName, z.union([z.strictObject({ dir: Absolute }), z.strictObject({ image: z.string().min(1).max(500).regex(/^[A-Za-z0-9][\w./:@-]*$/) })])).default({}),
  /** Folders with a bin/ inside, beside those that are found. */
  toolchains: z.partialRecord(ToolName, z.array(Absolute).max(50)).default({}),
});

type Variables = Readonly<Record<string, string | undefined>>;
const NAME = 'environments.yaml';
/** A shorter one could not be searched for in what setup leaves without finding it everywhere. */
const SHORTEST_SECRET = 8;
const LARGEST_SECRET = 64 * 1024;

/** What this installation says of environments: definitions kept on the server, secrets by reference, root file systems and tools by name. */
export class Environments {
  readonly #file: z.infer<typeof File>;
  readonly #env: Variables;

  private constructor(file: z.infer<typeof File>, env: Variables) {
    this.#file = file;
    this.#env = env;
  }

  /** Reads `environments.yaml` of the state directory; without one there is nothing. Throws `input.invalid` naming the key that is wrong. */
  static async load(home: string, env: Variables): Promise<Environments> {
    const path = join(home, NAME);
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return '{}';
      throw new SallyportError('input.invalid', `Cannot read ${path}: ${error.message}`, { cause: error });
    });
    let value: unknown;
    try {
      value = parse(text, { maxAliasCount: 20 }) ?? {};
    } catch (cause) {
      throw new SallyportError('input.invalid', `Cannot read ${path}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    }
    const parsed = File.safeParse(value);
    if (!parsed.success) throw new SallyportError('input.invalid', `Cannot use ${path}: ${parsed.error.issues.slice(0, 5).map((i) => `${i.path.join('.')}: ${i.message}`).join('; ')}`, { hint: 'docs/configuration.md shows every key.' });
    return new Environments(parsed.data, env);
  }

  /** The definition that this installation keeps for a repository; null when the repository's own holds. */
  async definition(repository: string): Promise<{ readonly text: string; readonly source: string } | null> {
    const path = this.#of(repository)?.environment;
    if (path === undefined) return null;
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      throw new SallyportError('env.invalid', `Cannot read the environment of this repository, ${path}: ${error.message}`, { hint: `${NAME} of the state directory names it.`, cause: error });
    });
    return { text, source: `${path}, by ${NAME}` };
  }

  /** The value of a secret that setup of this repository may use. Throws `env.secret_missing`, which names the reference only. */
  async secret(repository: string, name: string): Promise<string> {
    const secrets = this.#of(repository)?.secrets ?? {};
    const reference = Object.hasOwn(secrets, name) ? secrets[name] : undefined;
    if (reference === undefined) throw missing(name, `this installation gives no such secret to "${repository}"`, `In ${NAME} of the state directory, below repositories: "${repository}": secrets: { ${name}: { env: NAME } }`);
    const value = (await readReference(reference, this.#env)) ?? '';
    if (value === '') throw missing(name, `${'env' in reference ? `the variable ${reference.env}` : reference.file} is not there, or empty`, 'Set it where Sallyport runs; a worker of its own gets it too.');
    if (value.length < SHORTEST_SECRET || value.length > LARGEST_SECRET) throw missing(name, `it has ${value.length} characters`, `Expected ${SHORTEST_SECRET} to ${LARGEST_SECRET}: what setup leaves is searched for it.`);
    return value;
  }

  /** What stands behind a name of `rootfs`. Throws `env.unavailable` with those that there are. */
  root(name: string): RootImage {
    const found = Object.hasOwn(this.#file.rootfs, name) ? this.#file.rootfs[name] : undefined;
    if (found === undefined) throw new SallyportError('env.unavailable', `This installation has no root file system "${name}"; it has ${['host-usr', ...Object.keys(this.#file.rootfs)].join(', ')}`, { hint: `In ${NAME} of the state directory: rootfs: { ${name}: { dir: /absolute/folder } } or { image: NAME }` });
    return 'dir' in found ? { kind: 'dir', path: found.dir } : { kind: 'image', ref: found.image };
  }

  toolchains(tool: ToolName): readonly string[] {
    return this.#file.toolchains[tool] ?? [];
  }

  /** Environment variables that hold secrets: a worker needs them, nobody else. */
  variables(): string[] {
    return Object.values(this.#file.repositories).flatMap((r) => Object.values(r.secrets).flatMap((ref) => ('env' in ref ? [ref.env] : [])));
  }

  #of(repository: string): z.infer<typeof File>['repositories'][string] | undefined {
    return Object.hasOwn(this.#file.repositories, repository) ? this.#file.repositories[repository] : undefined;
  }
}

function missing(name: string, why: string, hint: string): SallyportError {
  return new SallyportError('env.secret_missing', `Cannot set this repository up: sallyport.yaml asks for the secret "${name}", and ${why}`, { hint });
}
