// Starts and commands: what a sandbox costs beside a bare spawn, bare bubblewrap and containers.
import { openRecorded } from '../../dist/sandbox/record.js';
import { alternate, figure, median, ratio, timed } from '../measure.mjs';
import { BARE_BWRAP, spawned, TRUE } from './ground.mjs';
import { containers } from './containers.mjs';
import { openLog } from './log.mjs';

export async function starts(ground, n) {
  const { warm, cold, user, spec } = ground;
  await warm.once(spec(), TRUE);
  await cold.once(spec(), TRUE);
  const pods = await containers(ground);
  const times = { bare: [], bwrap: [], once: [], cold: [], session: [], command: [], close: [] };
  for (let i = 0; i < n; i++) {
    times.bare.push(await timed(() => spawned(['/usr/bin/true'], null)));
    times.bwrap.push(await timed(() => spawned(BARE_BWRAP, user)));
    await warm.settled();
    times.once.push(await timed(() => warm.once(spec(), TRUE)));
    times.cold.push(await timed(() => cold.once(spec(), TRUE)));
    await warm.settled();
    let session;
    times.session.push(await timed(async () => (session = await warm.open(spec()))));
    await warm.settled(); // the next stage is being made meanwhile; a command is measured when it is done
    await session.exec(TRUE);
    for (let j = 0; j < 3; j++) times.command.push(await timed(() => session.exec(TRUE)));
    times.close.push(await timed(() => session.close()));
  }
  const logged = await loggedCommands(ground, n);
  const podTimes = pods.value === null ? {} : await alternate(Math.min(n, 15), pods.value.bodies);
  await pods.value?.close();
  const at = Object.fromEntries(Object.entries(times).map(([name, values]) => [name, median(values)]));
  const pod = (name) => (podTimes[name] === undefined ? null : median(podTimes[name]));
  const why = pods.value === null ? pods.why : undefined;
  const podN = podTimes.podman?.length ?? 0;
  const ms = (id, value, count, how, more = {}) => figure(id, value, 'ms', { n: count, how, ...more });
  return [
    ms('bare_spawn_ms', at.bare, n, 'Node spawns /usr/bin/true'),
    ms('bare_bwrap_ms', at.bwrap, n, 'Node spawns bubblewrap with own namespaces and /usr, running true'),
    ms('one_shot_ms', at.once, n, 'start → true → destroyed, from a warm stage, all guarantees, a writable workspace'),
    figure('one_shot_vs_bwrap', ratio(at.once, at.bwrap), 'x', { n, goal: 3, how: 'one_shot_ms / bare_bwrap_ms' }),
    ms('cold_one_shot_ms', at.cold, n, 'the same from nothing'),
    ms('session_ready_ms', at.session, n, 'a session with its exec server answers, from a warm stage', { goal: 45 }),
    figure('session_ready_vs_bwrap', ratio(at.session, at.bwrap), 'x', { n, goal: 9, how: 'session_ready_ms / bare_bwrap_ms' }),
    ms('session_close_ms', at.close, n, 'everything inside is dead and released'),
    ms('command_ms', at.command, times.command.length, 'true in a session', { goal: 3 }),
    ms('command_logged_ms', median(logged), logged.length, 'the same; its event is durable before it starts, its end and programs after it', { goal: 6 }),
    ms('podman_ms', pod('podman'), podN, 'podman run --rm with runc, network none, capabilities dropped, running true', { why }),
    figure('podman_vs_one_shot', ratio(pod('podman'), at.once), 'x', { n: podN, goal: 5, better: 'higher', how: 'podman_ms / one_shot_ms', why }),
    ms('podman_exec_ms', pod('exec'), podN, 'podman exec of true in a running container', { why }),
    figure('podman_exec_vs_command', ratio(pod('exec'), median(logged)), 'x', { n: podN, goal: 15, better: 'higher', how: 'podman_exec_ms / command_logged_ms', why }),
    ms('runsc_ms', pod('runsc'), podN, 'the same podman run with runsc', { why: pods.value?.runscWhy ?? why }),
    figure('srt_ms', null, 'ms', { n: 0, how: '@anthropic-ai/sandbox-runtime', why: 'not installed here' }),
  ];
}

/** Commands whose events go to a real log. */
async function loggedCommands(ground, n) {
  const { warm, spec } = ground;
  await using log = await openLog(ground);
  const times = [];
  await using sandbox = await openRecorded(warm, spec(), log.journal);
  await warm.settled();
  for (let i = 0; i < n + 5; i++) {
    const took = await timed(() => sandbox.exec(TRUE));
    if (i >= 5) times.push(took);
  }
  return times;
}
