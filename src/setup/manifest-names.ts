/** Manifests and lockfiles, in whatever folder. */
const NAMES = new Set([
  'package.json', 'package-lock.json', 'npm-shrinkwrap.json', 'pnpm-lock.yaml', 'pnpm-workspace.yaml', 'yarn.lock',
  'pyproject.toml', 'uv.lock', 'poetry.lock', 'pylock.toml',
  'go.mod', 'go.sum', 'Cargo.toml', 'Cargo.lock',
]);
/** Shows that the packages of Go are part of the tree. */
export const GO_VENDORED = 'vendor/modules.txt';
/** Requirements files have no fixed name; others than these are read by none that is fetched for. */
const REQUIREMENTS = /^(?:[^/]+\/)*(?:[\w.-]*(?:requirements|constraints)[\w.-]*|(?:requirements|constraints)\/[\w.-]+)\.(?:txt|in)$/;
/** Changes that pnpm and yarn make to packages: text that is laid in, and no code while it is fetched. */
const PATCH = /^(?:patches|\.yarn\/patches)\/[^/]+\.patch$/;

/** True for files that say what is fetched: the fetch phase sees these and no other, and a change of one means a setup of its own. */
export function isManifest(path: string): boolean {
  return NAMES.has(path.slice(path.lastIndexOf('/') + 1)) || path === GO_VENDORED || REQUIREMENTS.test(path) || PATCH.test(path);
}
