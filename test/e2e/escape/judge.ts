import type { Outcome, Row, RowResult, Verdict } from './row.js';
import { type Ground, type OpenRoom, openRoom } from './room.js';

/**
 * One row: the attempt in a fresh sandbox, its event, the work after it, then the control. Held only when the effect did not happen, the
 * attempt is on the journal, work still succeeds, and the control shows that the probe would have noticed.
 */
export async function judgeRow(ground: Ground, row: Row, n: number): Promise<RowResult> {
  const began = performance.now();
  const end = (verdict: Verdict, detail: string): RowResult => ({ id: row.id, group: row.group, control: saysOf(row), verdict, detail: detail.slice(0, 400), ms: Math.round(performance.now() - began) });
  let attempted: { verdict: Verdict; detail: string };
  try {
    await using room = await openRoom(ground, row, n, null);
    attempted = await attempt(room, row);
  } catch (error) {
    attempted = { verdict: 'unclear', detail: `the attempt threw: ${text(error)}` };
  }
  if (attempted.verdict !== 'held') return end(attempted.verdict, attempted.detail);
  try {
    const control = await runControl(ground, row, n);
    return control.worked === true ? end('held', `${attempted.detail} | ${control.detail}`) : end('void', `the control did not work: ${control.detail} (attempt: ${attempted.detail})`);
  } catch (error) {
    return end('void', `the control threw: ${text(error)}`);
  }
}

async function attempt(room: OpenRoom, row: Row): Promise<{ verdict: Verdict; detail: string }> {
  const outcome = await row.attempt(room);
  if (outcome.worked === true) return { verdict: 'escape', detail: outcome.detail };
  if (outcome.worked === null) return { verdict: 'unclear', detail: outcome.detail };
  const { journal, unrecorded } = room;
  if (unrecorded.sent.length > 0) return { verdict: 'unrecorded', detail: `sent before it was recorded: ${unrecorded.sent.join('; ')}` };
  const recorded = row.recorded?.(journal) ?? journal.of('command.started').length > 0;
  if (!recorded) return { verdict: 'unrecorded', detail: `no event of the attempt among ${journal.types.join(', ')}` };
  const broken = await work(room, row);
  return broken === null ? { verdict: 'held', detail: outcome.detail } : { verdict: 'broken', detail: `work after it failed: ${broken}` };
}

/** What an agent does all day: read, write, run a program. Null when it succeeds. */
async function work(room: OpenRoom, row: Row): Promise<string | null> {
  const sandbox = row.ends === true ? await room.again({ phase: 'agent', egressSocket: null, scratch: null }) : room.sandbox;
  const script = 'set -e; cat a.txt; echo work >> work.txt; mkdir -p made/here; tail -n1 work.txt; grep -c agent /etc/passwd; perl -e "print 6*7, qq(\\n)"';
  const result = await sandbox.exec({ argv: ['/bin/sh', '-c', script], cwd: '/workspace', timeout: 20_000, maxOutput: 10_000 });
  const said = result.stdout.toString('utf8');
  return result.exit === 0 && result.reason === 'exited' && said === 'base\nwork\n1\n42\n' ? null : `${result.reason}, exit ${result.exit}: ${said}${result.stderr.toString('utf8')}`.slice(0, 300);
}

async function runControl(ground: Ground, row: Row, n: number): Promise<Outcome> {
  const { control } = row;
  await using room = await openRoom(ground, row, n, control.kind === 'c' ? null : control.without);
  return control.kind === 'c' ? await control.run(room) : await row.attempt(room);
}

export function saysOf(row: Row): string {
  return `${row.control.kind}: ${row.control.kind === 'c' ? row.control.says : row.control.without.says}`;
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
