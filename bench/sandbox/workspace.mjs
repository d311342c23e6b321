// A workspace of 50,000 files: ready, and its change taken out, beside git's and cp's ways.
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { start } from '../../dist/process/spawn.js';
import { extractChange } from '../../dist/sandbox/extract.js';
import { makeLayer, removeTree } from '../../dist/sandbox/layer.js';
import { prepareRuntime } from '../../dist/sandbox/runtime.js';
import { runtimeFiles } from '../../dist/main/installation.js';
import { bwrapWall } from '../../dist/sandbox/bwrap/wall.js';
import { ordersOf, pickStage, stageCommand } from '../../dist/sandbox/stage/stage.js';
import { figure, median, note, ratio, timed } from '../measure.mjs';
import { must } from './ground.mjs';

const FILES = 50_000;
const CHANGED = 30;

export async function workspace(ground, n, heavy) {
  const { folder } = ground;
  const repo = join(folder, 'big');
  note(`a repository of ${FILES} files`);
  for (let d = 0; d < 500; d++) {
    mkdirSync(join(repo, `src/d${d}`), { recursive: true });
    for (let f = 0; f < FILES / 500; f++) writeFileSync(join(repo, `src/d${d}/f${f}.js`), `export const value = ${d * 1000 + f};\n`);
  }
  const git = (...args) => must(['git', '-C', repo, '-c', 'user.name=b', '-c', 'user.email=b@example.org', '-c', 'gc.auto=0', ...args]);
  await git('init', '-q');
  await git('add', '-A');
  await git('commit', '-qm', 'base');
  const tree = join(folder, 'tree');
  mkdirSync(tree);
  await must(['/bin/sh', '-c', 'git -C "$1" archive HEAD | tar -x -C "$2"', 'sh', repo, tree]);
  if (ground.user !== null) await must(['/bin/chown', '-R', `${ground.user.uid}:${ground.user.gid}`, tree]);

  note('workspaces');
  const ready = [];
  for (let i = 0; i < n; i++) ready.push(await mounted(ground, tree));
  const others = { worktree: [], shared: [], copy: [] };
  for (let i = 0; i < heavy; i++) {
    const at = join(folder, 'other');
    others.worktree.push(await timed(() => git('worktree', 'add', '-q', '--detach', at)));
    await git('worktree', 'remove', '-f', at);
    others.shared.push(await timed(() => must(['git', 'clone', '-q', '--shared', repo, at])));
    await rm(at, { recursive: true });
    if (i >= Math.ceil(heavy / 3)) continue;
    others.copy.push(await timed(() => must(['cp', '-a', tree, at])));
    await rm(at, { recursive: true });
  }

  note('changes');
  const took = await extractions(ground, tree, n);
  const at = { ready: median(ready), worktree: median(others.worktree), shared: median(others.shared), copy: median(others.copy) };
  return [
    figure('workspace_ready_ms', at.ready, 'ms', { n, goal: 10, how: `${FILES} files: orders sent → a file of the overlay was read as the sandbox user, by the stage that every sandbox has` }),
    figure('worktree_add_ms', at.worktree, 'ms', { n: heavy, how: 'git worktree add of the same tree' }),
    figure('worktree_vs_workspace', ratio(at.worktree, at.ready), 'x', { n: heavy, goal: 10, better: 'higher', how: 'worktree_add_ms / workspace_ready_ms' }),
    figure('clone_shared_ms', at.shared, 'ms', { n: heavy, how: 'git clone --shared' }),
    figure('copy_ms', at.copy, 'ms', { n: others.copy.length, how: 'cp -a of the tree' }),
    figure('extract_ms', median(took), 'ms', { n, goal: 200, how: `${CHANGED} changed files of ${FILES} taken out, in a sandbox of its own` }),
  ];
}

/** From the orders until a file in the workspace was read: the stage execs `cat` where it would exec bubblewrap. */
async function mounted({ folder, privilege, spec, user }, tree) {
  const runtime = await prepareRuntime(join(folder, 'runtime'), runtimeFiles());
  const layer = join(folder, 'ready-layer');
  await makeLayer(layer, user);
  const stage = pickStage([runtime, tree, layer]);
  const child = await start(stageCommand(stage, runtime, privilege, process.arch, null, bwrapWall(process.arch, { kind: 'host-usr' })), { cwd: '/', env: {}, stdio: ['ignore', 'pipe', 'inherit', 'pipe', 'pipe', 'pipe', 'pipe'] });
  let seen = '';
  let wake = () => undefined;
  child.stdout.on('data', (chunk) => {
    seen += chunk;
    wake();
  });
  const until = async (text) => {
    while (!seen.includes(text)) await new Promise((resolve) => (wake = resolve));
  };
  await until('warm\n');
  const orders = ordersOf({ spec: spec({ lowers: [tree], layer }), privilege, layer, images: [], fields: [] }).toString().split('\0');
  const took = await timed(async () => {
    child.stdio[6].end([...orders.slice(0, -1), '/usr/bin/cat', `${stage}/workspace/src/d499/f99.js`, ''].join('\0'));
    await until('export const value = 499099;');
  });
  if (child.exitCode === null) await new Promise((resolve) => child.once('exit', resolve));
  await removeTree(layer);
  return took;
}

async function extractions({ folder, warm, spec, user }, tree, n) {
  const journal = { record: async () => undefined, keep: async (body, media) => ({ digest: `sha256:${'0'.repeat(64)}`, bytes: body.length, blind: false, media }) };
  const layer = join(folder, 'changed');
  await makeLayer(layer, user);
  chmodSync(layer, 0o755);
  {
    await using sandbox = await warm.open(spec({ lowers: [tree], layer }));
    const result = await sandbox.exec({ argv: ['/bin/sh', '-c', `for i in $(seq 0 ${CHANGED - 1}); do echo "// changed" >> src/d$i/f$i.js; done`], timeout: 60_000, maxOutput: 1000 });
    if (result.exit !== 0) throw new Error(result.stderr.toString());
  }
  const times = [];
  for (let i = 0; i < n; i++) {
    await warm.settled();
    times.push(await timed(async () => {
      const { entries } = await extractChange({ driver: warm, layer, lowers: [tree], baseTree: tree, excluded: [], journal });
      if (entries.length !== CHANGED) throw new Error(`${entries.length} files were taken out`);
    }));
  }
  return times;
}
