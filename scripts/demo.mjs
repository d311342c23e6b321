// npm run demo: one task the whole way, on an example repository, without a key: the scripted model speaks the real wire
// protocol. The task stays: `./sallyport show last` goes on from here.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = mkdtempSync(join(tmpdir(), 'sallyport-demo-'));
const repo = join(folder, 'cart');
const say = (line) => process.stdout.write(`\n\u001b[1m${line}\u001b[0m\n`);

function git(...args) {
  const ran = spawnSync('git', ['-c', 'user.name=demo', '-c', 'user.email=demo@example.com', '-c', 'init.defaultBranch=main', ...args], { cwd: repo, encoding: 'utf8' });
  if (ran.status !== 0) throw new Error(`git ${args.join(' ')}: ${ran.stderr}`);
}

function sally(...args) {
  process.stdout.write(`$ sallyport ${args.map((a) => (/[\s"]/.test(a) ? `"${a}"` : a)).join(' ').replaceAll(`${root}/`, '').replaceAll(folder, '/tmp/demo')}\n`);
  const ran = spawnSync(process.execPath, [join(root, 'dist/main/cli.js'), ...args], { cwd: repo, stdio: 'inherit' });
  return ran.status;
}

function expect(wanted, got) {
  if (got === wanted) return;
  process.stderr.write(`demo: expected exit code ${wanted}, got ${got}\n`);
  process.exitCode = 1;
}

try {
  cpSync(join(root, 'examples/cart'), repo, { recursive: true });
  git('init', '--quiet');
  git('add', '-A');
  git('commit', '--quiet', '-m', 'the example');
  say('1. A task: one test is red. Fetch by lockfile, agent with no route out, proof in fresh sandboxes.');
  expect(0, sally('run', 'the total of a cart misses an item', '--model', `scripted:${join(root, 'examples/cart-script.json')}`));
  say('2. A person decides, on exactly this content.');
  expect(0, sally('approve', 'last', '-m', 'looked at the diff'));
  expect(0, sally('apply', 'last'));
  say('3. The record holds.');
  expect(0, sally('audit', 'verify'));
  say(process.exitCode === undefined ? 'Done. The task stays: ./sallyport show last, ./sallyport log last --all, ./sallyport evidence last' : 'The demo did not go as it should.');
} finally {
  rmSync(folder, { recursive: true, force: true });
}
