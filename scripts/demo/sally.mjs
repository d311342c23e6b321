// How the demo calls the command line: the built program, on the state directory of whoever runs the demo.
import { spawn, spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const CLI = join(root, 'dist/main/cli.js');
const LIMIT = 64 * 1024 * 1024;

/** Runs a command to its end and captures it. */
export function sally(args, cwd) {
  const ran = spawnSync(process.execPath, [CLI, ...args], { cwd, encoding: 'utf8', maxBuffer: LIMIT });
  return { code: ran.status, out: ran.stdout, err: ran.stderr, json: () => JSON.parse(ran.stdout) };
}

/** Starts a command; `online` gets each line that it says while it works. */
export function follow(args, cwd, online) {
  const child = spawn(process.execPath, [CLI, ...args], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let err = '';
  let rest = '';
  child.stdout.resume();
  child.stderr.setEncoding('utf8').on('data', (text) => {
    err += text;
    const lines = (rest + text).split('\n');
    rest = lines.pop();
    for (const line of lines) online(line);
  });
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, err, task: /task_\w+/.exec(err)?.[0] ?? null })));
}

export function git(cwd, ...args) {
  const ran = spawnSync('git', ['-c', 'user.name=demo', '-c', 'user.email=demo@example.com', '-c', 'init.defaultBranch=main', ...args], { cwd, encoding: 'utf8' });
  if (ran.status !== 0) throw new Error(`git ${args.join(' ')}: ${ran.stderr}`);
  return ran.stdout;
}
