// The escape suite: node scripts/escape.mjs [--driver NAME]… [--only WORD]… [--skip GROUP]… [--json]
// Every driver that runs here in turn, each in a network namespace of its own that has no route anywhere (docs/escape.md).
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const isRoot = process.getuid?.() === 0;
const asked = process.argv.flatMap((a, i) => (a === '--driver' ? [process.argv[i + 1]] : []));
const passed = process.argv.slice(2).filter((a, i, all) => a !== '--driver' && all[i - 1] !== '--driver');
const json = passed.includes('--json');

/** An ordinary user of this machine to run as: one of the system users that set-up made. */
function otherUser() {
  const line = readFileSync('/etc/passwd', 'utf8').split('\n').find((l) => l.startsWith('sallyport-db:'));
  if (line === undefined) throw new Error('the set-up script has not made the user sallyport-db');
  const [, , uid, gid] = line.split(':');
  return { uid: Number(uid), gid: Number(gid) };
}

/** Containers run as root where their engine is installed. */
function containers() {
  const asRoot = () => ({ become: [], own: null });
  const has = (program) => existsSync(`/usr/bin/${program}`) || existsSync(`/usr/sbin/${program}`);
  const engines = [...(has('podman') && has('catatonit') ? ['podman'] : []), 'docker'];
  return Object.fromEntries(engines.flatMap((engine) => ['runc', 'runsc'].filter(has).map((runtime) => [`${engine}-${runtime}`, asRoot])));
}

/** What runs here: as root both, as an ordinary user only that. `own` gives the scratch folder away, `become` stands before the suite. */
const MODES = isRoot
  ? { 'bwrap-root': () => ({ become: [], own: null }), 'bwrap-user': () => { const u = otherUser(); return { become: ['/usr/bin/setpriv', '--reuid', String(u.uid), '--regid', String(u.gid), '--clear-groups', '--inh-caps=-all'], own: u }; }, ...containers() }
  : { 'bwrap-user': () => ({ become: ['/usr/bin/unshare', '--user', `--map-user=${process.getuid()}`, `--map-group=${process.getgid()}`], own: null }) };
const ENTER = isRoot ? ['/usr/bin/unshare', '--net'] : ['/usr/bin/unshare', '--user', '--map-root-user', '--net'];

/** src/ is taken from dist/, transpiled one to one; the suite itself becomes one file beside it. */
async function bundle() {
  const out = join(root, 'dist/escape/suite.mjs');
  await build({
    entryPoints: [join(root, 'test/e2e/escape/main.ts')], outfile: out, bundle: true, platform: 'node', target: 'node22', format: 'esm', logLevel: 'warning', packages: 'external',
    plugins: [{ name: 'dist', setup: (b) => b.onResolve({ filter: /\/src\/.*\.js$/ }, (a) => ({ path: `../${relative(join(root, 'src'), join(a.resolveDir, a.path))}`, external: true })) }],
  });
  return out;
}

function runOn(driver, suite) {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-escape-'));
  try {
    chmodSync(folder, 0o755);
    writeFileSync(join(folder, 'descriptor'), 'a file that was left open\n');
    const { become, own } = MODES[driver]();
    if (own !== null) chownSync(folder, own.uid, own.gid);
    const env = { PATH: process.env.PATH ?? '/usr/bin:/bin', HOME: folder, LANG: 'C.UTF-8' };
    const argv = [...ENTER, '/usr/bin/perl', join(root, 'test/e2e/escape/outer.pl'), folder, ...become, process.execPath, suite, folder, driver, ...passed];
    const ran = spawnSync(argv[0], argv.slice(1), { cwd: '/', env, stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 64 * 1024 * 1024, encoding: 'utf8' });
    if (ran.error) throw ran.error;
    return { status: ran.status, output: ran.stdout };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const unknown = asked.filter((d) => !(d in MODES));
if (unknown.length > 0) {
  process.stderr.write(`escape: no driver ${unknown.join(', ')} runs here; there is ${Object.keys(MODES).join(', ')}\n`);
  process.exit(2);
}
const suite = await bundle();
let failed = false;
for (const driver of asked.length > 0 ? asked : Object.keys(MODES)) {
  const { status, output } = runOn(driver, suite);
  process.stdout.write(output);
  if (status !== 0) failed = true;
  if (status !== 0 && output === '') process.stderr.write(`escape: the suite did not run on ${driver}\n`);
}
if (failed && !json) process.stderr.write('escape: failed\n');
process.exit(failed ? 1 : 0);
