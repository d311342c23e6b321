import type { EnvironmentSpec } from '../protocol/environment.js';
import { FETCHED } from './dependencies.js';
import type { Command } from './ecosystems/plan.js';

/**
 * The commands of `setup.fetch`. They run before any client, so that no code of a package runs where there is a route: what they see is manifests and what they fetch
 * themselves. As strict as the setup script: a download that breaks in a pipe is no success.
 */
export function fetchCommands({ setup }: Pick<EnvironmentSpec, 'setup'>, proxy: string): Command[] {
  const env = { HTTP_PROXY: proxy, http_proxy: proxy, NODE_USE_ENV_PROXY: '1', SALLYPORT_FETCHED: FETCHED };
  return setup.fetch.map((text) => {
    const shown = JSON.stringify(text.length > 120 ? `${text.slice(0, 120)}…` : text);
    return { argv: ['/bin/bash', '-euo', 'pipefail', '-c', `mkdir -p "$SALLYPORT_FETCHED/bin"\n${text}`], env, what: `The command ${shown} of setup.fetch failed`, asker: `setup.fetch: ${shown}` };
  });
}
