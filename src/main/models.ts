import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { SallyportError } from '../protocol/errors.js';
import type { Price } from '../gateway/meter.js';
import type { ModelTarget } from '../protocol/task.js';
import type { ModelEntry } from '../cli/surface.js';
import type { Config } from './config.js';
import { parseReference, readReference, Reference, referenceText } from './reference.js';

type Variables = Readonly<Record<string, string | undefined>>;

const Money = z.number().min(0).max(10_000);
/** One model of models.yaml. The key is a reference, never a value. */
const Entry = z.strictObject({
  protocol: z.enum(['chat', 'responses', 'messages']).default('chat'),
  url: z.string().max(2000),
  /** The model's name at its endpoint. Default: the name of the entry. */
  model: z.string().min(1).max(200).optional(),
  key: Reference.optional(),
  /** US dollars for a million tokens. */
  price: z.strictObject({ input: Money, output: Money }).optional(),
});
const File = z.strictObject({ default: z.string().optional(), models: z.record(z.string().regex(/^[\w./:@-]{1,100}$/), Entry) });
type File = z.infer<typeof File>;

export const MODEL_HINT = 'Name one in models.yaml of the state directory, or set SALLYPORT_MODEL and SALLYPORT_MODEL_URL (and SALLYPORT_MODEL_KEY), or --model scripted:FILE. Without a model: sallyport check, show, diff, log, evidence, apply, approve, doctor, audit.';
const OWN = '(environment)';

/** The models that this installation knows: models.yaml of the state directory, and the one of the environment variables. */
export class Models {
  readonly #config: Config;
  readonly #env: Variables;
  readonly #file: File;

  private constructor(config: Config, env: Variables, file: File) {
    this.#config = config;
    this.#env = env;
    this.#file = file;
  }

  /** Throws `input.invalid` naming the key that is wrong. */
  static async load(config: Config, env: Variables): Promise<Models> {
    const path = join(config.home, 'models.yaml');
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
      throw new SallyportError('input.invalid', `Cannot read ${path}: ${error.message}`, { cause: error });
    });
    return new Models(config, env, text === null ? { models: {} } : readFileText(path, text));
  }

  list(): ModelEntry[] {
    const entries = Object.entries(this.#file.models).map(([name, e]) => ({ name, protocol: e.protocol, model: e.model ?? name, url: e.url, key: e.key === undefined ? null : referenceText(e.key), default: this.#default() === name }));
    const { model } = this.#config;
    return model === null ? entries : [...entries, { name: OWN, protocol: 'chat', model: model.name, url: model.url, key: this.#config.modelKey === null ? null : 'env:SALLYPORT_MODEL_KEY', default: this.#default() === OWN }];
  }

  /** What `--model` names: an entry, `scripted:FILE` (or `scripted+responses:FILE`), or a model at the endpoint of the environment. Null = none is set. */
  target(option: string | null, cwd: string): ModelTarget | null {
    const name = option ?? this.#default();
    if (name === null) return null;
    const scripted = /^scripted(?:\+(chat|responses|messages))?:(.+)$/s.exec(name === OWN ? (this.#config.model?.name ?? '') : name);
    if (scripted !== null) return scriptedTarget((scripted[1] as ModelTarget['protocol'] | undefined) ?? 'chat', resolve(cwd, scripted[2] as string));
    const entry = Object.hasOwn(this.#file.models, name) ? this.#file.models[name] : undefined;
    if (entry !== undefined) return target(entry.model ?? name, entry.protocol, entry.url, entry.key === undefined ? null : referenceText(entry.key));
    if (this.#config.model === null) throw new SallyportError('input.no_model', `No model "${name}" is configured`, { hint: MODEL_HINT });
    return target(name === OWN ? this.#config.model.name : name, 'chat', this.#config.model.url, this.#config.modelKey === null ? null : 'env:SALLYPORT_MODEL_KEY');
  }

  price(model: ModelTarget): Price | null {
    const entry = Object.entries(this.#file.models).find(([name, e]) => (e.model ?? name) === model.name && endpoint(e.url).href.replace(/\/$/, '') === model.baseUrl)?.[1];
    return entry?.price ?? (model.keyRef === 'env:SALLYPORT_MODEL_KEY' || entry === undefined ? this.#config.price : null);
  }

  /** The key behind a reference. Throws `input.no_model` when it is not there; the message names the reference only. */
  async key(ref: string): Promise<string> {
    const reference = parseReference(ref);
    const key = (await readReference(reference, this.#env)) ?? '';
    if (key === '') throw new SallyportError('input.no_model', `The key of the model (${ref}) is not there`, { hint: 'env' in reference ? `export ${reference.env}=…` : `Write it to ${reference.file}, mode 0600` });
    return key;
  }

  /** Environment variables that hold keys: a worker needs them, nobody else. */
  keyVariables(): string[] {
    return Object.values(this.#file.models).flatMap((e) => (e.key !== undefined && 'env' in e.key ? [e.key.env] : []));
  }

  variable(name: string): string | undefined {
    return this.#env[name];
  }

  #default(): string | null {
    if (this.#config.model !== null) return OWN;
    return this.#file.default ?? null;
  }
}

function readFileText(path: string, text: string): File {
  let value: unknown;
  try {
    value = parse(text, { maxAliasCount: 20 });
  } catch (cause) {
    throw new SallyportError('input.invalid', `Cannot read ${path}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
  const parsed = File.safeParse(value);
  if (!parsed.success) throw new SallyportError('input.invalid', `Cannot use ${path}: ${parsed.error.issues.slice(0, 5).map((i) => `${i.path.join('.')}: ${i.message}`).join('; ')}`, { hint: 'docs/configuration.md shows every key.' });
  const { data } = parsed;
  if (data.default !== undefined && !Object.hasOwn(data.models, data.default)) throw new SallyportError('input.invalid', `Cannot use ${path}: default: there is no model "${data.default}"`);
  for (const [name, entry] of Object.entries(data.models)) {
    try {
      endpoint(entry.url);
    } catch (cause) {
      throw new SallyportError('input.invalid', `Cannot use ${path}: models.${name}.url: expected an https URL, or http on this machine`, { cause });
    }
  }
  return data;
}

/** A script that is not there is said before any task exists. */
function scriptedTarget(protocol: ModelTarget['protocol'], script: string): ModelTarget {
  if (!existsSync(script)) throw new SallyportError('input.invalid', `Cannot read the script of the scripted model "${script}"`);
  return { name: 'scripted', protocol, baseUrl: null, script, keyRef: null, local: true };
}

function target(name: string, protocol: ModelTarget['protocol'], url: string, keyRef: string | null): ModelTarget {
  const parsed = endpoint(url);
  return { name, protocol, baseUrl: parsed.href.replace(/\/$/, ''), script: null, keyRef, local: isLocal(parsed) };
}

/** https anywhere, http on this machine only: prompts never go over the wire in the clear. */
function endpoint(text: string): URL {
  const fail = (): SallyportError => new SallyportError('input.invalid', `The model's address is "${text}", expected an https URL, or http on this machine`);
  if (!URL.canParse(text)) throw fail();
  const url = new URL(text);
  if (url.protocol === 'https:' || (url.protocol === 'http:' && isLocal(url))) return url;
  throw fail();
}

/** An address of this machine itself: nothing that is sent there leaves it. */
function isLocal(url: URL): boolean {
  return ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
}
