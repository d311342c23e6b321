// Makes the checkout ready, then runs the given command under a Node that is new enough:
//   node scripts/setup.mjs [-- COMMAND …]
// Needs only Node >= 18 and npm. Installs what is missing and prints it; a second call finds everything and costs little.
// SALLYPORT_NO_INSTALL=1: installs nothing of the system, names what is missing instead.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const say = (line) => process.stderr.write(`setup: ${line}\n`);
const fail = (line) => {
  process.stderr.write(`setup: ${line}\n`);
  process.exit(4);
};
const isRoot = process.getuid?.() === 0;
const mayInstall = process.env.SALLYPORT_NO_INSTALL !== '1';
const PACKAGES = { '/usr/bin/bwrap': 'bubblewrap', '/usr/bin/git': 'git', '/usr/bin/flock': 'util-linux', '/usr/bin/setpriv': 'util-linux', '/usr/bin/perl': 'perl' };
const USERS = ['sallyport-sbx', 'sallyport-db'];

function call(argv, options = {}) {
  const ran = spawnSync(argv[0], argv.slice(1), { stdio: ['ignore', 2, 2], timeout: 900_000, ...options });
  if (ran.error) fail(`cannot run ${argv.join(' ')}: ${ran.error.message}`);
  return ran.status === 0;
}

/** Debian packages: installed as root, otherwise named in one exact command. Never sudo. */
function systemPackages() {
  const missing = [...new Set(Object.entries(PACKAGES).filter(([file]) => !existsSync(file)).map(([, name]) => name))];
  if (missing.length === 0) return;
  const command = `apt-get install -y --no-install-recommends ${missing.join(' ')}`;
  if (!isRoot || !mayInstall) fail(`missing Debian packages. Run this as root, then try again:\n  ${command}`);
  say(`installing Debian packages: ${missing.join(' ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  if (!call(command.split(' '), { env }) && !(call(['apt-get', 'update'], { env }) && call(command.split(' '), { env }))) fail(`this did not work: ${command}`);
}

/** Root never runs sandboxes or the database itself: two users of the system own what runs. */
function systemUsers() {
  if (!isRoot) return;
  const passwd = readFileSync('/etc/passwd', 'utf8');
  for (const user of USERS) {
    if (new RegExp(`^${user}:`, 'm').test(passwd)) continue;
    const command = ['useradd', '--system', '--user-group', '--no-create-home', '--home-dir', '/nonexistent', '--shell', '/usr/sbin/nologin', user];
    if (!mayInstall) fail(`missing system user. Run this as root, then try again:\n  ${command.join(' ')}`);
    say(`adding system user ${user}`);
    if (!call(command)) fail(`could not add the user ${user}`);
  }
}

/** npm itself brings a newer Node when the installed one is older than 22. Returns the path of the Node to use. */
function runtimeNode() {
  const own = join(root, 'scripts/runtime/node_modules/.bin/node');
  if (Number(process.versions.node.split('.')[0]) >= 22) return process.execPath;
  if (!existsSync(own)) {
    say(`Node ${process.versions.node} is too old: npm brings Node 24`);
    npm(['ci', '--prefix', join(root, 'scripts/runtime'), '--ignore-scripts'], process.execPath);
    if (!existsSync(own)) fail('npm did not bring a Node for this machine (linux x64 and arm64 only)');
  }
  return own;
}

function npm(args, node) {
  const cli = process.env.npm_execpath?.endsWith('.js') ? [node, process.env.npm_execpath] : ['npm'];
  const env = { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH}`, npm_config_loglevel: 'error', npm_config_update_notifier: 'false' };
  if (!call([...cli, ...args], { cwd: root, env })) fail(`npm ${args[0]} failed`);
}

/** node_modules follows the lockfile. No install script runs: the one that is needed is done by hand below. */
async function modules(node) {
  const mark = join(root, 'node_modules/.sallyport-lock');
  const lock = readFileSync(join(root, 'package-lock.json'), 'utf8');
  if (!existsSync(mark) || readFileSync(mark, 'utf8') !== lock) {
    say('npm ci (the first time takes about half a minute)');
    npm(['ci', '--ignore-scripts'], node);
    const { makeAllPgSymlinks } = await import('./pg-symlinks.mjs');
    makeAllPgSymlinks(root);
    writeFileSync(mark, lock);
  }
}

async function freshBuild(node) {
  const { isStale } = await import('./build.mjs');
  if (!isStale()) return;
  say('build');
  if (!call([node, join(root, 'scripts/build.mjs')], { cwd: root })) fail('the build failed');
}

systemPackages();
systemUsers();
const node = runtimeNode();
await modules(node);
await freshBuild(node);

const at = process.argv.indexOf('--');
if (at !== -1) {
  const [program, ...args] = process.argv.slice(at + 1);
  const path = [dirname(node), join(root, 'node_modules/.bin'), process.env.PATH].join(delimiter);
  const ran = spawnSync(program === 'node' ? node : program, args, { cwd: root, stdio: 'inherit', env: { ...process.env, PATH: path, SALLYPORT_NODE: node } });
  process.exit(ran.status ?? 130);
} else if (statSync(join(root, 'dist')).isDirectory()) say('ready');
