import { npmFront } from '../egress/npm-front.js';
import type { FrontRules } from '../egress/rules.js';
import type { Command } from './ecosystems/plan.js';
import { type FetchRequest, fetchInSandbox, insideUrl } from './fetch-sandbox.js';

/** The registry as npm sees it in a fetch sandbox. */
export const INSIDE_URL = insideUrl('npm');
const FLAGS = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-update-notifier', '--registry', INSIDE_URL, '--replace-registry-host=always', '--cache', '/scratch/npm', '--userconfig', '/dev/null', '--loglevel=error', '--fetch-retries=1', '--fetch-retry-mintimeout=200'];

/** A command of npm with the flags that every fetch has. */
export function npmCommand(argv: readonly string[], what: string): Command {
  return { argv: ['npm', ...argv, ...FLAGS], what };
}

export interface NpmTask {
  /** As that of a `FetchTask`. */
  readonly folder: string;
  /** All that npm sees. Key = path. */
  readonly manifests: ReadonlyMap<string, Buffer>;
  /** Client configuration of the protected base, sifted. */
  readonly npmrc: string;
  readonly rules: FrontRules;
  /** The command of npm; the flags that every fetch has are added. */
  readonly argv: readonly string[];
  /** As that of a `FetchTask`. */
  readonly take?: string;
  /** For the error: what could not be done. */
  readonly what: string;
}

/** Runs npm alone in a sandbox of the fetch phase. */
export async function fetchWithNpm(request: FetchRequest, task: NpmTask): ReturnType<typeof fetchInSandbox> {
  const registry = await request.registries.npm();
  return await fetchInSandbox(request, {
    folder: task.folder, files: new Map<string, Buffer | string>([...task.manifests, ['.npmrc', task.npmrc]]), fronts: [npmFront({ registry, rules: task.rules, insideUrl: INSIDE_URL })],
    commands: [npmCommand(task.argv, task.what)], dependencies: false, ...(task.take === undefined ? {} : { take: task.take }),
  });
}
