// What every bench needs: medians, figures in one form, and the report (docs/tests.md).
import { execFileSync } from 'node:child_process';
import { cpus, release, totalmem } from 'node:os';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length === 0 ? null : sorted[Math.floor(sorted.length / 2)];
}

/** `value` null = could not be taken; `why` says so. */
export function figure(id, value, unit, { n = 1, goal = null, better = 'lower', how, why }) {
  const rounded = value === null ? null : Number(value.toPrecision(3));
  const met = value === null || goal === null ? null : better === 'higher' ? value >= goal : value <= goal;
  return { id, value: rounded, unit, n, goal, better, met, how, ...(why === undefined ? {} : { why }) };
}

export const ratio = (a, b) => (a === null || b === null ? null : a / b);

export async function timed(body) {
  const began = performance.now();
  await body();
  return performance.now() - began;
}

/** Takes every one of `bodies` in turn, `n` times: what the machine does beside it meets all of them alike. Returns the times of each. */
export async function alternate(n, bodies) {
  const times = Object.fromEntries(Object.keys(bodies).map((name) => [name, []]));
  for (let i = 0; i < n; i++) for (const [name, body] of Object.entries(bodies)) times[name].push(await timed(body));
  return times;
}

/** Prints the report: a table, or with --json one object and nothing else. */
export function report(bench, figures) {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim();
  const machine = { cores: cpus().length, memory_gib: Math.round(totalmem() / 2 ** 30), kernel: release(), node: process.version };
  if (process.argv.includes('--json')) return console.log(JSON.stringify({ bench, commit, at: new Date().toISOString(), machine, figures }));
  const width = Math.max(...figures.map((f) => f.id.length));
  for (const f of figures) console.log(`${f.id.padEnd(width)} ${String(f.value ?? '–').padStart(7)} ${f.unit.padEnd(4)} n ${String(f.n).padStart(4)}  ${f.goal === null ? '' : `goal ${f.better === 'higher' ? '≥' : '≤'} ${f.goal} ${f.met === null ? '' : f.met ? 'met' : 'NOT MET'}  `}${f.why ?? f.how}`);
}

/** Progress, on standard error. */
export const note = (text) => process.stderr.write(`bench: ${text}\n`);
