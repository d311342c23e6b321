// What the demo shows of its tasks: pure functions from evidence, diff and log to lines.
const ESC = '\u001b[';
const paint = (code) => (text) => (process.env.NO_COLOR === undefined ? `${ESC}${code}m${text}${ESC}0m` : text);
export const bold = paint('1');
export const dim = paint('2');
const green = paint('32');
const red = paint('31');
const yellow = paint('33');
const VERDICT = { passed: green, failed: red, unverified: yellow, error: red };
const WORDS = { fixed: 'red → green', broken: 'green → red', removed: 'gone', now_skipped: 'now skipped', new_passing: 'new, green', new_failing: 'new, red', still_failing: 'red → red' };

const clip = (text, width = 130) => (text.length > width ? `${text.slice(0, width - 1)}…` : text);

/** A diff without its headers, at most `max` lines. */
export function diffLines(diff, max) {
  const lines = [];
  for (const line of diff.split('\n')) {
    if (line.startsWith('diff --git')) lines.push(bold(line.replace(/^diff --git a\/(.*) b\/.*$/, '$1')));
    else if (/^[+-](?![+-]{2} )/.test(line)) lines.push(line.startsWith('+') ? green(clip(line)) : red(clip(line)));
  }
  return lines.length > max ? [...lines.slice(0, max), dim(`… ${lines.length - max} more lines: sallyport diff`)] : lines;
}

/** Verdict, diff and proof of one task. */
export function taskScreen(title, evidence, diff, max) {
  const count = (state) => evidence.scan.results.filter((r) => r.state === state && r.level !== 'note').length;
  const [gone, left, fresh] = ['absent', 'unchanged', 'new'].map(count);
  const cases = evidence.cases.filter((c) => WORDS[c.change] !== undefined).map((c) => `${WORDS[c.change].padEnd(12)} ${c.id}`);
  const same = evidence.cases.filter((c) => c.change === 'passing').length;
  const advisories = evidence.advisories.results;
  const about = evidence.advisories.source === null ? [] : [`advisories   ${advisories.filter((a) => a.state !== 'new').length} before, ${advisories.filter((a) => a.state !== 'absent').length} after (newest record ${evidence.advisories.ageDays} days old)`];
  return [
    '', `${VERDICT[evidence.verdict](bold(evidence.verdict.toUpperCase()))}  ${bold(title)}  ${dim(evidence.task)}`,
    ...diffLines(diff, max).map((l) => `  ${l}`),
    ...evidence.remedies.filter((r) => r.kept).map((r) => `  ${green('kept')}     ${clip(r.title)}`),
    ...evidence.remedies.filter((r) => !r.kept).flatMap((r) => [`  ${yellow('dropped')}  ${clip(r.title)}`, `           because ${clip(r.reason ?? '')}`]),
    ...cases.map((l) => `  ${clip(l)}`),
    ...(same > 0 ? [`  ${same} cases green before and after, in fresh sandboxes without the model`] : []),
    `  findings     ${gone + left} before, ${left + fresh} after`, ...about.map((l) => `  ${l}`),
    ...evidence.advice.slice(0, 6).map((a) => `  ${yellow('for you')}  ${clip(`${a.what} at ${a.where}: ${a.advice}`)}`),
    ...evidence.conditions.filter((c) => c.holds !== 'yes').map((c) => `  ${red('✗')} ${clip(c.detail)}`),
  ];
}

/** Every command of the agent, with the entry of the log that recorded it before it ran, and how it ended. */
export function attempts(events) {
  const ends = new Map(events.filter((e) => e.type === 'command.ended').map((e) => [e.data.command, e.data]));
  return events.filter((e) => e.type === 'command.started' && e.data.phase === 'agent' && e.data.argv[0] === '/bin/bash').map((e) => {
    const end = ends.get(e.data.command);
    return { entry: e.seq, command: e.data.argv[2], exit: end?.exit ?? null };
  });
}
