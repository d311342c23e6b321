import { randomBytes } from 'node:crypto';
import { newId } from '../../../src/protocol/ids.js';
import { ALWAYS_DEMANDED } from '../../../src/protocol/guarantee.js';
import { makeLayer, removeTree } from '../../../src/sandbox/layer.js';
import { tree } from '../../support/sandbox.js';
import { endAll } from './ending.js';
import { judgeRow } from './judge.js';
import { openOuter } from './outer.js';
import type { Ground } from './room.js';
import { type Neighbour, type Row, type RowResult, rowOn } from './row.js';
import { ROWS } from './rows.js';
import { DAEMON } from './rows/processes.js';
import { printTable } from './table.js';
import { type Target, targetOf } from './target.js';

/** Rows at once: two cores, and most of a row is waiting. */
const LANES = 4;

/** Arguments: FOLDER DRIVER [--json] [--only WORD]… [--skip GROUP]… Runs in the outer namespace, started by scripts/escape.mjs. */
async function main(folder: string, name: string, options: readonly string[]): Promise<number> {
  const words = options.flatMap((o, i) => (o === '--only' ? [options[i + 1] ?? ''] : []));
  const skipped = options.flatMap((o, i) => (o === '--skip' ? [options[i + 1] ?? ''] : []));
  const chosen = ROWS.filter((r) => (words.length === 0 || words.some((w) => r.id.includes(w) || r.group === w)) && !skipped.includes(r.group));
  const doubled = ROWS.map((r) => r.id).filter((id, i, all) => all.indexOf(id) !== i);
  if (doubled.length > 0) throw new Error(`rows with the same id: ${doubled.join(', ')}`);
  if (chosen.length === 0) throw new Error('no row has that name');
  const began = performance.now();
  const target = targetOf(name, folder);
  await using _driver = { [Symbol.asyncDispose]: () => target.driver.close() };
  const { enforced } = await target.driver.probe();
  const rows = chosen.map((row) => rowOn(row, enforced.includes('second_kernel')));
  const secret = `neighbour-${randomBytes(12).toString('hex')}`;
  await taskBefore(target, folder);
  await using outer = await openOuter(folder);
  await using _shared = { [Symbol.asyncDispose]: endAll };
  const neighbour = await openNeighbour(target, folder, secret);
  await using _closing = neighbour.sandbox;
  const ground: Ground = { target, outer, neighbour };
  const results = await inLanes(rows, (row, i) => judgeRow(ground, row, 2 + (i % 240)));
  results.push(await neighbourLives(neighbour));
  const count = (...verdicts: readonly string[]): number => results.filter((r) => verdicts.includes(r.verdict)).length;
  const summary = { driver: name, rows: results, escapes: count('escape'), void: count('void'), passed: results.every((r) => r.verdict === 'held'), ms: Math.round(performance.now() - began) };
  process.stdout.write(options.includes('--json') ? `${JSON.stringify(summary)}\n` : printTable(summary));
  return summary.passed ? 0 : 1;
}

/** Another worker, for the row that kills one: a sandbox with a daemon, and no end. The word comes encoded, so that only the daemon shows it. */
async function hold(folder: string, name: string, word: string): Promise<never> {
  const sandbox = await openAt(targetOf(name, folder), `${folder}/held`, 'held');
  await sandbox.exec({ argv: ['/bin/bash', '-c', DAEMON, 'daemon', Buffer.from(word, 'hex').toString('utf8')], timeout: 20_000, maxOutput: 1000 });
  process.stdout.write(`${sandbox.id}\n`);
  return await new Promise(() => setInterval(() => undefined, 60_000));
}

/** A task that ran before: what it left must not be met by any row. */
async function taskBefore(target: Target, folder: string): Promise<void> {
  await using sandbox = await openAt(target, `${folder}/before`, 'before');
  await sandbox.exec({ argv: ['/bin/sh', '-c', 'for d in /tmp /home/agent /dev/shm /workspace; do echo left > $d/left-by-task-before; done; setsid sh -c "sleep 600 # left-by-task-before" & ipcmk -M 64 -Q -S 1'], timeout: 10_000, maxOutput: 10_000 });
}

async function openNeighbour(target: Target, folder: string, secret: string): Promise<Neighbour> {
  const sandbox = await openAt(target, `${folder}/neighbour`, secret);
  const listen = 'use Socket; socket(my $s, AF_UNIX, SOCK_STREAM, 0); bind($s, pack("S a*", 1, "\\0sallyport-neighbour")) or die; listen($s, 5); socket(my $t, AF_INET, SOCK_STREAM, 0); bind($t, sockaddr_in(7777, INADDR_ANY)) or die; listen($t, 5); print "ready\\n"; close STDOUT; my $word = $ARGV[0]; sleep 3600';
  const script = 'echo "$1" > /tmp/secret; echo "$1" > /workspace/secret; perl -e "$2" "$1" > /tmp/ready & until grep -q ready /tmp/ready; do sleep 0.02; done';
  await sandbox.exec({ argv: ['/bin/sh', '-c', script, 'neighbour', secret, listen], timeout: 10_000, maxOutput: 1000 });
  return { sandbox, secret, folder: `${folder}/neighbour` };
}

async function openAt(target: Target, folder: string, word: string): ReturnType<Target['driver']['open']> {
  const lower = tree(`${folder}/lower`, { 'word.txt': word }, target.privilege);
  await makeLayer(`${folder}/layer`, target.owner);
  return await target.driver.open({
    id: newId('sb'), phase: 'agent', demanded: ALWAYS_DEMANDED, workspace: { lowers: [lower], layer: `${folder}/layer` }, mounts: [], egressSocket: null, scratch: null,
    limits: { memory: 512, pids: 64, cpus: 1 }, variables: {},
  });
}

/** The last row: after everything, the sandbox beside them still has its files and its processes. */
async function neighbourLives({ sandbox, secret }: Neighbour): Promise<RowResult> {
  // No ls: that of Debian 12 asks for what the gVisor of Debian 12 does not know.
  const result = await sandbox.exec({ argv: ['/bin/sh', '-c', 'cat /tmp/secret; echo /tmp/*; echo /workspace/*; perl -e \'use Socket; socket(my $t, AF_INET, SOCK_STREAM, 0); print connect($t, sockaddr_in(7777, INADDR_LOOPBACK)) ? "listens\\n" : "gone\\n"\''], timeout: 20_000, maxOutput: 10_000 });
  const said = result.stdout.toString('utf8');
  const lives = said === `${secret}\n/tmp/ready /tmp/secret\n/workspace/secret /workspace/word.txt\nlistens\n`;
  return { id: 'neighbour.untouched', group: 'processes', control: 'c: its secret was there', verdict: lives ? 'held' : 'escape', detail: `${result.reason} ${said.replaceAll('\n', ' ').trim()} ${result.stderr.toString('utf8').trim()}`.slice(0, 200), ms: result.ms };
}

async function inLanes(rows: readonly Row[], body: (row: Row, index: number) => Promise<RowResult>): Promise<RowResult[]> {
  const results: RowResult[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let i = next++; i < rows.length; i = next++) {
      const result = await body(rows[i] as Row, i);
      results[i] = result;
      if (process.stderr.isTTY) process.stderr.write(`\r${i + 1}/${rows.length} ${result.id.padEnd(50)}`);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return results;
}

const [folder, driver, ...options] = process.argv.slice(2);
try {
  process.exitCode = options[0] === '--hold' ? await hold(folder as string, driver as string, options[1] as string) : await main(folder as string, driver as string, options);
} catch (error) {
  process.stderr.write(`escape: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 2;
} finally {
  await removeTree(`${folder}/runtime`);
}
