/** Manifests and lockfiles, in whatever folder. */
const NAMES = new Set(['package.json', 'package-lock.json', 'npm-shrinkwrap.json', 'pnpm-lock.yaml', 'pnpm-workspace.yaml', 'yarn.lock']);
/** Changes that pnpm and yarn make to packages: text that is laid in, and no code while it is fetched. */
const PATCH = /^(?:patches|\.yarn\/patches)\/[^/]+\.patch$/;

/** True for files that say what is fetched: the fetch phase sees these and no other, and a change of one means a setup of its own. */
export function isManifest(path: string): boolean {
  return NAMES.has(path.slice(path.lastIndexOf('/') + 1)) || PATCH.test(path);
}
