import { parse } from 'yaml';
import { z } from 'zod';
import type { ToolName } from '../protocol/environment.js';
import type { BaseFiles } from './detect.js';

/** What the files of a repository tell about an environment beside its checks: what can be taken over, and what a person has to do. */
export interface Proposal {
  readonly services: Readonly<Record<string, { readonly kind: 'postgres' | 'redis' }>>;
  /** Exact or shorter versions that files pin, where the tool is one that an environment can name. */
  readonly toolchains: Readonly<Partial<Record<ToolName, string>>>;
  /** One line each: what was found and what follows. */
  readonly notes: readonly string[];
}

const COMPOSE = ['docker-compose.yml', 'docker-compose.yaml', 'compose.yml', 'compose.yaml'];
const Compose = z.object({ services: z.record(z.string(), z.object({ image: z.string().optional() })).optional() });
const Package = z.object({ engines: z.record(z.string(), z.string()).optional(), dependencies: z.record(z.string(), z.unknown()).optional(), devDependencies: z.record(z.string(), z.unknown()).optional() });
const Workflow = z.object({ jobs: z.record(z.string(), z.object({ steps: z.array(z.object({ run: z.string().optional() })).optional(), services: z.record(z.string(), z.object({ image: z.string().optional() })).optional() })) });
const KNOWN: readonly (readonly [RegExp, 'postgres' | 'redis'])[] = [[/(^|\/)(postgres|postgis|pgvector|timescaledb)/, 'postgres'], [/(^|\/)(redis|valkey|keydb)/, 'redis']];
const MAX_NOTES = 20;

/** Reads texts, runs nothing. A file that is not what its name says is passed over. */
export async function propose(base: BaseFiles): Promise<Proposal> {
  const services: Record<string, { kind: 'postgres' | 'redis' }> = {};
  const notes: string[] = [];
  const take = (from: string, name: string, image: string | undefined): void => {
    const kind = KNOWN.find(([pattern]) => image !== undefined && pattern.test(image))?.[1];
    if (kind === undefined) notes.push(`${from} starts ${image ?? name}: no container runs in a sandbox; start it as a service of kind \`command\` where its program is below /usr, or leave it out of the tests`);
    else {
      services[kind === 'postgres' ? 'db' : 'cache'] = { kind };
      notes.push(`${from} starts ${image}: a service of kind \`${kind}\` takes its place`);
    }
  };
  for (const file of COMPOSE) {
    const found = yaml(await base.read(file), Compose);
    for (const [name, service] of Object.entries(found?.services ?? {})) if (service.image !== undefined) take(file, name, service.image);
  }
  for (const file of (await base.list()).filter((p) => /^\.github\/workflows\/[^/]+\.ya?ml$/.test(p)).slice(0, 10)) {
    for (const job of Object.values(yaml(await base.read(file), Workflow)?.jobs ?? {})) {
      for (const [name, service] of Object.entries(job.services ?? {})) take(file, name, service.image);
      for (const step of job.steps ?? []) for (const line of testLines(step.run)) notes.push(`${file} runs \`${line}\`: a check of runner \`command\` can run it too`);
    }
  }
  const asked = await versions(base);
  notes.push(...asked.notes, ...(await containers(base)));
  return { services, toolchains: asked.pinned, notes: [...new Set(notes)].slice(0, MAX_NOTES) };
}

/** Lines of a CI step that look like a test or a linter. */
function testLines(run: string | undefined): string[] {
  return (run ?? '').split('\n').map((l) => l.trim()).filter((l) => l.length < 200 && /\b(test|lint|check|pytest|tox|vet)\b/.test(l) && !/[`$]/.test(l));
}

const NAMES: Readonly<Record<string, ToolName>> = { node: 'node', nodejs: 'node', python: 'python', golang: 'go', go: 'go', rust: 'rust', java: 'java' };

/** Versions of tools that the repository asks for. The first file that pins one decides; a range pins nothing. */
async function versions(base: BaseFiles): Promise<{ readonly pinned: Partial<Record<ToolName, string>>; readonly notes: readonly string[] }> {
  const notes: string[] = [];
  const pinned: Partial<Record<ToolName, string>> = {};
  const asks = (file: string, tool: string, version: string): void => {
    const name = Object.hasOwn(NAMES, tool) ? NAMES[tool] : undefined;
    const number = /^v?(\d+(?:\.\d+){0,2})$/.exec(version)?.[1];
    if (name !== undefined && number !== undefined) pinned[name] ??= number;
    else notes.push(`${file} asks for ${tool} ${version}: the sandbox has this machine's (sallyport sandbox exec -- ${tool === 'nodejs' ? 'node' : tool} --version)`);
  };
  for (const line of ((await base.read('.tool-versions')) ?? '').split('\n')) {
    const match = /^([\w-]{1,40})\s+([\w.+-]{1,40})/.exec(line);
    if (match !== null) asks('.tool-versions', match[1] as string, match[2] as string);
  }
  for (const [file, tool] of [['.nvmrc', 'node'], ['.node-version', 'node'], ['.python-version', 'python'], ['.go-version', 'go'], ['.java-version', 'java']] as const) {
    const version = (await base.read(file))?.trim();
    if (version !== undefined && /^[\w./*-]{1,40}$/.test(version)) asks(file, tool, version);
  }
  const node = json(await base.read('package.json'), Package)?.engines?.['node'];
  if (node !== undefined && /^[\w.|<>=^~ *-]{1,60}$/.test(node)) asks('package.json', 'node', node);
  return { pinned, notes };
}

async function containers(base: BaseFiles): Promise<string[]> {
  const found = json(await base.read('package.json'), Package);
  const names = [...Object.keys(found?.dependencies ?? {}), ...Object.keys(found?.devDependencies ?? {})];
  const python = ['requirements.txt', 'requirements-dev.txt', 'pyproject.toml'];
  const uses = names.some((n) => /^(@testcontainers\/|testcontainers$)/.test(n)) || (await Promise.all(python.map((file) => base.read(file)))).some((text) => /\btestcontainers\b/.test(text ?? ''));
  return uses ? ['tests start containers (testcontainers): none can be started in a sandbox; declare `services` and let the tests read DATABASE_URL or REDIS_URL'] : [];
}

function yaml<T>(text: string | null, schema: z.ZodType<T>): T | null {
  if (text === null || text.length > 200_000) return null;
  try {
    return schema.parse(parse(text, { maxAliasCount: 20, logLevel: 'error' }));
  } catch {
    return null;
  }
}

function json<T>(text: string | null, schema: z.ZodType<T>): T | null {
  if (text === null) return null;
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
