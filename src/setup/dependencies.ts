import type { Dependencies } from '../sandbox/sandbox.js';
import type { DependencyPart } from './ecosystems/plan.js';

/** Where the dependency folder is shown inside. */
const INSIDE = '/opt/deps';
/** A virtual environment: packages of Python, and what they put on the PATH. */
export const PYTHON = `${INSIDE}/python`;
/** Clients such as pnpm, for scripts that call them. */
export const TOOLS = `${INSIDE}/tools`;

/** The module cache of Go. */
export const GO = `${INSIDE}/go`;
/** Crates of cargo, laid out as sources, and the configuration that names them. */
export const CARGO = `${INSIDE}/cargo`;

/** What commands of `setup.fetch` fetched. */
export const FETCHED = `${INSIDE}/fetched`;

/** How yarn 2 and later lays a tree out, and where it notes that it did: it runs no script in a tree that it does not find laid out so. Other clients do not read these. */
export const YARN_LAYOUT = { YARN_NODE_LINKER: 'node-modules', YARN_INSTALL_STATE_PATH: '/workspace/node_modules/.yarn-install-state.gz', YARN_IGNORE_PATH: '1', YARN_ENABLE_TELEMETRY: '0' } as const;

const PARTS: Readonly<Record<DependencyPart, { readonly path: string | null; readonly variables: Readonly<Record<string, string>> }>> = {
  python: { path: `${PYTHON}/bin`, variables: { VIRTUAL_ENV: PYTHON } },
  // Nothing is loaded later, and no other compiler: what is not there is missing.
  go: { path: null, variables: { GOMODCACHE: GO, GOPROXY: 'off', GOSUMDB: 'off', GOTOOLCHAIN: 'local' } },
  cargo: { path: null, variables: { CARGO_HOME: CARGO, CARGO_NET_OFFLINE: 'true' } },
  tools: { path: `${TOOLS}/bin`, variables: YARN_LAYOUT },
  fetched: { path: `${FETCHED}/bin`, variables: { SALLYPORT_FETCHED: FETCHED } },
};

/** The dependency folder of a snapshot as a sandbox gets it, read-only; null where no part of it was made. */
export function dependenciesIn(folder: string, parts: readonly DependencyPart[]): Dependencies | null {
  if (parts.length === 0) return null;
  return { folder, writable: false, path: parts.flatMap((part) => PARTS[part].path ?? []), variables: Object.assign({}, ...parts.map((part) => PARTS[part].variables)) as Record<string, string> };
}
